"""What persons use of their limits, minute by minute: the kernel counts, a look every ten seconds reads it.

No packet comes here. Bytes are the pass map's, by device and class; which service they are of comes from the
kernel's count of each connection and the name that the connection was decided on. A connection that ended
between two looks is in its class's count alone: such bytes are of no service, and are measured by the usual
threshold. So are those of connections that began before the kernel counted connections.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Protocol

from gateway.core.errors import KernelError
from gateway.core.loop import Loop, Timer
from gateway.household.members import Family, Member
from gateway.kernel.flowbytes import Flow, Moved
from gateway.kernel.snapshot import PassElement
from gateway.kernel.totals import Pair
from gateway.metering.counter_mark import Mark
from gateway.metering.ledgers import Books
from gateway.metering.minute_clock import MinuteClock
from gateway.metering.shares import by_service, shares
from gateway.metering.uses import Uses
from gateway.path.live_flows import LiveFlows
from gateway.policy.names.services import Catalogue
from gateway.policy.profile.profile import Profile
from gateway.policy.time.gates import counted_gates

BOOT = Path("/proc/sys/kernel/random/boot_id")
SWEEP = 300.0  # seconds; twice not found, a flow is forgotten
NO_GATES: frozenset[str] = frozenset()

_log = logging.getLogger(__name__)


class Kernel(Protocol):
    """What the kernel counted by class (KernelTable), and what is open there."""

    def used(self) -> Mapping[Pair, int]: ...

    def passes(self) -> Iterable[PassElement]: ...

    def position(self) -> Mapping[Pair, int]: ...

    @property
    def found(self) -> Mapping[Pair, int]: ...


class Connections(Protocol):
    """What the kernel counted by connection (FlowBytes)."""

    def moved(self, slots: Collection[int]) -> list[Moved]: ...

    def all_flows(self) -> frozenset[Flow]: ...


class Meter:
    """Ledgers in step with the kernel's counters. Made when the table is installed; ``start`` begins.

    ``classes``: (slot, gates) → class number, as the store has them. ``day_of``: the family's day of a
    moment. ``changed`` is called where the minute that just ended counted for somebody, or
    the day turned: what it cuts is cut at the boundary.
    """

    def __init__(
        self,
        loop: Loop,
        kernel: Kernel,
        connections: Connections,
        family: Family,
        books: Books,
        live: LiveFlows,
        mark: Mark,
        uses: Uses,
        wall: Callable[[], datetime],
        *,
        classes: Callable[[], Mapping[tuple[int, frozenset[str]], int]],
        catalogue: Callable[[], Catalogue],
        day_of: Callable[[datetime], date],
        changed: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._kernel = kernel
        self._connections = connections
        self._family = family
        self._books = books
        self._live = live
        self._mark = mark
        self._uses = uses
        self._wall = wall
        self._classes = classes
        self._catalogue = catalogue
        self._day_of = day_of
        self._changed = changed
        self._last: dict[Pair, int] = {}  # what the kernel had counted at the last look
        self._gates: dict[Pair, frozenset[str]] = {}  # what each class spends
        self._awake = False  # something that is counted was open at the last look
        self._said = False
        self._started = False
        self._clock = MinuteClock(loop.now(), wall().timestamp(), boot_id(), books.last_clock())
        self._timer: Timer | None = None
        self._sweep_timer: Timer | None = None

    def start(self) -> None:
        """Take up the day where it was left, with what passed since a killed daemon's last look."""
        self._started = True
        self._last = dict(self._kernel.used())
        self._books.open(self._day_of(self._wall()), self._clock.number)
        self._books.tidy()
        self.refresh()
        if self._timer is not None:
            self._share(self._mark.missed(self._kernel.found).items())
            self._mark.write(self._kernel.position())
        self._sweep()

    def settle(self) -> None:
        """Count what moved so far for those whose it was: before devices or rules change hands."""
        if self._timer is not None:
            self._count()
        self._gates = {}
        self._uses.forget()

    def refresh(self) -> None:
        """Members, their rules or what is open have changed: look from now on, or look no more."""
        self._gates = {}
        limited = {
            member.profile.id: member.profile
            for member in self._family.members.values()
            if member.profile.rules.limits and not member.profile.built_in
        }
        wanted = self._uses.keep(one.profile for one in self._family.members.values()) or bool(limited)
        running = self._timer is not None
        if not running and wanted:
            self._last = dict(self._kernel.used())
            self._clock.turn(self._loop.now(), self._wall().timestamp())
            self._turn_day()
        self._books.keep(limited.values())
        if wanted:
            self._awake = self._awake or self._is_open()
            self._wait()
        elif self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def tick(self) -> None:
        """One look, and at its end the end of the minute. The loop calls it."""
        now, wall = self._loop.now(), self._wall()
        open_now = self._is_open()
        if self._awake or open_now:
            self._count()
        self._awake = open_now
        ended = self._clock.record
        if self._clock.turn(now, wall.timestamp()):
            counted = self._books.close(ended.minute, ended, now, self._uses.close(ended.minute))
            turned = self._turn_day()
            if counted or turned:
                self._changed()
        self._books.write(self._clock.record, now)
        self._wait()

    def problems(self) -> list[str]:
        """One line for each thing that keeps minutes from being kept."""
        return self._books.problems()

    def _wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        when = self._clock.next_tick(self._loop.now()) if self._awake else self._clock.ends
        self._timer = self._loop.call_at(when, self.tick)

    def _turn_day(self) -> bool:
        day = self._day_of(self._wall())
        if day == self._books.day:
            return False
        self._books.open(day, self._clock.number)
        self._books.tidy()
        return True

    def _is_open(self) -> bool:
        """Whether anything is open that spends a limit, or is kept by kind."""
        pairs = ((one.slot, one.class_number) for one in self._kernel.passes())
        return any(self._spends(pair) or self._uses.keeps(pair) for pair in pairs)

    def _spends(self, pair: Pair) -> frozenset[str]:
        """The limits of its own that a class of a member spends."""
        known = self._gates.get(pair)
        if known is None:
            for (slot, gates), number in self._classes().items():
                member = self._family.members.get(slot)
                self._gates[slot, number] = _limits(member, gates) if member is not None else NO_GATES
                if member is not None:
                    self._uses.learn((slot, number), member.profile, gates)
            known = self._gates.setdefault(pair, NO_GATES)
        return known

    def _count(self) -> None:
        """Read the counters, and put what moved into the ledgers."""
        moved: list[tuple[Pair, int]] = []
        last = self._last
        for pair, total in self._kernel.used().items():
            before = last.get(pair, 0)
            if total != before:
                last[pair] = total
                moved.append((pair, total - before))
        if moved:
            self._share(moved)
            self._mark.write(self._kernel.position())

    def _share(self, moved: Iterable[tuple[Pair, int]]) -> None:
        """Put what classes moved into the ledgers of those whose they are."""
        moved = tuple(moved)
        spent = [(pair, total, limits) for pair, total in moved if (limits := self._spends(pair))]
        used = [one for one in moved if self._uses.keeps(one[0])]
        slots = {pair[0] for pair, _, _ in spent} | {pair[0] for pair, _ in used}
        if not slots:
            return
        flows = self._flows(slots)
        self._uses.move(used, flows, self._family.members, self._clock.number)
        known = by_service(flows, self._live, self._catalogue().services_of, self._spends)
        # First together what is of the same limits: a device's classes are many, its limits few.
        sums: dict[tuple[int, frozenset[str], str | None], int] = {}
        for pair, total, limits in spent:
            named = known.get(pair)
            for service, size in ((None, total),) if named is None else shares(total, named):
                key = (pair[0], limits, service)
                sums[key] = sums.get(key, 0) + size
        minute = self._clock.number
        for (slot, limits, service), size in sums.items():
            member = self._family.members[slot]
            device = member.macs[0] if len(member.macs) == 1 else f"slot {member.slot}"
            for gate in limits:
                self._books.move(member.profile.id, device, gate, size, minute, service)

    def _flows(self, slots: Collection[int]) -> list[Moved]:
        try:
            return self._connections.moved(slots)
        except KernelError as error:
            if not self._said:
                _log.error("%s; minutes count, but not for which service", error)
            self._said = True
            return []

    def _sweep(self) -> None:
        """Forget decided flows whose connection has ended."""
        if len(self._live):
            try:
                self._live.sweep(self._connections.all_flows())
            except KernelError as error:
                _log.debug("%s", error)
        self._sweep_timer = self._loop.call_later(SWEEP, self._sweep)

    def close(self) -> None:
        """Count and write what moved so far."""
        for timer in (self._timer, self._sweep_timer):
            if timer is not None:
                timer.cancel()
        if self._timer is not None:
            self._count()
            self._books.write(self._clock.record, self._loop.now(), force=True)
        self._books.close_file()
        if self._started:  # a start that failed leaves what a killed daemon left
            self._mark.remove()


def _limits(member: Member, gates: frozenset[str]) -> frozenset[str]:
    profile: Profile = member.profile
    if profile.built_in:
        return NO_GATES
    return counted_gates(gates).intersection(profile.rules.limits)


def boot_id() -> bytes:
    """Six bytes that tell this start of the machine from others."""
    try:
        return bytes.fromhex(BOOT.read_text("ascii").strip().replace("-", ""))[:6].ljust(6, b"\0")
    except (OSError, ValueError):
        return bytes(6)
