"""Edits of a profile's file or of `qalqan.yaml`: the current content and the changes → the new content.

A change is ``{KEY: VALUE}``. KEY is a key of the file, or one entry of a mapping or list, such as
``categories/games``, ``limits/service:youtube`` or ``block/example.com``. None removes it from the file, and
the default (the band's) applies again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.core.errors import PolicyError
from gateway.policy.config.config import FLAG_KEYS, KEYS
from gateway.policy.identity.macs import parse_mac
from gateway.policy.profile.bands import Bands
from gateway.policy.profile.old_words import with_current_words
from gateway.policy.profile.rule_file import rules_to_yaml
from gateway.policy.profile.rule_keys import PERSON_KEYS, PERSONAL_KEYS, RULE_KEYS, RuleShape, of_shape
from gateway.policy.yaml.documents import (
    Document,
    Plain,
    document,
    flow,
    from_json,
    parse_document,
    refuse,
    written,
)

PROFILE_ORDER = (*PERSON_KEYS, *RULE_KEYS, *PERSONAL_KEYS)
HOME_ORDER = KEYS
MAX_DETAIL = 400  # characters of an audit line's detail
MAX_VALUE = 60  # characters of one value in the detail

WHOLE = of_shape(RuleShape.LEVEL)  # keys with a numeric value
FLAGS = (*of_shape(RuleShape.SWITCH), *FLAG_KEYS)

_SITES = ("managed", "services")  # mappings that contain names of sites

Changes = Mapping[str, object]
LISTS = ("devices", "allow", "block", "homework", "calendars", "portal", "gateway_ports", "leases")
MAPPINGS = (
    "categories", "ways", "bedtime", "limits", "windows", "dates", "shared", "managed", "interfaces", "laws",
    "registers", "lists", "services", "backup", "mqtt",
)  # fmt: skip
MAX_CHANGES = 256  # keys per edit; a page changes a few
_ALLOWED = ("categories", "ways")  # here "allow" clears one entry; elsewhere {} does
# Shown as in the file, not as in force: there, for example, each day of a range in `dates` is separate.
AS_WRITTEN = ("dates", "calendars", "portal")


def read(source: bytes, file: str) -> Document:
    """Return the content of a rule file as plain values; values in words of an older version become current.

    Raises PolicyError if it is no valid YAML, or has a key twice.
    """
    return with_current_words(document(parse_document(source, file)))


def edited(said: Document, changes: Changes, bands: Bands) -> Document:
    """Return the content of a profile's file, ``said``, after ``changes``. ``bands``: all age groups' rules.

    If the age group changes, a log level above its maximum is removed, and so is ``next_step``, the month in
    which the next age group begins, each unless ``changes`` sets it. Raises PolicyError for too many changes,
    or for values that no file can contain.
    """
    band = changes.get("band", said.get("band"))
    beneath = next((rules_to_yaml(bands[known].rules) for known in bands if known.value == band), {})
    result = with_current_words(changed(said, changes, beneath))
    items = result.get("devices")
    if isinstance(items, list) and any(key.partition("/")[0] == "devices" for key in changes):
        result["devices"] = list(map(_normal, items))
    if "band" in changes and "log_level" not in changes:
        _lower_log(result, beneath)
    if "next_step" not in changes and result.get("band") != said.get("band"):
        result.pop("next_step", None)  # it was the month of the previous band's step
    return result


def _lower_log(said: Document, beneath: Mapping[str, Any]) -> None:
    """Remove the log level from ``said`` if it is above that of the new age group (``beneath``).

    The age group's own level then applies: an older age group is accepted and stores less.
    """
    level, most = said.get("log_level"), beneath.get("log_level")
    if (
        isinstance(level, str)
        and level.isascii()
        and level.isdigit()
        and most is not None
        and int(level) > most
    ):
        del said["log_level"]


def _normal(item: Plain) -> Plain:
    """Return a device's MAC address in normal form; other values unchanged."""
    return (parse_mac(item) or item) if isinstance(item, str) else item


def macs(items: Plain) -> list[str]:
    """Return the MAC addresses in the value of `devices`, in normal form; [] if it is no list.

    Other texts in the list are returned unchanged.
    """
    return [item for item in map(_normal, items) if isinstance(item, str)] if isinstance(items, list) else []


