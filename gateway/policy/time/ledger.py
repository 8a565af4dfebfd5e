"""Counts the used minutes of a person on one family day, by limit and device, each with its reason.

Minutes are numbers of a sequence that only the running program advances. No clock change adds, removes or
repeats one. A minute counts for a limit and a device if enough bytes moved in it; with a linger, also if
few or none moved soon after such a minute. A minute that two devices used is one minute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from math import lcm
from typing import NamedTuple

from gateway.policy.names.services import DEFAULT_THRESHOLD

NO_THRESHOLDS: Mapping[str, int] = {}


def never_blocked(_device: str, _gate: str) -> bool:
    """Return False: no device is blocked for any limit."""
    return False


class CountReason(StrEnum):
    """The reason why a minute counts as used: enough bytes moved, or it came soon after such a minute."""

    MOVED = "moved"  # enough bytes moved
    LINGER = "linger"  # too few bytes, but soon after a minute with enough


class Move(NamedTuple):
    """Bytes of one device for one limit and service, in a minute that has not ended."""

    minute: int
    device: str
    gate: str  # of the limit that they use (`counted_gates`)
    moved: int  # bytes, both directions
    service: str | None  # the service, if known


class LedgerEntry(NamedTuple):
    """A finished minute that counts as used for one limit on one device, with the reason."""

    minute: int
    device: str
    gate: str
    moved: int  # bytes
    service: str | None  # the service with the most bytes
    why: CountReason


class Ledger:
    """Counts the minutes that one person uses on one family day, by limit and device.

    Arguments:
        linger: number of idle minutes that still count after a minute with enough bytes.
        thresholds: bytes per minute, by service id. The bytes of each service are compared with its own
            threshold: half of one threshold and half of another make a minute.
    """

    def __init__(self, linger: int = 0, thresholds: Mapping[str, int] = NO_THRESHOLDS) -> None:
        self._linger = linger
        self._thresholds = thresholds
        self._closed: int | None = None  # the last finished minute
        self._moving: dict[int, dict[tuple[str, str], dict[str | None, int]]] = {}
        self._used: dict[str, set[int]] = {}
        self._entries: list[LedgerEntry] = []
        self._latest: dict[tuple[str, str], int] = {}  # device, gate → the last minute with enough bytes

    def move(self, minute: int, device: str, gate: str, moved: int, service: str | None = None) -> None:
        """Add ``moved`` bytes of a device to a minute, for a limit (``gate``) and a service.

        Bytes for a minute that has ended count in the first minute that has not. Zero or less is ignored.
        """
        if moved <= 0:
            return
        if self._closed is not None and minute <= self._closed:
            minute = self._closed + 1
        of_minute = self._moving.setdefault(minute, {})
        of_service = of_minute.setdefault((device, gate), {})
        of_service[service] = of_service.get(service, 0) + moved

    def close(
        self, minute: int, is_blocked: Callable[[str, str], bool] = never_blocked
    ) -> tuple[LedgerEntry, ...]:
        """End a minute, and earlier ones with traffic. Return an entry for each that counts.

        There is one for each device and limit. If the minute has ended already, return (). Minutes in which
        the program did not run are not counted. ``is_blocked`` returns whether a device is blocked for what a
        limit (``gate``) counts; its idle minutes do not count then.
        """
        if self._closed is not None and minute <= self._closed:
            return ()
        found: list[LedgerEntry] = []
        for number in sorted({minute, *(earlier for earlier in self._moving if earlier < minute)}):
            ended = tuple(self._end(number, is_blocked))
            for entry in ended:
                self._take(entry)
            found += ended
        self._closed = minute
        return tuple(found)

    def _end(self, minute: int, is_blocked: Callable[[str, str], bool]) -> Iterator[LedgerEntry]:
        """Remove the bytes of a minute, and yield an entry for each device and limit that it counts for."""
        moving = self._moving.pop(minute, {})
        lingering = (key for key, at in self._latest.items() if 0 < minute - at <= self._linger)
        for device, gate in sorted({*moving, *lingering}):
            moved = moving.get((device, gate), {})
            most = max(moved, key=lambda service: (moved[service], service or ""), default=None)
            total = sum(moved.values())
            if self._is_enough(gate, moved):
                yield LedgerEntry(minute, device, gate, total, most, CountReason.MOVED)
            elif 0 < minute - self._latest.get((device, gate), minute) <= self._linger and not is_blocked(
                device, gate
            ):
                yield LedgerEntry(minute, device, gate, total, most, CountReason.LINGER)

    def _is_enough(self, gate: str, moved: Mapping[str | None, int]) -> bool:
        """Return True if the bytes by service make a counted minute: their shares of thresholds reach 1.

        The sum is exact, in whole numbers. ``gate``: the limit; bytes without a service get the threshold of
        its service.
        """
        if not moved:
            return False
        own = gate.removeprefix("service:") if gate.startswith("service:") else None
        weighed = [
            (self._thresholds.get(service or own or "", DEFAULT_THRESHOLD), size)
            for service, size in moved.items()
        ]
        whole = lcm(*(threshold for threshold, _ in weighed))
        return sum(size * (whole // threshold) for threshold, size in weighed) >= whole

    def _take(self, entry: LedgerEntry) -> None:
        self._entries.append(entry)
        self._used.setdefault(entry.gate, set()).add(entry.minute)
        if entry.why is CountReason.MOVED:
            key = entry.device, entry.gate
            self._latest[key] = max(entry.minute, self._latest.get(key, entry.minute))

    def used(self) -> Mapping[str, int]:
        """Return the number of counted minutes by limit; a minute that several devices used is one."""
        return {gate: len(minutes) for gate, minutes in self._used.items()}

    def used_on(self, device: str) -> Mapping[str, int]:
        """Return the number of counted minutes of one device by limit."""
        found: dict[str, int] = {}
        for entry in self._entries:
            if entry.device == device:
                found[entry.gate] = found.get(entry.gate, 0) + 1
        return found

    def devices(self) -> tuple[str, ...]:
        """Return the devices with a counted minute, in the order of first use."""
        return tuple(dict.fromkeys(entry.device for entry in self._entries))

    def entries(self, gate: str | None = None) -> tuple[LedgerEntry, ...]:
        """Return an entry for each counted minute and device, in order; of one limit (``gate``) or all."""
        return tuple(entry for entry in self._entries if gate is None or entry.gate == gate)

    def moving(self) -> tuple[Move, ...]:
        """Return the bytes of minutes that have not ended, by device, limit and service."""
        return tuple(
            Move(minute, device, gate, size, service)
            for minute, of_minute in sorted(self._moving.items())
            for (device, gate), of_service in sorted(of_minute.items())
            for service, size in of_service.items()
        )

    @property
    def closed(self) -> int | None:
        """The number of the last finished minute; None before the first."""
        return self._closed

    def restore(self, counted: Iterable[LedgerEntry], moving: Iterable[Move], closed: int | None) -> None:
        """Fill an empty ledger with what `entries`, `moving` and `closed` of an earlier one returned.

        A duplicate entry counts once.
        """
        self._closed = closed
        once = {(entry.minute, entry.device, entry.gate): entry for entry in counted}
        for entry in sorted(once.values()):
            self._take(entry)
            self._closed = max(entry.minute, self._closed if self._closed is not None else entry.minute)
        for move in moving:
            # A finished minute was counted: its bytes do not belong to the next one.
            if self._closed is None or move.minute > self._closed:
                self.move(*move)

    def turned(self) -> Ledger:
        """Return a new ledger for the next family day, without used minutes.

        The bytes of unfinished minutes are copied, and a linger (idle minutes that still count) continues.
        """
        new = Ledger(self._linger, self._thresholds)
        new.restore((), self.moving(), self._closed)
        new._latest.update(self._latest)
        return new
