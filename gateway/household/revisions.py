"""The record of a change of the rule files: author, time, and the revisions before and after."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from gateway.policy.requests.requests import MAX_REASON

PROGRAM = "qalqan"  # the author of automatic changes in history and audit log
MAX_NOTE = 16 * 1024  # bytes; a note about 64 files has about 5 kB


def revision_of(data: bytes) -> int:
    """Return a number for the content of a file: equal for equal bytes, exact in JSON."""
    return int.from_bytes(sha256(data).digest()[:6])


def revision(data: bytes | None) -> int | None:
    return None if data is None else revision_of(data)


@dataclass(frozen=True, slots=True)
class Step:
    """A change of files, as the history stores it."""

    number: int
    by: str
    at: datetime
    before: Mapping[str, int | None]  # file → its revision; None: there was no such file
    after: Mapping[str, int | None]
    by_hand: frozenset[str]  # files that were edited by hand before
    because: str = ""  # the reason, in the words of the author

    @property
    def removed(self) -> str | None:
        """Return the file that the step removed, if it did nothing else."""
        name = next(iter(self.after), None)
        return name if len(self.after) == 1 and name is not None and self.after[name] is None else None


def note_of(step: Step) -> bytes:
    note = {
        "by": step.by,
        "at": step.at.isoformat(timespec="seconds"),
        "before": dict(step.before),
        "after": dict(step.after),
        "by_hand": sorted(step.by_hand),
        **({"because": step.because} if step.because else {}),
    }
    return json.dumps(note, ensure_ascii=False, indent=1).encode()


def read_note(number: int, data: bytes) -> Step:
    note = json.loads(data)
    at = datetime.fromisoformat(note["at"])
    before, after = dict(note["before"]), dict(note["after"])
    if before.keys() != after.keys() or at.tzinfo is None:
        msg = "it names other files before than after, or a time without an offset"
        raise ValueError(msg)
    because = str(note.get("because", ""))[:MAX_REASON]  # earlier versions stored none
    return Step(number, str(note["by"]), at, before, after, frozenset(note["by_hand"]), because)
