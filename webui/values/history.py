"""Changes of guardians as the daemon reports them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from webui.values.shapes import Answer

NUMBERS = {"revoke": ("grant",), **dict.fromkeys(("unedit", "unedit_family"), ("revision", "found"))}


@dataclass(frozen=True, slots=True)
class Edit:
    """One entry of a file. Values are as in the file, None for a missing entry."""

    key: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Change:
    """A guardian's change, and the form of its undo."""

    at: datetime | None
    by: str
    what: str  # pause, off, grant, open; for a file rules, added, removed, settings
    who: str  # a profile's id, a MAC, or all
    name: str  # empty: every child
    minutes: int
    thing_name: str
    until: datetime | None
    ended: bool
    because: str  # the guardian's reason; untrusted input
    left_off: int  # number of edits that are not listed
    undo: str  # the verb; empty: no undo
    value: str  # what the undo's form sends: a number, revisions, or a profile
    edits: tuple[Edit, ...]
    devices: Mapping[str, str]  # names by MAC, for edits of devices


def parse_changes(values: Mapping[str, Any]) -> tuple[Change, ...]:
    """Parse changes, newest first."""
    return tuple(map(_change, Answer(values).entries("changes")))


def _change(entry: Answer) -> Change:
    undo = entry.entry("undo") or Answer({})
    do = undo.text("do")
    numbers = NUMBERS.get(do, ())  # the fields that its undo sends
    sent = " ".join(str(undo.whole(key)) for key in numbers)
    sent = sent or undo.text("token") or undo.text("id") or undo.text("who")
    return entry.read(
        Change,
        undo=do,
        value=sent,
        edits=tuple(
            Edit(edit.text("key"), edit.values.get("before"), edit.values.get("after"))
            for edit in entry.entries("edits")
        ),
        devices={device.text("mac"): device.text("name") for device in entry.entries("devices")},
    )
