"""Backups, messages, health and proof over the API: what a browser may, what a token, and who is told."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from gateway.control.schema import Choice, Several, field_types
from gateway.policy.accounts.people import PersonRole
from gateway.policy.alerts.channels import MessageChannel, channel_id
from gateway.policy.alerts.notifications import KINDS, Alerts
from gateway.web.backup_encryption import MOST_FILE, decrypt_backup, encrypt_backup, encrypt_with_key
from tests.webui.api.clients import Program, program
from tests.webui.conftest import GATEWAY, Browser
from tests.webui.standin.backing import TEXT, TOKEN
from tests.webui.standin.healthy import TROUBLE
from tests.webui.standin.household import TABLET, Household
from webui.features.notifications.alert_api import AlertsWanted
from webui.messages import notifier
from webui.messages.unsent import NotSent, SendFailure

PASSWORD = "four quiet words"
TOPIC = "https://ntfy.sh/qalqan-our-secret-topic"
API = "/api/v1"


@pytest.fixture(scope="module")
def sealed() -> bytes:
    return encrypt_backup(TEXT.encode(), PASSWORD)


def ask(browser: Browser, method: str, path: str, body: object = None) -> TestResponse:
    """By a script of our own pages."""
    return browser.client.open(
        f"{API}{path}",
        method=method,
        base_url=GATEWAY,
        json=body,
        headers={"Origin": GATEWAY},
        environ_overrides={"REMOTE_ADDR": browser.ip},
    )


def upload(browser: Browser, **form: Any) -> TestResponse:
    return browser.client.post(
        f"{API}/backup/opened",
        base_url=GATEWAY,
        data=form,
        content_type="multipart/form-data",
        headers={"Origin": GATEWAY},
        environ_overrides={"REMOTE_ADDR": browser.ip},
    )


def file(data: bytes) -> tuple[io.BytesIO, str]:
    return io.BytesIO(data), "a.backup"


def test_a_backup_is_made_looked_into_put_in_place_and_taken_back(
    mum: Browser, household: Household, sealed: bytes
) -> None:
    made = ask(mum, "POST", "/backup", {"password": PASSWORD})
    assert made.mimetype == "application/octet-stream"
    assert "qalqan-2026-" in made.headers["Content-Disposition"]
    assert decrypt_backup(made.data, PASSWORD).decode() == TEXT
    assert ask(mum, "GET", "/backup/last").get_json() == {"last": None}

    opened = upload(mum, file=file(sealed), password=PASSWORD)
    assert (opened.status_code, opened.get_json()) == (201, {"token": TOKEN})
    found = ask(mum, "GET", f"/backup/opened/{TOKEN}").get_json()
    assert (found["children"], found["gone"], found["same"]) == (["Aruzhan"], ["Guest of ours"], False)
    assert ask(mum, "POST", f"/backup/opened/{TOKEN}/apply").get_json() == {"problems": []}
    assert ask(mum, "GET", "/backup/last").get_json()["last"]["by"] == "Mum"
    assert ask(mum, "POST", "/backup/undo").status_code == 204
    again = ask(mum, "POST", "/backup/undo")
    assert (again.status_code, again.get_json()["code"]) == (422, "no_way_back")

    upload(mum, file=file(sealed), password=PASSWORD)
    assert ask(mum, "DELETE", "/backup/opened").status_code == 204
    assert ask(mum, "GET", f"/backup/opened/{TOKEN}").get_json()["code"] == "backup_gone"


def test_automatic_backups_are_set_up_in_a_session_alone(
    mum: Browser, hall: Program, household: Household
) -> None:
    path = "/backup/automatic"
    body = {"folder": "/mnt/usb", "every": "weekly", "keep": 2, "password": PASSWORD}
    household.backing.automatic["left_out"] = ["kid.YAML"]
    shown = ask(mum, "GET", path).get_json()
    assert (shown["drives"], shown["left_out"]) == (["/mnt/usb"], ["kid.YAML"])
    found = ask(mum, "PUT", path, body).get_json()
    assert (found["on"], found["every"], found["keep"]) == (True, "weekly", 2)
    assert decrypt_backup(encrypt_with_key(b"x", household.backing.key), PASSWORD) == b"x"
    assert ask(mum, "PUT", path, {**body, "folder": "/etc"}).get_json()["code"] == "no_drive"
    assert ask(mum, "POST", f"{path}/now").status_code == 204
    assert ask(mum, "GET", path).get_json()["files"] == 3
    for method, tail in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/now")):
        answer = hall.ask(method, path + tail, body if method == "PUT" else None)
        assert (answer.status_code, answer.get_json()["code"]) == (403, "session_only"), method
    assert ask(mum, "DELETE", path).status_code == 204
    assert not household.backing.automatic["on"]


def test_an_upload_is_a_form_with_one_file_of_bounded_size(
    mum: Browser, household: Household, sealed: bytes
) -> None:
    household.asked.clear()
    for form, expected in (
        ({"password": PASSWORD}, (400, "malformed")),
        ({"file": "text", "password": PASSWORD}, (400, "malformed")),
        ({"file": file(sealed), "password": file(b"x")}, (400, "malformed")),
        ({"file": file(sealed), "password": PASSWORD, "more": "1"}, (400, "malformed")),
        ({"file": [file(sealed), file(sealed)], "password": PASSWORD}, (400, "malformed")),
        ({"file": file(sealed), "password": "x" * 201}, (400, "malformed")),
        ({"file": file(sealed), "password": "another one"}, (422, "backup_locked")),
        ({"file": file(b"x" * 100), "password": PASSWORD}, (422, "backup_broken")),
        ({"file": file(b"x" * (MOST_FILE + 1)), "password": PASSWORD}, (413, "too_large")),
        ({"file": file(b"x" * (MOST_FILE + 20_000)), "password": PASSWORD}, (413, "too_large")),
    ):
        answer = upload(mum, **form)
        assert (answer.status_code, answer.get_json()["code"]) == expected, answer.text
    assert ask(mum, "POST", "/backup/opened", {"password": PASSWORD}).status_code == 415
    assert "restore" not in {do for do, _ in household.asked}


def test_no_token_reaches_a_backup_or_makes_anybody_a_guardian(hall: Program, household: Household) -> None:
    for method, path, body in (
        ("POST", "/backup", {"password": PASSWORD}),
        ("GET", "/backup/last", None),
        ("POST", f"/backup/opened/{TOKEN}/apply", None),
        ("POST", "/people", {"name": "Thief"}),
        ("PUT", "/people/Oma/role", {"role": "guardian"}),
        ("POST", "/people/Mum/answer", {"answer": "yes"}),
    ):
        answer = hall.ask(method, path, body)
        assert (answer.status_code, answer.get_json()["code"]) == (403, "session_only"), path
    assert {do for do, _ in household.asked} == {"guardian", "handed", "device"}


def test_messages_are_set_tried_and_stopped_and_nobody_is_told_where_to(
    app: Flask, mum: Browser, hall: Program, household: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(notifier.of(app), "_send", lambda address, *_, **__: sent.append(address))
    nothing = {
        "on": False, "server": "", "kinds": [], "at_night": [], "names": False, "inside": False,
        "language": "", "trouble": "", "channels": [], "quiet": "22:00-07:00",
    }  # fmt: skip
    assert hall.get("/alerts").get_json() == nothing
    assert hall.post("/alerts/test").get_json()["code"] == "no_address"
    only_kinds = hall.ask("PUT", "/alerts", {"kinds": ["request"], "language": "ru"}).get_json()
    assert only_kinds == {**nothing, "kinds": ["request"], "language": "ru"}
    by_token = hall.ask("PUT", "/alerts", {"kinds": ["request"], "address": TOPIC})
    assert (by_token.status_code, by_token.get_json()["code"]) == (403, "session_only")

    kept = ask(mum, "PUT", "/alerts", {"kinds": ["request", "way"], "at_night": ["way"], "address": TOPIC})
    topic = {"id": channel_id(TOPIC), "service": "ntfy", "server": "ntfy.sh", "inside": False}
    told = {**nothing, "on": True, "server": "ntfy.sh", "kinds": ["request", "way"], "at_night": ["way"]}
    assert kept.get_json() == {**told, "language": "en", "channels": [topic]}
    changed = hall.ask(
        "PUT", "/alerts", {"kinds": ["filter"], "names": True, "language": "ru", "quiet": "23:00-06:00"}
    )
    assert changed.get_json()["kinds"] == ["filter"]
    stored = Alerts(
        frozenset({"filter"}),
        names=True,
        language="ru",
        channels=(MessageChannel(TOPIC),),
        quiet="23:00-06:00",
    )
    assert household.alerting.book["Mum"] == stored
    assert "secret-topic" not in kept.text + changed.text + hall.get("/alerts").text

    assert hall.post("/alerts/test").status_code == 204
    assert sent == [TOPIC]
    soon = hall.post("/alerts/test")
    assert (soon.status_code, soon.headers["Retry-After"]) == (429, "10")
    ask(mum, "PUT", "/alerts", {"kinds": ["filter"], "address": f"{TOPIC}-2", "inside": True})
    assert household.alerting.book["Mum"].channels == (MessageChannel(f"{TOPIC}-2", inside=True),), "replaced"
    wrong = {"kinds": ["filter"], "address": f"{TOPIC}-3", "quiet": "25:00-07:00"}
    refused = ask(mum, "PUT", "/alerts", wrong)
    assert (refused.status_code, refused.get_json()["pointer"]) == (422, "/quiet")
    assert household.alerting.book["Mum"].channels == (MessageChannel(f"{TOPIC}-2", inside=True),)
    hall.ask("PUT", "/alerts", {"kinds": ["filter"]})
    assert household.alerting.book["Mum"].channels == (MessageChannel(f"{TOPIC}-2"),)
    assert hall.ask("DELETE", "/alerts").status_code == 204
    assert household.alerting.book == {}


def test_a_channel_is_added_by_a_session_alone_and_ended_by_its_id(
    mum: Browser, hall: Program, household: Household
) -> None:
    bot = "tgram://123456789:AAHabcdefghijklmnopqrstuvwxyz12345-_6/12345/"
    refused = hall.ask("POST", "/alerts/channels", {"address": bot})
    assert (refused.status_code, refused.get_json()["code"]) == (403, "session_only")
    wrong = {"dbus://": "malformed", "dbus://session": "bad_channel", "tgram://1/2": "not_sent"}
    for address, code in wrong.items():
        answer = ask(mum, "POST", "/alerts/channels", {"address": address})
        assert answer.get_json()["code"] == code, address
    added = ask(mum, "POST", "/alerts/channels", {"address": bot})
    channel = {"id": channel_id(bot), "service": "Telegram", "server": "", "inside": False}
    assert added.get_json()["channels"] == [channel]
    assert "AAHabc" not in added.text
    assert hall.ask("DELETE", f"/alerts/channels/{channel['id']}").status_code == 204
    assert household.alerting.book["Mum"].channels == ()


def test_a_message_that_was_not_sent_says_why(
    app: Flask, hall: Program, household: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise NotSent(SendFailure.REFUSED, 403)

    monkeypatch.setattr(notifier.of(app), "_send", fails)
    household.alerting.book["Mum"] = Alerts(frozenset({"request"}), channels=(MessageChannel(TOPIC),))
    answer = hall.post("/alerts/test")
    assert (answer.status_code, answer.get_json()["code"]) == (422, "not_sent")
    assert answer.get_json()["values"] == {"why": "refused", "status": 403}


def test_the_kinds_of_messages_are_those_that_there_are() -> None:
    kinds = field_types(AlertsWanted)["kinds"]
    assert isinstance(kinds, Several)
    assert isinstance(kinds.inner, Choice)
    assert kinds.inner.among == KINDS


def test_health_is_whole_for_guardians_and_impersonal_for_support(
    app: Flask, hall: Program, household: Household
) -> None:
    household.healthy.findings = TROUBLE
    whole = hall.get("/health").get_json()
    assert [one["text"] for one in whole["check"]["findings"]] == [one["text"] for one in TROUBLE]
    assert whole["figures"]["machine"]["load"] == [0.31, 0.2, 0.1]
    assert len(whole["samples"]) == 30
    assert whole["log"][0]["text"] == "no answer from 192.0.2.1"

    support = program(app, household, PersonRole.SUPPORT)
    told, given = support.get("/health").get_json(), support.get("/health/support").get_json()
    assert [one["about"] for one in told["check"]["findings"]] == ["lists", "uplink", "country"]
    assert "ut1-gambling" not in json.dumps(told) + json.dumps(given)
    assert told["figures"] == given["figures"] == whole["figures"]
    assert support.post("/health/check").status_code == 403
    assert {do for do, _ in household.asked[-3:]} <= {"support", "guardian", "handed"}


def test_the_checks_are_done_anew(hall: Program, household: Household) -> None:
    assert hall.get("/health").get_json()["check"]["running"] is False
    assert hall.post("/health/check").get_json()["running"] is True
    assert ("health", {"again": True}) in household.asked


def test_a_proof_is_started_tried_on_the_device_and_ended(hall: Program, tablet: Browser) -> None:
    assert hall.get("/children/daughter/proof").get_json() == {"proof": None}
    begun = hall.post("/children/daughter/proof", {"device": TABLET})
    assert begun.status_code == 201
    assert begun.get_json()["proof"]["running"] is True
    lines = ask(tablet, "GET", "/my/proof").get_json()["proof"]["lines"]
    results = {one["host"]: "failed" for one in lines if one["state"] == "waits"}
    told = ask(tablet, "POST", "/my/proof/results", {"results": results}).get_json()["proof"]
    assert told["took"] == 4
    assert {one["topic"]: one["state"] for one in told["lines"]}["refused"] == "works"
    assert ask(tablet, "POST", "/my/proof/again").get_json()["proof"]["took"] is None
    assert ask(tablet, "POST", "/my/proof/results", {"results": {"a": "maybe"}}).status_code == 400
    assert hall.ask("DELETE", "/children/daughter/proof").get_json()["proof"]["running"] is False
    stranger = Program(hall.app, {"Origin": GATEWAY}, "192.168.1.99")
    assert stranger.get("/my/proof").status_code == 403


def test_what_is_the_child_s_own_opens_by_its_pin(
    tablet: Browser, hall: Program, household: Household
) -> None:
    household.lending.needs_pins = True
    household.lending.pins["daughter"] = ("7035", "")
    assert ask(tablet, "GET", "/my/ledger").get_json()["code"] == "pin_needed"
    assert ask(tablet, "POST", "/my/unlock", {"pin": "1111"}).get_json()["code"] == "pin_wrong"
    assert ask(tablet, "POST", "/my/unlock", {"pin": "7035"}).status_code == 204
    assert ask(tablet, "GET", "/my/ledger").status_code == 200
    # With a token no cookie is looked at, this one neither.
    with_token = {"Authorization": hall.headers["Authorization"]}
    assert tablet.get(f"{API}/my/ledger", **with_token).get_json()["code"] == "pin_needed"


def test_a_device_is_told_of_its_own_closed_ways(tablet: Browser, household: Household) -> None:
    assert ask(tablet, "GET", "/my/cards").status_code == 200
    assert ("cards", {"device": TABLET}) in household.asked
