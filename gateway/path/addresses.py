"""Which addresses an answered name gave, for how long a device may use them; what services it asked for."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

MIN_LIFETIME = 300.0  # seconds; browsers and phones use an address for minutes past a short TTL
MAX_LIFETIME = 86400.0
RECENT = 1800.0  # seconds since a device asked for a service in which flows without a name may be of it
MAX_RECENT = 4096  # services by device; a family has some hundred
MAX_GIVEN = 1024  # addresses of a slot's services
MAX_ADDRESSES = 8192  # 200 bytes each; a page asks for some 50 names, a family's day is a few thousand


class AddressBook:
    """Addresses by key (a slot, or a safe search name), bounded; the longest unused is forgotten first."""

    def __init__(self, limit: int = MAX_ADDRESSES) -> None:
        self._limit = limit
        self._until: OrderedDict[tuple[int | str, bytes], float] = OrderedDict()

    def learn(self, key: int | str, addresses: list[bytes], ttl: float, now: float) -> None:
        """``addresses`` (packed) belong to ``key`` for ``ttl`` seconds, at least MIN_LIFETIME."""
        until = now + min(max(ttl, MIN_LIFETIME), MAX_LIFETIME)
        book = self._until
        for address in addresses:
            entry = (key, address)
            book[entry] = max(until, book.get(entry, 0.0))
            book.move_to_end(entry)
        while len(book) > self._limit:
            book.popitem(last=False)

    def knows(self, key: int | str, address: bytes, now: float) -> bool:
        until = self._until.get((key, address))
        return until is not None and until > now

    def forget(self, key: int | str) -> None:
        for entry in [entry for entry in self._until if entry[0] == key]:
            del self._until[entry]

    def __len__(self) -> int:
        return len(self._until)


class ServiceBook:
    """Which services a slot asked for lately, answered or refused, and which addresses their names gave it.

    ``services_of``: a host's services, as the catalogue has them; ``clock``: seconds, monotonic.
    """

    def __init__(self, services_of: Callable[[str], tuple[str, ...]], clock: Callable[[], float]) -> None:
        self.services_of = services_of
        self.clock = clock
        self._asked: OrderedDict[tuple[int, str], float] = OrderedDict()
        self._gave: dict[int, AddressBook] = {}  # by slot; of each the services are the keys

    def ask(self, slot: int, host: str) -> None:
        for service in self.services_of(host):
            self._asked[slot, service] = self.clock()
            self._asked.move_to_end((slot, service))
        while len(self._asked) > MAX_RECENT:
            self._asked.popitem(last=False)

    def learn(self, slot: int, host: str, addresses: list[bytes], ttl: float) -> None:
        """``host`` was answered with ``addresses`` (packed)."""
        for service in self.services_of(host):
            book = self._gave.setdefault(slot, AddressBook(MAX_GIVEN))
            book.learn(service, addresses, ttl, self.clock())

    def asked(self, slot: int, service: str) -> bool:
        at = self._asked.get((slot, service))
        return at is not None and self.clock() - at < RECENT

    def gave(self, slot: int, service: str, address: bytes) -> bool:
        book = self._gave.get(slot)
        return book is not None and book.knows(service, address, self.clock())

    def forget(self, slot: int) -> None:
        """The slot is somebody else's from now on."""
        for key in [key for key in self._asked if key[0] == slot]:
            del self._asked[key]
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
