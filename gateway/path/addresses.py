"""Which addresses an answered name gave, and for how long a device may still use them."""

from __future__ import annotations

from collections import OrderedDict

MIN_LIFETIME = 300.0  # seconds; browsers and phones use an address for minutes past a short TTL
MAX_LIFETIME = 86400.0
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
        for address in addresses:
            book[address] = max(until, book.get(address, 0.0))
            book.move_to_end(address)
        self._size += len(book) - before
        while self._size > self._limit:
            max(self._books.values(), key=len).popitem(last=False)
            self._size -= 1

    def knows(self, key: int | str, address: bytes, now: float) -> bool:
        book = self._books.get(key)
        return book is not None and book.get(address, 0.0) > now

    def forget(self, key: int | str) -> None:
        self._size -= len(self._books.pop(key, ()))

    def __len__(self) -> int:
        return self._size
