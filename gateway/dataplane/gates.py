"""What is open now, as the kernel's pass map has it: classes open and close at the rules' boundaries."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from math import ceil

from gateway.core.bus import Bus
from gateway.core.errors import GatewayError, KernelError
from gateway.core.loop import Loop, Timer
from gateway.dataplane.kernel_table import KernelTable
from gateway.household.members import Family, Member
from gateway.kernel.conntrack import Entry, FlowTuple
from gateway.kernel.marks import CUT, UPLOAD, FlowState, verdict_byte
from gateway.kernel.snapshot import MAX_LEASE, PassElement, Slot, Snapshot
from gateway.path.live_flows import FlowId, LiveFlow, LiveFlows
from gateway.policy.time.gates import counted_gates, joined
from gateway.policy.time.standing import Standing
from gateway.store.store import Store

RENEW = 30.0  # seconds; a third of the longest lease, so that two renewals may fail
MINUTE = 60  # seconds
BETWEEN = 0.55  # of a second of the wall, at which leases begin
GRACE = 0.5  # seconds; at a boundary `sync` comes before the leases of what stays open run out
LONGEST_SLEEP = 60.0  # seconds; a clock that is set meanwhile is noticed within them

_Opened = tuple[bool, object]
"""Of a standing: whether filtering is off, and what a guardian opened for a while."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ClassAdded:
    """A slot has a new connection class: the one of these gates."""

    slot: int
    gates: frozenset[str]
    number: int


class ClassNumbers:
    """Numbers the combinations of gates of a slot; stored, since connections outlive the daemon."""

    def __init__(self, store: Store, bus: Bus) -> None:
        self._store = store
        self._bus = bus

    def __call__(self, slot: int, gates: frozenset[str]) -> int:
        known = self._store.classes().get((slot, gates))
        if known is not None:
            return known
        number = self._store.class_number(slot, gates)
        self._bus.publish(ClassAdded(slot, gates, number))
        return number


