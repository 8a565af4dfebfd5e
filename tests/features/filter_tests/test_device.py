"""`filter_test` from a device: what the gateway saw, and what the device reports."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from gateway.control.protocol import Role
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.features.filter_tests import filter_test as proofs
from gateway.path.subject import Subject
from gateway.policy.accounts.people import Account
from gateway.policy.values import Observation, Proto
from tests.features.conftest import Make
from tests.features.decisions import new_decision_log
from tests.features.desk import MUMS, PHONE, TABLET, Desk

AFTERNOON = "2026-11-24T16:30"  # a Tuesday
TIKTOK = "www.tiktok.com"
OPEN = "bilimland.kz"


def found(answer: Mapping[str, Any]) -> dict[str, Any]:
    [test] = (test for test in answer["tests"] if test["method"] == "device")
    return dict(test)


def start(desk: Desk, mac: str = TABLET, who: str = "daughter") -> dict[str, Any]:
    return found(desk.ask("filter_test", id=who, device=mac, action="start"))


def look(desk: Desk, **whose: str) -> dict[str, Any]:
    return found(desk.ask("filter_test", Role.WEB, action="look", **(whose or {"id": "daughter"})))


def line(told: dict[str, Any], topic: str) -> dict[str, Any]:
    return next(one for one in told["checks"] if one["id"] == topic)


def state_of(check: dict[str, Any]) -> str:
    """Return the outcome in one word: with its reason if it was not tested."""
    if check["fault"]:
        return "fails"
    return str(check["reason"] or ("waits" if check["outcome"] == "waiting" else "works"))


def state(desk: Desk, topic: str) -> str:
    return state_of(line(look(desk), topic))


def meets(desk: Desk, host: str, mac: str = TABLET) -> None:
    """The packet path decides about a question of the device, and the journal hears of it."""
    member = desk.family.member_of(mac)
    assert member is not None
    seen, at = Observation(Proto.DNS, host, qtype=1), desk.clock.now()
    subject: Subject = desk.family.subjects[member.slot]
    if desk.observer is not None:
        desk.observer(subject, seen, member.decide(seen, at), at)


def tell(desk: Desk, **reached: str) -> dict[str, Any]:
    results = {host.replace("_", "."): one for host, one in reached.items()}
    return found(desk.ask("filter_test", Role.WEB, action="tell", device=TABLET, results=results))


@pytest.fixture
def desk(make: Make) -> Desk:
    return make(AFTERNOON, daughter={"homework": [OPEN]})


def test_the_lines_come_from_the_child_s_own_rules(desk: Desk) -> None:
    told = start(desk)
    assert [one["id"] for one in told["checks"]] == [
        "refused", "open", "adult", "messenger", "private_dns", "bedtime", "help",
    ]  # fmt: skip
    assert line(told, "adult")["host"] == "www.pornhub.com"
    assert line(told, "messenger")["name"] == "WhatsApp"
    assert (line(told, "refused")["host"], line(told, "refused")["name"]) == (TIKTOK, "TikTok")
    assert line(told, "open")["host"] == OPEN
    assert line(told, "private_dns")["host"] == "dns.google"
    assert line(told, "help")["host"]
    assert f"{line(told, 'bedtime')['at']:%d %H:%M}" == "24 20:45"
    assert state_of(line(told, "bedtime")) == "works"
    assert told["seconds"] == proofs.SECONDS


def test_a_refusal_needs_the_gateway_and_the_browser(desk: Desk) -> None:
    start(desk)
    assert state(desk, "refused") == "waits"
    meets(desk, TIKTOK)
    assert state(desk, "refused") == "waits", "the browser has said nothing yet"
    tell(desk, www_tiktok_com="failed")
    assert state(desk, "refused") == "works"


def test_a_browser_that_failed_on_something_that_the_gateway_never_saw_proves_nothing(desk: Desk) -> None:
    start(desk)
    tell(desk, www_tiktok_com="failed", bilimland_kz="opened")
    assert (state(desk, "refused"), state(desk, "open")) == ("not_seen", "not_seen")


def test_what_opens_although_it_shall_not_is_said(desk: Desk) -> None:
    start(desk)
    desk.ask(
        "edit",
        id="daughter",
        set={"block/service:tiktok": None, "allow/service:tiktok": True},
        confirmed=True,
        by="Mum",
    )
    meets(desk, TIKTOK)
    tell(desk, www_tiktok_com="opened")
    assert state(desk, "refused") == "fails"


def test_how_long_it_took_is_from_the_device_s_first_look_to_its_last_word(desk: Desk) -> None:
    start(desk)
    desk.go(timedelta(seconds=30))
    told = look(desk, device=TABLET)
    assert told["took"] is None
    desk.go(timedelta(seconds=4))
    hosts = [one["host"] for one in told["checks"] if one["host"]]
    results = dict.fromkeys(hosts, "failed")
    assert (
        found(desk.ask("filter_test", Role.WEB, action="tell", device=TABLET, results=results))["took"] == 4
    )


def test_an_open_site_has_to_pass_and_to_be_reached(desk: Desk) -> None:
    start(desk)
    meets(desk, OPEN)
    tell(desk, bilimland_kz="failed")
    assert state(desk, "open") == "fails"
    tell(desk, bilimland_kz="opened")
    assert state(desk, "open") == "works"


def test_what_another_child_s_device_meets_is_nothing_of_it(desk: Desk) -> None:
    start(desk)
    meets(desk, OPEN, PHONE)
    tell(desk, bilimland_kz="opened")
    assert state(desk, "open") == "not_seen"


def test_the_journal_passes_decisions_to_its_observer(desk: Desk) -> None:
    member = desk.family.member_of(TABLET)
    assert member is not None
    decision_log = new_decision_log(desk.store, desk.family, desk.clock.now, desk.rules, desk.bus)
    subject, at = desk.family.subjects[member.slot], desk.clock.now()
    observed: list[str | None] = []

    def decide(host: str) -> None:
        seen = Observation(Proto.DNS, host, qtype=1)
        decision_log.decided(subject, seen, member.decide(seen, at), at)

    decide("before.example")
    decision_log.observe(lambda _subject, seen, _decision, _at: observed.append(seen.host))
    decide(TIKTOK)
    decide(OPEN)
    decision_log.observe(None)
    decide("after.example")
    assert observed == [TIKTOK, OPEN]


def test_it_ends_by_itself_and_is_gone_after_a_while(desk: Desk) -> None:
    start(desk)
    desk.go(timedelta(seconds=proofs.SECONDS + proofs.TICK))
    assert desk.observer is None, "nothing listens any more"
    assert look(desk)["running"] is False
    tell(desk, www_tiktok_com="failed")
    assert state(desk, "refused") == "waits", "what comes too late does not count"
    desk.go(timedelta(seconds=proofs.KEPT))
    assert desk.ask("filter_test", action="look", id="daughter")["tests"] == []


def kept(desk: Desk) -> list[str]:
    """All that the disk has."""
    desk.store.flush(0.0, force=True)
    with closing(sqlite3.connect(desk.folder / "state" / "q.db")) as base:
        return list(base.iterdump())


def test_nothing_of_it_is_written_down(desk: Desk) -> None:
    before = kept(desk)
    start(desk)
    meets(desk, TIKTOK)
    tell(desk, www_tiktok_com="failed")
    assert kept(desk) == before
    desk.restart()
    assert desk.ask("filter_test", action="look", id="daughter")["tests"] == []


def test_bedtime_that_holds_is_tried_and_the_rest_waits_for_the_morning(make: Make) -> None:
    desk = make("2026-11-24T21:30")
    told = start(desk)
    assert state_of(line(told, "bedtime")) == "waits"
    assert line(told, "refused")["reason"] == line(told, "open")["reason"] == "closed_now"
    host = line(told, "bedtime")["host"]
    meets(desk, host)
    tell(desk, **{host.replace(".", "_"): "failed"})
    assert state(desk, "bedtime") == "works"


def test_who_may_do_what(desk: Desk) -> None:
    for values in (
        {"action": "start", "id": "daughter", "device": TABLET, "by": "Nobody"},
        {"action": "start", "id": "son", "device": TABLET, "by": "Mum"},
        {"action": "end", "id": "daughter"},
    ):
        desk.store.people.put(Account("Mum", secret="stamp"))
        with pytest.raises(ControlError):
            desk.ask("filter_test", Role.WEB, **values)
    start(desk)
    with pytest.raises(ControlError) as refused:
        desk.ask("filter_test", Role.WEB, action="look", device=MUMS)
    assert refused.value.code == Code.NO_DEVICE_OF_A_CHILD
    assert (
        desk.ask("filter_test", Role.WEB, action="tell", device=PHONE, results={TIKTOK: "failed"})["tests"]
        == []
    )
    assert state(desk, "refused") == "waits", "another child's device says nothing of hers"


@pytest.mark.parametrize(
    "results", [{TIKTOK: "perhaps"}, {TIKTOK: 1}, ["x"], {f"{n}.kz": "failed" for n in range(17)}]
)
def test_what_is_no_result(desk: Desk, results: object) -> None:
    start(desk)
    with pytest.raises(ControlError):
        desk.ask("filter_test", Role.WEB, action="tell", device=TABLET, results=results)


def test_again_begins_anew_and_only_where_a_guardian_began(desk: Desk) -> None:
    assert desk.ask("filter_test", action="again", device=TABLET)["tests"] == []
    start(desk)
    meets(desk, TIKTOK)
    tell(desk, www_tiktok_com="failed")
    desk.ask("filter_test", Role.WEB, action="again", device=TABLET)
    assert state(desk, "refused") == "waits"


def test_trying_again_all_the_time_keeps_nothing_more(desk: Desk) -> None:
    start(desk)
    timers = len(desk.loop._timers)
    for _ in range(50):
        desk.ask("filter_test", Role.WEB, action="again", device=TABLET)
    assert len(desk.loop._timers) == timers
    desk.go(timedelta(seconds=proofs.KEPT + proofs.TICK))
    assert desk.ask("filter_test", action="look", id="daughter")["tests"] == []


def test_a_site_s_decision_is_stored_as_a_test_for_ten_minutes(desk: Desk) -> None:
    desk.store.people.put(Account("Mum", secret="stamp"))
    told = desk.ask("filter_test_site", Role.WEB, id="daughter", host=TIKTOK, by="Mum")
    assert (told["verdict"], told["host"]) == ("block", TIKTOK)
    [test] = desk.ask("filter_test", action="look", id="daughter")["tests"]
    [check] = test["checks"]
    assert (test["method"], check["outcome"], check["fault"]) == ("site", "blocked", False)
    assert check["explanation"]["reason"] == told["reason"]
    start(desk)
    tests = desk.ask("filter_test", action="look", id="daughter")["tests"]
    assert [test["method"] for test in tests] == ["site", "device"]
    desk.go(timedelta(seconds=proofs.KEPT + proofs.TICK))
    assert desk.ask("filter_test", action="look", id="daughter")["tests"] == []
    with pytest.raises(ControlError):
        desk.ask("filter_test_site", Role.WEB, id="daughter", host=TIKTOK, by="Nobody")
