"""What `qalqan check` finds, one line each."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.errors import GatewayError, PolicyError


@dataclass(frozen=True, slots=True)
class Finding:
    ok: bool
    about: str  # one word
    text: str
    mend: str = ""  # of a problem

    def __str__(self) -> str:
        return (
            f"ok {self.about}: {self.text}" if self.ok else f"problem {self.about}: {self.text}: {self.mend}"
        )

    def as_json(self) -> dict[str, object]:
        return {"ok": self.ok, "about": self.about, "text": self.text, "mend": self.mend}


def ok(about: str, text: str) -> Finding:
    return Finding(True, about, text)


def problem(about: str, text: str, mend: str) -> Finding:
    return Finding(False, about, text, mend)


def refused(about: str, error: GatewayError) -> Finding:
    """An error's own words: what is wrong, and behind the semicolon how to mend it."""
    if isinstance(error, PolicyError):
        return Finding(False, about, f"{error.where}: {error.problem}", error.mend)
    text, semicolon, mend = str(error).rpartition("; ")
    return Finding(False, about, text if semicolon else mend, mend if semicolon else "see the manual")
