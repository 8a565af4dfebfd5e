"""The addresses that DNS answers gave to each device, and the services that it queried recently.

An address in NAT64's prefix is treated as the IPv4 address in it, as in `name_addresses`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable

from gateway.policy.names.networks import unmapped

MIN_LIFETIME = 300.0  # seconds; browsers and phones use an address for minutes after a short TTL
MAX_LIFETIME = 86400.0
RECENT = 1800.0  # seconds since the last query for a service in which nameless flows may belong to it
MAX_RECENT = 512  # services of a slot; about 700 exist, and a device queries a few dozen
MAX_GIVEN = 1024  # addresses of a slot's services
MAX_ADDRESSES = 8192  # 200 bytes each; a page queries about 50 names, a family a few thousand a day


class AddressBook:
    """Addresses by key (a slot, or a safe search name), bounded.

    If it is full, the key with most addresses loses the one unused for longest: the answers to one device
    evict no address of another.
    """

    def __init__(self, limit: int = MAX_ADDRESSES) -> None:
        self._limit = limit
        self._books: dict[int | str, OrderedDict[bytes, float]] = {}
        self._size = 0

    def learn(self, key: int | str, addresses: list[bytes], ttl: float, now: float) -> None:
        """Add ``addresses`` (packed) to ``key`` for ``ttl`` seconds, at least MIN_LIFETIME."""
        if not addresses:
            return
        until = now + min(max(ttl, MIN_LIFETIME), MAX_LIFETIME)
        book = self._books.get(key)
        if book is None:
            book = self._books[key] = OrderedDict()
        before = len(book)
        for address in map(unmapped, addresses):
            book[address] = max(until, book.get(address, 0.0))
            book.move_to_end(address)
        self._size += len(book) - before
        while self._size > self._limit:
            max(self._books.values(), key=len).popitem(last=False)
            self._size -= 1

    def knows(self, key: int | str, address: bytes, now: float) -> bool:
        book = self._books.get(key)
        return book is not None and book.get(unmapped(address), 0.0) > now

    def drop(self, key: int | str, addresses: Iterable[bytes]) -> None:
        """Remove addresses from ``key``."""
        book = self._books.get(key)
        if book is not None:
            for address in map(unmapped, addresses):
                self._size -= book.pop(address, None) is not None

    def forget(self, key: int | str) -> None:
        self._size -= len(self._books.pop(key, ()))

    def __len__(self) -> int:
        return self._size


class DeviceAddresses:
    """The addresses that allowed names gave to one device, for the operator ``in``."""

    __slots__ = ("_book", "_now", "_slot")

    def __init__(self, book: AddressBook, slot: int, now: Callable[[], float]) -> None:
        self._book = book
        self._slot = slot
        self._now = now

    def __contains__(self, address: object) -> bool:
        return isinstance(address, bytes) and self._book.knows(self._slot, address, self._now())


class ServiceBook:
    """The services that each slot queried recently, allowed or refused, and the addresses of their names.

    ``services_of`` returns a host's services from the catalogue; ``clock`` returns monotonic seconds.
    """

    def __init__(self, services_of: Callable[[str], tuple[str, ...]], clock: Callable[[], float]) -> None:
        self.services_of = services_of
        self.clock = clock
        self._asked: dict[int, OrderedDict[str, float]] = {}  # by slot, so that slots do not evict each other
        self._gave: dict[int, AddressBook] = {}  # by slot; the keys of each are services

    def record_query(self, slot: int, host: str) -> None:
        for service in self.services_of(host):
            asked = self._asked.setdefault(slot, OrderedDict())
            asked[service] = self.clock()
            asked.move_to_end(service)
            if len(asked) > MAX_RECENT:
                asked.popitem(last=False)

    def learn(self, slot: int, host: str, addresses: list[bytes], ttl: float) -> None:
        """Record that ``host`` was answered with ``addresses`` (packed)."""
        for service in self.services_of(host):
            book = self._gave.setdefault(slot, AddressBook(MAX_GIVEN))
            book.learn(service, addresses, ttl, self.clock())

    def asked(self, slot: int, service: str) -> bool:
        asked = self._asked.get(slot)
        at = None if asked is None else asked.get(service)
        return at is not None and self.clock() - at < RECENT

    def gave(self, slot: int, service: str, address: bytes) -> bool:
        book = self._gave.get(slot)
        return book is not None and book.knows(service, address, self.clock())

    def forget(self, slot: int) -> None:
        """Remove a slot's data: the slot has a new owner."""
        self._asked.pop(slot, None)
        self._gave.pop(slot, None)


class DeviceServices:
    """The services of one slot, as a Situation uses them."""

    def __init__(self, book: ServiceBook, slot: int) -> None:
        self._book = book
        self._slot = slot

    def asked(self, service: str) -> bool:
        return self._book.asked(self._slot, service)

    def gave(self, service: str, address: bytes) -> bool:
        return self._book.gave(self._slot, service, address)
