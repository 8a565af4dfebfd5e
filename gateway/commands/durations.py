"""``--for 1h30m``, and whole numbers."""

from __future__ import annotations

import re

from gateway.control.protocol import MAX_MINUTES
from gateway.errors import PolicyError
from gateway.policy.documents import shown

OPTION = "--for"
MAX_DIGITS = 9
_DURATION = re.compile(r"(?:([0-9]{1,3})d)?(?:([0-9]{1,4})h)?(?:([0-9]{1,5})m)?", re.ASCII)


def minutes(text: str, where: str = OPTION) -> int:
    """``30m``, ``2h``, ``1h30m`` or ``1d`` in minutes, 1 to MAX_MINUTES. ``where`` it stands is what the
    PolicyError names.
    """
    match = _DURATION.fullmatch(text.replace(" ", "").lower())
    found = 0
    if match is not None:
        days, hours, rest = (int(part or 0) for part in match.groups())
        found = (days * 24 + hours) * 60 + rest
    if not found:
        raise PolicyError(where, f"{shown(text)} is not a duration", "write it like 30m, 2h or 1h30m")
    if found > MAX_MINUTES:
        raise PolicyError(where, f"{shown(text)} is more than seven days", "write at most 7d")
    return found


def whole(text: str, where: str, mend: str) -> int:
    """A number that somebody typed, of at most nine digits. Raises PolicyError."""
    if not (text.isascii() and text.isdecimal()) or len(text) > MAX_DIGITS:
        raise PolicyError(where, f"{shown(text)} is no number that fits", mend)
    return int(text)
