"""Wrong tries slow who made them, and nobody else. Pure: the time is an argument."""

from __future__ import annotations

TRIES = 5  # of a device, or of a browser that has signed in before, until it has to wait
TRIES_OF_ALL = 50  # of all devices that nobody has placed: a new hardware address is no new start
FIRST_WAIT = 60.0  # seconds; doubles with each wrong try after that
LONGEST_WAIT = 900.0
FORGET = 3600.0  # seconds without a try, after which all is forgotten
KEYS_LIMIT = 256  # the longest unseen give way


class Limiter:
    """By any key: a hardware address, an address, a browser."""

    def __init__(self) -> None:
        self._tries: dict[str, tuple[int, float]] = {}  # how many, when the last one was

    def wait(self, key: str, now: float, tries: int = TRIES) -> float:
        """Seconds until this key may try again; 0 when it may now."""
        count, last = self._found(key, now)
        if count < tries:
            return 0.0
        pause = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(count - tries, 10))
        return max(0.0, last + pause - now)

    def count(self, key: str, now: float) -> None:
        """Before the try is made: many at once are many."""
        count, _ = self._found(key, now)
        self._tries.pop(key, None)
        self._tries[key] = (count + 1, now)
        while len(self._tries) > KEYS_LIMIT:
            del self._tries[next(iter(self._tries))]

    def uncount(self, key: str) -> None:
        """It was no wrong one. Earlier ones stay: who may sign in as one does not guess on as another."""
        count, last = self._tries.get(key, (0, 0.0))
        if count > 1:
            self._tries[key] = (count - 1, last)
        else:
            self._tries.pop(key, None)

    def _found(self, key: str, now: float) -> tuple[int, float]:
        count, last = self._tries.get(key, (0, now))
        return (0, now) if now - last >= FORGET else (count, last)
