"""*Show an adult proof from your wallet*: the pages' side, with the real verifier and a wallet of our own."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gateway.age.waiting import MOST
from tests.age.wallet import EU_AV, MDL, TRUST_PUBLIC, Issuer, Wallet, trust_file
from tests.control.running import Running
from tests.webui.conftest import Browser, browser_on
from tests.webui.standin.household import GUEST, NOW, Household, asked_of
from tests.webui.standin.pages import text_of
from webui import Settings, create_app, front
from webui.front import Trusted
from webui.settings import FrontSettings
from webui.wallet import QUESTIONS, Wallets

ORIGIN = "https://gw.qalqan.test"
HTTPS = FrontSettings("gw.qalqan.test", "chain.pem", "key.pem", 8443)
ISSUER = Issuer(now=NOW)
UNLOCK, ASK, ANSWER = "/my/adult/unlock", "/my/adult/wallet/ask", "/my/adult/wallet/answer"


@dataclass
class Page:
    """The page's script on one device, at a name that browsers trust."""

    client: FlaskClient
    ip: str
    origin: str = ORIGIN

    def get(self, path: str) -> TestResponse:
        return self._open("GET", path, None)

    def post(self, path: str, message: object = None) -> TestResponse:
        return self._open("POST", path, b"" if message is None else json.dumps(message).encode())

    def ask(self) -> dict[str, Any]:
        answer = self.post(ASK)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json["request"]  # type: ignore[index]
        return found

    def answer(self, text: str, length: str = "4h") -> TestResponse:
        return self.post(ANSWER, {"length": length, "response": json.loads(text)})

    def _open(self, method: str, path: str, data: bytes | None) -> TestResponse:
        return self.client.open(
            path,
            method=method,
            base_url=self.origin,
            data=data,
            headers={"Origin": self.origin, "Content-Type": "application/json"},
            environ_overrides={"REMOTE_ADDR": self.ip},
        )


class Talkative(Wallet):
    """Sends all that it has."""

    def response(self, session: list[Any], wanted: dict[str, list[str]]) -> dict[str, Any]:
        spaces = {space: list(items) for space, items in self.credential.items.items()}
        return super().response(session, {**wanted, **spaces})


def application(tmp_path: Path, trust: tuple[str, str] | None, https: FrontSettings | None = HTTPS) -> Flask:
    """As its front says when it has a certificate to show."""
    made = create_app(Settings(tmp_path / "control.sock", https=https, age_trust=trust))
    made.extensions[front.KEY].now = Trusted(https.name if https else "", good=https is not None)
    return made


@pytest.fixture
def trust(tmp_path: Path) -> tuple[str, str]:
    file = tmp_path / "trust.json"
    file.write_bytes(trust_file(ISSUER))
    return str(file), base64.b64encode(TRUST_PUBLIC).decode()


@pytest.fixture
def app(tmp_path: Path, trust: tuple[str, str]) -> Flask:
    return application(tmp_path, trust)


@pytest.fixture
def page(app: Flask, daemon: Running) -> Page:
    """A guest's."""
    return Page(app.test_client(), "192.168.1.30")


@pytest.fixture
def wallets(app: Flask) -> Wallets:
    found: Wallets = app.extensions["qalqan-wallets"]
    return found


def proofs(household: Household) -> dict[str, dict[str, Any]]:
    return household.proven.proofs


@pytest.mark.parametrize("document", [EU_AV, MDL])
def test_a_wallet_s_answer_opens_the_device_that_asked(
    page: Page, household: Household, wallets: Wallets, document: str
) -> None:
    assert "Show an adult proof from your wallet" in page.get(UNLOCK).text
    answer = page.answer(Wallet(ISSUER, document).answer(page.ask(), ORIGIN))
    assert (answer.status_code, answer.json) == (200, {"open": "/"})
    assert proofs(household).keys() == {GUEST}
    assert wallets.waiting == 0
    (told,) = asked_of(household, "adult_proof")
    assert datetime.fromisoformat(told.pop("until")) == NOW + timedelta(hours=4)
    told.pop("origin")
    rest = {"action": "open", "device": GUEST, "method": "wallet", "length": "4h"}
    assert told == rest, "the daemon is told nothing else"
    assert "with a wallet's adult proof until 23:40" in text_of(page.get("/").text).replace("&#39;", "'")


