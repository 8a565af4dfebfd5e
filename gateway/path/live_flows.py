"""Stores decided flows that may still be running, with their names and class.

The kernel forwards them without the daemon. When a profile changes, its flows here are judged again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from gateway.policy.values import Observation

MAX_LIVE = 8192  # 700 bytes each; a busy family has some hundred at a time


class FlowId(NamedTuple):
    """The identity of a flow as the device sees it, before NAT: slot, protocol, addresses and ports.

    ``slot``: the number of a filtered device (docs/glossary.md).
    """

    slot: int
    proto: int  # IP protocol number
    src: bytes  # packed; the device
    sport: int
    dst: bytes
    dport: int


class LiveFlow(NamedTuple):
    """The basis of a running flow's verdict: the queries and hellos that were judged, and its class.

    The class is the number of the combination of time rules that applies to the flow.
    """

    observations: tuple[Observation, ...]  # the deciding one, and all others that the device sent on the flow
    class_number: int
    asks: bool  # plain HTTP: later requests are still queued
    services: tuple[str, ...] = ()  # recognised without a name: by address, first bytes or port


_NONE: dict[FlowId, LiveFlow] = {}


class LiveFlows:
    """Stores decided flows by id, at most ``limit``.

    If it is full, the slot with most flows loses its oldest. So a slot with many flows evicts none of a slot
    with fewer.
    """

    def __init__(self, limit: int = MAX_LIVE) -> None:
        self._limit = limit
        self._slots: dict[int, dict[FlowId, LiveFlow]] = {}  # of each slot, the oldest is first
        self._count = 0
        self._missed: set[FlowId] = set()  # flows that the last sweep did not find

    def put(self, flow: FlowId, live: LiveFlow) -> None:
        """Add or replace a flow, which becomes the newest of its slot.

        If the table is full, evict another.
        """
        self.drop(flow)
        self._missed.discard(flow)
        self._slots.setdefault(flow.slot, {})[flow] = live
        self._count += 1
        if self._count > self._limit:
            largest = max(self._slots.values(), key=len)
            self.drop(next(iter(largest)))

    def get(self, flow: FlowId) -> LiveFlow | None:
        """Return what is stored for a flow, or None. ``flow`` may be a plain tuple with the same values."""
        return self._slots.get(flow[0], _NONE).get(flow)

    def drop(self, flow: FlowId) -> None:
        of_slot = self._slots.get(flow.slot, _NONE)
        if flow in of_slot:
            del of_slot[flow]
            self._count -= 1

    def forget(self, slot: int) -> None:
        gone = self._slots.pop(slot, _NONE)
        self._count -= len(gone)
        self._missed.difference_update(gone)

    def of_slot(self, slot: int) -> Iterator[tuple[FlowId, LiveFlow]]:
        """Return an iterator over a copy of one slot's flows, with their ids, the oldest first.

        ``slot``: the number of a filtered device (docs/glossary.md). The caller may remove flows from the
        table meanwhile.
        """
        return iter(list(self._slots.get(slot, _NONE).items()))

    def items(self) -> Iterator[tuple[FlowId, LiveFlow]]:
        """Yield all flows with their ids; of each slot, the flow that was decided longest ago first.

        The table must not change meanwhile.
        """
        for flows in self._slots.values():
            yield from flows.items()

    def by_slot(self) -> dict[int, list[LiveFlow]]:
        """Return the list of flows of each slot that has any, by slot number."""
        return {slot: list(flows.values()) for slot, flows in self._slots.items() if flows}

    def sweep(self, there: Iterable[Iterable[object]]) -> Iterator[None]:
        """Drop flows that two consecutive sweeps did not find in the kernel's connection table.

        ``there``: in parts, the ids of the flows in that table. Yields after each part, so that the caller
        can do other work; flows are dropped at the end. One sweep is not enough: a decided flow is stored
        here before the kernel knows its verdict.
        """
        missing = {flow for flows in self._slots.values() for flow in flows}
        for part in there:
            missing.difference_update(part)
            yield
        ended = missing & self._missed
        for flow in ended:
            self.drop(flow)
        self._missed = missing - ended

    def __contains__(self, flow: object) -> bool:
        return isinstance(flow, tuple) and flow in self._slots.get(flow[0], _NONE)

    def __len__(self) -> int:
        return self._count
