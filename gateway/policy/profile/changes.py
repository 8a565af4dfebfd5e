"""A rule file and requested changes → the new content of the file. Values in, values out.

A change is ``{KEY: VALUE}``. KEY is a key of the file, or one entry of a mapping or list, such as
``categories/games``, ``limits/service:youtube`` or ``block/example.com``. None removes it from the file, and
the default (the band's) applies again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.core.errors import PolicyError
from gateway.policy.profile.plain import Document, Plain, from_json, refuse

Changes = Mapping[str, object]

LISTS = ("devices", "allow", "block", "homework", "calendars", "portal", "gateway_ports", "leases")
MAPPINGS = (
    "categories", "ways", "bedtime", "limits", "windows", "dates", "shared", "managed", "interfaces", "laws",
    "registers", "lists",
)  # fmt: skip
MAX_CHANGES = 256  # keys per edit; a page changes a few

_ALLOWED = ("categories", "ways")  # here "allow" clears one entry; elsewhere {} does


def changed(said: Document, changes: Changes, beneath: Mapping[str, Any]) -> Document:
    """Return ``said`` with ``changes``. The file's parser checks the values later.

    ``beneath``: the defaults for missing keys, in the form of the file.

    Raises:
        PolicyError: a change that no file can contain.
    """
    if len(changes) > MAX_CHANGES:
        refuse("", f"changes {len(changes)} keys", f"change at most {MAX_CHANGES} at once")
    result = dict(said)
    for key, value in changes.items():
        head, slash, entry = key.partition("/")
        if slash and not entry:
            refuse(head, "has no entry after the '/'", "name one")
        wanted = None if value is None else from_json(value, head)
        if slash:
            wanted = _with_entry(head, result.get(head), entry, wanted, beneath.get(head))
        # An empty list means the same as none; an empty mapping clears the default, and stays.
        if wanted is None or (wanted == [] and head in LISTS):
            result.pop(head, None)
        else:
            result[head] = wanted
    return result


def _with_entry(head: str, now: Plain, entry: str, value: Plain, beneath: object) -> Plain:
    if head in LISTS:
        return _with_item(head, now, entry, value)
    if head not in MAPPINGS:
        refuse(head, "has no entries", f"change '{head}' as a whole")
    entries = _entries(head, now, beneath)
    if value is None:
        entries.pop(entry, None)
    else:
        entries[entry] = value
    # With its last entry the key goes too: `{}` would clear the default.
    return entries or None


def _with_item(head: str, now: Plain, item: str, value: Plain) -> Plain:
    if isinstance(now, dict):
        refuse(head, "clears what the band says", f"change '{head}' as a whole")
    items = list(now) if isinstance(now, list) else []
    if value not in (None, "true"):
        refuse(head, f"is a list: '{item}' has no value of its own", "write true, or null to take it out")
    if value is None:
        return [known for known in items if known != item]
    return items if item in items else [*items, item]


def _entries(head: str, now: Plain, beneath: object) -> dict[str, Plain]:
    """Return the mapping in a form that accepts entries, with the same meaning."""
    if now is None:
        return {}
    if isinstance(now, dict):
        return dict(now) if now else _cleared(head, beneath)
    if head == "bedtime" and isinstance(now, str):
        return {"school": now, "free": now}
    return refuse(head, "is no mapping", f"change '{head}' as a whole")


def _cleared(head: str, beneath: object) -> dict[str, Plain]:
    """Return `{}` entry by entry: next to another entry, `{}` would no longer clear the defaults."""
    if head == "bedtime":
        return {"school": {}, "free": {}}
    entries = beneath if isinstance(beneath, dict) else {}
    return {str(key): "allow" if head in _ALLOWED else {} for key in entries}


def blamed(error: PolicyError, file: str, changes: Changes) -> str:
    """Return the key of ``changes`` that a parser's error is about; otherwise the place in ``file``.

    Without a ``file``, the error is one of ``changed``.
    """
    path = error.where.removeprefix(f"{file}:").partition(": ")[2] if file else error.where
    head = path.partition(".")[0].partition("[")[0]
    found = [key for key in changes if key.partition("/")[0] == head]
    exact = (key for key in found if path.startswith(key.replace("/", ".", 1)) and "/" in key)
    # A missing key has no place: one of the changes removed it.
    fallback = path or next((key for key, value in changes.items() if value is None), "")
    return next(exact, None) or next(iter(found), fallback)