def test_it_holds_no_longer_than_the_proof_itself(page: Page, household: Household) -> None:
    wallet = Wallet(ISSUER, changed={"ends": timedelta(minutes=30)})
    assert page.answer(wallet.answer(page.ask(), ORIGIN)).status_code == 200
    (told,) = asked_of(household, "adult_proof")
    assert datetime.fromisoformat(told["until"]) == NOW + timedelta(minutes=30)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (lambda asked: Wallet(ISSUER).answer(asked, "https://elsewhere.test"), "question has ended"),
        (
            lambda asked: Talkative(
                ISSUER, changed={"elements": {"age_over_18": True, "family_name": "Aitkulova"}}
            ).answer(asked, ORIGIN),
            "The wallet sent more than we asked for.",
        ),
        (
            lambda asked: Wallet(ISSUER, changed={"elements": {"age_over_18": False}}).answer(asked, ORIGIN),
            "The proof does not show an age of 18 or older.",
        ),
        (
            lambda asked: Wallet(Issuer(now=NOW)).answer(asked, ORIGIN),
            "This gateway does not know the issuer of this proof.",
        ),
        (
            lambda asked: Wallet(ISSUER, changed={"ends": timedelta(hours=-1)}).answer(asked, ORIGIN),
            "The wallet has no valid proof.",
        ),
        (lambda _: '{"protocol": "openid4vp", "data": {}}', "Start again."),
        (lambda _: "[]", "Start again."),
        (lambda _: "null", "Start again."),
    ],
    ids=[
        "other origin",
        "over-disclosure",
        "not adult",
        "unknown issuer",
        "ended",
        "other protocol",
        "list",
        "nothing",
    ],
)
def test_what_is_refused_is_told_in_the_reader_s_words_and_uses_the_question_up(
    page: Page, household: Household, wallets: Wallets, text: Callable[[dict[str, Any]], str], told: str
) -> None:
    answer = page.answer(text(page.ask()))
    assert answer.status_code == 403
    assert told in answer.json["problem"]  # type: ignore[index]
    assert "Aitkulova" not in answer.text
    assert wallets.waiting == 0
    assert proofs(household) == {}
    assert asked_of(household, "adult_proof") == []


