"""The pages that add a channel: what they say before it is stored, what they refuse, and what they show."""

from __future__ import annotations

import sys

import pytest

from gateway.policy.alerts.channels import MessageChannel
from tests.webui.conftest import Browser
from tests.webui.standin.household import Household
from tests.webui.standin.pages import text_of
from webui.features.notifications import alert_pages
from webui.features.notifications.alert_text import channel_label, server_of
from webui.upkeep.installed import Installed

PAGE = "/parent/alerts/"
TOKEN = "123456789:AAHabcdefghijklmnopqrstuvwxyz12345-_6"
MAIL = {"sender": "mum@gmail.com", "password": "p@ss/word", "to": "", "server": ""}
OTHER_MAIL = {**MAIL, "sender": "mum@our.kz", "to": "dad@x.kz", "server": "mail.our.kz:465"}
OTHER_MAIL_ADDRESS = (
    "mailtos://mum:p%40ss%2Fword@our.kz:465?smtp=mail.our.kz&user=mum%40our.kz&mode=ssl&to=dad%40x.kz"
)
HOME_ASSISTANT = {"server": "http://192.168.1.20:8123", "token": "eyJ0eX.abc.de-f_g", "inside": "yes"}
MATRIX = {"server": "matrix.org", "token": "syt_abc_def", "room": "#family:matrix.org"}
PUSHOVER = {"user": "u" * 30, "token": "a" * 30}
DISCORD = "discord://123456789012345678/a-token-of-theirs-that-is-long"


@pytest.mark.parametrize(("service", "values", "channel", "label"), [
    ("email", MAIL, MessageChannel("mailtos://mum:p%40ss%2Fword@gmail.com?to=mum%40gmail.com"),
     "E-mail · gmail.com"),
    ("email", OTHER_MAIL, MessageChannel(OTHER_MAIL_ADDRESS), "E-mail · our.kz"),
    ("email", {**MAIL, "sender": "mum@mail.ru"}, MessageChannel(
        "mailtos://mum:p%40ss%2Fword@mail.ru:465?smtp=smtp.mail.ru&user=mum%40mail.ru&mode=ssl"
        "&to=mum%40mail.ru"), "E-mail · mail.ru"),
    ("telegram", {"token": TOKEN, "chat": "-1001234567"}, MessageChannel(f"tgram://{TOKEN}/-1001234567/"),
     "Telegram"),
    ("home-assistant", HOME_ASSISTANT,
     MessageChannel("hassio://192.168.1.20:8123/eyJ0eX.abc.de-f_g", inside=True),
     "Home Assistant · 192.168.1.20:8123"),
    ("matrix", MATRIX, MessageChannel("matrixs://syt_abc_def@matrix.org/%23family%3Amatrix.org"),
     "Matrix · matrix.org"),
    ("pushover", PUSHOVER, MessageChannel(f"pover://{'u' * 30}@{'a' * 30}"), "Pushover"),
    ("other", {"address": DISCORD}, MessageChannel(DISCORD), "Discord"),
])  # fmt: skip
def test_a_form_makes_the_address_of_its_service_and_no_page_shows_the_secret(
    mum: Browser,
    household: Household,
    service: str,
    values: dict[str, str],
    channel: MessageChannel,
    label: str,
) -> None:
    page = text_of(mum.get(f"{PAGE}add/{service}").text)
    assert "What leaves your home" in page
    assert "name no child, site or device unless you choose that" in page
    answer = mum.post(f"{PAGE}add/{service}", values)
    assert answer.status_code == 303, text_of(answer.text)
    assert household.alerting.book["Mum"].channels == (channel,)
    shown = mum.get(PAGE).text
    assert label in text_of(shown)
    secrets = [values[key] for key in ("password", "token", "user") if key in values]
    assert not any(secret in shown for secret in (*secrets, channel.address))


@pytest.mark.parametrize(("service", "values", "told"), [
    ("email", {**MAIL, "sender": "mum"}, "Write an e-mail address"),
    ("email", {**MAIL, "to": "dad at home"}, "Write an e-mail address"),
    ("email", {**MAIL, "server": "smtp.example.org/x"}, "Write the mail server as in"),
    ("email", {**MAIL, "password": ""}, "Fill in every field"),
    ("telegram", {"token": "AAH", "chat": "12345"}, "This is not the token of a bot."),
    ("telegram", {"token": TOKEN, "chat": "Mum"}, "A number in Telegram has digits only."),
    ("home-assistant", {**HOME_ASSISTANT, "server": "ftp://x"}, "Write the server’s address"),
    ("home-assistant", {**HOME_ASSISTANT, "server": "http://mum:pw@x"}, "Write the server’s address"),
    ("home-assistant", {**HOME_ASSISTANT, "server": "http://[x"}, "Write the server’s address"),
    ("matrix", {**MATRIX, "room": "family"}, "The name of a room begins with # or !."),
    ("other", {"address": "dbus://"}, "No service that can be used here has an address like this."),
    ("other", {"address": "syslog://"}, "No service that can be used here has an address like this."),
    ("other", {"address": "https://example.org"}, "No service that can be used here"),
    ("other", {"address": "discord://only-one-part"}, "This address cannot be used."),
    ("other", {"address": "json://exämple.org/x"}, "letters that an address cannot have"),
])  # fmt: skip
def test_what_makes_no_address_is_told_and_secrets_are_not_typed_again_for_others(
    mum: Browser, household: Household, service: str, values: dict[str, str], told: str
) -> None:
    answer = mum.post(f"{PAGE}add/{service}", values)
    assert answer.status_code == 422
    assert told in text_of(answer.text)
    assert household.alerting.book == {}
    assert MAIL["password"] not in answer.text
    assert TOKEN not in answer.text


def test_a_channel_shows_its_server_and_never_a_topic_or_a_token() -> None:
    hidden = ("ntfy://secret-topic", "matrix://secret-token?mode=t2bot", "ntfy://secret/x?mode=cloud",
              "pover://secret@secret", "tgram://1:secret/2", "discord://1/secret",
              "mmost://mum:se[cret@example.org/token")  # fmt: skip
    assert [server_of(address) for address in hidden] == [""] * len(hidden)
    assert channel_label("https://ntfy.sh/secret") == "ntfy · ntfy.sh"
    assert channel_label("gotifys://push.example.org:8443/secret") == "Gotify · push.example.org:8443"
    assert channel_label("mailtos://mum:secret@example.org") == "E-mail · example.org"


@pytest.mark.parametrize(("installed", "said"), [(Installed.DEBIAN, True), (Installed.OPENWRT, False)])
def test_without_apprise_only_ntfy_is_offered(
    mum: Browser, monkeypatch: pytest.MonkeyPatch, installed: Installed, said: bool
) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    monkeypatch.setattr(alert_pages, "installed", lambda: installed)
    page = mum.get(PAGE).text
    assert f"{PAGE}add/ntfy" in page
    assert f"{PAGE}add/telegram" not in page
    assert ("need a part that is not installed on the gateway" in text_of(page)) is said
    assert mum.get(f"{PAGE}add/telegram").status_code == 404
    assert mum.post(f"{PAGE}add/other", {"address": DISCORD}).status_code == 404
