"""Accounts in the real daemon: what a helper may and may not, what all are told, and the audit log."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from gateway.control.contract.rules import AUDIT_PAGE as PAGE
from gateway.control.permissions import WEB_VERBS, senders_of
from gateway.control.protocol import Role
from gateway.control.verbs import Sender
from gateway.core.errors import GatewayError
from gateway.core.reason_codes import Code
from gateway.features.accounts.verbs import log_claim_code
from gateway.policy.accounts.people import Account, PersonRole
from gateway.policy.accounts.tokens import Token
from gateway.store.tables.grants import SiteOpening
from tests.control.test_signins import digest, secret
from tests.features.conftest import Make
from tests.features.desk import MUMS, STRANGER, TABLET, Desk

LATE = "2026-11-24T20:15"  # 30 minutes before the daughter's bedtime
PHONE = "192.168.1.7"


@pytest.fixture
def desk(make: Make) -> Desk:
    desk = make(LATE)
    desk.presence.addresses[PHONE] = MUMS
    desk.store.people.put(Account("Mum"))
    desk.store.people.put(Account("Oma", PersonRole.HELPER, minutes=30))
    desk.store.people.put(Account("Telecom", PersonRole.SUPPORT))
    return desk


def web(desk: Desk, do: str, **values: object) -> dict[str, object]:
    return desk.ask(do, Role.WEB, origin=PHONE, **values)


def refused(desk: Desk, do: str, **values: object) -> tuple[str, dict[str, object]]:
    with pytest.raises(GatewayError) as error:
        web(desk, do, **values)
    return str(error.value.code), dict(error.value.values)


# ---------------------------------------------------------------- roles

CHANGES: dict[str, dict[str, object]] = {
    "pause": {"who": "daughter", "minutes": 5},
    "resume": {"who": "daughter"},
    "grant": {"who": "daughter", "minutes": 5},
    "revoke": {"who": "daughter"},
    "ticket": {"who": "daughter", "minutes": 5},
    "withdraw": {"batch": "x"},
    "answer": {"id": 1, "answer": "no"},
    "identify": {"mac": TABLET, "answer": "home"},
    "dismiss": {"device": TABLET, "way": "vpn"},
    "off": {},
    "on": {},
}


@pytest.mark.parametrize("do", CHANGES)
def test_each_role_changes_what_is_its_own_and_no_more(desk: Desk, do: str) -> None:
    assert do in WEB_VERBS
    assert refused(desk, do, **CHANGES[do], by="Telecom")[0] == Code.GUARDIANS_ONLY
    if Sender.HELPER not in senders_of(do):
        assert refused(desk, do, **CHANGES[do], by="Oma")[0] == Code.GUARDIANS_ONLY


def test_a_helper_s_phone_sets_no_clock(desk: Desk) -> None:
    assert refused(desk, "time", at="2026-11-24T20:15:00+05:00", by="Oma")[0] == Code.NO_GUARDIAN


def test_a_helper_gives_so_many_minutes_a_day_and_child(desk: Desk) -> None:
    assert refused(desk, "grant", who="daughter", minutes=31, by="Oma") == (
        Code.HELPER_MINUTES,
        {"minutes": 30},
    )
    first = web(desk, "grant", who="daughter", minutes=20, by="Oma")["grant"]
    assert refused(desk, "grant", who="daughter", minutes=11, by="Oma")[1] == {"minutes": 10}
    assert refused(desk, "grant", who=TABLET, minutes=11, by="Oma")[1] == {"minutes": 10}
    assert refused(desk, "grant", who="all", minutes=11, by="Oma")[1] == {"minutes": 10}
    web(desk, "grant", who="son", minutes=30, by="Oma")
    web(desk, "revoke", grant=first, by="Oma")
    web(desk, "grant", who="daughter", minutes=30, by="Oma")
    web(desk, "grant", who="daughter", minutes=60, by="Mum")
    desk.go(timedelta(days=1))
    web(desk, "grant", who="daughter", minutes=30, by="Oma")


def test_a_helper_s_minutes_count_in_full_if_they_extend_two_rules_unequally(make: Make) -> None:
    desk = make("2026-11-24T20:30", daughter={"limits": {"internet": "35m"}})  # bedtime is at 20:45
    desk.presence.addresses[PHONE] = MUMS
    desk.store.people.put(Account("Oma", PersonRole.HELPER, minutes=30))
    web(desk, "grant", who="daughter", minutes=30, by="Oma")
    rows = {row.gate: row.minutes for row in desk.store.grants.given()}
    assert rows == {"bedtime": 30, "internet": 10}
    assert refused(desk, "grant", who="daughter", minutes=1, by="Oma")[1] == {"minutes": 0}


def test_a_helper_gives_time_to_children_alone(desk: Desk) -> None:
    """A guest's device takes another address whenever it likes, and would have as much again."""
    assert refused(desk, "grant", who=STRANGER, minutes=5, by="Oma")[0] == Code.GUARDIANS_ONLY
    assert web(desk, "grant", who=STRANGER, minutes=5, by="Mum")["minutes"] == 5


