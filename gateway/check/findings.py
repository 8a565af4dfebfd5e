"""What `qalqan check` finds, one line each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from gateway.core.errors import GatewayError, PolicyError


class Level(StrEnum):
    OK = "ok"
    NOTE = "note"  # worth knowing; nothing has to be done, or it cannot be seen from here
    WARNING = "warning"  # the filter works, and something weakens it
    ERROR = "error"  # devices go past the filter, or it does not run


@dataclass(frozen=True, slots=True)
class Finding:
    level: Level
    about: str  # one word
    text: str
    mend: str = ""

    @property
    def ok(self) -> bool:
        """Nothing has to be done."""
        return self.level in (Level.OK, Level.NOTE)

    def __str__(self) -> str:
        return f"{self.level} {self.about}: {self.text}" + (f": {self.mend}" if self.mend else "")

    def as_json(self) -> dict[str, object]:
        return {
            "level": self.level.value,
            "ok": self.ok,
            "about": self.about,
            "text": self.text,
            "mend": self.mend,
        }


def ok(about: str, text: str) -> Finding:
    return Finding(Level.OK, about, text)


def note(about: str, text: str, mend: str = "") -> Finding:
    return Finding(Level.NOTE, about, text, mend)


def warning(about: str, text: str, mend: str) -> Finding:
    return Finding(Level.WARNING, about, text, mend)


def problem(about: str, text: str, mend: str) -> Finding:
    return Finding(Level.ERROR, about, text, mend)


def unseen(about: str, path: Path) -> Finding:
    return note(about, f"{path} cannot be read without root")


def refused(about: str, error: GatewayError) -> Finding:
    """An error's own words: what is wrong, and behind the semicolon how to mend it."""
    if isinstance(error, PolicyError):
        return problem(about, f"{error.where}: {error.problem}", error.fix)
    text, semicolon, mend = str(error).rpartition("; ")
    return problem(about, text if semicolon else mend, mend if semicolon else "see the manual")
