"""Measures the use of time limits by minute, from kernel byte counters that are read every ten seconds.

A slot is a group of devices with the same rules. A class is a combination of time rules (gates), for example
the limits that a connection uses; the kernel counts the bytes of each slot and class in its pass map. A class
is open while its connections may pass.

The service comes from the kernel's counters of connections (nf_conntrack_acct) and the name by which each
connection was judged. A connection that ends between two readings is only in the counter of its class. Its
bytes have no service, and the default threshold applies. The same is true for connections that began before
the kernel counted connections.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date, datetime
from math import floor
from pathlib import Path
from struct import Struct, iter_unpack
from typing import Protocol
from zlib import crc32

from gateway.core.errors import KernelError
from gateway.core.files import write_atomically
from gateway.core.loop import Loop, Timer
from gateway.core.turns import Steps, finish, in_turns
from gateway.dataplane.kernel_table import KernelTable
from gateway.household.context import HomeContext
from gateway.household.members import Family, Member
from gateway.kernel.conntrack import Flow, FlowBytes, Moved, enable_accounting
from gateway.kernel.snapshot import PassElement
from gateway.kernel.usage import Pair
from gateway.metering.ledgers import Ledgers
from gateway.metering.shares import add_by_service, shares
from gateway.metering.uses import UsedBytes, UseRecorder
from gateway.path.live_flows import LiveFlows
from gateway.policy.names.services import Catalogue
from gateway.policy.profile.profile import Profile
from gateway.policy.time.gates import spent_limits, state_gates, target_gates
from gateway.store.minutes_file import ClockRecord
from gateway.store.store import Store

BOOT = Path("/proc/sys/kernel/random/boot_id")
SWEEP = 300.0  # seconds between two sweeps; a flow that is missing in two of them is forgotten
NO_GATES: frozenset[str] = frozenset()

MINUTE = 60.0
SLIP = 0.5  # seconds by which a minute may be shorter, while the wall clock is adjusted gradually
TICK = 10.0  # seconds between two readings
APART = 86_400.0  # minimum seconds between two extended minutes

FILE = "metered"  # file in the runtime folder
_ENTRY = Struct("<BBQ")  # slot, class, bytes
_CHECK = Struct("<I")

_ENDED = object()

_log = logging.getLogger(__name__)


class Kernel(Protocol):
    """The kernel's byte counters by slot and class, and the classes whose connections may pass now.

    A class is a combination of time rules of a slot (group of devices). `KernelTable` implements
    it.
    """

    def used(self) -> Mapping[Pair, int]: ...

    def passes(self) -> Iterable[PassElement]: ...

    def position(self) -> Mapping[Pair, int]: ...

    @property
    def found(self) -> Mapping[Pair, int]: ...


class Connections(Protocol):
    """The kernel's byte counters by connection. `FlowBytes` implements it."""

    def moved(self, slots: Collection[int]) -> Iterable[list[Moved]]: ...

    def all_flows(self) -> Iterable[Iterable[Flow]]: ...


