"""What is kept of addresses and flows, and its bounds."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.policy.judge import bypass as around
from gateway.policy.time.standing import PLAIN
from gateway.policy.values import Fault
from tests.policy.around import DAY, LISTED, OTHER, RESOLVER, WORLD, judge_of, told
from tests.policy.homes import (
    asks,
    connects,
)

# What is kept.


class Counting:
    def __init__(self) -> None:
        self.asked: list[str] = []

    def categories(self, host: str) -> frozenset[str]:
        self.asked.append(host)
        return frozenset(LISTED.get(host, ()))

    entry = categories


def test_an_address_is_looked_up_once() -> None:
    counting = Counting()
    judge = judge_of("band: 13-15", replace(WORLD, table=counting))
    for number in range(20):
        for host in ("www.wikipedia.org", "example.org", None):
            assert told(connects(host, OTHER), judge)[0] == "allow"
            judge.decide(asks("www.wikipedia.org"), PLAIN, DAY + timedelta(seconds=number))
    assert counting.asked.count("198.51.100.7") == 1


def test_what_is_kept_of_a_flow_says_nothing_of_its_name() -> None:
    judge = judge_of("band: 13-15")
    seen = connects("mask.icloud.com", OTHER)._replace(fault=Fault.NO_NAME, alpn=("h2",))
    for _ in range(2):
        assert told(connects("example.org", OTHER), judge)[0] == "allow"
        assert told(seen, judge) == ("block", "relay")


def test_long_lists_of_protocols_are_not_kept() -> None:
    judge = judge_of("band: 13-15")
    for number in range(100):
        offered = tuple(f"{number}-{one}" for one in range(around.LONGEST_ALPN + 1))
        assert told(connects("example.org", OTHER)._replace(alpn=offered), judge)[0] == "allow"
        dot = connects("example.org", OTHER)._replace(alpn=(*offered, "dot"))
        assert told(dot, judge) == ("block", "encrypted_dns")
    assert len(judge._plain_alpns) <= 1


def test_kept_addresses_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(around, "ADDRESSES_KEPT", 10)
    judge = judge_of("band: 13-15")
    for number in range(100):
        told(connects("www.wikipedia.org", bytes([198, 51, 100, number])), judge)
        assert told(connects("www.wikipedia.org", RESOLVER), judge) == ("block", "encrypted_dns")
    assert len(judge._plain_addresses) <= 10
