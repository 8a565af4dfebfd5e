"""How long a test gives to what has to happen.

A test names what a quiet machine needs. Others may load the machine, and a test that fails for that has found
nothing: so it gives ten times as much, at least ten seconds and at most a minute more. ``make times``
(``QALQAN_TEST_TIMES=1``) holds the marks as they are written. "Not before" is asserted as it stands: load
makes nothing early. How fast something is, compared with what, is for ``make bench``.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable

EXACT = bool(os.environ.get("QALQAN_TEST_TIMES"))
_FACTOR, _LEAST, _MORE = 10.0, 10.0, 60.0


def longest(seconds: float, *, below: float = math.inf) -> float:
    """How long what takes ``seconds`` on a quiet machine may take here.

    ``below``: from when on something else would have done it, so that a later one proves nothing.
    """
    if EXACT:
        return seconds
    return min(max(seconds, _LEAST, min(seconds * _FACTOR, seconds + _MORE)), below)


def until(condition: Callable[[], object], seconds: float, every: float = 0.02) -> float | None:
    """Seconds until ``condition`` held; None when it did not in the time that `longest` gives."""
    return within(condition, longest(seconds), every)


def within(condition: Callable[[], object], seconds: float, every: float = 0.02) -> float | None:
    """As `until`, in just so many seconds: for what is not to happen."""
    began = time.monotonic()
    while True:
        if condition():
            return time.monotonic() - began
        if time.monotonic() - began >= seconds:
            return None
        time.sleep(every)