class Meter:
    """Adds the bytes counted by the kernel to the ledgers. Call `start` once the table is installed.

    Arguments:
        mark: the stored position in the counters, for a restart after a kill.
        wall: returns the household's time.
        classes: returns the class number by slot and time rules, as stored.
        day_of: returns the household's day of a time.
        changed: called when a minute that counted for a limit ended, or the day changed. The caller then cuts
            connections whose limit is used up.
        swept: called after connections that ended were removed from ``live``.
        stays: the kernel's table outlives a clean stop, and so does the stored position.
    """

    def __init__(
        self,
        loop: Loop,
        kernel: Kernel,
        connections: Connections,
        family: Family,
        books: Ledgers,
        live: LiveFlows,
        mark: CounterMark,
        uses: UseRecorder,
        wall: Callable[[], datetime],
        *,
        classes: Callable[[], Mapping[tuple[int, frozenset[str]], int]],
        catalogue: Callable[[], Catalogue],
        day_of: Callable[[datetime], date],
        changed: Callable[[], None],
        swept: Callable[[], object] = lambda: None,
        stays: bool = False,
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
        self._swept = swept
        self._stays = stays
        self._last: dict[Pair, int] = {}  # the kernel's counters at the last reading
        self._gates: dict[Pair, frozenset[str]] = {}  # the limits for which each class counts
        self._awake = False  # whether a counted class was open at the last reading
        self._flows_failed = False  # whether the failure of the connection counters was logged
        self._started = False
        self._clock = MinuteClock(loop.now(), wall().timestamp(), boot_id(), books.last_clock())
        self._timer: Timer | None = None
        self._sweep_timer: Timer | None = None
        self._reading: Steps[None] | None = None  # the reading of the connection table that is not finished

    def start(self) -> None:
        """Open the ledgers of the day, start the readings if a profile needs them, and start the sweeps.

        The bytes since the last reading of a killed daemon are counted too.
        """
        self._started = True
        self._last = dict(self._kernel.used())
        self._books.open(self._day_of(self._wall()), self._clock.number)
        self._books.tidy()
        self.refresh()
        if self._timer is not None:
            finish(self._sharing(self._mark.missed(self._kernel.found).items()))
            self._mark.write(self._kernel.position())
        self._sweep()

    def settle(self) -> None:
        """Add the bytes counted so far to the ledgers. Call it before rules or owners of devices change."""
        if self._timer is not None:
            self._count()
        self._gates = {}
        self._uses.forget()

    def refresh(self) -> None:
        """Start or stop the readings, after devices or their rules changed.

        They run while any profile in use has a limit, or its minutes are recorded by category.
        """
        self._gates = {}
        profiles = self._family.profiles_in_use()
        limited = [profile for profile in profiles if profile.rules.counted and not profile.built_in]
        wanted = self._uses.keep(profiles) or bool(limited)
        running = self._timer is not None
        if not running and wanted:
            self._last = dict(self._kernel.used())
            self._clock.turn(self._loop.now(), self._wall().timestamp())
            self._turn_day()
        self._books.keep(limited)
        if wanted:
            self._awake = self._awake or self._is_open()
            self._wait()
        elif self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def wake(self) -> None:
        """Read the counters every ten seconds from now on, if a class that counts is open.

        Call it after classes opened. A class is a combination of time rules of a slot.
        """
        if self._timer is not None and not self._awake and self._is_open():
            self._awake = True
            self._wait()

    def tick(self) -> None:
        """Begin to read the counters, if a class is open or was; then end the minute if it is over.

        The rest is done in later turns of the loop, which calls this method.
        """
        in_turns(self._loop, self._ticking())

    def _ticking(self) -> Steps[None]:
        open_now = self._is_open()
        if self._awake or open_now:
            yield from self._read(self._counting())
            if self._timer is None:  # the readings ended meanwhile
                return
        now, wall = self._loop.now(), self._wall()
        self._awake = open_now
        ended = self._clock.record
        if self._clock.turn(now, wall.timestamp()):
            uses = self._uses.close(ended.minute)
            counted = self._books.close(ended.minute, ended, now, uses, self._is_blocked)
            turned = self._turn_day()
            if counted or turned:
                self._changed()
        self._books.write(self._clock.record, now)
        self._wait()

    def _is_blocked(self, profile: str, device: str, limit: str) -> bool:
        """Return whether a time rule blocks what a limit counts on a profile's device now.

        ``device``: as in the ledgers. False if the profile does not have it any more.
        """
        for member in self._family.members.values():
            if member.profile.id == profile and _device(member) == device:
                rules = member.profile.rules
                gates = (*state_gates(rules), *target_gates(rules, limit))
                standing = member.judge.standing(member.situation, self._wall())
                return standing.closed_gate(gates) is not None
        return False

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
        """Return whether connections may pass that use a limit, or whose minutes are recorded by category."""
        pairs = ((element.slot, element.class_number) for element in self._kernel.passes())
        return any(self._spends(pair) or self._uses.keeps(pair) for pair in pairs)

    def _spends(self, pair: Pair) -> frozenset[str]:
        """Return the time limits for which the bytes of a slot and class count; empty if none.

        A class is a combination of time rules of a slot.
        """
        known = self._gates.get(pair)
        if known is None:
            for (slot, gates), number in self._classes().items():
                member = self._family.members.get(slot)
                if member is None or member.is_arriving:
                    self._gates[slot, number] = NO_GATES
                    continue
                self._gates[slot, number] = _limits(member, gates)
                self._uses.learn((slot, number), member.profile, gates)
            known = self._gates.setdefault(pair, NO_GATES)
        return known

    def _count(self) -> None:
        """Read the counters and add the new bytes to the ledgers, without a pause."""
        self._finish_reading()
        finish(self._counting())

    def _read(self, steps: Steps[None]) -> Steps[None]:
        """Return steps (a generator) that do ``steps``, a reading of the connection table.

        A reading that is not finished is finished first; `settle` may finish this one. With 10,000
        connections it takes 70 ms, in which no packet would be judged.
        """
        self._finish_reading()
        self._reading = steps
        while self._reading is steps:
            if next(steps, _ENDED) is _ENDED:
                self._reading = None
            else:
                yield

    def _finish_reading(self) -> None:
        reading, self._reading = self._reading, None
        if reading is not None:
            finish(reading)

    def _counting(self) -> Steps[None]:
        """Return steps (a generator) that read the counters and add the new bytes to the ledgers."""
        moved: list[tuple[Pair, int]] = []
        last = self._last
        for pair, total in self._kernel.used().items():
            before = last.get(pair, 0)
            if total != before:
                last[pair] = total
                moved.append((pair, total - before))
        if moved:
            position = dict(self._kernel.position())
            yield from self._sharing(moved)
            self._mark.write(position)

    def _sharing(self, moved: Iterable[tuple[Pair, int]]) -> Steps[None]:
        """Return steps (a generator) that add new bytes to the ledgers, divided by service.

        ``moved``: the bytes by slot and class (combination of time rules).
        """
        moved = tuple(moved)
        spent = [(pair, total, limits) for pair, total in moved if (limits := self._spends(pair))]
        used = [(pair, total) for pair, total in moved if self._uses.keeps(pair)]
        slots = {pair[0] for pair, _, _ in spent} | {pair[0] for pair, _ in used}
        if not slots:
            return
        known: dict[Pair, dict[str, int]] = {}
        known_uses: UsedBytes = {}
        services = self._catalogue().services_of
        for flows in self._flows(slots):
            self._uses.add_by_use(known_uses, flows, self._family.members)
            add_by_service(known, flows, self._live, services, self._spends)
            yield
        self._uses.move(used, known_uses, self._family.members, self._clock.number)
        # Combine classes with the same limits first: a device has many classes and few limits.
        sums: dict[tuple[int, frozenset[str], str | None], int] = {}
        for pair, total, limits in spent:
            named = known.get(pair)
            for service, size in ((None, total),) if named is None else shares(total, named):
                key = (pair[0], limits, service)
                sums[key] = sums.get(key, 0) + size
        minute = self._clock.number
        for (slot, limits, service), size in sums.items():
            member = self._family.members[slot]
            for gate in limits:
                self._books.move(member.profile.id, _device(member), gate, size, minute, service)

    def _flows(self, slots: Collection[int]) -> Iterator[list[Moved]]:
        try:
            yield from self._connections.moved(slots)
        except KernelError as error:
            if not self._flows_failed:
                _log.error("%s. Minutes count, but their service is unknown.", error)
            self._flows_failed = True

    def _sweep(self) -> None:
        """Delete the judged flows whose connection has ended, now and again every SWEEP seconds."""
        in_turns(self._loop, self._sweeping())

    def _sweeping(self) -> Steps[None]:
        if len(self._live):
            yield from self._read(self._sweeping_live())
        self._swept()
        self._sweep_timer = self._loop.call_later(SWEEP, self._sweep)

    def _sweeping_live(self) -> Steps[None]:
        try:
            yield from self._live.sweep(self._connections.all_flows())
        except KernelError as error:
            _log.debug("%s", error)

    def close(self) -> None:
        """Stop the readings, count and write the bytes so far, and close the day's file.

        Delete the stored position in the counters, unless the kernel's table outlives the stop
        (``stays``).
        """
        self._finish_reading()
        for timer in (self._timer, self._sweep_timer):
            if timer is not None:
                timer.cancel()
        if self._timer is not None:
            self._count()
            self._books.write(self._clock.record, self._loop.now(), force=True)
        self._books.close_file()
        if self._started and not self._stays:  # a failed start leaves the mark of a killed daemon in place
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
    swept: Callable[[], object],
    stays: bool = False,
) -> Meter:
    """Return a meter that reads the kernel's table and connections and adds minutes to ``books``.

    ``changed``, ``swept``, ``stays``: as for `Meter`.
    """
    rules = home.rules
    return Meter(
        home.loop,
        table,
        connections,
        family,
        books,
        live,
        CounterMark(Path(rules.household.config.runtime) / FILE),
        UseRecorder(live, lambda: rules.world),
        home.clock.now,
        classes=store.classes,
        catalogue=lambda: rules.world.catalogue,
        day_of=lambda at: rules.calendar.family_day(at),
        changed=changed,
        swept=swept,
        stays=stays,
    )


