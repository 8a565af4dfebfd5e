"""Measures how persons use their limits, by minute: the kernel counts, and a look every ten seconds reads it.

No packet comes here. Bytes are those of the pass map, by device and class. Their service comes from the
kernel's count of each connection and the name by which the connection was judged. A connection that ended
between two looks is only in the count of its class: its bytes have no service, and the usual threshold
applies. The same is true of connections from before the kernel counted connections.
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
from gateway.kernel.conntrack import Flow, Moved
from gateway.kernel.snapshot import PassElement
from gateway.kernel.usage import Pair
from gateway.metering.counter_mark import Mark
from gateway.metering.ledgers import Ledgers
from gateway.metering.minute_clock import MinuteClock
from gateway.metering.shares import by_service, shares
from gateway.metering.uses import Uses
from gateway.path.live_flows import LiveFlows
from gateway.policy.names.services import Catalogue
from gateway.policy.profile.profile import Profile
from gateway.policy.time.gates import counted_gates

BOOT = Path("/proc/sys/kernel/random/boot_id")
SWEEP = 300.0  # seconds; a flow that is missing twice is forgotten
NO_GATES: frozenset[str] = frozenset()

_log = logging.getLogger(__name__)


class Kernel(Protocol):
    """The kernel's counters by class (KernelTable), and the open classes."""

    def used(self) -> Mapping[Pair, int]: ...

    def passes(self) -> Iterable[PassElement]: ...

    def position(self) -> Mapping[Pair, int]: ...

    @property
    def found(self) -> Mapping[Pair, int]: ...


class Connections(Protocol):
    """The kernel's counters by connection (FlowBytes)."""

    def moved(self, slots: Collection[int]) -> list[Moved]: ...

    def all_flows(self) -> frozenset[Flow]: ...


class Meter:
    """Keeps ledgers in step with the kernel's counters. ``start`` begins, once the table is installed.

    ``classes``: (slot, gates) → class number, as stored. ``day_of`` returns the family's day of a moment.
    ``changed`` is called if the minute that just ended counted for a limit, or the day changed, so that what
    it closes is cut at the boundary.
    """

    def __init__(
        self,
        loop: Loop,
        kernel: Kernel,
        connections: Connections,
        family: Family,
        books: Ledgers,
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
        self._last: dict[Pair, int] = {}  # the kernel's counters at the last look
        self._gates: dict[Pair, frozenset[str]] = {}  # the limits that each class uses
        self._awake = False  # whether anything that is counted was open at the last look
        self._said = False
        self._started = False
        self._clock = MinuteClock(loop.now(), wall().timestamp(), boot_id(), books.last_clock())
        self._timer: Timer | None = None
        self._sweep_timer: Timer | None = None

    def start(self) -> None:
        """Continue the day, with the bytes since the last look of a killed daemon."""
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
        """Count the bytes so far for their present owners: call it before devices or rules change hands."""
        if self._timer is not None:
            self._count()
        self._gates = {}
        self._uses.forget()

    def refresh(self) -> None:
        """Start or stop looking: members, their rules or the open classes have changed."""
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
        """Take a look, and end the minute when it is over. The loop calls it."""
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
        """Return one line for each reason why minutes cannot be stored."""
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
        """Whether anything is open that uses a limit or is stored by category."""
        pairs = ((one.slot, one.class_number) for one in self._kernel.passes())
        return any(self._spends(pair) or self._uses.keeps(pair) for pair in pairs)

    def _spends(self, pair: Pair) -> frozenset[str]:
        """Return the limits of the profile that a class of a member uses."""
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
        """Read the counters and add the new bytes to the ledgers."""
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
        """Add the bytes of classes to the ledgers of their owners."""
        moved = tuple(moved)
        spent = [(pair, total, limits) for pair, total in moved if (limits := self._spends(pair))]
        used = [one for one in moved if self._uses.keeps(one[0])]
        slots = {pair[0] for pair, _, _ in spent} | {pair[0] for pair, _ in used}
        if not slots:
            return
        flows = self._flows(slots)
        self._uses.move(used, flows, self._family.members, self._clock.number)
        known = by_service(flows, self._live, self._catalogue().services_of, self._spends)
        # First combine classes with the same limits: a device has many classes and few limits.
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
                _log.error("%s. Minutes count, but their service is unknown.", error)
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
        """Count and write the bytes so far."""
        for timer in (self._timer, self._sweep_timer):
            if timer is not None:
                timer.cancel()
        if self._timer is not None:
            self._count()
            self._books.write(self._clock.record, self._loop.now(), force=True)
        self._books.close_file()
        if self._started:  # a start that failed leaves the mark of a killed daemon
            self._mark.remove()


def _limits(member: Member, gates: frozenset[str]) -> frozenset[str]:
    profile: Profile = member.profile
    if profile.built_in:
        return NO_GATES
    return counted_gates(gates).intersection(profile.rules.limits)


def boot_id() -> bytes:
    """Return six bytes that identify this boot of the machine."""
    try:
        return bytes.fromhex(BOOT.read_text("ascii").strip().replace("-", ""))[:6].ljust(6, b"\0")
    except (OSError, ValueError):
        return bytes(6)
