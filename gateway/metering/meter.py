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
from math import floor
from pathlib import Path
from struct import Struct, iter_unpack
from typing import Protocol
from zlib import crc32

from gateway.core.errors import KernelError
from gateway.core.files import write_atomically
from gateway.core.loop import Loop, Timer
from gateway.dataplane.kernel_table import KernelTable
from gateway.household.context import HomeContext
from gateway.household.members import Family, Member
from gateway.kernel.conntrack import Flow, FlowBytes, Moved, enable_accounting
from gateway.kernel.snapshot import PassElement
from gateway.kernel.usage import Pair
from gateway.metering.ledgers import Ledgers
from gateway.metering.shares import by_service, shares
from gateway.metering.uses import Uses
from gateway.path.live_flows import LiveFlows
from gateway.policy.names.services import Catalogue
from gateway.policy.profile.profile import Profile
from gateway.policy.time.gates import counted_gates
from gateway.store.minutes_file import ClockRecord
from gateway.store.store import Store

BOOT = Path("/proc/sys/kernel/random/boot_id")
SWEEP = 300.0  # seconds; a flow that is missing twice is forgotten
NO_GATES: frozenset[str] = frozenset()

MINUTE = 60.0
SLIP = 0.5  # seconds by which a minute may be shorter, while the wall clock is adjusted gradually
TICK = 10.0  # seconds between two looks
APART = 86_400.0  # seconds at least between two extended minutes

FILE = "metered"  # in the runtime folder
_ONE = Struct("<BBQ")  # slot, class, bytes
_CHECK = Struct("<I")


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


def metering(
    home: HomeContext,
    table: KernelTable,
    connections: FlowBytes,
    family: Family,
    books: Ledgers,
    store: Store,
    live: LiveFlows,
    *,
    changed: Callable[[], None],
) -> Meter:
    """Build the meter. `Meter.start` begins, once the table is installed."""
    rules = home.rules
    return Meter(
        home.loop,
        table,
        connections,
        family,
        books,
        live,
        Mark(Path(rules.household.config.runtime) / FILE),
        Uses(live, lambda: rules.world),
        home.clock.now,
        classes=store.classes,
        catalogue=lambda: rules.world.catalogue,
        day_of=lambda at: rules.calendar.family_day(at),
        changed=changed,
    )


def count_connections() -> None:
    """Switch on the kernel's counters of connections, for the services in ledgers. Minutes count without them
    too.
    """
    try:
        if enable_accounting():
            _log.info("the kernel counts each connection from now on (nf_conntrack_acct)")
    except KernelError as error:
        _log.warning("%s", error)


class MinuteClock:
    """Numbers the minutes: the numbers only increase, and each minute is at least as long as one of the wall
    clock.

    Minutes change with those of the wall clock, but are measured by the loop's clock. After the wall clock
    was set, one minute is extended until both change together again, so that a jump neither counts a minute
    twice nor skips one. This happens once a day at most: whoever can set the clock would otherwise get two
    minutes counted as one. Until then they change at different times.

    ``now`` is the loop's clock, ``wall`` the family's, in seconds of Unix time.
    """

    def __init__(self, now: float, wall: float, boot: bytes, last: ClockRecord | None = None) -> None:
        """Continue the same minute if it still runs.

        ``boot`` identifies this boot of the machine. ``last``: when the last recorded minute began.
        """
        self._boot = boot
        phase = wall % MINUTE
        self.number = floor(wall / MINUTE)
        self.started = now - phase  # as if it had begun with the wall clock's minute
        if last is not None and last.boot == boot and last.started <= now:
            passed = max(0, floor((self.started - last.started + SLIP) / MINUTE))
            self.number = last.minute + passed
            if not passed:
                self.started = last.started
        elif last is not None:
            self.number = (
                last.minute if last.wall == floor(wall / MINUTE) else max(self.number, last.minute + 1)
            )
        self.ends = now + MINUTE - phase
        self._wall = floor(wall / MINUTE)
        self._longer = -APART  # when the last extended minute began

    def turn(self, now: float, wall: float) -> bool:
        """Advance to the minute of ``now``. Returns False if it is still the same."""
        if now < self.ends:
            return False
        passed = 1 + floor((now - self.ends) / MINUTE)  # more than one if the machine was suspended
        self.number += passed
        self.started = self.ends + (passed - 1) * MINUTE
        self.ends = self._end(wall - now)
        self._wall = round((wall + self.started - now) / MINUTE)
        return True

    def _end(self, ahead: float) -> float:
        """Return the end of the minute that has begun. ``ahead``: the wall's seconds minus the loop's."""
        earliest = self.started + MINUTE - SLIP
        together = earliest + -(ahead + earliest) % MINUTE
        if together <= self.started + MINUTE + SLIP:
            return together
        if self.started - self._longer < APART:
            return self.started + MINUTE
        self._longer = self.started
        return together

    def next_tick(self, now: float) -> float:
        """Return the time of the next look: ten-second steps before the minute's end, and the end."""
        steps = max(0, floor((self.ends - now - SLIP) / TICK))
        return self.ends - steps * TICK

    @property
    def record(self) -> ClockRecord:
        return ClockRecord(self.number, self.started, self._wall, self._boot)


class Mark:
    """Stores how far the kernel's counters were read, for the next daemon if this one is killed.

    The table of a killed daemon continues to count. With this mark the next daemon knows which of its bytes
    are new. The mark is a small file, replaced as a whole, in memory (the runtime directory) like the
    kernel's counters. Errors are not raised: they cost ten seconds of counting at most.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, read: Mapping[Pair, int]) -> None:
        """Store ``read``: the counters of the present elements at the last look."""
        body = b"".join(_ONE.pack(*pair, size) for pair, size in read.items())
        try:
            write_atomically(self._path, _CHECK.pack(crc32(body)) + body)
        except OSError as error:
            _log.debug("%s: %s", self._path, error)

    def missed(self, found: Mapping[Pair, int]) -> Mapping[Pair, int]:
        """Return what the table ``found`` has counted since the mark; nothing if there is no mark."""
        read = self._read()
        if read is None:
            return {}
        missed: dict[Pair, int] = {}
        for pair, size in found.items():
            before = read.get(pair, 0)
            missed[pair] = size - before if size >= before else size  # smaller: the element was created again
        return {pair: size for pair, size in missed.items() if size}

    def _read(self) -> Mapping[Pair, int] | None:
        try:
            data = self._path.read_bytes()
        except OSError:
            return None
        body = data[_CHECK.size :]
        if len(data) < _CHECK.size or len(body) % _ONE.size or _CHECK.unpack_from(data)[0] != crc32(body):
            return None
        return {(slot, number): size for slot, number, size in iter_unpack(_ONE.format, body)}

    def remove(self) -> None:
        """Remove the mark: a clean stop leaves no table."""
        self._path.unlink(missing_ok=True)


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
