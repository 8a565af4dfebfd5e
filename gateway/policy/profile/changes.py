"""A rule file and what somebody wants of it → the file as it shall be. Values in, values out.

A change is ``{KEY: VALUE}``. KEY is a key of the file, or one entry of a mapping or a list, as in
``categories/games``, ``limits/service:youtube``, ``block/example.com``. None takes it out of the file: what
is beneath (a band's default) holds again.
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
MAX_CHANGES = 256  # keys of one edit; a page changes a few

_OPEN = ("categories", "ways")  # in which "open" clears one entry; elsewhere {} does


def changed(said: Document, changes: Changes, beneath: Mapping[str, Any]) -> Document:
    """``said`` with ``changes``; ``beneath``: what holds where the file is silent, in the file's own shape.

    Raises PolicyError for what no file can say. Whether its words mean something, the file's parser knows.
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
        # An empty list says as much as none; an empty mapping clears what is beneath, and stays.
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
    # Where the last one goes, so does the key: `{}` would clear what is beneath.
    return entries or None


def _with_item(head: str, now: Plain, item: str, value: Plain) -> Plain:
    if isinstance(now, dict):
        refuse(head, "clears what the band says", f"change '{head}' as a whole")
    items = list(now) if isinstance(now, list) else []
    if value not in (None, "true"):
        refuse(head, f"is a list: '{item}' has no value of its own", "write true, or null to take it out")
    if value is None:
        return [one for one in items if one != item]
    return items if item in items else [*items, item]


def _entries(head: str, now: Plain, beneath: object) -> dict[str, Plain]:
    """The mapping as one that an entry can be put into, with the same meaning."""
    if now is None:
        return {}
    if isinstance(now, dict):
        return dict(now) if now else _cleared(head, beneath)
    if head == "bedtime" and isinstance(now, str):
        return {"school": now, "free": now}
    return refuse(head, "is no mapping", f"change '{head}' as a whole")


def _cleared(head: str, beneath: object) -> dict[str, Plain]:
    """What `{}` means, entry by entry: with one beside it, it would not clear what is beneath any more."""
    if head == "bedtime":
        return {"school": {}, "free": {}}
    entries = beneath if isinstance(beneath, dict) else {}
    return {str(key): "open" if head in _OPEN else {} for key in entries}


def blamed(error: PolicyError, file: str, changes: Changes) -> str:
    """The key of ``changes`` that a parser's refusal is about; the place in ``file`` where it is none.

    Without a ``file`` it is a refusal of ``changed``.
    """
    path = error.where.removeprefix(f"{file}:").partition(": ")[2] if file else error.where
    head = path.partition(".")[0].partition("[")[0]
    found = [key for key in changes if key.partition("/")[0] == head]
    exact = (key for key in found if path.startswith(key.replace("/", ".", 1)) and "/" in key)
    # A key that is missing has no place: then it was taken out by one of the changes.
    fallback = path or next((key for key, value in changes.items() if value is None), "")
    return next(exact, None) or next(iter(found), fallback)
