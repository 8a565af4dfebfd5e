"""What was changed in one of the family's files, one entry at a time, with what held before and after.

Pages make sentences of it; for the log there is ``edits.told_changes``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.policy.profile.changes import LISTS, MAPPINGS
from gateway.policy.profile.edits import differences
from gateway.policy.profile.plain import Document, Plain, typed

AS_WRITTEN = ("dates", "calendars", "portal")  # what holds of them has each day of a range by itself


@dataclass(frozen=True, slots=True)
class Edited:
    """One entry. None: there was none, or there is none."""

    key: str  # as `edit` takes it: ``bedtime``, ``limits/play``, ``block/tiktok.com``
    before: Any
    after: Any


def edited(
    before: Document, after: Document, held: Mapping[str, Any], holds: Mapping[str, Any]
) -> Iterator[Edited]:
    """What the file says anew. ``held``, ``holds``: what was and is in force, in the shape of the file; where
    both are the same although the file is not, nothing is told.
    """
    was, now = {**held, **_written(before, held)}, {**holds, **_written(after, holds)}
    for key in differences(before, after):
        for entry in _entries(key, before.get(key), after.get(key)):
            one = Edited(entry, _part(was, entry), _part(now, entry))
            if one.before != one.after:
                yield one


def _written(said: Document, held: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in typed(said).items() if key in AS_WRITTEN or key not in held}


def _entries(key: str, before: Plain, after: Plain) -> Iterator[str]:
    if key in LISTS and isinstance(before, list | None) and isinstance(after, list | None):
        for item in dict.fromkeys((*(before or ()), *(after or ()))):
            yield f"{key}/{item}"
        return
    maps = [one for one in (before, after) if one is not None]
    # A bedtime is told as a whole: its days fill each other in. So is what `{}` clears.
    if key in MAPPINGS and key != "bedtime" and all(isinstance(one, dict) and one for one in maps):
        for entry in dict.fromkeys(entry for one in maps if isinstance(one, dict) for entry in one):
            yield f"{key}/{entry}"
        return
    yield key


def _part(values: Mapping[str, Any], key: str) -> Any:
    head, slash, entry = key.partition("/")
    value = values.get(head)
    if not slash:
        return value
    if isinstance(value, list):
        return True if entry in value else None
    return value.get(entry) if isinstance(value, Mapping) else None
