"""Opens and closes connection classes in the kernel's pass map at the times that the rules set."""

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
BETWEEN = 0.55  # fraction of a second of the wall clock at which leases begin
GRACE = 0.5  # seconds; at a boundary `sync` runs before the leases of classes that stay open expire
LONGEST_SLEEP = 60.0  # seconds; a change of the clock is noticed within them

_Opened = tuple[bool, object]
"""Whether filtering is off, and what a guardian opened for a while."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ClassAdded:
    """A slot has a new connection class, for these gates."""

    slot: int
    gates: frozenset[str]
    number: int


class ClassNumbers:
    """Numbers a slot's combinations of gates. The numbers are stored: connections outlive the daemon."""

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


class Gates:
    """Keeps the pass map in step with members and their situations."""

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
        """``changed`` is called with the slots whose gates opened or closed."""
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
        self._ends: dict[tuple[int, int], float] = {}  # slot, class → when the kernel's lease expires

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
        """Return ``base`` with the slots of all members and the unfiltered devices. ``sync`` adds open
        classes.
        """
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
            passes=tuple(element for element in self._table.snapshot.passes if element.slot in members),
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
        """Return the lease in seconds; None for no end.

        Classes of fail-closed profiles end at the next boundary even if no daemon runs. If a limit is nearly
        used, they end no later than its remaining minutes.
        """
        if not member.profile.closes:
            return None
        left = (standing.until - at).total_seconds()
        if standing.budgets:
            budgets = [standing.budgets[gate] for gate in counted_gates(gates) if gate in standing.budgets]
            left = min([left, *(MINUTE * budget.left for budget in budgets if budget.left > 0)])
        return max(1, min(MAX_LEASE, ceil(left + GRACE)))  # nft counts in whole seconds

    def sync(self) -> None:
        """Update situations and the pass map, and wait for the next boundary."""
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
        """Update the pass map. A lease that expires about on time stays, so that its counter continues. A
        lease that a boundary had shortened is renewed.
        """
        now = self._loop.now()
        running = {(element.slot, element.class_number): element for element in self._table.snapshot.passes}
        passes: list[PassElement] = []
        stale: list[PassElement] = []
        for element in wanted:
            there = running.get((element.slot, element.class_number))
            if there is not None and self._ends_well(element, now):
                passes.append(there)
                continue
            passes.append(element)
            if there == element:  # the same length, but it began too long ago
                stale.append(element)
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
        for element in begun:
            key = (element.slot, element.class_number)
            if element.lease is None:
                self._ends.pop(key, None)
            else:
                self._ends[key] = now + element.lease

    def _wait(self, at: datetime) -> None:
        if self._timer is not None:
            self._timer.cancel()
        ends = [m.judge.standing(m.situation, at).until for m in self._family.everybody.values()]
        delay = min([(end - at).total_seconds() for end in ends] + [LONGEST_SLEEP])
        self._timer = self._loop.call_later(max(0.0, delay), self.sync)

    def renew(self) -> None:
        """Renew all leases. The last one before a boundary ends half a second after it.

        Boundaries are at whole minutes and nft counts in whole seconds, so leases begin between two seconds.
        """
        if self._renewal is not None:
            self._renewal.cancel()
        try:
            passes = self._passes(self._wall())
            self._table.update(replace(self._table.snapshot, passes=passes))
            self._table.renew(element for element in passes if element.lease is not None)
            self._note_ends(passes, self._loop.now())
        except GatewayError as error:
            _log.error("%s", error)
        late = (self._wall().microsecond / 1e6 - BETWEEN) % 1
        self._renewal = self._loop.call_later(RENEW - late, self.renew)

    def rejudge(self) -> int:
        """Judge all live connections by the current rules, and cut the blocked ones. Return how many were
        cut.
        """
        at = self._wall()
        cut = 0
        for slot, subject in self._family.subjects.items():
            decide = subject.running or subject.decide
            for flow, live in self._live.of_slot(slot):
                decisions = [decide(observation, at) for observation in live.observations]
                gates = joined(decision.gates for decision in decisions)
                number = subject.class_number(gates) if all(decision.allowed for decision in decisions) else 0
                if number == live.class_number:
                    continue
                if not self._mark(flow, number, asks=live.asks) or not number:
                    self._live.drop(flow)
                    cut += not number
                else:
                    self._live.put(flow, live._replace(class_number=number))
        return cut

    def reclass(self, flow: FlowId, live: LiveFlow) -> None:
        """Move a running connection to the class that its latest request belongs to."""
        self._mark(flow, live.class_number, asks=live.asks)

    def uploads(self, flow: FlowId) -> None:
        """Count further packets from the LAN side as an upload, not as those of a new connection."""
        self._put(flow, UPLOAD)

    def refuse(self, flow: FlowId) -> None:
        """Block an undecided connection that had to make room before it was completely read."""
        try:
            self._put(flow, verdict_byte(FlowState.REFUSED))
        except KernelError as error:
            _log.error("%s", error)

    def _mark(self, flow: FlowId, number: int, *, asks: bool) -> bool:
        """Give a running connection another class (0: cut it).

        Returns False if it has ended, or its device has another owner now.
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
        """Forget the leases of a slot that no device has any more."""
        self._ends = {pair: end for pair, end in self._ends.items() if pair[0] != slot}

    def close(self) -> None:
        for timer in (self._timer, self._renewal):
            if timer is not None:
                timer.cancel()
