"""What is kept of decisions, what that saves, and that there is always one."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.policy.judge import decide
from gateway.policy.judge.decide import Judge
from gateway.policy.time.standing import PLAIN, Situation
from gateway.policy.values import Fault, Observation, Proto, Verdict
from tests.policy.decided import DAY, JUDGE, NIGHT, PAUSED, QUARANTINED, USED_UP, verdict
from tests.policy.homes import (
    a_judge,
    asks,
    connects,
)

# What is kept.


def test_names_are_kept_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decide, "NAMES_KEPT", 10)
    judge = a_judge("band: 10-12")
    for number in range(100):
        assert verdict(asks(f"n{number}.example"), judge=judge)[0] == "allow"
        assert verdict(asks("porn.example"), judge=judge)[0] == "block"
    kept = judge._recent_hosts | judge._older_hosts
    assert len(kept) <= 20
    assert "porn.example" in kept  # in use, so still known
    assert "n0.example" not in kept


def test_equal_answers_are_one_value() -> None:
    judge = a_judge("band: 10-12")
    first = judge.decide(asks("one.example"), PLAIN, DAY)
    assert judge.decide(asks("two.example"), PLAIN, DAY) is first


def test_a_thousand_names_cost_little() -> None:
    judge = a_judge("band: 10-12")
    judge.decide(asks("warm.example"), PLAIN, DAY)
    hosts = [f"host{number}.example" for number in range(1000)]
    tracemalloc.start()
    for host in hosts:
        judge.decide(asks(host), PLAIN, DAY)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used < 250 * len(hosts)


def test_situations_are_kept_apart_and_bounded() -> None:
    judge = a_judge("band: 10-12")
    for _ in range(3 * decide.SITUATIONS_KEPT):
        situation = Situation(paused_until=NIGHT)
        assert verdict(asks("www.example.org"), situation, judge=judge) == ("block", "paused")
        assert verdict(asks("www.example.org"), judge=judge) == ("allow", "open")
    assert len(judge._situations) <= decide.SITUATIONS_KEPT


def test_a_standing_is_worked_out_again_when_the_clock_goes_back() -> None:
    judge = a_judge("band: 10-12")
    for at, expected in ((NIGHT, "block"), (DAY, "allow"), (NIGHT, "block")):
        assert verdict(asks("www.example.org"), at=at, judge=judge)[0] == expected


def test_what_is_kept_costs_a_fraction_of_a_new_name() -> None:
    """A tenth; how many questions a second that makes is in `make bench`."""
    seen, numbers = connects("www.youtube.com"), count()
    JUDGE.decide(seen, PLAIN, DAY)

    def best(runs: int, observation: Callable[[], Observation]) -> float:
        times = []
        for _ in range(5):
            todo = [observation() for _ in range(runs)]
            start = process_time()
            for one in todo:
                JUDGE.decide(one, PLAIN, DAY)
            times.append((process_time() - start) / runs)
        return min(times)

    kept = best(2000, lambda: seen)
    new = best(500, lambda: connects(f"www.h{next(numbers)}.example.org"))
    print(f"kept: {kept * 1e6:.1f} µs, new: {new * 1e6:.1f} µs")
    assert kept * 3 < new


HOSTS = st.one_of(
    st.none(),
    st.sampled_from(
        ["porn.example", "www.google.com", "childline.org.uk", "captive.apple.com", "printer.lan", "x"]
    ),
    st.from_regex(r"([a-z0-9_-]{1,10}\.){0,4}[a-z0-9-]{1,10}", fullmatch=True),
)


@given(
    st.builds(
        Observation,
        proto=st.sampled_from(Proto),
        host=HOSTS,
        dst=st.binary(max_size=16),
        dport=st.integers(0, 65535),
        qtype=st.integers(0, 65535),
        fault=st.one_of(st.none(), st.sampled_from(Fault)),
    ),
    st.sampled_from(["0-5", "6-9", "10-12", "13-15", "16-17", "adult"]),
    st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)),
    st.sampled_from([PLAIN, PAUSED, QUARANTINED, USED_UP]),
)
@settings(max_examples=300, deadline=None)
def test_every_observation_has_one_decision(
    seen: Observation, band: str, at: datetime, situation: Situation
) -> None:
    judge = _judges.setdefault(band, a_judge(f"band: {band}"))
    now = at.replace(tzinfo=UTC)
    decision = judge.decide(seen, situation, now)
    assert decision == judge.decide(seen, situation, now)
    assert decision.rule
    assert decision.owner
    assert (decision.rewrite is not None) is (decision.verdict is Verdict.REWRITE)
    assert decision.verdict is not Verdict.BLOCK or not decision.gates
    explained = judge.decide(seen, situation, now, explain=True)
    assert replace(explained, passed=(), until=decision.until) == decision


_judges: dict[str, Judge] = {}
