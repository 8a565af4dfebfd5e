from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.features.activity.recent_refusals import KEPT, RecentRefusals
from gateway.policy.values import Decision, Observation, Proto, Reason, Verdict

NOW = datetime(2026, 11, 24, 18, tzinfo=UTC)
REFUSED = Decision(Verdict.BLOCK, Reason.SERVICE, "block: service:tiktok", "family")


def seen(host: str) -> Observation:
    return Observation(Proto.DNS, host)


def test_ten_a_device_newest_first() -> None:
    recent = RecentRefusals()
    for number in range(12):
        assert recent.add(1, NOW + timedelta(seconds=number), seen(f"h{number}.example"), REFUSED)
    recent.add(2, NOW, seen("other.example"), REFUSED)
    hosts = [one.seen.host for one in recent.of(frozenset({1}), NOW + timedelta(seconds=12))]
    assert hosts == [f"h{number}.example" for number in range(11, 1, -1)]
    assert len(recent.of(frozenset({1, 2}), NOW, limit=30)) == KEPT + 1


def test_a_browser_that_asks_again_is_one_refusal_and_ten_minutes_are_the_end() -> None:
    recent = RecentRefusals()
    assert recent.add(1, NOW, seen("a.example"), REFUSED)
    assert not recent.add(1, NOW + timedelta(seconds=5), seen("a.example"), REFUSED)
    assert recent.add(1, NOW + timedelta(seconds=40), seen("a.example"), REFUSED)
    assert len(recent.of(frozenset({1}), NOW + timedelta(minutes=10, seconds=1))) == 1
    assert recent.of(frozenset({1}), NOW + timedelta(minutes=11)) == []
    assert recent.of(frozenset({1}), NOW - timedelta(hours=1)) == [], "it is yet to come"


def test_one_that_is_yet_to_come_hides_none() -> None:
    """Where time was taken to go back, as in the virtual home."""
    recent = RecentRefusals()
    assert recent.add(1, NOW + timedelta(days=2), seen("a.example"), REFUSED)
    assert recent.add(1, NOW, seen("a.example"), REFUSED)
    assert not recent.add(1, NOW - timedelta(seconds=5), seen("a.example"), REFUSED)
    assert [one.at for one in recent.of(frozenset({1}), NOW)] == [NOW]


def test_the_newest_of_two_rules_that_refuse_a_host_within_seconds_is_first() -> None:
    recent, night = RecentRefusals(), replace(REFUSED, reason=Reason.BEDTIME, rule="bedtime")
    named = replace(REFUSED, reason=Reason.SERVICE, rule="block: tiktok.com")
    for second, decision in enumerate((REFUSED, night, named, REFUSED, night)):
        recent.add(1, NOW + timedelta(seconds=second), seen("a.example"), decision)
    found = recent.of(frozenset({1}), NOW + timedelta(seconds=9))
    assert [one.decision for one in found] == [night, REFUSED, named]


@pytest.mark.parametrize("size", [timedelta(hours=-5), timedelta(days=400)])
def test_a_clock_that_is_set_makes_nothing_older_or_younger(size: timedelta) -> None:
    recent = RecentRefusals()
    recent.add(1, NOW, seen("a.example"), REFUSED)
    recent.shift(size)
    (one,) = recent.of(frozenset({1}), NOW + size + timedelta(minutes=9))
    assert one.at == NOW + size
    assert recent.of(frozenset({1}), NOW + size + timedelta(minutes=10)) == []


def test_forgotten_and_bounded() -> None:
    recent = RecentRefusals()
    for slot in range(300):
        recent.add(slot, NOW, seen("a.example"), REFUSED)
    assert recent.of(frozenset({0}), NOW) == []
    recent.forget(299)
    assert recent.of(frozenset({299}), NOW) == []
    assert recent.of(frozenset({298}), NOW)