def count_connections() -> None:
    """Enable the kernel's counters of connections. A failure is logged.

    Without them minutes still count, but their service is unknown.
    """
    try:
        if enable_accounting():
            _log.info("Enabled the kernel's counters of connections (nf_conntrack_acct).")
    except KernelError as error:
        _log.warning("%s", error)


class MinuteClock:
    """Numbers the minutes. Numbers only increase. A minute lasts at least 60 seconds, less `SLIP` (0.5 s).

    Minutes change together with those of the wall clock, but their length is measured by the event loop's
    clock. After the wall clock was set, one minute is extended until both change together again, so that a
    clock change neither counts a minute twice nor skips one. At most one minute a day is extended: otherwise
    a user who can set the clock would get two minutes for one. After a second change on the same day, minutes
    change at another second than those of the wall clock until the next extended minute.

    ``now`` is the event loop's time in seconds; ``wall`` is the household's time in Unix seconds.
    """

    def __init__(self, now: float, wall: float, boot: bytes, last: ClockRecord | None = None) -> None:
        """Continue the last recorded minute if it is not over, else begin a new one.

        ``now``: seconds of the event loop; ``wall``: Unix seconds. ``boot`` identifies this boot of
        the machine. ``last``: the record of the last minute.
        """
        self._boot = boot
        phase = wall % MINUTE
        self.number = floor(wall / MINUTE)
        self.started = now - phase  # the start of the wall clock's minute
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
        """Advance to the minute of ``now`` and return True. Return False if the current minute is not over.

        ``now``: seconds of the event loop; ``wall``: the household's time in Unix seconds.
        """
        if now < self.ends:
            return False
        passed = 1 + floor((now - self.ends) / MINUTE)  # more than one if the machine was suspended
        self.number += passed
        self.started = self.ends + (passed - 1) * MINUTE
        self.ends = self._end(wall - now)
        self._wall = round((wall + self.started - now) / MINUTE)
        return True

    def _end(self, ahead: float) -> float:
        """Return the end of the current minute. ``ahead``: wall clock minus loop clock, in seconds."""
        earliest = self.started + MINUTE - SLIP
        together = earliest + -(ahead + earliest) % MINUTE
        if together <= self.started + MINUTE + SLIP:
            return together
        if self.started - self._longer < APART:
            return self.started + MINUTE
        self._longer = self.started
        return together

    def next_tick(self, now: float) -> float:
        """Return the loop time of the next reading: every TICK seconds, aligned to the minute's end."""
        steps = max(0, floor((self.ends - now - SLIP) / TICK))
        return self.ends - steps * TICK

    @property
    def record(self) -> ClockRecord:
        return ClockRecord(self.number, self.started, self._wall, self._boot)


