"""Stores decided flows that may still be running, with their names and class.

The kernel forwards them without the daemon. When a profile changes, its flows here are judged again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from gateway.policy.values import Observation

MAX_LIVE = 8192  # 700 bytes each; a busy family has some hundred at a time


class FlowId(NamedTuple):
    """A flow as the device sees it, before NAT."""

    slot: int
    proto: int  # IP protocol number
    src: bytes  # packed; the device
    sport: int
    dst: bytes
    dport: int


class LiveFlow(NamedTuple):
    """The basis of a running flow's verdict: the queries and hellos that were judged, and its class."""

    observations: tuple[Observation, ...]  # the deciding one, and all others that the device sent on the flow
    class_number: int
    asks: bool  # plain HTTP: later requests are still queued
    services: tuple[str, ...] = ()  # recognised without a name: by address, first bytes or port


class LiveFlows:
    """A bounded table of decided flows by id; the flow that was decided longest ago is evicted first."""

    def __init__(self, limit: int = MAX_LIVE) -> None:
        self._limit = limit
        self._flows: dict[FlowId, LiveFlow] = {}  # the oldest is first
        self._missed: set[FlowId] = set()  # flows that the last sweep did not find

    def put(self, flow: FlowId, live: LiveFlow) -> None:
        """Add or replace a flow, which becomes the newest."""
        self._flows.pop(flow, None)
        self._flows[flow] = live
        if len(self._flows) > self._limit:
            del self._flows[next(iter(self._flows))]

    def get(self, flow: FlowId) -> LiveFlow | None:
        return self._flows.get(flow)

    def drop(self, flow: FlowId) -> None:
        self._flows.pop(flow, None)

    def forget(self, slot: int) -> None:
        for flow, _ in self.of_slot(slot):
            del self._flows[flow]
            self._missed.discard(flow)

    def of_slot(self, slot: int) -> Iterator[tuple[FlowId, LiveFlow]]:
        """Return an iterator over the ids and flows of one slot; the caller may drop flows meanwhile."""
        return iter([item for item in self._flows.items() if item[0].slot == slot])

    def items(self) -> Iterator[tuple[FlowId, LiveFlow]]:
        """Return an iterator over all ids and flows, the flow that was decided longest ago first."""
        return iter(self._flows.items())

    def by_slot(self) -> dict[int, list[LiveFlow]]:
        """Return slot → its flows, for all slots in one pass."""
        found: dict[int, list[LiveFlow]] = {}
        for flow, live in self._flows.items():
            found.setdefault(flow.slot, []).append(live)
        return found

    def sweep(self, there: Iterable[object]) -> int:
        """Drop flows that two consecutive sweeps did not find in ``there``.

        Return the number of dropped flows.

        ``there``: the ids of flows in the kernel's connection table, read once. One sweep is not enough: a
        decided flow is stored here before the kernel knows its verdict.
        """
        missing = set(self._flows)
        missing.difference_update(there)
        ended = missing & self._missed
        for flow in ended:
            del self._flows[flow]
        self._missed = missing - ended
        return len(ended)

    def __contains__(self, flow: object) -> bool:
        return flow in self._flows

    def __len__(self) -> int:
        return len(self._flows)
