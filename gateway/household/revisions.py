"""A change of the family's files, as it is remembered: who made it, when, and what it made of what."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from gateway.policy.requests.requests import MAX_REASON

PROGRAM = "qalqan"  # who files and audit name where nobody did anything
MAX_NOTE = 16 * 1024  # bytes; one of 64 files has about 5 kB


def revision_of(data: bytes) -> int:
    """A number for what stands in a file: equal for equal bytes, small enough for every reader of JSON."""
    return int.from_bytes(sha256(data).digest()[:6])


def revision(data: bytes | None) -> int | None:
    return None if data is None else revision_of(data)


@dataclass(frozen=True, slots=True)
class Step:
    number: int
    by: str
    at: datetime
    before: Mapping[str, int | None]  # file → its revision; None: there was no such file
    after: Mapping[str, int | None]
    by_hand: frozenset[str]  # files that somebody had written by hand
    because: str = ""  # why, in the words of whoever made it

    @property
    def removed(self) -> str | None:
        """The one file that it took away, where it did nothing else."""
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
    because = str(note.get("because", ""))[:MAX_REASON]  # earlier versions noted none
    return Step(number, str(note["by"]), at, before, after, frozenset(note["by_hand"]), because)
