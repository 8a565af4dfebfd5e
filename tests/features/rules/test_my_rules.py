"""*My rules* is what decides: a child that reads nothing else knows what each site meets, and when."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings

from gateway.control.protocol import encode
from gateway.core.errors import PolicyError
from gateway.features.rules.describe import device_state, profile_rules
from gateway.household.loading import vocabulary
from gateway.household.rule_book import RuleBook
from gateway.policy.judge.decide import Judge
from gateway.policy.profile import self_set as selfset
from gateway.policy.profile.profile import Profile
from gateway.policy.time.gates import counted_gates
from gateway.policy.time.schedule import calendar_for, limit_on
from gateway.policy.time.time_rules import Situation
from gateway.policy.values import Decision, Fault, Observation, Proto, Reason
from tests.features.rules.anyrules import ALMATY, BESIDE, MINE, MOMENTS, RULES, TABLE, Beside, sites_of
from tests.features.rules.reading import Line, Reader, Site, Told
from tests.household.household_files import DAUGHTER, write
from tests.policy.homes import table

pytestmark = pytest.mark.system  # a property test with many examples

ANY_RULES = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
NOTHING: Mapping[str, Any] = {}
STATES = {
    Reason.PAUSED: "paused", Reason.BEDTIME: "bedtime", Reason.WINDOW: "window",
    Reason.OUT_OF_TIME: "out_of_time",
}  # fmt: skip
WAYS = {
    "ways:vpn": Observation(Proto.WIREGUARD, None, b"\xc6\x33\x64\x07", 51820),
    "ways:ssh": Observation(Proto.SSH, None, b"\xc6\x33\x64\x07", 22),
    "ways:proxy": Observation(Proto.SOCKS, None, b"\xc6\x33\x64\x07", 1080),
    "ways:encrypted_dns": Observation(Proto.TLS, "dns.example", b"\xc6\x33\x64\x07", 853),
    "ways:ech": Observation(Proto.TLS, "front.example", b"\xc6\x33\x64\x07", 443, fault=Fault.ECH),
}


@pytest.fixture(scope="module", params=[False, True], ids=["no register", "a register is on"])
def rules(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> RuleBook:
    folder: Path = tmp_path_factory.mktemp("home")
    settings: dict[str, object] = (
        {"registers": {"kz": {"file": "/registers/kz.txt", "on": True, "by": "Mum"}}} if request.param else {}
    )
    book = RuleBook(write(folder, {"daughter": DAUGHTER}, **settings))
    book.world = replace(book.world, table=table(TABLE))
    return book


class Child:
    """The rules, as the judge has them and as the page tells them."""

    def __init__(
        self,
        book: RuleBook,
        said: dict[str, Any],
        beside: Beside,
        now: datetime,
        mine: Mapping[str, Any] = NOTHING,
    ) -> None:
        source = yaml.safe_dump(said).encode()
        try:
            profile = book.profile_of(source, Path("daughter.yaml"))
        except PolicyError:
            assume(False)
        assume(profile.filtered)
        profile = _with_own(book, profile, mine, now)
        self.now, self.beside = now, beside
        self.judge = Judge(profile, book.world, book.calendar)
        self.family_day = book.calendar.family_day(now)
        self.situation = Situation(
            paused_until=now + timedelta(minutes=beside.paused) if beside.paused else None,
            off_until=now + timedelta(minutes=beside.off) if beside.off else None,
            day=self.family_day,
            used=beside.used,
            bonus=beside.bonus,
            allowed=tuple((entry, now + timedelta(minutes=minutes)) for entry, minutes in beside.opened),
        )
        told = profile_rules(self.judge, book, self.situation, now)
        self.state = _sent(device_state(self.judge, self.situation, now, book))
        self.told: Told = _sent(told)
        self.page = Reader(self.told)
        self.sites = sites_of(book.world, said["band"])

    def meets(self, site: Site, at: datetime | None = None) -> Decision:
        return self.judge.decide(_asks(site.host), self.situation, at or self.now)

    def meets_at_any_hour(self, seen: Observation) -> Decision:
        opened = Situation(timeless=True, allowed=self.situation.allowed)
        return self.judge.decide(seen, opened, self.now)


def _with_own(book: RuleBook, profile: Profile, mine: Mapping[str, Any], now: datetime) -> Profile:
    """With what a child of that age set for itself."""
    if not mine or not selfset.may_set(profile, book.household.bands):
        return profile
    words = vocabulary(book.product)
    try:
        chosen = selfset.chosen((), mine, now, words)
    except PolicyError:
        assume(False)
    return selfset.with_self_set(profile, selfset.self_set(chosen, profile.name, words))


def _sent(answer: object) -> dict[str, Any]:
    """As it comes over the socket."""
    return cast("dict[str, Any]", json.loads(encode(cast("Any", answer))))


def _asks(host: str) -> Observation:
    return Observation(Proto.DNS, host, qtype=1, dport=53)


@ANY_RULES
@given(said=RULES, beside=BESIDE, now=MOMENTS)
def test_what_it_calls_open_and_closed_is(
    rules: RuleBook, said: dict[str, Any], beside: Beside, now: datetime
) -> None:
    child = Child(rules, said, beside, now)
    for site in child.sites:
        line, decision = child.page.site(site), child.meets_at_any_hour(_asks(site.host))
        assert _met(decision) == line.verdict, (site, line, decision)
        if line.target and not decision.allowed:
            assert decision.owner in child.page.owners(site, line), (site, line, decision)


def _met(decision: Decision) -> str:
    if decision.allowed:
        return "open"
    return "ask" if decision.askable else "block"


@ANY_RULES
@given(said=RULES, beside=BESIDE, now=MOMENTS, mine=MINE)
def test_what_it_says_of_this_hour_is_so(
    rules: RuleBook, said: dict[str, Any], beside: Beside, now: datetime, mine: dict[str, Any]
) -> None:
    child = Child(rules, said, beside, now, mine)
    state = _state_as_read(child, now)
    assert child.state["state"] == state
    for site in child.sites:
        decision = child.meets(site)
        if decision.reason is Reason.REGISTER:
            assert child.page.site(site).owner.startswith(
                "law:kz"
            )  # before any hour, and while filtering is off
        elif beside.off and not beside.paused:
            assert decision.reason is Reason.UNFILTERED
        elif state == "out_of_time" and _is_homework(child, site):
            # Of what is not open anyway the time may be the reason as well.
            is_open = child.page.site(site).verdict == "open"
            by_time = decision.reason is Reason.OUT_OF_TIME
            assert not decision.allowed if not is_open else not by_time or _own_closed(child, site, now)
        elif state != "open":
            assert STATES.get(decision.reason) == state, (site, decision, said, beside)
            assert _told_until(decision) == child.state["until"]
        elif child.page.site(site).verdict == "open":
            closed = _own_closed(child, site, now)
            assert decision.allowed is not bool(closed), (site, decision, closed)
            assert decision.allowed or decision.reason in closed


@ANY_RULES
@given(said=RULES, beside=BESIDE, now=MOMENTS, mine=MINE)
def test_until_when_it_says_is_when_it_changes(
    rules: RuleBook, said: dict[str, Any], beside: Beside, now: datetime, mine: dict[str, Any]
) -> None:
    child = Child(rules, said, replace(beside, paused=0, off=0), now, mine)
    until, state = child.state["until"], child.state["state"]
    assume(until is not None and state in ("bedtime", "window"))
    end = datetime.fromisoformat(until)
    assume(
        end.date() <= now.date() + timedelta(days=6)
    )  # as far as the page tells days that are not as others
    before = end - timedelta(minutes=1)
    closed = child.page.is_night if state == "bedtime" else lambda at: child.page.is_outside("internet", at)
    assert closed(before)
    assert not closed(end)


@ANY_RULES
@given(said=RULES, now=MOMENTS, mine=MINE)
def test_what_it_says_is_counted_is(
    rules: RuleBook, said: dict[str, Any], now: datetime, mine: dict[str, Any]
) -> None:
    child = Child(rules, said, Beside(), now, mine)
    for site in child.sites:
        decision = child.meets_at_any_hour(_asks(site.host))
        if decision.allowed:
            counted = {one for one in counted_gates(decision.gates) if _holds_today(child, one)}
            told = {one for one in child.page.counts_for(site) if _holds_today(child, one)}
            assert counted == told, (site, decision)
    for day in range(7):
        date_of = now.date() + timedelta(days=day)
        for target in {row["target"] for row in child.told["limits"]}:
            assert child.page.limit(target, date_of) == _limit(rules, child, target, date_of)


@ANY_RULES
@given(said=RULES, now=MOMENTS)
def test_a_way_around_is_refused_where_it_says_so_and_nowhere_else(
    rules: RuleBook, said: dict[str, Any], now: datetime
) -> None:
    child = Child(rules, said, Beside(), now)
    refused = {one["target"] for one in child.told["refused"]}
    for target, seen in WAYS.items():
        decision = child.meets_at_any_hour(seen)
        if target in refused:
            assert not decision.allowed, (target, decision)
        elif child.told["mode"] == "block-list" and "strict" not in refused and "unknown" not in refused:
            assert decision.allowed, (target, decision)


def _state_as_read(child: Child, at: datetime) -> str:
    """What the times, the limits and what was used say of the device as a whole."""
    beside, page = child.beside, child.page
    if beside.paused:
        return "paused"
    if beside.off:
        return "open"
    if page.is_night(at):
        return "bedtime"
    if page.is_outside("internet", at):
        return "window"
    return "out_of_time" if _is_spent(child, "internet") else "open"


def _is_spent(child: Child, target: str) -> bool:
    limit = child.page.limit(target, child.family_day)
    beside = child.beside
    return limit is not None and limit + beside.bonus.get(target, 0) <= beside.used.get(target, 0)


def _holds_today(child: Child, target: str) -> bool:
    return child.page.limit(target, child.family_day) is not None


def _is_homework(child: Child, site: Site) -> bool:
    return any(one["homework"] and child.page.is_of(site, one["target"]) for one in child.told["allowed"])


def _own_closed(child: Child, site: Site, at: datetime) -> set[Reason]:
    """Why a site that is open by the rules is closed just now, beside the device as a whole."""
    page = child.page
    targets = page.bound_by(site)
    closed = {Reason.WINDOW for one in targets if page.is_outside(one, at)}
    if not _is_homework(child, site):
        closed |= {Reason.OUT_OF_TIME for one in targets if _is_spent(child, one)}
    return closed


def _told_until(decision: Decision) -> str | None:
    return None if decision.until is None else decision.until.astimezone(ALMATY).isoformat(timespec="seconds")


def _limit(rules: RuleBook, child: Child, target: str, day: date) -> int | None:
    own = calendar_for(child.judge.profile, rules.calendar)
    found = limit_on(child.judge.profile.rules, target, day, own)
    return None if found is None else int(found.value / timedelta(minutes=1))


@given(line=MOMENTS)
def test_the_reader_is_no_judge(line: datetime) -> None:
    """A reader of an empty page takes nothing for refused: what it knows comes from the page."""
    empty: Told = {
        "mode": "block-list", "refused": [], "allowed": [], "opened": [], "approved": False, "counted": [],
        "uncounted": [], "bedtime": [], "windows": [], "limits": [], "days": [],
    }  # fmt: skip
    page = Reader(empty)
    assert page.site(Site("casino.example", categories=frozenset({"gambling"}))) == Line("open")
    assert not page.is_night(line)
