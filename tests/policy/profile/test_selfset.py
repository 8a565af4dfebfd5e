"""What a child of 16 or 17 sets for itself: only ever on top, and told as its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.age.bands import AgeBand
from gateway.policy.judge.decide import Judge
from gateway.policy.judge.explanation import sentence
from gateway.policy.profile.profile import Profile, guest_profile
from gateway.policy.profile.rule_file import rules_to_yaml
from gateway.policy.profile.self_set import MOST_LIMITS, OwnSetting, chosen, may_set, self_set, with_self_set
from gateway.policy.time.gates import BEDTIME
from gateway.policy.time.schedule import next_wake, plan
from gateway.policy.time.time_rules import Situation, standing
from gateway.policy.values import Observation, Proto
from tests.policy.homes import ALMATY, CALENDAR, a_profile, a_world, product, refusal, words
from tests.policy.scheduled import local

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
TARGETS = ("internet", "play", "category:games", "category:social_networks", "service:youtube")


def with_own(profile: Profile, **own: object) -> Profile:
    """``limits`` by target beside ``bedtime``."""
    limits = own.pop("limits", {})
    assert isinstance(limits, dict)
    changes = {**own, **{f"limits/{target}": value for target, value in limits.items()}}
    return with_self_set(profile, self_set(chosen((), changes, AT, words()), profile.name, words()))


def teen(extra: str = "") -> Profile:
    return a_profile(f"{{name: Aruzhan, band: 16-17{', ' if extra else ''}{extra}}}")


def closed(profile: Profile, at: str, situation: Situation | None = None) -> dict[str, str]:
    found = standing(profile, situation or Situation(), CALENDAR, local(at))
    return {gate: one.owner for gate, one in found.closed.items()}


def test_a_bedtime_of_its_own_closes_and_says_whose_it_is() -> None:
    child = with_own(teen(), bedtime={"school": "22:00-07:00", "free": "23:00-08:00"})
    assert closed(child, "2026-11-24T21:59") == {}
    assert closed(child, "2026-11-24T22:00") == {BEDTIME: "self:Aruzhan"}
    assert closed(child, "2026-11-27T22:30") == {}, "Friday evening is a free night"
    judge, world = Judge(child, a_world(), CALENDAR), Observation(Proto.DNS, "example.org")
    now = local("2026-11-24T22:30")
    decision = judge.decide(world, Situation(), now)
    assert sentence(decision, "example.org", now) == (
        "It is bedtime: the internet is blocked until 07:00. This is Aruzhan's own choice."
    )


def test_of_two_bedtimes_both_hold_and_what_others_set_is_told_as_theirs() -> None:
    child = with_own(teen('bedtime: "23:00-06:00"'), bedtime="22:00-07:00")
    told = [closed(child, f"2026-11-{at}") for at in ("24T22:30", "24T23:00", "25T05:59", "25T06:00")]
    assert told == [
        {BEDTIME: "self:Aruzhan"},
        {BEDTIME: "family"},
        {BEDTIME: "family"},
        {BEDTIME: "self:Aruzhan"},
    ]
    assert closed(child, "2026-11-25T07:00") == {}
    found = standing(child, Situation(), CALENDAR, local("2026-11-24T22:30"))
    assert found.closed[BEDTIME].until == local("2026-11-25T07:00")
    assert found.until == local("2026-11-24T23:00"), "then it is another's rule"


def test_of_two_limits_the_shorter_holds() -> None:
    family = teen("limits: {internet: 2h, play: 30m}")
    child = with_own(family, limits={"internet": "1h", "play": "3h", "category:games": {"free": "20m"}})
    day = next(iter(plan(child, CALENDAR, {}, local("2026-11-28T12:00").date())))
    told = {target: (one.value // timedelta(minutes=1), one.owner) for target, one in day.limits.items()}
    assert told == {
        "internet": (60, "self:Aruzhan"),
        "play": (30, "family"),
        "category:games": (20, "self:Aruzhan"),
    }


def test_a_date_of_the_familys_lifts_what_the_family_set_and_not_what_the_child_set() -> None:
    dated = teen("dates: {2026-11-24: {bedtime: {}, limits: {internet: {}}}}, limits: {internet: 1h}")
    child = with_own(dated, bedtime="22:00-07:00", limits={"internet": "90m"})
    assert closed(child, "2026-11-24T22:30") == {BEDTIME: "self:Aruzhan"}
    used = Situation(day=local("2026-11-24T12:00").date(), used={"internet": 90})
    assert closed(child, "2026-11-24T12:00", used) == {"internet": "self:Aruzhan"}


def test_the_file_says_what_it_said() -> None:
    family = teen("limits: {internet: 2h}")
    child = with_own(family, bedtime="22:00-07:00", limits={"category:games": "1h"})
    assert rules_to_yaml(child.rules) == rules_to_yaml(family.rules)
    assert with_self_set(child, None).rules == family.rules, "and taken back, nothing of it is left"
    assert with_self_set(child, child.rules.self_set) is child


def test_a_pause_ends_no_sooner_and_guests_sleep_as_long() -> None:
    """A bedtime of five minutes in the afternoon would otherwise be a way out of a pause."""
    family = teen('bedtime: "23:00-07:00"')
    child = with_own(family, bedtime="15:00-15:05")
    at = local("2026-11-24T14:00")
    wakes = [next_wake(one.rules.bedtime, CALENDAR, at, one.rules.dates) for one in (family, child)]
    assert wakes[0] == wakes[1]
    bands = product().bands
    assert guest_profile([child], bands).rules.bedtime == guest_profile([family], bands).rules.bedtime


def test_only_where_times_are_suggestions() -> None:
    bands = product().bands
    able = {band for band in AgeBand if may_set(a_profile(f"{{name: Kid, band: '{band.value}'}}"), bands)}
    assert able == {AgeBand.AGE_16_17}


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"bedtime": "25:00-07:00"}, "no clock shows"),
        ({"bedtime": ["22:00-07:00"]}, "bedtime"),
        ({"bedtime": {"school": {"a": "b"}}}, "bedtime"),
        ({"limits/internet": "soon"}, "not a duration"),
        ({"limits/service:nobody": "1h"}, "no service"),
        ({"limits/category:malware": "1h"}, "blocked for everyone"),
        ({"limits/": "1h"}, "no time of one's own"),
        ({"windows/internet": "16:00-18:00"}, "no time of one's own"),
        ({"bedtime": 1.5}, "no rule has"),
        ({"bedtime": {f"{n}": "22:00-07:00" for n in range(20)}}, "too long"),
    ],
)
def test_what_no_rule_can_be_is_refused(changes: dict[str, object], word: str) -> None:
    assert word in refusal(lambda: chosen((), changes, AT, words()))


def test_there_are_so_many_and_no_more() -> None:
    kinds = [one for one in product().categories.choosable if one != "games"][: MOST_LIMITS + 1]
    changes = {f"limits/category:{one}": "1h" for one in kinds}
    assert "at most" in refusal(lambda: chosen((), changes, AT, words()))
    fit = chosen((), dict(list(changes.items())[:MOST_LIMITS]), AT, words())
    swapped = chosen(fit, {f"limits/category:{kinds[0]}": None, "limits/category:games": "1h"}, AT, words())
    assert len(swapped) == MOST_LIMITS


def test_one_is_turned_off_and_the_others_keep_their_day() -> None:
    before = chosen((), {"bedtime": "22:00-07:00", "limits/play": "1h"}, AT, words())
    later = AT + timedelta(days=1)
    after = chosen(before, {"bedtime": None, "limits/internet": {}}, later, words())
    assert after == (OwnSetting("limits/play", '"1h"', AT),)


def test_what_a_newer_catalogue_has_no_more_is_passed_over() -> None:
    kept = (OwnSetting("limits/service:gone", '"1h"', AT), OwnSetting("bedtime", '"22:00-07:00"', AT))
    found = self_set(kept, "Aruzhan", words())
    assert found is not None
    assert found.bedtime
    assert not found.limits
    assert self_set(kept[:1], "Aruzhan", words()) is None


_clock = st.integers(0, 95).map(lambda quarter: f"{quarter // 4:02}:{quarter % 4 * 15:02}")
_night = st.tuples(st.integers(80, 107).map(lambda quarter: quarter % 96), st.integers(20, 40)).map(
    lambda pair: "-".join(f"{one // 4:02}:{one % 4 * 15:02}" for one in pair)
)
_length = st.sampled_from(["0m", "15m", "1h", "2h", "3h"])


def _by_day(values: st.SearchStrategy[str]) -> st.SearchStrategy[object]:
    return st.one_of(values, st.fixed_dictionaries({"school": values}, optional={"free": values}))


_times = st.fixed_dictionaries(
    {},
    optional={
        "bedtime": _by_day(_night),
        "limits": st.dictionaries(st.sampled_from(TARGETS), _by_day(_length)),
    },
)
_dates: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "day": st.sampled_from(["school", "free"]),
        "bedtime": st.one_of(_night, st.just({})),
        "limits": st.dictionaries(st.sampled_from(TARGETS), st.one_of(_length, st.just({})), min_size=1),
    },
).filter(bool)


@pytest.mark.system  # a property test with many examples
@given(
    family=_times,
    own=_times,
    dated=st.none() | _dates,
    minute=st.integers(0, 7 * 24 * 60),
    used=st.dictionaries(st.sampled_from(TARGETS), st.integers(0, 200)),
    bonus=st.dictionaries(st.sampled_from(TARGETS), st.integers(0, 60)),
    clock_known=st.booleans(),
)
def test_nothing_is_ever_more_open_than_without(
    family: dict[str, object], own: dict[str, object], dated: dict[str, object] | None,
    minute: int, used: dict[str, int], bonus: dict[str, int], clock_known: bool,
) -> None:  # fmt: skip
    from gateway.policy.yaml.documents import flow

    said = {"name": "Aruzhan", "band": "16-17", **family}
    if dated is not None:
        said["dates"] = {"2026-11-24": dated}
    without = a_profile(flow(said))  # type: ignore[arg-type]
    child = with_own(without, **dict(own))
    now = datetime(2026, 11, 23, tzinfo=ALMATY) + timedelta(minutes=minute)
    day = CALENDAR.family_day(now)
    situation = Situation(day=day, used=used, bonus=bonus, clock_known=clock_known)
    before, after = (standing(one, situation, CALENDAR, now) for one in (without, child))
    assert before.closed.keys() <= after.closed.keys()
    for gate, budget in before.budgets.items():
        assert after.budgets[gate].left <= budget.left
    for gate, closing in before.closed.items():
        until, later = closing.until, after.closed[gate].until
        assert later is None or (until is not None and until <= later)
    for host in ("plays.example", "films.example", "example.org"):
        judges = (Judge(one, a_world(), CALENDAR) for one in (without, child))
        first, second = (one.decide(Observation(Proto.TLS, host), situation, now) for one in judges)
        assert second.allowed <= first.allowed
    if not own:
        assert child is without