def test_until_the_morning_counts_the_hour_by_which_the_clock_changes(
    page: Page, household: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    household.editing.settings["timezone"] = "Europe/Berlin"
    household.extra["now"] = datetime(2026, 10, 24, 23, tzinfo=ZoneInfo("Europe/Berlin"))
    lasting = []

    def run(_self: Wallets, request: dict[str, Any]) -> dict[str, Any]:
        lasting.append(request.get("lasting"))
        return {"challenge": "c", "request": {}, "adult": True, "until": NOW.isoformat()}

    monkeypatch.setattr(Wallets, "_run", run)
    page.ask()
    page.answer("{}", "morning")
    assert lasting[-1] == 8 * 3600


def test_an_answer_is_good_for_one_attempt(page: Page, household: Household) -> None:
    text = Wallet(ISSUER).answer(page.ask(), ORIGIN)
    assert page.answer(text).status_code == 200
    household.proven.proofs.clear()
    household.devices[page.ip]["profile"] = "guest"
    again = page.answer(text)
    assert again.status_code == 403
    assert "This question has ended." in again.json["problem"]  # type: ignore[index]
    page.ask()
    assert page.answer(text).status_code == 403, "nor is it for the next question"
    assert proofs(household) == {}


def test_a_question_is_one_device_s_and_one_origin_s(page: Page, app: Flask, household: Household) -> None:
    household.devices["192.168.1.32"] = {"mac": "02:00:00:00:00:2a", "profile": "quarantine", "name": ""}
    other = Page(app.test_client(), "192.168.1.32")
    text = Wallet(ISSUER).answer(page.ask(), ORIGIN)
    assert other.answer(text).status_code == 403
    elsewhere = Page(page.client, page.ip, "https://other.qalqan.test")
    assert elsewhere.answer(text).status_code == 421, "no page of ours is there"
    app.extensions[front.KEY].now = Trusted("other.qalqan.test", good=True)  # the home has another name now
    assert page.answer(text).status_code == 403
    assert proofs(household) == {}


def test_after_five_minutes_it_is_over(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    text = Wallet(ISSUER).answer(page.ask(), ORIGIN)
    from webui import wallet

    later = wallet._moment() + wallet.LIFETIME
    monkeypatch.setattr(wallet, "_moment", lambda: later)
    assert page.answer(text).status_code == 403


def test_questions_are_few(page: Page, app: Flask, wallets: Wallets, household: Household) -> None:
    for number in range(MOST + 4):
        ip = f"192.168.1.{40 + number}"
        household.devices[ip] = {"mac": f"02:00:00:00:02:{number:02x}", "profile": "guest", "name": ""}
        Page(app.test_client(), ip).ask()
    assert wallets.waiting == MOST


def test_who_asks_again_and_again_waits(
    page: Page, wallets: Wallets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Wallets, "_run", lambda *_: {"challenge": "c", "request": {}})
    for _ in range(QUESTIONS):
        page.ask()
    slowed = page.post(ASK)
    assert slowed.status_code == 429
    assert "Too many attempts from this device." in slowed.json["problem"]  # type: ignore[index]


# ---------------------------------------------------------------------------------------- where none is asked


def test_over_plain_http_the_password_alone_is_offered_and_the_way_to_the_name(
    app: Flask, daemon: Running, mum: Browser
) -> None:
    guest = browser_on(app, "192.168.1.30")
    page = guest.get(UNLOCK).text
    assert "show-proof" not in page
    assert "wallet.js" not in page
    assert 'name="password"' in page
    assert guest.post(ASK).status_code == 409
    assert f'href="{ORIGIN}{UNLOCK}"' in page
    for told in (page, mum.get("/parent/settings/").text):
        assert "This page is not encrypted." in text_of(told)


def test_when_its_certificate_has_ended_no_link_leads_to_the_name(app: Flask, daemon: Running) -> None:
    app.extensions[front.KEY].now = Trusted(HTTPS.name, problem="the certificate expired on 2026-11-26")
    for page in (browser_on(app, "192.168.1.30"), Page(app.test_client(), "192.168.1.30")):
        found = page.get(UNLOCK).text
        assert "This home’s certificate is not valid now." in text_of(found)
        assert "https:" not in found
        assert 'name="password"' in found
        assert page.post(ASK).status_code == 409, "nor on a connection that goes on"


def test_a_home_without_a_name_says_so(tmp_path: Path, trust: tuple[str, str], daemon: Running) -> None:
    found = browser_on(application(tmp_path, trust, None), "192.168.1.30").get(UNLOCK).text
    assert "This home has no such address." in text_of(found)
    assert "https:" not in found


def test_a_child_s_own_page_leads_nowhere_else(app: Flask, daemon: Running) -> None:
    tablet = browser_on(app, "192.168.1.20")
    typed = {"name": "Mum", "password": "x", "length": "1h"}
    assert "wallet" not in tablet.post(UNLOCK, typed).text


@pytest.mark.parametrize(
    ("trust", "told"),
    [
        (None, "this gateway has no trust list."),
        (("/nowhere/trust.json", base64.b64encode(TRUST_PUBLIC).decode()), "cannot be read"),
    ],
)
def test_without_a_list_there_is_no_button_and_settings_say_why(
    tmp_path: Path, daemon: Running, household: Household, trust: tuple[str, str] | None, told: str
) -> None:
    app = application(tmp_path, trust)
    page = Page(app.test_client(), "192.168.1.30")
    assert "wallet" not in page.get(UNLOCK).text
    assert page.post(ASK).status_code == 409
    mum = browser_on(app, "192.168.1.7")
    mum.post("/signin", {"code": household.guardians.link("Mum")})
    assert told in text_of(mum.get("/parent/settings/").text)


def test_a_list_that_has_ended_or_is_another_s_opens_nothing(
    page: Page, tmp_path: Path, household: Household
) -> None:
    long_ago = Issuer(now=NOW - timedelta(days=60))
    for data in (trust_file(long_ago), trust_file(ISSUER).replace(b"Test root", b"Best root"), b"{}"):
        asked = page.ask()
        (tmp_path / "trust.json").write_bytes(data)
        answer = page.answer(Wallet(ISSUER).answer(asked, ORIGIN))
        assert answer.status_code == 403
        assert "missing or too old" in answer.json["problem"]  # type: ignore[index]
    assert proofs(household) == {}


def test_while_the_time_is_unknown_no_wallet_is_asked(page: Page, household: Household) -> None:
    household.extra["clock"] = {"known": False, "why": "", "sentence": "The time is not known."}
    answer = page.post(ASK)
    assert answer.status_code == 409
    assert "does not know the time" in answer.json["problem"]  # type: ignore[index]


def test_a_child_s_own_device_is_offered_nothing(app: Flask, daemon: Running, household: Household) -> None:
    tablet = Page(app.test_client(), "192.168.1.20")
    assert tablet.get(UNLOCK).status_code == 303
    assert tablet.post(ASK).status_code == 409
    assert tablet.post(ANSWER, {"length": "1h", "response": {}}).status_code == 409
    assert asked_of(household, "adult_proof") == []


@pytest.mark.parametrize(
    "body", [b"", b"[" * 50_000, b"{", b"[]", b'{"length": 4}', b'{"length": "2h"}', b"\xff\xfe", b"1" * 5000]
)
def test_hostile_messages_open_nothing(page: Page, household: Household, body: bytes) -> None:
    answer = page._open("POST", ANSWER, body)
    assert answer.status_code == 409
    assert page._open("POST", ANSWER, b"x" * 200_000).status_code == 413
    assert proofs(household) == {}


def test_a_form_of_another_site_asks_nothing(page: Page) -> None:
    for headers in ({"Origin": "https://elsewhere.test"}, {"Sec-Fetch-Site": "cross-site"}, {}):
        answer = page.client.post(
            ASK, base_url=ORIGIN, headers=headers, environ_overrides={"REMOTE_ADDR": page.ip}
        )
        assert answer.status_code == 403


def test_what_a_script_cannot_do_is_told_without_one(page: Page) -> None:
    text = page.get(UNLOCK).text
    assert 'id="show-proof" type="button" hidden' in text
    assert "A wallet needs a script, and scripts are off in this browser." in text_of(text)
