"""Which addresses an answered name gave, and for how long a device may still use them."""

from __future__ import annotations

from collections import OrderedDict

MIN_LIFETIME = 300.0  # seconds; browsers and phones use an address for minutes past a short TTL
MAX_LIFETIME = 86400.0
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