def without_devices(said: Document, gone: Collection[str]) -> Document:
    """Return a copy of a profile's content without some devices. ``gone``: MACs in normal form.

    The key ``devices`` is removed with the last one.
    """
    items = said.get("devices")
    kept: list[Plain] = (
        [item for item in items if _normal(item) not in gone] if isinstance(items, list) else []
    )
    result = {**said, "devices": kept}
    if not kept:
        del result["devices"]
    return result


def profile_text(said: Document) -> bytes:
    """Return the content of a profile as the YAML text of its file, in bytes."""
    return written(said, PROFILE_ORDER)


def home_text(said: Document) -> bytes:
    """Return the content of qalqan.yaml as the YAML text of the file, in bytes."""
    return written(said, HOME_ORDER)


def differences(before: Document, after: Document) -> list[str]:
    """Return the top-level keys that differ between two contents of a file, in their order.

    Keys of ``before`` come first.
    """
    return [key for key in {**before, **after} if before.get(key) != after.get(key)]


def effective(before: Document, after: Document, changes: Changes) -> list[str]:
    """Return the keys of ``changes`` that changed something, then other top-level keys that changed too.

    All items of a changed list in ``changes`` are included.
    """
    heads = differences(before, after)
    asked = [key for key in changes if key.partition("/")[0] in heads and _differs(before, after, key)]
    named = {key.partition("/")[0] for key in asked}
    return [*asked, *(head for head in heads if head not in named)]


def _differs(before: Document, after: Document, key: str) -> bool:
    """Return True if a key, or one entry such as ``limits/play``, differs between two contents.

    Always True for an item of a list.
    """
    head, slash, entry = key.partition("/")
    old, other = before.get(head), after.get(head)
    if not slash:
        return old != other
    if isinstance(old, dict) or isinstance(other, dict):
        found = [value.get(entry) if isinstance(value, dict) else None for value in (old, other)]
        return found[0] != found[1]
    return True


def changes_text(before: Document, after: Document) -> str:
    """Return the old and new values of an edit as text for the audit log, at most MAX_DETAIL characters.

    For lists it has only how many entries were added and removed, and for `managed` and `services`, which
    contain names of sites, only that they changed.
    """
    text = "; ".join(
        line
        for key in differences(before, after)
        for line in _change_text(key, before.get(key), after.get(key))
    )
    return text if len(text) <= MAX_DETAIL else f"{text[: MAX_DETAIL - 1]}…"


def _change_text(key: str, before: Plain, after: Plain) -> Iterator[str]:
    if key in LISTS or isinstance(before, list) or isinstance(after, list):
        was, is_now = (
            set(map(flow, value)) if isinstance(value, list) else set() for value in (before, after)
        )
        yield f"{key} +{len(is_now - was)} -{len(was - is_now)}"
    elif key in _SITES:
        yield f"{key} changed"
    elif (before or after) and all(value is None or isinstance(value, dict) for value in (before, after)):
        old, new = (value if isinstance(value, dict) else {} for value in (before, after))
        for entry in {**old, **new}:
            if old.get(entry) != new.get(entry):
                yield f"{key}/{entry} {_value(old.get(entry))} → {_value(new.get(entry))}"
    else:
        yield f"{key} {_value(before)} → {_value(after)}"


def _value(value: Plain) -> str:
    if value is None:
        return "default"
    text = value if isinstance(value, str) else flow(value)
    return text if len(text) <= MAX_VALUE else f"{text[: MAX_VALUE - 1]}…"


def typed(said: Document) -> dict[str, Any]:
    """Return a copy of a file's content in which numeric and boolean settings are numbers and booleans."""
    return {key: _typed(key, value) for key, value in said.items()}


def _typed(key: str, value: Plain) -> Any:
    if not isinstance(value, str):
        return value
    if key in WHOLE and value.isascii() and value.isdigit():
        return int(value)
    if key in FLAGS:
        return {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}.get(
            value.lower(), value
        )
    return value


