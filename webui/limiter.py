"""Wrong codes slow the device that typed them, and nobody else. Pure: the time is an argument."""

from __future__ import annotations

TRIES = 5
WINDOW = 60.0  # seconds in which a device has TRIES
ADDRESSES_LIMIT = 256  # the longest unseen give way


class Limiter:
    def __init__(self) -> None:
        self._tries: dict[str, list[float]] = {}

    def wait(self, address: str, now: float) -> float:
        """Seconds until this address may try again; 0 when it may now."""
        recent = [when for when in self._tries.get(address, ()) if now - when < WINDOW]
        return 0.0 if len(recent) < TRIES else WINDOW - (now - recent[0])

    def failed(self, address: str, now: float) -> None:
        recent = [when for when in self._tries.pop(address, []) if now - when < WINDOW]
        self._tries[address] = [*recent, now][-TRIES:]
        while len(self._tries) > ADDRESSES_LIMIT:
            del self._tries[next(iter(self._tries))]
