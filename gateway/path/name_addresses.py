"""The addresses that DNS answers for each name gave to a device, so that a name is used only at these.

An address in NAT64's prefix is treated as the IPv4 address in it, in answers and in packets: a device with
CLAT gets one and uses the other.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Container, Iterable
from sys import intern
from typing import NamedTuple

from gateway.path.addresses import MAX_LIFETIME
from gateway.policy.names.networks import unmapped

NAME_LIFETIME = 3600.0  # seconds, the minimum: players and apps use an address for as long as a film
MAX_GIVEN = 8192  # names with an address, 260 bytes each; three children have 2,000 each a day
MAX_TARGETS = 256  # names of a slot with targets (SVCB); few sites have these
MAX_FOLLOWED = 4  # targets of a name, and targets of targets (RFC 9460 §3.1 requires a limit)


class _Given(NamedTuple):
    """The lifetime and origin of one address of a name."""

    until: float
    vouched: bool  # from the gateway's own resolver; a device's resolver is not trusted


class _Slot:
    """The names of one slot: their addresses, and their targets."""

    __slots__ = ("given", "targets")

    def __init__(self) -> None:
        self.given: OrderedDict[tuple[str, bytes], _Given] = OrderedDict()
        self.targets: OrderedDict[str, tuple[str, ...]] = OrderedDict()


class NameBook:
    """A bounded book of watched slots; the slot with most names loses the one unused for longest."""

    def __init__(self, limit: int = MAX_GIVEN) -> None:
        self._limit = limit
        self._slots: dict[int, _Slot] = {}
        self._size = 0

    def watch(self, slots: Iterable[int]) -> None:
        """Watch exactly these slots from now on; the data of others is removed."""
        wanted = frozenset(slots)
        for slot in [known for known in self._slots if known not in wanted]:
            self._size -= len(self._slots.pop(slot).given)
        for slot in wanted:
            self._slots.setdefault(slot, _Slot())

    def forget(self, slot: int) -> None:
        """Remove this slot's data; it is still watched."""
        book = self._slots.get(slot)
        if book is not None:
            self._size -= len(book.given)
            self._slots[slot] = _Slot()

    def remove_hosts(self, slot: int, hosts: Container[str]) -> frozenset[bytes]:
        """Remove this slot's data of ``hosts``; return the addresses that no other name has there."""
        book = self._slots.get(slot)
        gone = [] if book is None else [key for key in book.given if key[0] in hosts]
        if book is None or not gone:
            return frozenset()
        for key in gone:
            del book.given[key]
        self._size -= len(gone)
        return frozenset(address for _, address in gone) - {address for _, address in book.given}

    def watches(self, slot: int) -> bool:
        return slot in self._slots

    def learn(
        self, slot: int, host: str, addresses: Iterable[bytes], ttl: float, now: float, *, vouched: bool
    ) -> None:
        """Record that an answer gave ``addresses`` (packed) to ``host`` for ``ttl`` seconds.

        They are stored for at least NAME_LIFETIME.
        """
        book = self._slots.get(slot)
        if book is None:
            return
        given, host = book.given, intern(host)
        until = now + min(max(ttl, NAME_LIFETIME), MAX_LIFETIME)
        before = len(given)
        for address in addresses:
            key = (host, unmapped(address))
            held = given.get(key)
            if held is not None and held.until > now:
                given[key] = _Given(max(until, held.until), vouched or held.vouched)
            else:
                given[key] = _Given(until, vouched)
            given.move_to_end(key)
        self._size += len(given) - before
        while self._size > self._limit:
            max(self._slots.values(), key=lambda book: len(book.given)).given.popitem(last=False)
            self._size -= 1

    def add_targets(self, slot: int, host: str, targets: Iterable[str]) -> None:
        """Record that ``host`` is reached at the addresses of ``targets`` (RFC 9460 §3)."""
        book = self._slots.get(slot)
        others = tuple(target for target in dict.fromkeys(targets) if target != host)[:MAX_FOLLOWED]
        if book is None or not others:
            return
        book.targets[intern(host)] = others
        book.targets.move_to_end(host)
        if len(book.targets) > MAX_TARGETS:
            book.targets.popitem(last=False)

    def vouched(self, slot: int, host: str, address: bytes, now: float) -> bool:
        """Whether the gateway's own resolver gave ``address`` for ``host`` itself."""
        book = self._slots.get(slot)
        held = None if book is None else book.given.get((host, unmapped(address)))
        return held is not None and held.vouched and held.until > now

    def gave(self, slot: int, host: str, address: bytes, now: float) -> bool:
        """Whether an answer for ``host``, or for one of its targets, gave ``address``."""
        book = self._slots.get(slot)
        if book is None:
            return False
        address = unmapped(address)
        names: tuple[str, ...] = (host,)
        for _ in range(MAX_FOLLOWED):
            for name in names:
                held = book.given.get((name, address))
                if held is not None and held.until > now:
                    return True
            names = tuple(target for name in names for target in book.targets.get(name, ()))[:MAX_FOLLOWED]
            if not names:
                break
        return False

    def hosts(self, slot: int, address: bytes, now: float) -> list[str]:
        """Return the names with ``address`` in trusted answers. Reads all of the slot's: 200 µs at most."""
        book = self._slots.get(slot)
        if book is None:
            return []
        address = unmapped(address)
        found = ((host, held) for (host, known), held in book.given.items() if known == address)
        return [host for host, held in found if held.vouched and held.until > now]

    def __len__(self) -> int:
        return self._size


class DeviceNames:
    """The names of one slot, as a Situation uses them."""

    def __init__(self, book: NameBook, slot: int, now: Callable[[], float]) -> None:
        self._book = book
        self._slot = slot
        self._now = now

    def gave(self, host: str, address: bytes) -> bool:
        return self._book.gave(self._slot, host, address, self._now())

    def vouched(self, host: str, address: bytes) -> bool:
        return self._book.vouched(self._slot, host, address, self._now())

    def hosts(self, address: bytes) -> list[str]:
        return self._book.hosts(self._slot, address, self._now())

    def for_running_flows(self) -> RunningNames:
        return RunningNames(self._book, self._slot)


class RunningNames:
    """The same for flows that are already allowed: addresses that were valid then stay valid."""

    def __init__(self, book: NameBook, slot: int) -> None:
        self._book = book
        self._slot = slot

    def gave(self, host: str, address: bytes) -> bool:  # noqa: ARG002
        return True

    vouched = gave

    def hosts(self, address: bytes) -> list[str]:
        return self._book.hosts(self._slot, address, float("-inf"))