def test_a_helper_who_takes_back_has_no_more_to_give_than_what_had_not_run_yet(desk: Desk) -> None:
    """Else thirty minutes are given, taken back after twenty-nine and given anew, all evening."""
    first = web(desk, "grant", who="daughter", minutes=30, by="Oma")["grant"]
    desk.go(timedelta(minutes=28, seconds=10))
    web(desk, "revoke", grant=first, by="Oma")
    assert refused(desk, "grant", who="daughter", minutes=30, by="Oma")[1] == {"minutes": 1}
    second = web(desk, "grant", who="daughter", minutes=1, by="Oma")["grant"]
    web(desk, "revoke", grant=second, by="Oma")
    desk.restart()
    assert refused(desk, "grant", who="daughter", minutes=1, by="Oma")[1] == {"minutes": 0}


def test_a_helper_takes_back_what_it_gave_alone(desk: Desk) -> None:
    given = web(desk, "grant", who="daughter", minutes=15, by="Mum")["grant"]
    assert refused(desk, "revoke", grant=given, by="Oma")[0] == Code.GUARDIANS_ONLY
    assert refused(desk, "revoke", who="daughter", by="Oma")[0] == Code.GUARDIANS_ONLY


def test_a_helper_does_not_close_a_site_that_a_guardian_opened(desk: Desk) -> None:
    now = desk.local_now()
    desk.store.grants.open(SiteOpening(7, "daughter", "example.com", now + timedelta(hours=1), now, "Mum"))
    assert refused(desk, "revoke", grant=7, by="Oma")[0] == Code.GUARDIANS_ONLY
    assert refused(desk, "revoke", who="daughter", by="Oma")[0] == Code.GUARDIANS_ONLY
    assert web(desk, "revoke", grant=7, by="Mum")["grant"] == 7


def test_a_helper_pauses_and_ends_its_own_pauses_alone(desk: Desk) -> None:
    web(desk, "pause", who="daughter", minutes=30, by="Oma")
    web(desk, "resume", who="daughter", by="Oma")
    web(desk, "pause", who="daughter", minutes=60, by="Mum")
    named = (Code.NOT_YOUR_PAUSE, {"by": "Mum"})
    assert refused(desk, "pause", who="daughter", minutes=1, by="Oma") == named
    for who in ("daughter", "all"):
        assert refused(desk, "resume", who=who, by="Oma") == named
    web(desk, "pause", who="son", minutes=30, by="Oma")
    web(desk, "resume", who="all", by="Mum")
    assert desk.store.state(desk.local_now()).pauses == ()


# ---------------------------------------------------------------- the label, and what all are told


