"""The DNS answers that earlier daemons saw since boot: devices may still have them cached.

They are stored as keyed digests of device, label and address. The label is a host name, a service, or empty
for any name. A program that has the key and all three can check whether an answer had them. None can list
them.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Mapping
from hashlib import blake2b

MAX_PAIRS = 16_384  # as many as the books of addresses and of names have; 12 bytes each
KEY_BYTES = 16
LATEST = (1 << 31) - 1  # seconds since boot that fit in a pair: 68 years
_DIGEST_BYTES = 8


class DeviceDigests:
    """Computes the keyed digests of one device's DNS answers: of a label and an address."""

    __slots__ = ("_start",)

    def __init__(self, key: bytes, device: str) -> None:
        self._start = blake2b(f"{device}\0".encode(), digest_size=_DIGEST_BYTES, key=key)

    def of(self, label: str, address: bytes) -> int:
        digest = self._start.copy()
        digest.update(label.encode() + b"\0" + address)
        return int.from_bytes(digest.digest())


class Pairs:
    """Digests of DNS answers, and until when each is valid.

    ``until``: seconds since boot, doubled, plus 1 if the answer is of a trusted resolver.
    """

    __slots__ = ("digests", "until")

    def __init__(self) -> None:
        self.digests = array("Q")
        self.until = array("I")

    def add(self, digest: int, until: float, *, vouched: bool) -> None:
        self.digests.append(digest)
        self.until.append(min(int(until), LATEST) << 1 | vouched)

    def limit(self) -> None:
        """Remove the first pairs above MAX_PAIRS, so that the last ones remain."""
        del self.digests[:-MAX_PAIRS], self.until[:-MAX_PAIRS]

    def copy(self) -> Pairs:
        copy = Pairs()
        copy.digests, copy.until = self.digests[:], self.until[:]
        return copy

    def valid(self, now: float, latest: float) -> Pairs:
        """Return new Pairs with those that expire after ``now``, but not after ``latest``.

        Both are seconds since boot. They are sorted by digest, each once.
        """
        found = Pairs()
        lowest, highest = int(now) << 1 | 1, min(int(latest), LATEST) << 1 | 1
        digests, until = self.digests, self.until
        for index in sorted(range(len(digests)), key=digests.__getitem__):
            if not lowest < until[index] <= highest:
                continue
            if found.digests and found.digests[-1] == digests[index]:
                found.until[-1] = max(found.until[-1], until[index])
            else:
                found.digests.append(digests[index])
                found.until.append(until[index])
        return found

    def __len__(self) -> int:
        return len(self.digests)


class EarlierAnswers:
    """Looks up whether a DNS answer gave an address to a slot's device before this daemon started."""

    def __init__(self) -> None:
        self.key = b""
        self.pairs = Pairs()  # sorted by digest
        self._devices: dict[int, DeviceDigests] = {}

    def load(self, key: bytes, pairs: Pairs, devices: Mapping[str, int]) -> None:
        """Use these ``pairs``, which are sorted by digest, in place of earlier ones.

        ``key``: the secret of the digests. ``devices``: device → slot; a device is named as in its digests.
        """
        self.key, self.pairs = key, pairs
        self._devices = {slot: DeviceDigests(key, device) for device, slot in devices.items()}

    def forget(self, slot: int) -> None:
        """Stop using stored answers for this slot, which has a new owner."""
        self._devices.pop(slot, None)

    def gave(self, slot: int, label: str, address: bytes, now: float, *, vouched: bool = False) -> bool:
        """Return whether a DNS answer that is still valid gave the slot ``address`` (packed) for ``label``.

        ``label``: a host name, a service with its prefix, or empty for any name. ``now``: seconds since boot.
        ``vouched``: only answers of trusted resolvers count.
        """
        index = self._index(slot, label, address)
        if index is None:
            return False
        until = self.pairs.until[index]
        return until >> 1 > now and (not vouched or bool(until & 1))

    def drop(self, slot: int, label: str, address: bytes) -> None:
        """Stop using the answer that gave the slot ``address`` (packed) for ``label``."""
        index = self._index(slot, label, address)
        if index is not None:
            self.pairs.until[index] = 0

    def _index(self, slot: int, label: str, address: bytes) -> int | None:
        """Return the index of an answer in ``pairs``; None if it is not there, or the slot has no device."""
        digests, device = self.pairs.digests, self._devices.get(slot)
        if not digests or device is None:
            return None
        digest = device.of(label, address)
        index = bisect_left(digests, digest)
        return index if index < len(digests) and digests[index] == digest else None
