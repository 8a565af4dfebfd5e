"""Opens and closes connection classes in the kernel's pass map, at the times set by the rules.

A gate is a time rule, such as bedtime or the limit of a service. A class is a combination of gates that
applies to connections of a slot. A slot is the number, in the marks, of a filtered device, or of several with
one profile.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from functools import partial
from math import ceil

from gateway.core.errors import GatewayError, KernelError
from gateway.core.loop import Loop, Timer
from gateway.dataplane.kernel_table import KernelTable
from gateway.household.members import Family, Member
from gateway.kernel.conntrack import ConntrackEntry, FlowTuple
from gateway.kernel.marks import ANSWERED_OTHERWISE, CUT, MAX_CLASS, UPLOAD, FlowState, verdict_byte
from gateway.kernel.snapshot import MAX_LEASE, Examined, PassElement, Slot, Snapshot
from gateway.path.live_flows import FlowId, LiveFlow, LiveFlows
from gateway.path.subject import Decide
from gateway.policy.time.gates import counted_gates, joined
from gateway.policy.time.time_rules import Standing
from gateway.policy.values import Observation
from gateway.store.database import StoreError
from gateway.store.store import Store
from gateway.wire.flows.table import FlowTable

RENEW = 30.0  # seconds; a third of the longest lease, so two renewals may fail
MINUTE = 60  # seconds
BETWEEN = 0.55  # leases begin at this fraction of a second of the wall clock
GRACE = 0.5  # seconds; lets `sync` run at a boundary before the leases of open classes expire
LONGEST_SLEEP = 60.0  # seconds; the maximum delay after a clock change
FREE_EVERY = 10.0  # seconds; a device that uses up its classes must not take the time of all packets

_Opened = tuple[bool, object]
"""Whether filtering is off, and what a guardian opened temporarily: names, services, a site repair."""

_log = logging.getLogger(__name__)


class Gates:
    """Keeps the kernel's pass map up to date: which classes of each slot are open, and for how long.

    A slot is the number of a filtered device, or of several with one profile. A class is a
    combination of time rules (gates) that applies to some of its connections. Those of a class that
    is not open are blocked.
    """

    def __init__(
        self,
        loop: Loop,
        table: KernelTable,
        family: Family,
        store: Store,
        live: LiveFlows,
        wall: Callable[[], datetime],
        flows: FlowTable,
        *,
        changed: Callable[[frozenset[int]], None],
        classes_opened: Callable[[], None],
        settle: Callable[[], None],
    ) -> None:
        """Prepare the updates; the first `sync` starts them.

        ``flows``: the table whose decided flows are forgotten for the slots passed to ``changed``.
        ``changed``: called with the slots whose classes opened or closed, or whose situation (such
        as a pause) changed. ``classes_opened``: called after a change that opened a class.
        ``settle``: called before the numbers of classes change; adds the bytes counted so far to the ledgers.
        """
        self._loop = loop
        self._table = table
        self._family = family
        self._store = store
        self._live = live
        self._wall = wall
        self._flows = flows
        self._changed = changed
        self._classes_opened = classes_opened
        self._settle = settle
        self._timer: Timer | None = None
        self._renewal: Timer | None = None
        self._open: dict[int, frozenset[int]] = {}  # slot → open classes
        self._opened: dict[int, _Opened] = {}  # by slot
        self._ends: dict[tuple[int, int], float] = {}  # slot, class → when the kernel's lease expires
        self._freed: dict[int, float] = {}  # slot → when its unused classes were last freed

    def class_number(self, slot: int, gates: frozenset[str]) -> int:
        """Return the class number of a slot's combination of time rules (gates), assigned on first use.

        A slot is a filtered device, or several with one profile. A new class is stored, because
        connections outlive the daemon, and added to the pass map if it is open. If all classes of the slot
        are taken, those that no connection has are freed first, at most once in `FREE_EVERY` seconds for a
        slot. Raise StoreError if none is free then, and KernelError if the connections cannot be read.
        """
        known = self._store.classes().get((slot, gates))
        if known is not None:
            return known
        try:
            number = self._store.class_number(slot, gates)
        except StoreError:
            if self._loop.now() - self._freed.get(slot, -FREE_EVERY) < FREE_EVERY:
                raise
            self._free_classes(slot)
            number = self._store.class_number(slot, gates)
        self._admit(slot, gates, number)
        return number

    def _free_classes(self, slot: int) -> None:
        """Free the class numbers of a slot that no connection has, such as those of earlier rules."""
        self._freed[slot] = self._loop.now()
        table, layout = self._table, self._table.snapshot.layout
        used = {live.class_number for _, live in self._live.of_slot(slot)}
        used.update(layout.ct_verdict(entry.mark)[1] for entry in table.conntrack.of_slot(layout, slot))
        classes = self._store.classes().items()
        kept = [gates for (owner, gates), number in classes if owner == slot and number in used]
        self._settle()
        self._store.keep_classes(slot, kept)
        # Close them: a number that is assigned again may be that of a class that is closed now.
        self._open[slot] = self._open.get(slot, frozenset()) & used
        passes = tuple(e for e in table.snapshot.passes if e.slot != slot or e.class_number in used)
        table.update(replace(table.snapshot, passes=passes))

    def _admit(self, slot: int, gates: frozenset[str], number: int) -> None:
        """Add a new class to the pass map, unless one of its time rules (gates) is closed."""
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
        self._store_ends([element], self._loop.now())

    def snapshot(self, base: Snapshot) -> Snapshot:
        """Return the desired state of the table: ``base`` with the slots of all filtered devices and guests.

        The unfiltered devices are in it too. It keeps the present open classes; `sync` updates
        them.
        """
        members, arriving = self._family.everybody, self._family.arriving
        slots = tuple(
            Slot(m.slot, m.macs, closed=m.profile.closes, kept_out=m.profile.band.is_child)
            for m in members.values()
        )
        return replace(
            base,
            slots=slots,
            guest=arriving[None],
            unassigned=tuple((name, slot) for name, slot in arriving.items() if name is not None),
            plain=self._family.plain,
            examined=self.examined(),
            passes=tuple(element for element in self._table.snapshot.passes if element.slot in members),
        )

    def examined(self) -> Examined:
        """Return the examined devices without an owner, and the slots of such devices by interface.

        Examined: compared with the family's known devices. Until then, a new device has the youngest child's
        rules too.
        """
        family = self._family
        return Examined(family.examined(), family.unknown, tuple(family.unassigned.items()))

    def prepare(self, snapshot: Snapshot) -> Snapshot:
        """Return ``snapshot`` with the classes (combinations of time rules) that are open now.

        It is for a table that is not installed yet. Without the classes, connections that continue from an
        earlier daemon would be reset.
        """
        passes = self._passes(self._wall())
        self._store_ends(passes, self._loop.now())
        return replace(snapshot, passes=passes)

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
        """Return how long the kernel keeps a class (combination of time rules) open; None for no end.

        In seconds, at most MAX_LEASE. Classes of fail-closed profiles have such a lease, so that they
        close even if no daemon runs: at the next boundary, or when the remaining minutes of a limit are over.
        """
        if not member.profile.closes:
            return None
        left = (standing.until - at).total_seconds()
        if standing.budgets:
            budgets = [standing.budgets[gate] for gate in counted_gates(gates) if gate in standing.budgets]
            left = min([left, *(MINUTE * budget.left for budget in budgets if budget.left > 0)])
        return max(1, min(MAX_LEASE, ceil(left + GRACE)))  # nft timeouts are whole seconds

    def sync(self) -> None:
        """Open and close the classes (combinations of time rules) by the rules of this moment.

        A closed class ends its running connections. Flows that are forwarded without an answer have no class
        yet, and are judged again. All are judged again if filtering was switched, or a site was opened or
        closed. Also update what the devices' rules depend on, such as pauses, and schedule the next call for
        the next change, at most LONGEST_SLEEP seconds later.
        """
        at = self._wall()
        situated = self._family.situate(at)
        before, opened = self._open, self._opened
        self._update_passes(self._passes(at))
        moved = {slot for slot, classes in self._open.items() if before.get(slot, classes) != classes}
        changed = situated | moved
        for slot in changed:
            self._flows.forget(slot, settled=True)
        if any(classes - before.get(slot, frozenset()) for slot, classes in self._open.items()):
            self._classes_opened()
        if changed:
            self._changed(changed)
        if any(self._opened[slot] != was for slot, was in opened.items() if slot in self._opened):
            self.rejudge()  # these changes have no gate of their own
        self._end_unanswered(at)
        self._wait(at)

    def _end_unanswered(self, at: datetime) -> None:
        """Block uploads and one-way UDP flows without an answer that the rules of this moment do not allow.

        They have no class yet that could close, and `rejudge` does not know them.
        """
        for slot, subject in self._family.subjects.items():
            allowed = partial(_allows, subject.running or subject.decide, at)
            for key in self._flows.refuse_unanswered(slot, allowed, self._loop.now()):
                self.refuse(FlowId(*key))

    def _update_passes(self, wanted: tuple[PassElement, ...]) -> None:
        """Change the kernel's pass map to the elements ``wanted``.

        A lease that expires at about the desired time stays, so that its counter continues. Other leases are
        renewed, for example one that a boundary had shortened.
        """
        now = self._loop.now()
        running = {(element.slot, element.class_number): element for element in self._table.snapshot.passes}
        passes: list[PassElement] = []
        stale: list[PassElement] = []
        for element in wanted:
            there = running.get((element.slot, element.class_number))
            if there is not None and self._lease_fits(element, now):
                passes.append(there)
                continue
            passes.append(element)
            if there == element:  # same length, but it began too early
                stale.append(element)
        self._table.update(replace(self._table.snapshot, passes=tuple(passes)))
        self._table.renew(stale)
        begun = [element for element, chosen in zip(wanted, passes, strict=True) if chosen is element]
        self._store_ends(begun, now)

    def _lease_fits(self, wanted: PassElement, now: float) -> bool:
        """Return whether the running lease ends at most 1 s later, or RENEW seconds earlier, than desired.

        Without a lease: whether the running element has none either.
        """
        if wanted.lease is None:
            return (wanted.slot, wanted.class_number) not in self._ends
        ends = self._ends.get((wanted.slot, wanted.class_number))
        early = None if ends is None else now + wanted.lease - ends
        return early is not None and -1.0 <= early <= RENEW

    def _store_ends(self, begun: Iterable[PassElement], now: float) -> None:
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
        """Renew the leases of open classes (combinations of time rules); schedule the next renewal.

        Only classes of fail-closed profiles have leases. An error is logged. The last lease before a
        boundary ends half a second after it. Boundaries are at whole minutes and nft timeouts are whole
        seconds, so leases begin between two seconds.
        """
        if self._renewal is not None:
            self._renewal.cancel()
        try:
            before = self._open, self._opened
            passes = self._passes(self._wall())
            self._open, self._opened = before  # `sync` acts on what has changed, if it is late
            self._table.update(replace(self._table.snapshot, passes=passes))
            self._table.renew(element for element in passes if element.lease is not None)
            self._store_ends(passes, self._loop.now())
        except GatewayError as error:
            _log.error("%s", error)
        late = (self._wall().microsecond / 1e6 - BETWEEN) % 1
        self._renewal = self._loop.call_later(RENEW - late, self.renew)

    def rejudge(self) -> int:
        """Judge all live connections by the current rules. Return how many this call has blocked.

        Those are cut, or have ended already. The others get the mark of their present class (combination of
        time rules). Raise KernelError if the connection table cannot be used.
        """
        at = self._wall()
        cut = 0
        for slot, subject in self._family.subjects.items():
            decide = subject.running or subject.decide
            for flow, live in self._live.of_slot(slot):
                decisions = [decide(observation, at) for observation in live.observations]
                gates = joined(decision.gates for decision in decisions)
                try:
                    allowed = all(decision.allowed for decision in decisions)
                    number = subject.class_number(gates) if allowed else 0
                except GatewayError as error:
                    _log.error("A connection is cut: %s.", error)
                    number = 0
                if number == live.class_number:
                    continue
                if not self._mark(flow, number) or not number:
                    self._live.drop(flow)
                    cut += not number
                else:
                    self._live.put(flow, live._replace(class_number=number))
        return cut

    def reclass(self, flow: FlowId, live: LiveFlow) -> None:
        """Set the mark of a running connection to the class number in ``live``, that of its latest request.

        A class is the combination of time rules that applies to it. Does nothing if the connection has ended,
        or if its device has another owner now. Raise KernelError if the connection table cannot be used.
        """
        self._mark(flow, live.class_number)

    def uploads(self, flow: FlowId) -> None:
        """Mark a connection as an upload: further packets from the LAN do not count as those of a new one.

        Does nothing if the connection has ended. Raise KernelError if the connection table cannot be used.
        """
        entry = self._entry(flow)
        if entry is not None:
            self._put(entry, UPLOAD)

    def refuse(self, flow: FlowId) -> None:
        """Block an undecided connection that the kernel has not allowed meanwhile.

        It left the flow table before its hello was complete, or the rules do not allow it now. A KernelError
        is logged.
        """
        try:
            entry = self._entry(flow)
            if entry is not None and not self._passes_now(entry):  # the kernel may have decided it
                self._put(entry, verdict_byte(FlowState.REFUSED))
        except KernelError as error:
            _log.error("%s", error)

    def _passes_now(self, entry: ConntrackEntry) -> bool:
        state, _ = self._table.snapshot.layout.ct_verdict(entry.mark)
        return state in (FlowState.PASSES, FlowState.HELP)

    def _mark(self, flow: FlowId, number: int) -> bool:
        """Set the mark of a running connection to the class ``number`` (0: cut it).

        Return False if it has ended, or its device has another owner now. The kernel may decide an answerable
        connection at the same moment, so its mark is read again.
        """
        while True:
            entry = self._entry(flow)
            if entry is None:
                return False
            state, present = self._table.snapshot.layout.ct_verdict(entry.mark)
            byte = byte_with_class(state, present, number)
            if byte == verdict_byte(state, present):
                return True
            if not self._put(entry, byte):
                return False
            if state is not FlowState.ANSWERABLE:
                return True

    def _entry(self, flow: FlowId) -> ConntrackEntry | None:
        """Return the kernel's entry of a connection; None if it has ended or its device has another owner."""
        entry = self._table.conntrack.find(FlowTuple(flow.src, flow.dst, flow.proto, flow.sport, flow.dport))
        owned = entry is not None and self._table.snapshot.layout.ct_slot(entry.mark) == flow.slot
        return entry if owned else None

    def _put(self, entry: ConntrackEntry, byte: int) -> bool:
        layout = self._table.snapshot.layout
        return self._table.conntrack.set_mark([entry], layout.ct_mark(0, byte), layout.ct) > 0

    def forget(self, slot: int) -> None:
        """Forget when the leases of a slot end, and when its unused classes were last freed.

        Call it after the slot's last device was removed.
        """
        self._ends = {pair: end for pair, end in self._ends.items() if pair[0] != slot}
        self._freed.pop(slot, None)

    def close(self) -> None:
        for timer in (self._timer, self._renewal):
            if timer is not None:
                timer.cancel()


def _allows(decide: Decide, at: datetime, seen: Observation) -> bool:
    return decide(seen, at).allowed


def byte_with_class(state: FlowState, present: int, number: int) -> int:
    """Return the verdict byte of a connection that gets another class (0: it is cut).

    A class is a combination of time rules. ``state`` and ``present``: the connection's state and class. One
    that the daemon decides by its next packets keeps its byte: it gets its class then.
    """
    if not number:
        return CUT
    if not present or state is FlowState.UNDECIDED:
        return verdict_byte(state, present)
    if state is FlowState.ANSWERABLE and number == MAX_CLASS:
        return ANSWERED_OTHERWISE
    return verdict_byte(state, number)
