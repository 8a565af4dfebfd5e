"""Slows a client after wrong passwords, without an effect on other clients. Pure: the time is an argument."""

from __future__ import annotations

TRIES = 5  # attempts of a device or known browser without a wait
TRIES_OF_ALL = 50  # attempts of all unknown devices: a new hardware address gives no further ones
FIRST_WAIT = 60.0  # seconds; doubles with each further wrong attempt
LONGEST_WAIT = 900.0
FORGET = 3600.0  # seconds without an attempt, after which a key is removed
KEYS_LIMIT = 256  # a new key replaces the one unused longest


class Limiter:
    """Counts attempts by key, and says how long each key must wait.

    A key is a hardware address, an IP address, or a browser. All times are in seconds of one monotonic clock.
    """

    def __init__(self) -> None:
        self._tries: dict[str, tuple[int, float]] = {}  # key → count, time of the last attempt

    def wait(self, key: str, now: float, tries: int = TRIES) -> float:
        """Return the seconds until this key may try again; 0 if it may now. ``tries``: its free attempts."""
        count, last = self._found(key, now)
        if count < tries:
            return 0.0
        pause = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(count - tries, 10))
        return max(0.0, last + pause - now)

    def count(self, key: str, now: float) -> None:
        """Count an attempt of this key.

        Callers do so before they check the password, so that parallel attempts count.
        """
        count, _ = self._found(key, now)
        self._tries.pop(key, None)
        self._tries[key] = (count + 1, now)
        while len(self._tries) > KEYS_LIMIT:
            del self._tries[next(iter(self._tries))]

    def uncount(self, key: str) -> None:
        """Subtract one attempt from the key's count, because it was correct.

        Earlier ones stay, so that one account cannot be used to guess another's password.
        """
        count, last = self._tries.get(key, (0, 0.0))
        if count > 1:
            self._tries[key] = (count - 1, last)
        else:
            self._tries.pop(key, None)

    def _found(self, key: str, now: float) -> tuple[int, float]:
        count, last = self._tries.get(key, (0, now))
        return (0, now) if now - last >= FORGET else (count, last)
