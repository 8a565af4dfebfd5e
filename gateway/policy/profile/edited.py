"""The changed entries of one of the family's files, each with its old and new value in force.

The pages turn them into sentences. The audit log uses ``edits.changes_text``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.policy.profile.changes import LISTS, MAPPINGS
from gateway.policy.profile.edits import differences
from gateway.policy.profile.plain import Document, Plain, typed

AS_WRITTEN = ("dates", "calendars", "portal")  # in force, each day of a range of these is separate


@dataclass(frozen=True, slots=True)
class ChangedEntry:
    """One changed entry. None: it did not exist, or no longer exists."""

    key: str  # as `edit` takes it: ``bedtime``, ``limits/play``, ``block/tiktok.com``
    before: Any
    after: Any


def changed_entries(
    before: Document, after: Document, held: Mapping[str, Any], holds: Mapping[str, Any]
) -> Iterator[ChangedEntry]:
    """Yield the entries that changed.

    ``held``, ``holds``: the rules in force before and after, in the form of the file. An entry whose rule in
    force is unchanged is skipped.
    """
    was, now = {**held, **_written(before, held)}, {**holds, **_written(after, holds)}
    for key in differences(before, after):
        for entry in _entries(key, before.get(key), after.get(key)):
            one = ChangedEntry(entry, _part(was, entry), _part(now, entry))
            if one.before != one.after:
                yield one


def _written(said: Document, held: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in typed(said).items() if key in AS_WRITTEN or key not in held}


def _entries(key: str, before: Plain, after: Plain) -> Iterator[str]:
    if key in LISTS and isinstance(before, list | None) and isinstance(after, list | None):
        for item in dict.fromkeys((*(before or ()), *(after or ()))):
            yield f"{key}/{item}"
        return
    maps = [value for value in (before, after) if value is not None]
    # A bedtime is one entry, since its days complete each other; so is a mapping that `{}` clears.
    if (
        key in MAPPINGS
        and key != "bedtime"
        and all(isinstance(mapping, dict) and mapping for mapping in maps)
    ):
        for entry in dict.fromkeys(
            entry for mapping in maps if isinstance(mapping, dict) for entry in mapping
        ):
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
