"""Slows a client after wrong passwords, without an effect on other clients. Pure: the time is an argument."""

from __future__ import annotations

from collections.abc import Mapping

TRIES = 5  # attempts of a device or known browser without a wait
NEWCOMERS = 10  # unknown devices that may begin with attempts without a wait: MAC addresses can be invented
FIRST_WAIT = 60.0  # seconds; doubles with each further wrong attempt
LONGEST_WAIT = 900.0
FORGET = 3600.0  # seconds without an attempt, after which a key is removed
KEYS_LIMIT = 256  # then the key with the fewest attempts is removed, of those the one unused longest
RECENT = 8  # times of attempts that are stored: as many may be checked at the same time


class Limiter:
    """Counts attempts by key, and returns how long each key must wait.

    A key is a hardware address, an IP address, a browser, or all new devices together. All times are in
    seconds of one monotonic clock.
    """

    def __init__(self) -> None:
        self._tries: dict[str, tuple[int, tuple[float, ...]]] = {}  # count, times of the last attempts

    def wait(self, key: str, now: float, tries: int = TRIES) -> float:
        """Return the seconds until this key may try again; 0 if it may now. ``now``: monotonic, in seconds.

        ``key``: a hardware address, an IP address or a browser. After its free attempts
        (``tries``), the wait doubles with each attempt, from FIRST_WAIT to LONGEST_WAIT.
        """
        count, times = self._found(key, now)
        if count < tries:
            return 0.0
        pause = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(count - tries, 10))
        return max(0.0, times[-1] + pause - now)

    def knows(self, key: str, now: float) -> bool:
        """Return whether this key has counted attempts; an hour after its last attempt it has none."""
        return self._found(key, now)[0] > 0

    def count(self, key: str, now: float) -> None:
        """Count an attempt of this key at the time ``now``.

        Callers do so before they check the password, so that parallel attempts count.
        """
        count, times = self._found(key, now)
        self._tries.pop(key, None)
        if len(self._tries) >= KEYS_LIMIT:
            # Many invented addresses must not remove the count of one that has to wait.
            del self._tries[min(self._tries, key=lambda other: self._tries[other][0])]
        self._tries[key] = count + 1, (*times, now)[-RECENT:]

    def uncount(self, key: str, at: float | None = None) -> None:
        """Remove one attempt of the key from the count, because it was not a wrong one.

        It is the one of the time ``at``, or the last. Earlier ones stay, with their wait, so that one account
        cannot be used to guess another's password.
        """
        count, times = self._tries.get(key, (0, ()))
        gone = times[-1:] if at is None else (at,)
        left = list(times)
        for time in gone:
            if time in left:
                left.remove(time)
        if count > 1 and left:
            self._tries[key] = count - 1, tuple(left)
        else:
            self._tries.pop(key, None)

    def state(self) -> dict[str, list[float]]:
        """Return the counts in a form for a file: by key, the count and the time of the last attempt."""
        return {key: [count, times[-1]] for key, (count, times) in self._tries.items()}

    def restore(self, state: Mapping[str, list[float]], now: float) -> None:
        """Take over counts that `state` returned.

        A time in the future is of an earlier boot, and becomes ``now``. Raises ValueError, TypeError or
        AttributeError for other data.
        """
        for key, (count, last) in list(state.items())[-KEYS_LIMIT:]:
            self._tries[str(key)] = max(1, int(count)), (min(float(last), now),)

    def _found(self, key: str, now: float) -> tuple[int, tuple[float, ...]]:
        count, times = self._tries.get(key, (0, ()))
        return (0, ()) if not times or now - times[-1] >= FORGET else (count, times)