def test_the_label_is_made_once_kept_and_said_until_there_is_a_guardian(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    desk = make(LATE)
    with caplog.at_level(logging.WARNING):
        log_claim_code(desk.home, desk.store.people)
    label = desk.ask("guardian", action="list")["label"]
    kept = Path(desk.folder, "state", "label")
    assert kept.read_text() == f"{label}\n"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert label in caplog.text
    caplog.clear()
    desk.restart()
    assert desk.ask("guardian", action="list")["label"] == label
    desk.presence.addresses[PHONE] = MUMS
    desk.ask("guardian", action="button")
    web(desk, "guardian", action="claim", label=label, name="Mum", secret=secret("a"))
    caplog.clear()
    desk.restart()
    with caplog.at_level(logging.WARNING):
        log_claim_code(desk.home, desk.store.people)
    assert caplog.text == ""
    assert "label" not in desk.ask("guardian", action="list")


def test_a_maker_s_label_is_taken_as_it_is_and_a_broken_one_is_not(make: Make) -> None:
    desk = make(LATE)
    kept = Path(desk.folder, "state", "label")
    kept.write_text("WiFi-key 1234-abcd\n")
    desk.restart()
    assert desk.ask("guardian", action="list")["label"] == "WiFi-key 1234-abcd"
    desk.presence.addresses[PHONE] = MUMS
    values = {"action": "claim", "name": "Mum", "secret": secret("a")}
    assert refused(desk, "guardian", **values, label="WiFi-key 1234-abcd")[0] == Code.NO_BUTTON
    desk.ask("guardian", action="button")
    assert refused(desk, "guardian", **values, label="wifikey1234")[0] == Code.WRONG_LABEL
    for text in ("", "short", "x" * 60, "\x00" * 9):
        kept.write_text(text)
        desk.restart()
        made = str(desk.ask("guardian", action="list")["label"])
        assert len(made) == 9
        assert kept.read_text() == f"{made}\n"


def test_everybody_is_told_for_seven_days_who_set_the_gateway_up(make: Make) -> None:
    desk = make(LATE)
    desk.presence.addresses[PHONE] = MUMS
    label = desk.ask("guardian", action="list")["label"]
    desk.ask("guardian", action="button")
    web(desk, "guardian", action="claim", label=label, name="Mum", secret=secret("a"))
    at = datetime.fromisoformat(f"{LATE}+05:00")
    told = {"told": "claim_again", "name": "Mum", "device": MUMS, "at": at}
    assert desk.ask("status", Role.WEB)["announced"] == [told]
    desk.go(timedelta(days=6, hours=23))
    desk.restart()
    assert desk.ask("status", Role.WEB)["announced"] == [told]
    desk.go(timedelta(hours=1))
    assert desk.ask("status", Role.WEB)["announced"] == []


def test_a_new_password_leaves_the_rules_as_they_are(desk: Desk) -> None:
    desk.ask("guardian", action="link", name="Mum")
    web(desk, "pause", who="daughter", minutes=600, by="Mum")
    token = desk.ask("guardian", action="reset", name="Mum")["token"]
    session = web(desk, "guardian", action="signin", token=token)["session"]
    web(desk, "guardian", action="password", session=session, secret=secret("b"))
    assert web(desk, "guardian", action="signin", name="Mum", digest=digest("b"))
    assert [one.who for one in desk.store.state(desk.local_now()).pauses] == ["daughter"]
    (told,) = desk.ask("status")["announced"]
    assert (told["told"], told["name"], told["device"]) == ("console", "Mum", "")


# ---------------------------------------------------------------- the audit log


def lines(desk: Desk, **values: object) -> list[dict[str, object]]:
    return list(desk.ask("audit_log", Role.WEB, **values)["lines"])


def test_a_change_by_a_token_names_it(desk: Desk) -> None:
    token = Token("abcdefabcdef00", "Mum", "Hall display", "helper", desk.local_now())
    desk.store.people.tokens.add(token)
    web(desk, "pause", who="daughter", minutes=30, by="Mum", via=token.id)
    (line,) = lines(desk)
    assert (line["who"], line["token"], line["address"], line["device"]) == (
        "Mum",
        "Hall display",
        PHONE,
        MUMS,
    )
    assert refused(desk, "on", by="Mum", via=token.id)[0] == Code.GUARDIANS_ONLY
    assert refused(desk, "pause", who="daughter", by="Mum", via="gone")[0] == Code.WRONG_TOKEN


def test_who_what_when_and_from_which_device(desk: Desk) -> None:
    web(desk, "pause", who="daughter", minutes=30, by="Mum")
    (line,) = lines(desk)
    at = desk.local_now()
    assert line == {
        "at": at, "who": "Mum", "what": "pause", "about": "Daughter", "detail": line["detail"],
        "until": at + timedelta(minutes=30), "address": PHONE, "device": MUMS, "token": "",
        "day_only": False, "count": 1,
    }  # fmt: skip


def test_a_hostile_device_name_is_one_printable_line(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk.presence.here, "name_of", lambda mac: "<script>\n\x1b[2J" + "x" * 300)
    web(desk, "pause", who="daughter", minutes=30, by="Mum")
    device = str(lines(desk)[0]["device"])
    assert device.startswith("<script>[2Jx")
    assert len(device) == 64
    assert device.isprintable()


def test_a_device_name_that_looks_like_an_end_is_no_time(desk: Desk) -> None:
    detail = f"{TABLET} until 0001-01-01T00:00:00+05:00"
    desk.store.audit.record("rename", detail, by="Mum", at=desk.local_now())
    assert lines(desk)[0]["until"] is None


def test_it_is_filtered_by_person_and_comes_in_pages(desk: Desk) -> None:
    session = desk.session("Mum")
    for number in range(PAGE + 5):
        web(desk, "off", minutes=number + 1, by="Mum", session=session)
    web(desk, "pause", who="son", minutes=1, by="Oma")
    assert [one["who"] for one in lines(desk, who="Oma")] == ["Oma"]
    first = desk.ask("audit_log", who="Mum")
    assert (len(first["lines"]), first["more"], first["people"]) == (PAGE, True, ["Mum", "Oma"])
    second = desk.ask("audit_log", who="Mum", skip=PAGE)
    assert (len(second["lines"]), second["more"]) == (5, False)
    for bad in ({"limit": PAGE + 1}, {"skip": -1}, {"skip": 10**9}):
        with pytest.raises(GatewayError):
            desk.ask("audit_log", **bad)


def test_no_site_is_in_it(make: Make) -> None:
    desk = make("2026-11-24T16:00", daughter={"unknown": "ask"})
    desk.store.people.put(Account("Mum"))
    number = desk.ask("request", device=TABLET, site="www.nobody-knows.example")["request"]["id"]
    web(desk, "answer", id=number, answer="today", by="Mum")
    assert [one["what"] for one in lines(desk)][-1] == "request"
    assert {one["about"] for one in lines(desk)} == {"Daughter"}
    assert "nobody-knows" not in str(lines(desk))
