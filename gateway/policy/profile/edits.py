"""One edit of a profile's file or of `qalqan.yaml`: the current content and the changes → the new content."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from gateway.policy.config.config import KEYS
from gateway.policy.identity.macs import parse_mac
from gateway.policy.profile.bands import Bands
from gateway.policy.profile.changes import LISTS, Changes, changed
from gateway.policy.profile.old_words import with_current_words
from gateway.policy.profile.plain import Document, Plain, document
from gateway.policy.profile.profile import OWN_KEYS
from gateway.policy.profile.rule_file import PERSONAL_KEYS, RULE_KEYS
from gateway.policy.profile.to_yaml import rules_to_yaml
from gateway.policy.profile.writing import flow, written
from gateway.policy.yaml.documents import parse_document

PROFILE_ORDER = (*OWN_KEYS, *RULE_KEYS, *PERSONAL_KEYS)
HOME_ORDER = KEYS
# Keys of qalqan.yaml that the pages may change. The rest depends on the machine.
FAMILY_KEYS = (
    "country", "timezone", "language", "languages", "unknown_devices", "interfaces", "keep_profile", "shared",
    "managed", "gateway_access", "gateway_ports", "lists",
)  # fmt: skip
MAX_DETAIL = 400  # characters of an audit line's detail
MAX_VALUE = 60  # characters of one value in the detail

_SITES = ("managed",)  # mappings that contain names of sites


def read(source: bytes, file: str) -> Document:
    """Return what a file says, in current words. Raises PolicyError."""
    return with_current_words(document(parse_document(source, file)))


def edited(said: Document, changes: Changes, bands: Bands) -> Document:
    """Return a profile's content with ``changes``. Raises PolicyError for values that no file can contain."""
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
    """Remove a log level above the new band's maximum: a younger band is then accepted and stores less."""
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
    """Return the MAC addresses in a list of devices, in normal form."""
    return [item for item in map(_normal, items) if isinstance(item, str)] if isinstance(items, list) else []


def without_devices(said: Document, gone: Collection[str]) -> Document:
    """Return a profile's content without the devices ``gone``."""
    items = said.get("devices")
    kept: list[Plain] = (
        [item for item in items if _normal(item) not in gone] if isinstance(items, list) else []
    )
    result = {**said, "devices": kept}
    if not kept:
        del result["devices"]
    return result


def profile_text(said: Document) -> bytes:
    return written(said, PROFILE_ORDER)


def home_text(said: Document) -> bytes:
    return written(said, HOME_ORDER)


def differences(before: Document, after: Document) -> list[str]:
    """Return the keys that differ, in the order of the file."""
    return [key for key in {**before, **after} if before.get(key) != after.get(key)]


def effective(before: Document, after: Document, changes: Changes) -> list[str]:
    """Return the keys of ``changes`` that changed something, and keys that changed along with them."""
    heads = differences(before, after)
    asked = [key for key in changes if key.partition("/")[0] in heads and _differs(before, after, key)]
    named = {key.partition("/")[0] for key in asked}
    return [*asked, *(head for head in heads if head not in named)]


def _differs(before: Document, after: Document, key: str) -> bool:
    head, slash, entry = key.partition("/")
    old, other = before.get(head), after.get(head)
    if not slash:
        return old != other
    if isinstance(old, dict) or isinstance(other, dict):
        found = [value.get(entry) if isinstance(value, dict) else None for value in (old, other)]
        return found[0] != found[1]
    return True


def changes_text(before: Document, after: Document) -> str:
    """Return the old and new values for the audit log.

    For lists only the number of entries, never their text.
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
