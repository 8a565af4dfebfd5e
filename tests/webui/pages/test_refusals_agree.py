"""Each refusal says who decided, of what kind, since when and where it is contested: the page, the DNS error,
`why` and the API say the same of every reason that there is.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gateway import __version__
from gateway.control.protocol import Role, encode
from gateway.household.loading import load_product
from gateway.lists.table import TABLE_NAME
from gateway.path.dns import error_code
from gateway.policy.judge.explanation import ENGLISH, MAX_SHORT, Decider
from gateway.policy.names.domain_table import pack_table
from gateway.policy.time.time_rules import Situation
from gateway.policy.values import Decision, Fault, Observation, Proto, Reason, Verdict
from gateway.wire.dns.answers import EDE_BLOCKED, EDE_CENSORED, EDE_FILTERED
from tests.features.conftest import at
from tests.features.decisions import new_decision_log
from tests.features.desk import NOON, TABLET, Desk
from tests.webui.conftest import Browser
from tests.webui.standin.household import Household
from tests.webui.standin.pages import text_of

ELSEWHERE = b"\xc6\x33\x64\x07"
BUILT = "2026-11-20T06:00:00Z"
NAMES = {
    "virus.example": {"malware"},
    "casino.example": {"gambling"},
    "fresh.example": {"new_domain"},
    "plays.example": {"games"},
    "listed.example": {"law:kz"},
}
REGISTER = {"kz": {"file": "/registers/kz.txt", "on": True, "by": "Mum", "since": "2026-11-23"}}


@dataclass(frozen=True)
class Case:
    """What a child asks for, under which rules; and what has to be told of the refusal."""

    seen: Observation
    who: str
    contest: str
    rules: dict[str, Any] = field(default_factory=dict)
    edits: dict[str, Any] = field(default_factory=dict)  # by Mum, on the day before
    kind: str | None = None
    when: str = NOON
    situation: Situation | None = None
    decision: Decision | None = None  # where it needs more of a network than a test of this room has
    since: str | None = None
    lists: tuple[str, ...] = ()


def name(host: str) -> Observation:
    return Observation(Proto.DNS, host, qtype=1, dport=53)


def flow(
    proto: Proto = Proto.TLS, port: int = 443, host: str | None = None, fault: Fault | None = None
) -> Observation:
    return Observation(proto, host, ELSEWHERE, port, fault=fault)


def by_band(reason: Reason, rule: str) -> Decision:
    return Decision(Verdict.BLOCK, reason, f"band 10-12: {rule}", "band:10-12")


YESTERDAY = "2026-11-23"
STRICT = {"strict": True}
CASES: dict[Reason, Case] = {
    Reason.REFUSED_FOR_EVERYONE: Case(name("virus.example"), "lists", "provider"),
    Reason.REGISTER: Case(name("listed.example"), "register", "state", since=YESTERDAY, lists=("law-kz",)),
    Reason.QUARANTINED: Case(
        name("www.example.org"), "family", "parent", situation=Situation(quarantined=True)
    ),
    Reason.PAUSED: Case(name("www.example.org"), "family", "parent", since="2026-11-24"),
    Reason.BEDTIME: Case(
        name("www.example.org"), "family", "time", edits={"bedtime": "20:00-07:00"}, when="2026-11-24T21:30",
        since=YESTERDAY,
    ),
    Reason.WINDOW: Case(name("www.roblox.com"), "family", "time"),
    Reason.OUT_OF_TIME: Case(
        name("plays.example"), "family", "time", edits={"limits/play": "0m"}, since=YESTERDAY
    ),
    Reason.LAW: Case(
        name("www.instagram.com"), "law", "parent", edits={"laws/au-under-16-social": True}, since=YESTERDAY
    ),
    Reason.FAMILY_BLOCK: Case(
        name("bad.example"), "family", "parent", edits={"block/bad.example": True}, since=YESTERDAY
    ),
    Reason.SERVICE: Case(
        name("www.tiktok.com"), "band", "parent", decision=by_band(Reason.SERVICE, "block: service:tiktok")
    ),
    Reason.CATEGORY: Case(name("casino.example"), "band", "parent", kind="gambling", lists=("built-in",)),
    Reason.NEW_DOMAIN: Case(
        name("fresh.example"), "family", "parent", edits={"categories/new_domain": "block"},
        kind="new_domain", since=YESTERDAY, lists=("built-in",),
    ),
    Reason.UNKNOWN_DOMAIN: Case(name("www.nobody.example"), "family", "parent", rules={"unknown": "block"}),
    Reason.NOT_ON_LIST: Case(
        name("www.nobody.example"), "family", "ask", edits={"mode": "allow-list"}, since=YESTERDAY
    ),
    Reason.SAFE_SEARCH_ADDRESS: Case(flow(host="www.google.com"), "band", "parent"),
    Reason.NO_NAME: Case(flow(fault=Fault.NO_NAME), "family", "parent", rules=STRICT),
    Reason.BAD_NAME: Case(flow(fault=Fault.BAD_NAME), "product", "maker"),
    Reason.ECH: Case(flow(fault=Fault.ECH, host="front.example"), "band", "parent"),
    Reason.MALFORMED: Case(flow(fault=Fault.MALFORMED), "product", "maker"),
    Reason.FRAGMENT: Case(flow(fault=Fault.FRAGMENT), "product", "maker"),
    Reason.OVERFLOW: Case(flow(fault=Fault.OVERFLOW), "product", "maker"),
    Reason.UNANSWERED: Case(flow(fault=Fault.UNANSWERED), "family", "parent", rules=STRICT),
    Reason.PROTOCOL: Case(flow(Proto.OTHER, 0), "product", "maker"),
    Reason.ENCRYPTED_DNS: Case(flow(host="dns.example", port=853), "band", "parent"),
    Reason.RELAY: Case(
        flow(host="mask.example"), "band", "parent", decision=by_band(Reason.RELAY, "ways: relay = block")
    ),
    Reason.VPN: Case(flow(Proto.WIREGUARD, 51820), "band", "parent"),
    Reason.TOR: Case(flow(), "band", "parent", decision=by_band(Reason.TOR, "ways: tor = block")),
    Reason.PROXY: Case(flow(Proto.SOCKS, 1080), "band", "parent"),
    Reason.SSH: Case(flow(Proto.SSH, 22), "band", "parent"),
    Reason.UNRESOLVED: Case(
        flow(host="odd.example"), "family", "parent", rules={"mode": "allow-list"},
        decision=Decision(Verdict.BLOCK, Reason.UNRESOLVED, "mode = allow-list", "family"),
    ),
    Reason.RESOLVER_SIGNAL: Case(name("use-application-dns.net"), "product", "maker"),
}  # fmt: skip
NEVER_REFUSED = {
    Reason.HELP, Reason.DEVICE_NEEDS, Reason.HOMEWORK, Reason.FAMILY_ALLOW, Reason.SAFE_SEARCH,
    Reason.GATEWAY, Reason.UNFILTERED, Reason.OPEN,
}  # fmt: skip
NEVER_LISTED = {Reason.REFUSED_FOR_EVERYONE, Reason.RESOLVER_SIGNAL}


def test_each_reason_is_one_of_them() -> None:
    assert CASES.keys() | NEVER_REFUSED == set(Reason)
    assert CASES.keys().isdisjoint(NEVER_REFUSED)


@contextmanager
def a_desk(folder: Path, reason: Reason, case: Case) -> Iterator[Desk]:
    state = folder / "state"
    state.mkdir()
    (state / TABLE_NAME).write_bytes(pack_table(NAMES, salt=bytes(16), built=BUILT))
    desk = Desk(folder, at("2026-11-23T12:00"), daughter=case.rules, registers=REGISTER)
    try:
        for key, value in case.edits.items():
            desk.ask("edit", Role.OWNER, id="daughter", by="Mum", set={key: value})
        desk.clock.at = at(case.when)
        if reason is Reason.PAUSED:
            desk.ask("pause", Role.OWNER, who="daughter", by="Mum", minutes=30)
        desk.reassign()
        journal = new_decision_log(desk.store, desk.family, desk.clock.now, desk.rules, desk.bus)
        journal.recent = desk.recent  # which the verb `refusals` reads
        desk.decision_log = journal  # type: ignore[assignment]
        yield desk
    finally:
        desk.stop()


def decided(desk: Desk, case: Case) -> Decision:
    member = desk.family.member_of(TABLET)
    assert member is not None
    if case.decision is not None:
        return case.decision
    return member.judge.decide(case.seen, case.situation or member.situation, desk.clock.now())


@pytest.mark.parametrize("reason", CASES)
def test_page_error_why_and_api_say_the_same(
    tmp_path: Path, tablet: Browser, household: Household, reason: Reason
) -> None:
    case = CASES[reason]
    with a_desk(tmp_path, reason, case) as desk:
        decision = decided(desk, case)
        assert (decision.verdict, decision.reason) == (Verdict.BLOCK, reason)
        row = told_by_the_daemon(desk, case, decision)
        check_what_is_told(row, case)
        check_the_error(desk, case, decision, row)
        if case.decision is None and case.situation is None and case.seen.proto is Proto.DNS:
            answer = desk.ask("why", host=case.seen.host, device=TABLET)
            assert (answer["reason"], answer["decided"]) == (reason, row["decided"])
    if reason is Reason.REFUSED_FOR_EVERYONE:
        check_the_page_for_everyone(tablet)
    if reason in NEVER_LISTED:
        return
    household.refusals = [row | {"open": False}]  # by the rules of the case, not the desk's
    api = tablet.get("/api/v1/my/refusals").get_json()["refusals"]
    assert [one["decided"] for one in api] == [row["decided"]]
    check_the_page(tablet, case, row)


def told_by_the_daemon(desk: Desk, case: Case, decision: Decision) -> dict[str, Any]:
    """By the verb `refusals`, through the memory of refusals. What is blocked for everyone never comes there,
    nor what browsers ask by themselves.
    """
    member = desk.family.member_of(TABLET)
    assert member is not None
    journal: Any = desk.decision_log
    journal.decided(desk.family.subjects[member.slot], case.seen, decision, desk.clock.now())
    rows = desk.ask("refusals", device=TABLET)["refusals"]
    if decision.reason in NEVER_LISTED:
        assert rows == []
        answer = desk.ask("why", host=case.seen.host, device=TABLET)
        rows = [{"decided": answer["decided"]}]
    (row,) = rows
    found: dict[str, Any] = json.loads(encode(row))
    return found


def check_what_is_told(row: dict[str, Any], case: Case) -> None:
    told = row["decided"]
    assert (told["who"], told["contest"], told["kind"]) == (case.who, case.contest, case.kind)
    assert told["since"] == case.since
    assert told["by"] == ("Mum" if case.since else None)
    assert told["version"] == (__version__ if case.who in ("band", "product") else None)
    assert tuple(one["id"] for one in told["lists"]) == case.lists


def check_the_error(desk: Desk, case: Case, decision: Decision, row: dict[str, Any]) -> None:
    """Its code says who, and so does its text, with where it is contested: as far as that fits."""
    codes = {Decider.LISTS: EDE_BLOCKED, Decider.REGISTER: EDE_CENSORED}
    assert error_code(decision) == codes.get(Decider(case.who), EDE_FILTERED)
    journal: Any = desk.decision_log
    text = journal.short(case.seen, decision)
    assert len(text.encode()) <= MAX_SHORT
    where = ENGLISH[f"contest_{case.contest}"]
    assert where in text or len(text.encode()) + 1 + len(where) > MAX_SHORT
    if "sentence" in row:
        what, _, who = row["sentence"].partition(". ")
        assert text.startswith(what)
        assert not who or who in text or len(text.encode()) + 1 + len(who) > MAX_SHORT


def check_the_page_for_everyone(tablet: Browser) -> None:
    text = text_of(tablet.get("/refused?reason=refused_for_everyone").text)
    assert "Who decided Those who make the lists" in text
    assert "If it is a mistake It may be one. Your internet provider can look into it" in text


def check_the_page(tablet: Browser, case: Case, row: dict[str, Any]) -> None:
    """What has no name is on the page of the last refusals alone."""
    where = ENGLISH[f"contest_{case.contest}"]
    if case.seen.host is None:
        text = html.unescape(text_of(tablet.get("/why").text))
        assert row["sentence"] in text
        assert where in text
        return
    text = html.unescape(text_of(tablet.get(f"/refused?host={case.seen.host}").text))
    assert row["sentence"] in text
    if case.who == "register":
        assert "list is the state’s and not your family’s" in text
        assert "Your rights, and where to complain" in text
        return
    assert f"If it is wrong {where}" in text
    if case.who in ("family", "law"):
        assert ("Set by Mum, " if case.since else "Set by unknown") in text
    if case.who in ("band", "product"):
        assert f"Set by Qalqan {__version__}" in text
    if case.who == "product":
        assert "Who decided Part of the filter, in every home" in text
    if case.kind:
        assert f"Category {load_product().categories.by_id[case.kind].name['en']}" in text
    if case.lists:
        assert "On these lists Qalqan’s own list 20 November" in text


def test_what_is_open_has_nobody_who_refused_it(tmp_path: Path) -> None:
    with a_desk(tmp_path, Reason.OPEN, Case(name("www.example.org"), "", "")) as desk:
        assert desk.ask("why", host="www.example.org", device=TABLET)["decided"] is None


def test_sealed_and_malware_have_one_answer(tmp_path: Path) -> None:
    """tests/features/lists/test_sealing.py holds it with a sealed list: there is nothing in it that could
    differ.
    """
    with a_desk(tmp_path, Reason.REFUSED_FOR_EVERYONE, CASES[Reason.REFUSED_FOR_EVERYONE]) as desk:
        told = desk.ask("why", host="virus.example", device=TABLET)["decided"]
    assert told == {
        "who": "lists", "kind": None, "contest": "provider", "since": None, "by": None, "version": None,
        "lists": [],
    }  # fmt: skip


def test_the_age_is_of_the_setting_and_not_of_the_file(tmp_path: Path) -> None:
    case = CASES[Reason.FAMILY_BLOCK]
    with a_desk(tmp_path, Reason.FAMILY_BLOCK, case) as desk:
        desk.ask("edit", Role.OWNER, id="daughter", by="Mum", set={"block/other.example": True})
        answer = desk.ask("why", host="bad.example", device=TABLET)["decided"]
        newer = desk.ask("why", host="other.example", device=TABLET)["decided"]
    assert (answer["since"], newer["since"]) == ("2026-11-23", "2026-11-24")
