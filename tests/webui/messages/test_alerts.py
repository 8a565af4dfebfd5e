"""Messages to a guardian's phone: the page, the secret in it, and what an event becomes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from gettext import NullTranslations
from pathlib import Path
from typing import Any

import pytest

from gateway.control.client import Client
from gateway.control.contract.notifications import PushTarget
from gateway.policy.alerts.channels import MessageChannel, channel_id
from gateway.policy.alerts.notifications import DEFAULT_QUIET, Alerts, read
from gateway.policy.alerts.push_subscriptions import PushSubscription
from tests import pace
from tests.control.running import Running
from tests.webui.conftest import GATEWAY, Browser
from tests.webui.standin.household import Household, at_home
from tests.webui.standin.pages import text_of
from webui.messages import notifier, outbox
from webui.messages.notifier import Notifier, kind_of
from webui.messages.push import PushSender
from webui.messages.unsent import NotSent, SendFailure

PAGE = "/parent/alerts/"
ADD_NTFY = f"{PAGE}add/ntfy"
PLACE = "https://push.example.net/"
TOPIC = "https://ntfy.sh/qalqan-our-secret-topic"
BY_TOPIC = (MessageChannel(TOPIC),)
HOURS = {"quiet-from": "21:00", "quiet-to": "06:30"}
FIELDS = {"kinds": "request", "at_night": "request", "names": "yes", **HOURS}


def alerts(*kinds: str, to: tuple[MessageChannel, ...] = BY_TOPIC, **more: Any) -> Alerts:
    return Alerts(frozenset(kinds), channels=to, **more)


Post = tuple[str, str, dict[str, Any]]


class Phone:
    """Stands for the server."""

    def __init__(self) -> None:
        self.posts: list[Post] = []
        self.refuses: NotSent | None = None

    def __call__(self, address: str, text: str, **more: Any) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.posts.append((address, text, more))


def until(check: Callable[[], object]) -> None:
    assert pace.until(check, 10.0) is not None


@pytest.fixture
def phone(monkeypatch: pytest.MonkeyPatch) -> Phone:
    monkeypatch.setattr(outbox, "GATHER", 0.0)
    monkeypatch.setattr(outbox, "is_quiet", lambda *_: False)
    monkeypatch.setattr(notifier, "TICK", 0.05)
    return Phone()


@pytest.fixture
def listening(household: Household, daemon: Running, tmp_path: Path, phone: Phone) -> Iterator[Notifier]:
    household.alerting.book["Mum"] = alerts("request", "device", "filter", "people")
    made = Notifier(Client(tmp_path / "control.sock"), {"en": NullTranslations()}, "Qalqan", phone)
    made.start()
    yield made
    made.stop()


def happens(daemon: Running, event: str, **values: object) -> None:
    daemon.submit(lambda: daemon.server.publish(event, **values))


def test_each_guardian_chooses_for_himself_and_the_address_is_shown_no_more(
    mum: Browser, household: Household
) -> None:
    assert "Where you get messages" not in mum.get(PAGE).text
    mum.post(ADD_NTFY, {"address": TOPIC})
    page = mum.get(mum.post(PAGE, FIELDS).location).text
    assert household.alerting.book == {
        "Mum": alerts(
            "request", at_night=frozenset({"request"}), names=True, language="en", quiet="21:00-06:30"
        )
    }
    assert "ntfy · ntfy.sh" in text_of(page)
    assert "secret-topic" not in page
    assert 'name="kinds" value="request" checked' in page
    assert 'name="kinds" value="device" >' in page
    mum.post(PAGE, {"kinds": "device", **HOURS})
    stored = alerts("device", language="en", quiet="21:00-06:30")
    assert household.alerting.book["Mum"] == stored
    for wrong in ({"quiet-from": ""}, {"quiet-to": "25:00"}, {"quiet-to": "21:00"}):
        answer = mum.post(PAGE, {"kinds": "way", "names": "yes", **HOURS, **wrong})
        assert answer.status_code == 422
        assert "Not saved. Write from when until when it is quiet." in text_of(answer.text)
        for ticked in ('name="kinds" value="way" checked', 'name="names" value="yes" checked'):
            assert ticked in answer.text
        assert 'name="kinds" value="device" >' in answer.text
    assert household.alerting.book["Mum"] == stored


def test_each_channel_is_turned_off_alone(mum: Browser, household: Household) -> None:
    other = "https://ntfy.example.org/other"
    for address in (TOPIC, other):
        mum.post(ADD_NTFY, {"address": address})
    browser = PushSubscription(f"{PLACE}1", "p", "a", guardian="Mum")
    household.alerting.push[browser.endpoint] = browser
    page = text_of(mum.get(PAGE).text)
    labels = ("ntfy · ntfy.sh", "ntfy · ntfy.example.org", "A browser · push.example.net")
    assert all(label in page for label in labels)
    mum.post(f"{PAGE}off", {"channel": channel_id(TOPIC)})
    assert [one.address for one in household.alerting.book["Mum"].channels] == [other]
    assert household.alerting.push
    mum.post(f"{PAGE}off", {"channel": channel_id(browser.endpoint)})
    assert household.alerting.push == {}
    assert [one.address for one in household.alerting.book["Mum"].channels] == [other]
    assert household.alerting.audited[-2:] == [("channel off", "ntfy"), ("channel off", "Web Push")]


def test_neither_audit_nor_event_nor_log_has_the_address(
    mum: Browser, household: Household, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        mum.post(ADD_NTFY, {"address": TOPIC})
        mum.post(PAGE, FIELDS)
        mum.get(PAGE)
    assert household.alerting.audited == [("channel on", "ntfy"), ("alerts", "request")]
    assert household.alerting.published == [("alerts", {"by": "Mum"})] * 2
    assert "secret-topic" not in caplog.text
    assert "secret-topic" not in repr(mum.client.application.extensions)


@pytest.mark.parametrize(("address", "told"), [
    ("hello", "This is not a web address."), ("ftp://ntfy.sh/x", "This is not a web address."),
    ("https://mum:pw@ntfy.sh/x", "This is not a web address. It begins with https:// or http://."),
    ("https://x/" + "a" * 700, "This is too long"), ("", "Fill in every field"),
])  # fmt: skip
def test_what_is_no_web_address_is_told_and_nothing_stored(
    mum: Browser, household: Household, address: str, told: str
) -> None:
    answer = mum.post(ADD_NTFY, {"address": address, "inside": "yes"})
    assert answer.status_code == 422
    assert told in text_of(answer.text)
    assert 'name="inside" value="yes" checked' in answer.text
    assert household.alerting.book == {}


def test_a_test_message_goes_at_once_and_says_how_it_went(mum: Browser, household: Household) -> None:
    phone, app = Phone(), mum.client.application
    notifier.of(app)._send = phone
    mum.post(ADD_NTFY, {"address": TOPIC})
    told = text_of(mum.get(mum.post(f"{PAGE}test").location).text)
    assert "Sent. It arrives within a few seconds." in told
    [(address, text, more)] = phone.posts
    assert (address, text[:14], more["inside"]) == (TOPIC, "This is a test", False)
    assert "There was a test just now." in text_of(mum.get(mum.post(f"{PAGE}test").location).text)
    notifier.of(app)._tested, phone.refuses = -99.0, NotSent(SendFailure.NOT_OUTSIDE)
    told = text_of(mum.get(mum.post(f"{PAGE}test").location).text)
    assert "ntfy · ntfy.sh: The server is not on the internet. If it is in this home, add it again" in told


def test_a_request_is_told_within_a_moment_without_a_name(
    daemon: Running, listening: Notifier, phone: Phone, household: Household
) -> None:
    until(lambda: listening._book.alerts)
    happens(daemon, "request", id=1, state="pending", name="Aruzhan", site="chess.com", sentence="…")
    until(lambda: phone.posts)
    [(address, text, more)] = phone.posts
    assert (address, text) == (TOPIC, "1 request waits.")
    assert more == {"title": "Qalqan", "click": "http://qalqan.home.arpa/parent/requests", "inside": False}


def test_names_are_in_it_where_the_guardian_wants_them(
    daemon: Running, listening: Notifier, phone: Phone, household: Household
) -> None:
    household.alerting.book["Mum"] = alerts("request", to=(MessageChannel(TOPIC, inside=True),), names=True)
    happens(daemon, "alerts", by="Mum")
    until(lambda: listening._book.alerts and listening._book.alerts[0].names)
    happens(daemon, "request", id=1, state="pending", name="Aru\u202ezhan", site="chess.com")
    until(lambda: phone.posts)
    assert phone.posts[0][1] == "1 request waits.\nAruzhan · chess.com"
    assert phone.posts[0][2]["inside"] is True


def test_a_removed_parent_gets_no_more_messages(
    daemon: Running, listening: Notifier, phone: Phone, household: Household
) -> None:
    until(lambda: listening._book.alerts)
    del household.alerting.book["Mum"]
    household.alerting.book["Dad"] = alerts("people", "request", to=(MessageChannel(PLACE),))
    happens(daemon, "people", what="guardian remove", name="Mum", by="Dad")
    happens(daemon, "request", id=1, state="pending", name="Aruzhan", site="chess.com", sentence="…")
    until(lambda: len(phone.posts) == 2)
    assert {address for address, _, _ in phone.posts} == {PLACE}


def test_a_slow_server_holds_up_no_other_guardian(
    daemon: Running, listening: Notifier, household: Household, phone: Phone
) -> None:
    slow, went = "https://slow.example/x", phone.__call__
    waits, goes_on = threading.Event(), threading.Event()

    def send(address: str, text: str, **more: Any) -> None:
        if address == slow:
            waits.set()
            goes_on.wait(pace.longest(10.0))
        went(address, text, **more)

    listening._send = send
    household.alerting.book["Dad"] = alerts("device", to=(MessageChannel(slow),))
    happens(daemon, "alerts", by="Dad")
    until(lambda: any(one.guardian == "Dad" for one in listening._book.alerts))
    happens(daemon, "identity", what="asked", ask="new", name="phone")
    until(lambda: waits.is_set() and phone.posts)
    happens(daemon, "request", id=1, state="pending", name="Aruzhan", site="chess.com")
    until(lambda: len(phone.posts) == 2)
    assert [post[:2] for post in phone.posts] == [
        (TOPIC, "1 new device is here."),
        (TOPIC, "1 request waits."),
    ]
    goes_on.set()
    until(lambda: len(phone.posts) == 3)
    assert phone.posts[2][0] == slow


def test_that_the_daemon_went_and_came_is_told_by_the_pages(
    tmp_path: Path, household: Household, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifier, "GONE_AFTER", 0.3)
    monkeypatch.setattr(outbox, "PACE", 0.1)
    household.alerting.book["Mum"] = alerts("filter")
    path = tmp_path / "control.sock"
    made = Notifier(Client(path), {}, "Qalqan", phone)
    with at_home(path, household):
        made.start()
        until(lambda: made._book.alerts)
    until(lambda: phone.posts)
    assert phone.posts[0][1].startswith("The filter does not run.")
    with at_home(path, household):
        until(lambda: len(phone.posts) == 2)
    made.stop()
    assert phone.posts[1][1] == "The filter runs again."


def test_why_the_last_one_did_not_go_is_told_on_the_page_and_without_the_address_in_the_log(
    daemon: Running, listening: Notifier, phone: Phone, mum: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    until(lambda: listening._book.alerts)
    phone.refuses = NotSent(SendFailure.REFUSED, 403)
    with caplog.at_level(logging.DEBUG):
        happens(daemon, "people", what="guardian add", name="Dad", by="Mum")
        until(lambda: list(listening.troubles("Mum")))
    assert "secret-topic" not in caplog.text
    notifier.install(mum.client.application, listening)
    told = text_of(mum.get(PAGE).text)
    assert (
        "The last message was not sent. ntfy · ntfy.sh: The server rejected the message with code 403."
        in told
    )


def test_a_sign_in_is_reported_to_the_person_who_signed_in_alone(
    daemon: Running, listening: Notifier, phone: Phone, household: Household
) -> None:
    until(lambda: listening._book.alerts)
    household.alerting.book["Mum"] = alerts("sign_in", at_night=frozenset({"sign_in"}))
    happens(daemon, "alerts", by="Mum")
    until(lambda: listening._book.alerts[0].kinds == ("sign_in",))
    happens(daemon, "people", what="guardian sign-in", name="Dad", by="Dad")
    happens(daemon, "people", what="guardian sign-in", name="Mum", by="Mum")
    until(lambda: phone.posts)
    assert phone.posts[0][1] == "1 sign-in with your name. If it was not you, sign it out at My account."


@pytest.mark.parametrize(("event", "kind"), [
    ({"event": "request", "state": "pending", "reminder": False}, ("request", "")),
    ({"event": "request", "state": "auto"}, None),
    ({"event": "request", "topic": "site", "reminder": True}, ("request", "again")),
    ({"event": "identity", "what": "asked", "ask": "new"}, ("device", "")),
    ({"event": "identity", "what": "answered", "ask": "new"}, None),
    ({"event": "card", "what": "raised", "at": "2026-11-24T12:00:00+05:00"}, ("way", "")),
    ({"event": "card", "what": "raised", "at": None}, None),
    ({"event": "card", "what": "solved"}, None),
    ({"event": "status", "what": "off", "by": "Dad"}, ("filter", "off")),
    ({"event": "status", "what": "stop", "by": "provider"}, ("filter", "stop")),
    ({"event": "status", "what": "pause"}, None),
    ({"event": "people", "what": "guardian add"}, ("people", "")),
    ({"event": "people", "what": "guardian sign-in"}, ("sign_in", "")),
    ({"event": "warning", "profile": "daughter", "minutes": 5}, ("warning", "5")),
    ({"event": "answer", "profile": "daughter", "state": "over"}, ("answer", "")),
    ({"event": "landing"}, None),
])  # fmt: skip
def test_what_is_news_and_what_is_none(event: dict[str, Any], kind: tuple[str, str] | None) -> None:
    assert kind_of(event) == kind


def test_what_another_version_kept_is_read_as_far_as_it_is_known() -> None:
    said = {"address": TOPIC, "kinds": ["request", "of_later"], "at_night": ["way"], "names": "yes", "new": 1}
    assert read(said) == alerts("request")
    assert read(said | {"address": ""}) == alerts("request", to=())
    assert read(said | {"inside": True}) == alerts("request", to=(MessageChannel(TOPIC, inside=True),))
    channels = MessageChannel(TOPIC), MessageChannel("tgram://1:a/2", inside=True)
    two = alerts("request", to=channels, language="kk", quiet="20:00-08:00")
    assert read(two.plain()) == two
    assert read({**two.plain(), "quiet": "dusk"}).quiet == DEFAULT_QUIET


def test_a_child_s_device_sees_nothing_of_it(tablet: Browser, household: Household) -> None:
    for path in (PAGE, ADD_NTFY):
        assert tablet.get(path).location == "/signin"
    for path in (PAGE, ADD_NTFY, f"{PAGE}off"):
        assert tablet.post(path, {**FIELDS, "address": TOPIC}).location == "/signin"
    assert household.alerting.book == {}


class Browsers(PushSender):
    """Keeps what is sent to browsers."""

    def __init__(self) -> None:
        super().__init__(None)
        self.posts: list[tuple[str, str, str, str]] = []
        self.refuses: NotSent | None = None

    def __call__(self, to: PushTarget, text: str, *, title: str, path: str, kind: str) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.posts.append((to.endpoint, text, path, kind))


@pytest.fixture
def browsers(
    household: Household, daemon: Running, tmp_path: Path, phone: Phone
) -> Iterator[tuple[Notifier, Browsers]]:
    """Mum's browser, and one on the daughter's tablet."""
    household.alerting.book["Mum"] = alerts("request", "way", to=())
    for owner in ({"guardian": "Mum"}, {"profile": "daughter", "device": "02:00:00:00:00:0a"}):
        one = PushSubscription(PLACE + next(iter(owner.values())), "p", "a", **owner)
        household.alerting.push[one.endpoint] = one
    pushed = Browsers()
    made = Notifier(Client(tmp_path / "control.sock"), {"en": NullTranslations()}, "Qalqan", phone, pushed)
    made.start()
    until(lambda: made._book.push)
    yield made, pushed
    made.stop()


def test_a_browser_gets_the_kinds_of_its_guardian_without_names(
    daemon: Running, browsers: tuple[Notifier, Browsers], phone: Phone
) -> None:
    _, pushed = browsers
    happens(daemon, "identity", what="asked", ask="new", name="phone")
    happens(daemon, "request", id=1, state="pending", name="Aruzhan", site="chess.com")
    until(lambda: pushed.posts)
    assert pushed.posts == [(f"{PLACE}Mum", "1 request waits.", "/parent/requests", "request")]
    assert phone.posts == [], "there is no topic"


def test_from_13_on_a_bypass_attempt_is_in_no_channel(
    daemon: Running, browsers: tuple[Notifier, Browsers], phone: Phone, household: Household
) -> None:
    made, pushed = browsers
    to = (
        MessageChannel(TOPIC),
        MessageChannel("tgram://123456789:AAH/12345/"),
        MessageChannel("mailtos://mum:pw@example.org"),
    )
    household.alerting.book["Mum"] = alerts("request", "way", to=to, names=True)
    happens(daemon, "alerts", by="Mum")
    until(lambda: made._book.alerts[0].channels)
    happens(daemon, "card", what="raised", at=None, name="Son", profile="son")
    happens(daemon, "request", id=1, state="pending", name="Aruzhan", site="chess.com")
    until(lambda: len(phone.posts) == 3 and pushed.posts)
    assert {text for _address, text, _more in phone.posts} == {"1 request waits.\nAruzhan · chess.com"}
    assert [kind for *_, kind in pushed.posts] == ["request"]
    assert {address for address, *_ in phone.posts} == {channel.address for channel in to}
    happens(daemon, "card", what="raised", at="2026-11-24T12:00:00+05:00", name="Daughter")
    until(lambda: len(phone.posts) == 6 and len(pushed.posts) == 2)
    assert {text for _address, text, _more in phone.posts[3:]} == {"Bypass attempt on 1 device.\nDaughter"}


def test_a_child_gets_its_own_answers_and_warnings_alone(
    daemon: Running, browsers: tuple[Notifier, Browsers]
) -> None:
    _, pushed = browsers
    for profile in ("son", "daughter"):
        happens(daemon, "answer", id=1, profile=profile, state="answered", sentence="Dinner is ready")
        happens(daemon, "warning", profile=profile, name="Son", minutes=5, left=5, what="service:roblox")
    until(lambda: len(pushed.posts) == 2)
    assert sorted(pushed.posts) == [
        (f"{PLACE}daughter", "5 minutes left.", "/my", "warning"),
        (f"{PLACE}daughter", "There is an answer to what you asked for.", "/my", "answer"),
    ]


def test_a_browser_that_ended_its_subscription_is_forgotten(
    daemon: Running, browsers: tuple[Notifier, Browsers], household: Household
) -> None:
    notifier_, pushed = browsers
    pushed.refuses = NotSent(SendFailure.GONE, 410)
    happens(daemon, "request", id=1, state="pending")
    until(lambda: f"{PLACE}Mum" not in household.alerting.push)
    assert f"{PLACE}daughter" in household.alerting.push
    assert not list(notifier_.troubles("Mum"))


def test_a_script_turns_messages_on_and_off(mum: Browser, tablet: Browser, household: Household) -> None:
    keys = {"p256dh": "B" + "A" * 86, "auth": "A" * 22}

    def ask(browser: Browser, path: str, **values: str) -> Any:
        at = {"REMOTE_ADDR": browser.ip}
        headers = {"Origin": GATEWAY}
        return browser.client.post(
            path, base_url=GATEWAY, json=values, headers=headers, environ_overrides=at
        ).get_json()

    assert ask(mum, "/parent/alerts/push", endpoint=f"{PLACE}1", **keys) == {"on": True}
    assert ask(tablet, "/my/push", endpoint=f"{PLACE}2", **keys) == {"on": True}
    owners = {one.endpoint: (one.guardian, one.profile) for one in household.alerting.push.values()}
    assert owners == {f"{PLACE}1": ("Mum", ""), f"{PLACE}2": ("", "daughter")}
    known = ask(mum, "/push/look", endpoint=f"{PLACE}1")
    assert (known["on"], known["key"][0]) == (True, "B")
    assert ask(tablet, "/push/look")["on"] is False
    assert "A browser · push.example.net" in text_of(mum.get(PAGE).text)
    assert "problem" in ask(mum, "/my/push", endpoint=f"{PLACE}3", **keys), "no child's device"
    assert "problem" in ask(mum, "/parent/alerts/push", endpoint="http://192.168.1.1/", **keys)
    assert ask(tablet, "/push/off", endpoint=f"{PLACE}2") == {"on": False}
    mum.post(f"{PAGE}off", {"channel": channel_id(f"{PLACE}1")})
    assert household.alerting.push == {}


def test_without_a_trusted_name_the_page_says_that_there_is_a_bookmark_alone(mum: Browser) -> None:
    told = text_of(mum.get(PAGE).text)
    assert "Browsers allow messages and an app only on encrypted pages." in told
    assert "Turn on in this browser" not in told
