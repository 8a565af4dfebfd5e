"""Normalises typed codes, and stores new secrets in memory for the page that shows them."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from flask import Flask, current_app

SHEETS = 8  # stored at a time; a new one replaces the oldest
SHEET_LIFE = 600.0  # seconds
CODE_LIMIT = 40  # characters

# Letters that look the same on paper and are from another keyboard layout.
_LOOKALIKES = str.maketrans("АВЕКМНРСТХУ", "ABEKMHPCTXY")


def normalize_code(text: str) -> str:
    """Return a typed code in its normal form: ``k7qm – 3xpr`` → ``K7QM-3XPR``.

    Empty without letters or digits. Cyrillic letters that look like Latin ones are replaced. The daemon
    checks whether the code is valid.
    """
    code = "".join(c for c in text[:CODE_LIMIT].upper().translate(_LOOKALIKES) if c.isalnum())
    half = len(code) // 2
    return f"{code[:half]}-{code[half:]}" if code else ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """New secrets that one page shows, such as printed codes, a recovery code, or a sign-in link.

    ``by``: the user who may see them.
    """

    by: str
    codes: tuple[str, ...]
    minutes: int
    name: str  # of the child (empty: any), the user or the token
    until: datetime | None


class Sheets:
    """Stores at most SHEETS sheets (`Sheet`: new secrets) in memory by a random key.

    Only the user who created one gets it, and only for ten minutes. It can be shown again in that time, in
    case its page fails to load. It is removed when the user discards it or requests it later, or when SHEETS
    newer ones replace it.
    """

    def __init__(self) -> None:
        self._sheets: OrderedDict[str, tuple[float, Sheet]] = OrderedDict()
        self._lock = Lock()

    def put(self, sheet: Sheet, now: float) -> str:
        key = secrets.token_urlsafe(12)
        with self._lock:
            self._sheets[key] = (now, sheet)
            while len(self._sheets) > SHEETS:
                self._sheets.popitem(last=False)
        return key

    def get(self, key: str, by: str, now: float) -> Sheet | None:
        with self._lock:
            at, sheet = self._sheets.get(key, (0.0, None))
            if sheet is None or sheet.by != by:
                return None
            if now - at >= SHEET_LIFE:
                del self._sheets[key]
                return None
            return sheet

    def drop(self, key: str, by: str) -> None:
        with self._lock:
            found = self._sheets.get(key)
            if found is not None and found[1].by == by:
                del self._sheets[key]


def install(app: Flask) -> None:
    app.extensions["qalqan-sheets"] = Sheets()


def sheets() -> Sheets:
    found = current_app.extensions["qalqan-sheets"]
    assert isinstance(found, Sheets)
    return found
