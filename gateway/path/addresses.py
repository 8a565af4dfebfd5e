"""Which addresses an answered name gave, for how long a device may use them; what services it asked for.

An address behind NAT64's prefix is the IPv4 address in it, as in `nameaddresses`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable

from gateway.policy.names.networks import bare

MIN_LIFETIME = 300.0  # seconds; browsers and phones use an address for minutes past a short TTL
MAX_LIFETIME = 86400.0
RECENT = 1800.0  # seconds since a device asked for a service in which flows without a name may be of it
MAX_RECENT = 512  # services of a slot; there are some 700, and a device asks for some dozen
MAX_GIVEN = 1024  # addresses of a slot's services
MAX_ADDRESSES = 8192  # 200 bytes each; a page asks for some 50 names, a family's day is a few thousand


class AddressBook:
    """Addresses by key (a slot, or a safe search name), bounded; whoever has most forgets first, the longest
    unused: one device's answers push out no other's.
    """

    def __init__(self, limit: int = MAX_ADDRESSES) -> None:
        self._limit = limit
        self._books: dict[int | str, OrderedDict[bytes, float]] = {}
        self._size = 0

    def learn(self, key: int | str, addresses: list[bytes], ttl: float, now: float) -> None:
        """``addresses`` (packed) belong to ``key`` for ``ttl`` seconds, at least MIN_LIFETIME."""
        if not addresses:
            return
        until = now + min(max(ttl, MIN_LIFETIME), MAX_LIFETIME)
        book = self._books.get(key)
        if book is None:
            book = self._books[key] = OrderedDict()
        before = len(book)
        for address in map(bare, addresses):
            book[address] = max(until, book.get(address, 0.0))
            book.move_to_end(address)
        self._size += len(book) - before
        while self._size > self._limit:
            max(self._books.values(), key=len).popitem(last=False)
            self._size -= 1

    def knows(self, key: int | str, address: bytes, now: float) -> bool:
        book = self._books.get(key)
        return book is not None and book.get(bare(address), 0.0) > now

    def drop(self, key: int | str, addresses: Iterable[bytes]) -> None:
        """These are not of ``key`` any more."""
        book = self._books.get(key)
        if book is not None:
            for address in map(bare, addresses):
                self._size -= book.pop(address, None) is not None

    def forget(self, key: int | str) -> None:
        self._size -= len(self._books.pop(key, ()))

    def __len__(self) -> int:
        return self._size


class DeviceAddresses:
    """The addresses that allowed names gave to one device, as ``in`` asks for them."""

    __slots__ = ("_book", "_now", "_slot")

    def __init__(self, book: AddressBook, slot: int, now: Callable[[], float]) -> None:
        self._book = book
        self._slot = slot
        self._now = now

    def __contains__(self, address: object) -> bool:
        return isinstance(address, bytes) and self._book.knows(self._slot, address, self._now())


class ServiceBook:
    """Which services a slot asked for lately, answered or refused, and which addresses their names gave it.

    ``services_of``: a host's services, as the catalogue has them; ``clock``: seconds, monotonic.
    """

    def __init__(self, services_of: Callable[[str], tuple[str, ...]], clock: Callable[[], float]) -> None:
        self.services_of = services_of
        self.clock = clock
        self._asked: dict[int, OrderedDict[str, float]] = {}  # by slot, so that none pushes out another's
        self._gave: dict[int, AddressBook] = {}  # by slot; of each the services are the keys

    def ask(self, slot: int, host: str) -> None:
        for service in self.services_of(host):
            asked = self._asked.setdefault(slot, OrderedDict())
            asked[service] = self.clock()
            asked.move_to_end(service)
            if len(asked) > MAX_RECENT:
                asked.popitem(last=False)

    def learn(self, slot: int, host: str, addresses: list[bytes], ttl: float) -> None:
        """``host`` was answered with ``addresses`` (packed)."""
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
        """The slot is somebody else's from now on."""
        self._asked.pop(slot, None)
        self._gave.pop(slot, None)


class DeviceServices:
    """What the book knows of one slot, as a Situation asks."""

    def __init__(self, book: ServiceBook, slot: int) -> None:
        self._book = book
        self._slot = slot

    def asked(self, service: str) -> bool:
        return self._book.asked(self._slot, service)

    def gave(self, service: str, address: bytes) -> bool:
        return self._book.gave(self._slot, service, address)