class CounterMark:
    """Stores the position up to which the kernel's counters were read.

    If the daemon is killed, its table continues to count. The mark shows the next daemon which bytes are new.
    It is a small file in the runtime directory, which is in memory like the kernel's counters. Errors are
    only logged: at most ten seconds are not counted.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, read: Mapping[Pair, int]) -> None:
        """Store the counters of the last reading: bytes by slot and class (combination of time rules)."""
        body = b"".join(_ENTRY.pack(*pair, size) for pair, size in read.items())
        try:
            write_atomically(self._path, _CHECK.pack(crc32(body)) + body)
        except OSError as error:
            _log.debug("%s: %s", self._path, error)

    def missed(self, found: Mapping[Pair, int]) -> Mapping[Pair, int]:
        """Return the bytes counted since the stored position, by slot and class (combination of time rules).

        Empty if none is stored, or the file is damaged. ``found``: the counters of the earlier daemon's
        table (`KernelTable.found`).
        """
        read = self._read()
        if read is None:
            return {}
        missed: dict[Pair, int] = {}
        for pair, size in found.items():
            before = read.get(pair, 0)
            missed[pair] = (
                size - before if size >= before else size
            )  # a smaller counter: the element was created again
        return {pair: size for pair, size in missed.items() if size}

    def _read(self) -> Mapping[Pair, int] | None:
        try:
            data = self._path.read_bytes()
        except OSError:
            return None
        body = data[_CHECK.size :]
        if len(data) < _CHECK.size or len(body) % _ENTRY.size or _CHECK.unpack_from(data)[0] != crc32(body):
            return None
        return {(slot, number): size for slot, number, size in iter_unpack(_ENTRY.format, body)}

    def remove(self) -> None:
        """Delete the file with the stored position.

        Call it at a clean stop, after which the kernel's table does not exist.
        """
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:  # on a read-only file system; the stop goes on
            _log.debug("%s: %s", self._path, error)


def _device(member: Member) -> str:
    """Return how the ledgers name a slot's device: by its MAC address, or by the slot of several devices."""
    return member.macs[0] if len(member.macs) == 1 else f"slot {member.slot}"


def _limits(member: Member, gates: frozenset[str]) -> frozenset[str]:
    profile: Profile = member.profile
    if profile.built_in:
        return NO_GATES
    return spent_limits(profile.rules, gates)


def boot_id() -> bytes:
    """Return six bytes that identify this boot of the machine; zeros if they cannot be read."""
    try:
        return bytes.fromhex(BOOT.read_text("ascii").strip().replace("-", ""))[:6].ljust(6, b"\0")
    except (OSError, ValueError):
        return bytes(6)