def changed(said: Document, changes: Changes, beneath: Mapping[str, Any]) -> Document:
    """Return a copy of a file's content ``said`` after ``changes`` (key → value; None removes it).

    The values are not validated; the file's parser does that later. ``beneath``: the defaults for missing
    keys, in the form of the file.

    Raises:
        PolicyError: a change that no file can contain, or too many.
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
    """Return the value ``now`` of the key ``head`` with one entry set, or removed if ``value`` is None.

    None if no entry is left. ``beneath``: the key's default. Raises PolicyError if the key has no entries.
    """
    if head in LISTS:
        return _with_item(head, now, entry, value)
    if head not in MAPPINGS:
        refuse(head, "has no entries", f"change '{head}' as a whole")
    entries = _as_mapping(head, now, beneath)
    if value is None:
        entries.pop(entry, None)
    else:
        entries[entry] = value
    # With its last entry the key goes too: `{}` would clear the default.
    return entries or None


def _with_item(head: str, now: Plain, item: str, value: Plain) -> Plain:
    """Return the list ``now`` of the key ``head`` with an item added or, if ``value`` is None, removed.

    Raises PolicyError if ``now`` is a mapping, or ``value`` is neither None nor "true".
    """
    if isinstance(now, dict):
        refuse(head, "clears what the band says", f"change '{head}' as a whole")
    items = list(now) if isinstance(now, list) else []
    if value not in (None, "true"):
        refuse(head, f"is a list: '{item}' has no value of its own", "write true, or null to take it out")
    if value is None:
        return [known for known in items if known != item]
    return items if item in items else [*items, item]


def _as_mapping(head: str, now: Plain, beneath: object) -> dict[str, Plain]:
    """Return the value of a key as a mapping to which entries can be added, with the same meaning.

    ``beneath``: the key's default. Raises PolicyError if it cannot be a mapping.
    """
    if now is None:
        return {}
    if isinstance(now, dict):
        return dict(now) if now else _cleared(head, beneath)
    if head == "bedtime" and isinstance(now, str):
        return {"school": now, "free": now}
    return refuse(head, "is no mapping", f"change '{head}' as a whole")


def _cleared(head: str, beneath: object) -> dict[str, Plain]:
    """Return a mapping that clears each default entry (in ``beneath``), in place of ``{}``.

    Next to another entry, ``{}`` would no longer clear the defaults.
    """
    if head == "bedtime":
        return {"school": {}, "free": {}}
    entries = beneath if isinstance(beneath, dict) else {}
    return {str(key): "allow" if head in _ALLOWED else {} for key in entries}


def blamed(error: PolicyError, file: str, changes: Changes) -> str:
    """Return the key of ``changes`` that an error is about; without one, the error's place in the file.

    ``file`` is the name in a parser's error; it is empty for an error that `changed` raised.
    """
    path = error.where.removeprefix(f"{file}:").partition(": ")[2] if file else error.where
    head = path.partition(".")[0].partition("[")[0]
    found = [key for key in changes if key.partition("/")[0] == head]
    exact = (key for key in found if path.startswith(key.replace("/", ".", 1)) and "/" in key)
    # A missing key has no place: one of the changes removed it.
    fallback = path or next((key for key, value in changes.items() if value is None), "")
    return next(exact, None) or next(iter(found), fallback)


@dataclass(frozen=True, slots=True)
class ChangedEntry:
    """One entry that an edit changed, with its old and new value; None: there was or is none."""

    key: str  # as `edit` takes it: ``bedtime``, ``limits/play``, ``block/tiktok.com``
    before: Any
    after: Any


def changed_entries(
    before: Document, after: Document, held: Mapping[str, Any], holds: Mapping[str, Any]
) -> Iterator[ChangedEntry]:
    """Yield the entries of a file that an edit changed, with old and new value as they are in force.

    ``held``, ``holds``: the rules in force before and after, in the form of the file. An entry whose rule in
    force is unchanged is skipped.
    """
    was, now = {**held, **_as_written(before, held)}, {**holds, **_as_written(after, holds)}
    for key in differences(before, after):
        for entry in _changed_keys(key, before.get(key), after.get(key)):
            change = ChangedEntry(entry, _value_at(was, entry), _value_at(now, entry))
            if change.before != change.after:
                yield change


def _as_written(said: Document, held: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that are shown as in the file: dates, calendars, and keys not in ``held``."""
    return {key: value for key, value in typed(said).items() if key in AS_WRITTEN or key not in held}


def _changed_keys(key: str, before: Plain, after: Plain) -> Iterator[str]:
    """Yield the keys of the entries that a changed key has before or after, such as ``limits/play``."""
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


def _value_at(values: Mapping[str, Any], key: str) -> Any:
    """Return the value at a key such as ``limits/play``, or None; True for an existing item of a list."""
    head, slash, entry = key.partition("/")
    value = values.get(head)
    if not slash:
        return value
    if isinstance(value, list):
        return True if entry in value else None
    return value.get(entry) if isinstance(value, Mapping) else None
