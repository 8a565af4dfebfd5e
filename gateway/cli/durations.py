"""Parsers for durations such as ``1h30m`` and for whole numbers on the command line."""

from __future__ import annotations

from gateway.control.contract.time import MAX_SWITCH
from gateway.core.errors import PolicyError
from gateway.policy.time.time_text import TimeTextError, duration_minutes
from gateway.policy.yaml.fields import shown

OPTION = "--for"
MAX_DIGITS = 9


def minutes(text: str, where: str = OPTION) -> int:
    """Return the minutes of a duration such as ``30m``, ``2h``, ``1h30m`` or ``1d``.

    Raises PolicyError for another text, for less than a minute, and for more than seven days. ``where``: the
    option, for the error.
    """
    try:
        found = duration_minutes(text.lower(), days=True)
    except TimeTextError as error:
        raise PolicyError(where, f"{shown(text)} {error.problem}", error.fix) from None
    if not found:
        raise PolicyError(where, f"{shown(text)} is not a duration", "write it like 30m, 2h or 1h30m")
    if found > MAX_SWITCH:
        raise PolicyError(where, f"{shown(text)} is more than seven days", "write at most 7d")
    return found


def whole(text: str, where: str, fix: str) -> int:
    """Return the whole number in ``text``.

    Raises PolicyError unless the text has one to nine ASCII digits and nothing else. ``where`` and ``fix``:
    the place and the advice in the error.
    """
    if not (text.isascii() and text.isdecimal()) or len(text) > MAX_DIGITS:
        raise PolicyError(where, f"{shown(text)} is not a number of at most {MAX_DIGITS} digits", fix)
    return int(text)
