"""Ways around the filter, and how a child of a strict band is judged on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from ipaddress import ip_address

from gateway.policy.judge.decide import Judge
from gateway.policy.judge.world import World
from gateway.policy.time.time_rules import PLAIN, Situation
from gateway.policy.values import Observation
from tests.policy.homes import (
    TABLE,
    a_judge,
    almaty,
    table,
    the_world,
)

DAY, NIGHT = almaty("2026-11-24T12:00"), almaty("2026-11-24T23:00")
RESOLVER, RELAY, OTHER = (ip_address(one).packed for one in ("192.0.2.7", "192.0.2.9", "198.51.100.7"))
KNOWN = ip_address("9.9.9.9").packed  # of the product's own data
LISTED = {"192.0.2.7": {"proxy_vpn_doh"}, "2001:db8::7": {"proxy_vpn_doh"}, "192.0.2.9": {"tor"}}
WORLD = replace(the_world(), table=table({**TABLE, **LISTED}))


class Gave:
    """Answers that a device got: of the gateway's own resolver, and ``rumours`` of another one."""

    def __init__(
        self, answers: Mapping[str, Iterable[bytes]], rumours: Mapping[str, Iterable[bytes]] | None = None
    ) -> None:
        self._answers = {host: set(found) for host, found in answers.items()}
        self._rumours = {host: set(found) for host, found in (rumours or {}).items()}

    def gave(self, host: str, address: bytes) -> bool:
        return any(address in one.get(host, ()) for one in (self._answers, self._rumours))

    def vouched(self, host: str, address: bytes) -> bool:
        return address in self._answers.get(host, ())

    def hosts(self, address: bytes) -> list[str]:
        return [host for host, found in self._answers.items() if address in found]


def judge_of(text: str, world: World = WORLD) -> Judge:
    return a_judge(text, world)


CHILD = judge_of("band: 10-12")


def told(seen: Observation, judge: Judge = CHILD, situation: Situation = PLAIN) -> tuple[str, str]:
    decision = judge.decide(seen, situation, DAY)
    return str(decision.verdict), str(decision.reason)
