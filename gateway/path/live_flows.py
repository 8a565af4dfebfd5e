"""Decided flows that may still be running: who reaches which name in which class.

The kernel forwards them alone; this table is what a changed profile is held against.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Container, Iterator
from typing import NamedTuple

from gateway.policy.values import Observation

MAX_LIVE = 8192  # 450 bytes each; a busy family has some hundred at once


class FlowId(NamedTuple):
    """As the device sees it, before any translation of addresses."""

    slot: int
    proto: int  # IP protocol number
    src: bytes  # packed; the device
    sport: int
    dst: bytes
    dport: int


class LiveFlow(NamedTuple):
    observations: tuple[Observation, ...]  # what it was decided on, and all else that the device named on it
    class_number: int
    asks: bool  # plain HTTP: later requests come to the queue


class LiveFlows:
    """Bounded; the flow that was decided longest ago is forgotten first."""

    def __init__(self, limit: int = MAX_LIVE) -> None:
        self._limit = limit
        self._flows: OrderedDict[FlowId, LiveFlow] = OrderedDict()
        self._missed: set[FlowId] = set()  # that the last sweep did not find

    def put(self, flow: FlowId, live: LiveFlow) -> None:
        self._flows[flow] = live
        self._flows.move_to_end(flow)
        if len(self._flows) > self._limit:
            self._flows.popitem(last=False)

    def get(self, flow: FlowId) -> LiveFlow | None:
        return self._flows.get(flow)

    def drop(self, flow: FlowId) -> None:
        self._flows.pop(flow, None)

    def forget(self, slot: int) -> None:
        for flow, _ in self.of_slot(slot):
            del self._flows[flow]
            self._missed.discard(flow)

    def of_slot(self, slot: int) -> Iterator[tuple[FlowId, LiveFlow]]:
        """A copy, so that flows can be dropped meanwhile."""
        return iter([item for item in self._flows.items() if item[0].slot == slot])

    def by_slot(self) -> dict[int, list[LiveFlow]]:
        """All of them, in one pass."""
        found: dict[int, list[LiveFlow]] = {}
        for flow, live in self._flows.items():
            found.setdefault(flow.slot, []).append(live)
        return found

    def sweep(self, there: Container[object]) -> int:
        """Forget flows whose connection two sweeps in a row did not find ``there``. How many they were.

        Once alone says little: a flow that was just decided is put here before the kernel knows its verdict.
        """
        missing = {flow for flow in self._flows if flow not in there}
        ended = missing & self._missed
        for flow in ended:
            del self._flows[flow]
        self._missed = missing - ended
        return len(ended)

    def __len__(self) -> int:
        return len(self._flows)
