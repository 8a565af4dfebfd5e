"""A device that may be somebody's has nothing that it would not have had without the likeness."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.policy.judge.combined import CombinedJudge, aligned_profiles
from gateway.policy.judge.decide import Judge
from gateway.policy.profile.profile import Profile, guest_profile, home_profile
from gateway.policy.time.gates import DEVICE
from gateway.policy.time.time_rules import PLAIN, GateOpening, Situation
from gateway.policy.values import Observation, Proto, Verdict
from tests.policy.homes import CALENDAR, TABLE, a_profile, almaty, asks, connects, product, the_world

TEXTS = {
    "toddler": "band: 0-5\nallow: [casino.example]",
    "small": "band: 6-9\nlimits: {internet: 1h}",
    "daughter": "band: 10-12\nblock: [plays.example]\nwindows: {play: {school: ['16:00-18:00'], free: []}}",
    "son": "band: 13-15\nsafe_search: moderate\nallow: [casino.example, 'category:adult']\nbedtime: {}",
    "teen": "band: 16-17\nsafe_search: off\nfailure: open\nstrict: true",
    "mum": "band: adult",
}
CHILDREN = ("toddler", "small", "daughter", "son", "teen")
HOSTS = (*TABLE, "www.example.org", "www.google.com", "www.youtube.com", "pbskids.org", "childline.org.uk")
NOON = almaty("2026-11-25T12:00")


@cache
def profiles() -> dict[str, Profile]:
    people = {key: a_profile(text, key) for key, text in TEXTS.items()}
    guest = guest_profile(people.values(), product().bands)
    return {**people, "guest": guest, "home": home_profile(product().bands)}


@cache
def judges(mine: str, other: str) -> tuple[CombinedJudge, Judge, Judge, list[Situation]]:
    """The joint one, each alone, and where the other's situation is."""
    one, two = aligned_profiles(profiles()[mine], profiles()[other])
    place = [PLAIN]
    plain = Judge(two, the_world(), CALENDAR)
    joint = CombinedJudge(one, the_world(), CALENDAR, plain, lambda: place[0])
    alone = [Judge(profiles()[key], the_world(), CALENDAR) for key in (mine, other)]
    return joint, alone[0], alone[1], place


situations = st.builds(
    Situation,
    quarantined=st.booleans(),
    paused_until=st.none() | st.just(NOON + timedelta(hours=30)),
    off_until=st.none() | st.just(NOON + timedelta(hours=3)),
    grants=st.lists(
        st.builds(
            GateOpening, gate=st.sampled_from(("bedtime", "play")), until=st.just(NOON + timedelta(hours=12))
        ),
        max_size=2,
    ).map(tuple),
    day=st.just(NOON.date()),
    used=st.dictionaries(st.sampled_from(("internet", "play")), st.integers(0, 300), max_size=2),
    clock_known=st.booleans(),
)
seen = st.sampled_from(HOSTS).flatmap(
    lambda host: st.sampled_from((asks(host), connects(host), connects(host, proto=Proto.HTTP)))
) | st.sampled_from((connects(None), Observation(Proto.UDP, None, b"\xc6\x33\x64\x07", 51820)))


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(CHILDREN),
    st.sampled_from(["guest", "home", *sorted(TEXTS)]),
    seen,
    situations,
    situations,
    st.integers(0, 7 * 24 * 60).map(lambda minutes: NOON + timedelta(minutes=minutes)),
)
def test_what_either_refuses_is_refused(
    mine: str, other: str, seen: Observation, situation: Situation, others: Situation, now: datetime
) -> None:
    joint, one, two, place = judges(mine, other)
    others = place[0] = replace(others, off_until=situation.off_until)  # filtering is off for everyone
    together = joint.decide(seen, situation, now)
    apart = (one.decide(seen, situation, now), two.decide(seen, others, now))
    if together.allowed:
        assert all(each.allowed for each in apart)
        # What closes either closes a flow that runs.
        standing = joint.standing(situation, now)
        assert standing.closing(together.gates) is None
        for each, judge, how in zip(apart, (one, two), (situation, others), strict=True):
            assert each.gates <= together.gates | {"uncounted"}
            assert standing.until <= judge.standing(how, now).until or not judge.profile.filtered
    elif seen.proto is not Proto.DNS and all(each.allowed for each in apart):
        assert seen.host in ("www.google.com", "www.youtube.com"), "only searches are sent elsewhere"


def test_searches_of_both_go_to_the_same_place() -> None:
    joint, *_, place = judges("son", "guest")
    place[0] = PLAIN
    answer = joint.decide(asks("www.youtube.com"), PLAIN, NOON)
    strict = Judge(profiles()["guest"], the_world(), CALENDAR).decide(asks("www.youtube.com"), PLAIN, NOON)
    assert answer.verdict is Verdict.REWRITE
    assert answer.rewrite == strict.rewrite


@pytest.mark.parametrize("mine", CHILDREN)
def test_nothing_of_it_is_written_down_and_it_fails_as_the_stricter(mine: str) -> None:
    one, _ = aligned_profiles(profiles()[mine], profiles()["guest"])
    assert one.rules.log_level == 0
    assert one.closes
    assert one.id == mine
    one, same = aligned_profiles(profiles()[mine], profiles()["home"])
    assert same is profiles()["home"]
    assert one.closes is profiles()[mine].closes


def test_a_pause_of_the_child_holds_and_a_grant_lifts_one_side_alone() -> None:
    joint, *_, place = judges("son", "guest")
    place[0] = PLAIN
    paused = Situation(paused_until=NOON + timedelta(hours=1))
    assert DEVICE in joint.standing(paused, NOON).closed
    night = almaty("2026-11-25T23:30")
    granted = Situation(grants=(GateOpening("bedtime", night + timedelta(minutes=15)),))
    assert not joint.decide(asks("www.example.org"), granted, night).allowed, "guests are in bed"
    place[0] = granted
    assert joint.decide(asks("www.example.org"), granted, night).allowed
    place[0] = PLAIN


def test_why_names_the_rule_of_whoever_refuses() -> None:
    joint, *_, place = judges("son", "guest")
    place[0] = PLAIN
    told = joint.decide(asks("casino.example"), PLAIN, NOON, explain=True)
    assert not told.allowed
    assert told.rule.startswith("band 10-12: category:gambling")


def test_why_lists_the_steps_of_the_profile_that_decided() -> None:
    joint, *_, place = judges("son", "guest")
    place[0] = PLAIN
    _, guest = aligned_profiles(profiles()["son"], profiles()["guest"])
    alone = Judge(guest, the_world(), CALENDAR).decide(asks("casino.example"), PLAIN, NOON, explain=True)
    found = joint.decide(asks("casino.example"), PLAIN, NOON, explain=True)
    assert found.passed == alone.passed
