"""Codes on paper: input of a code, the sheet while it is shown, and unused codes."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any

from webui.values.shapes import Answer

SHEETS = 8  # stored at a time; a new one replaces the oldest
SHEET_LIFE = 600.0  # seconds
TYPED_LIMIT = 40  # characters

# Letters that look the same on paper and are from another keyboard layout.
_LOOKALIKES = str.maketrans("АВЕКМНРСТХУ", "ABEKMHPCTXY")


def typed(text: str) -> str:
    """Normalise a code: ``k7qm – 3xpr`` → ``K7QM-3XPR``. The daemon checks it."""
    code = "".join(c for c in text[:TYPED_LIMIT].upper().translate(_LOOKALIKES) if c.isalnum())
    half = len(code) // 2
    return f"{code[:half]}-{code[half:]}" if code else ""


@dataclass(frozen=True, slots=True)
class Batch:
    """Codes that were created together and are not used yet."""

    id: str
    count: int
    minutes: int
    name: str  # of the child; empty: any child
    made: datetime | None
    until: datetime | None
    by: str


def parse_batches(values: Mapping[str, Any]) -> tuple[Batch, ...]:
    return tuple(
        entry.read(Batch, name=entry.text("name") or entry.text("who"))
        for entry in Answer(values).entries("batches")
    )


@dataclass(frozen=True, slots=True)
class Sheet:
    """Codes that were just created."""

    by: str
    codes: tuple[str, ...]
    minutes: int
    name: str  # of the child; empty: any child
    until: datetime | None


class Sheets:
    """Sheets in memory. A sheet stays available for ten minutes, in case its page fails to load."""

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