class Enforcer:
    """Keeps the table in step with members and their situations."""

    def __init__(
        self,
        loop: Loop,
        table: KernelTable,
        family: Family,
        store: Store,
        live: LiveFlows,
        wall: Callable[[], datetime],
        changed: Callable[[frozenset[int]], None],
    ) -> None:
        """``changed`` hears of slots whose gates opened or closed."""
        self._loop = loop
        self._table = table
        self._family = family
        self._store = store
        self._live = live
        self._wall = wall
        self._changed = changed
        self._timer: Timer | None = None
        self._renewal: Timer | None = None
        self._open: dict[int, frozenset[int]] = {}
        self._opened: dict[int, _Opened] = {}
        self._ends: dict[tuple[int, int], float] = {}  # slot, class → when the kernel's lease runs out

    def admit(self, event: ClassAdded) -> None:
        """Put a new class into the pass map, before its first connection needs it."""
        slot, gates, number = event.slot, event.gates, event.number
        member = self._family.everybody.get(slot)
        if member is None:
            return
        at = self._wall()
        standing = member.judge.standing(member.situation, at)
        if standing.closing(gates) is not None:
            return
        element = PassElement(slot, number, self._lease(member, standing, gates, at))
        self._open[slot] = self._open.get(slot, frozenset()) | {number}
        now = self._table.snapshot
        self._table.update(replace(now, passes=(*now.passes, element)))
        self._note_ends([element], self._loop.now())

    def snapshot(self, base: Snapshot) -> Snapshot:
        """``base`` with everybody's slots and the plain devices; open classes are the work of ``sync``."""
        members = self._family.everybody
        slots = tuple(
            Slot(m.slot, m.macs, closed=m.profile.closes, kept_out=m.profile.band.is_child)
            for m in members.values()
        )
        return replace(
            base,
            slots=slots,
            guest=self._family.unknown,
            strangers=tuple(self._family.strangers.items()),
            plain=self._family.plain,
            passes=tuple(one for one in self._table.snapshot.passes if one.slot in members),
        )

    def _passes(self, at: datetime) -> tuple[PassElement, ...]:
        found: list[PassElement] = []
        self._open, self._opened = {}, {}
        classes = self._store.classes()
        for slot, member in self._family.everybody.items():
            standing = member.judge.standing(member.situation, at)
            open_now = {
                number: gates
                for (owner, gates), number in classes.items()
                if owner == slot and standing.closing(gates) is None
            }
            self._open[slot] = frozenset(open_now)
            self._opened[slot] = (standing.off, standing.opened)
            found += [
                PassElement(slot, number, self._lease(member, standing, open_now[number], at))
                for number in sorted(open_now)
            ]
        return tuple(found)

    @staticmethod
    def _lease(member: Member, standing: Standing, gates: frozenset[str], at: datetime) -> int | None:
        """Closed profiles' classes end at the next boundary even while no daemon runs; and where a limit is
        nearly used, no later than the minutes that are left of it.
        """
        if not member.profile.closes:
            return None
        left = (standing.until - at).total_seconds()
        if standing.budgets:
            budgets = [standing.budgets[one] for one in counted_gates(gates) if one in standing.budgets]
            left = min([left, *(MINUTE * one.left for one in budgets if one.left > 0)])
        return max(1, min(MAX_LEASE, ceil(left + GRACE)))  # nft counts in whole seconds

    def sync(self) -> None:
        """Bring situations and the pass map up to now, and wait for the next boundary."""
        at = self._wall()
        situated = self._family.situate(at)
        before, opened = self._open, self._opened
        self._bring(self._passes(at))
        moved = {slot for slot, classes in self._open.items() if before.get(slot, classes) != classes}
        if situated or moved:
            self._changed(situated | frozenset(moved))
        if any(self._opened[slot] != was for slot, was in opened.items() if slot in self._opened):
            self.rejudge()  # these have no gate of their own
        self._wait(at)

    def _bring(self, wanted: tuple[PassElement, ...]) -> None:
        """Put the pass map in step. A lease that runs out about when it should is left alone, so that its
        counter runs on; one that a boundary had shortened begins anew.
        """
        now = self._loop.now()
        running = {(one.slot, one.class_number): one for one in self._table.snapshot.passes}
        passes: list[PassElement] = []
        stale: list[PassElement] = []
        for one in wanted:
            there = running.get((one.slot, one.class_number))
            if there is not None and self._ends_well(one, now):
                passes.append(there)
                continue
            passes.append(one)
            if there == one:  # the same length, but it began too long ago
                stale.append(one)
        self._table.update(replace(self._table.snapshot, passes=tuple(passes)))
        self._table.renew(stale)
        kept = [one for one, chosen in zip(wanted, passes, strict=True) if chosen is one]
        self._note_ends(kept, now)

    def _ends_well(self, wanted: PassElement, now: float) -> bool:
        if wanted.lease is None:
            return (wanted.slot, wanted.class_number) not in self._ends
        ends = self._ends.get((wanted.slot, wanted.class_number))
        early = None if ends is None else now + wanted.lease - ends
        return early is not None and -1.0 <= early <= RENEW

    def _note_ends(self, begun: Iterable[PassElement], now: float) -> None:
        for one in begun:
            key = (one.slot, one.class_number)
            if one.lease is None:
                self._ends.pop(key, None)
            else:
                self._ends[key] = now + one.lease

    def _wait(self, at: datetime) -> None:
        if self._timer is not None:
            self._timer.cancel()
        ends = [m.judge.standing(m.situation, at).until for m in self._family.everybody.values()]
        delay = min([(end - at).total_seconds() for end in ends] + [LONGEST_SLEEP])
        self._timer = self._loop.call_later(max(0.0, delay), self.sync)

    def renew(self) -> None:
        """Begin all leases anew; the last one before a boundary ends half a second after it.

        Boundaries are at whole minutes, and nft counts in whole seconds: so leases begin between two of them.
        """
        if self._renewal is not None:
            self._renewal.cancel()
        try:
            passes = self._passes(self._wall())
            self._table.update(replace(self._table.snapshot, passes=passes))
            self._table.renew(one for one in passes if one.lease is not None)
            self._note_ends(passes, self._loop.now())
        except GatewayError as error:
            _log.error("%s", error)
        late = (self._wall().microsecond / 1e6 - BETWEEN) % 1
        self._renewal = self._loop.call_later(RENEW - late, self.renew)

    def rejudge(self) -> int:
        """Hold every live flow against the rules of now; those refused are cut. The number of cut ones."""
        at = self._wall()
        cut = 0
        for slot, subject in self._family.subjects.items():
            decide = subject.running or subject.decide
            for flow, live in self._live.of_slot(slot):
                decisions = [decide(one, at) for one in live.observations]
                gates = joined(one.gates for one in decisions)
                number = subject.class_number(gates) if all(one.allowed for one in decisions) else 0
                if number == live.class_number:
                    continue
                if not self._mark(flow, number, asks=live.asks) or not number:
                    self._live.drop(flow)
                    cut += not number
                else:
                    self._live.put(flow, live._replace(class_number=number))
        return cut

    def reclass(self, flow: FlowId, live: LiveFlow) -> None:
        """A request on a running connection put it into another class."""
        self._mark(flow, live.class_number, asks=live.asks)

    def uploads(self, flow: FlowId) -> None:
        """From now on the packets of its LAN side count as an upload's, not as those of new connections."""
        self._put(flow, UPLOAD)

    def refuse(self, flow: FlowId) -> None:
        """An undecided flow was forgotten half-read: its next packet finds it refused."""
        try:
            self._put(flow, verdict_byte(FlowState.REFUSED))
        except KernelError as error:
            _log.error("%s", error)

    def _mark(self, flow: FlowId, number: int, *, asks: bool) -> bool:
        """Give a running flow another class (0: cut it); False when it has ended, or its device is
        somebody else's now.
        """
        if not number:
            return self._put(flow, CUT)
        return self._put(flow, verdict_byte(FlowState.ASKS if asks else FlowState.PASSES, number))

    def _put(self, flow: FlowId, byte: int) -> bool:
        layout = self._table.snapshot.layout
        entry: Entry | None = self._table.conntrack.find(
            FlowTuple(flow.src, flow.dst, flow.proto, flow.sport, flow.dport)
        )
        if entry is None or layout.ct_slot(entry.mark) != flow.slot:
            return False
        return self._table.conntrack.set_mark([entry], layout.ct_mark(0, byte), layout.ct) > 0

    def forget(self, slot: int) -> None:
        """Nobody has it any more."""
        self._ends = {pair: end for pair, end in self._ends.items() if pair[0] != slot}

    def close(self) -> None:
        for timer in (self._timer, self._renewal):
            if timer is not None:
                timer.cancel()
