"""The findings of `qalqan check`, one line each."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from gateway.core.errors import GatewayError, PolicyError


class Severity(StrEnum):
    """How severe a finding of ``qalqan check`` is."""

    OK = "ok"
    NOTE = "note"  # information: no action is needed, or the state cannot be seen from here
    WARNING = "warning"  # the filter works, and something weakens it
    ERROR = "error"  # devices bypass the filter, or it does not run


@dataclass(frozen=True, slots=True)
class Finding:
    """One result of a check: its severity, subject and text. ``fix`` says how to fix the problem.

    A result without a problem is a finding too (``ok``). ``text`` and ``fix`` are English, for the
    command line. The pages have a translated sentence for each ``code``, filled with ``values``
    (`webui/features/status/finding_text.py`).
    """

    level: Severity
    about: str  # the subject in a word or two, such as lan
    text: str
    fix: str = ""
    code: str = ""  # empty for the severity OK
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the finding needs no action."""
        return self.level in (Severity.OK, Severity.NOTE)

    def __str__(self) -> str:
        return f"{self.level} {self.about}: {self.text}" + (f": {self.fix}" if self.fix else "")

    def as_json(self) -> dict[str, object]:
        return {
            "level": self.level.value,
            "ok": self.ok,
            "about": self.about,
            "text": self.text,
            "fix": self.fix,
            "code": self.code,
            "values": dict(self.values),
        }


def ok(about: str, text: str) -> Finding:
    return Finding(Severity.OK, about, text)


def note(about: str, text: str, fix: str = "", *, code: str, **values: object) -> Finding:
    return Finding(Severity.NOTE, about, text, fix, code, _values(values))


def warning(about: str, text: str, fix: str, *, code: str, **values: object) -> Finding:
    return Finding(Severity.WARNING, about, text, fix, code, _values(values))


def problem(about: str, text: str, fix: str, *, code: str, **values: object) -> Finding:
    return Finding(Severity.ERROR, about, text, fix, code, _values(values))


def _values(values: Mapping[str, object]) -> dict[str, str]:
    return {key: str(value) for key, value in values.items()}


def unseen(about: str, path: Path) -> Finding:
    return note(about, f"{path} cannot be read without root", code="unread")


def is_hidden(path: Path) -> bool:
    """Return whether this process cannot read a file because it is not root.

    The file exists, or may exist. False for root, and for a missing file.
    """
    if os.geteuid() == 0:
        return False
    try:
        path.stat()  # not `exists`, which since Python 3.14 is false for a file in a folder of root's own
    except PermissionError:
        return True
    except OSError:
        return False
    return not os.access(path, os.R_OK, effective_ids=True)


def refused(about: str, error: GatewayError, *, code: str) -> Finding:
    """Return the finding, of severity ``error``, for an exception. The error's own advice becomes its fix.

    That is ``fix`` of a PolicyError, else the part of the message after the last semicolon, or a hint at the
    manual if there is none.
    """
    if isinstance(error, PolicyError):
        return problem(about, f"{error.where}: {error.problem}", error.fix, code=code)
    text, semicolon, fix = str(error).rpartition("; ")
    return problem(about, text if semicolon else fix, fix if semicolon else "see the manual", code=code)
