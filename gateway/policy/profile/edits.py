"""One edit of a profile's file or of `qalqan.yaml`: what it says and the changes → what it shall say."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from gateway.policy.config.config import ACCESS, KEYS, Config
from gateway.policy.identity.macs import parse_mac
from gateway.policy.profile.bands import Bands
from gateway.policy.profile.changes import LISTS, Changes, changed
from gateway.policy.profile.plain import Document, Plain, document, typed
from gateway.policy.profile.profile import OWN_KEYS, Profile
from gateway.policy.profile.rule_file import PERSONAL_KEYS, RULE_KEYS
from gateway.policy.profile.to_yaml import spoken
from gateway.policy.profile.writing import flow, has_own_comments, written
from gateway.policy.yaml.documents import parse_document

PROFILE_ORDER = (*OWN_KEYS, *RULE_KEYS, *PERSONAL_KEYS)
HOME_ORDER = KEYS
# What pages may change of qalqan.yaml. The rest is how the gateway is built into its machine.
FAMILY_KEYS = (
    "country", "timezone", "language", "languages", "unknown_devices", "interfaces", "keep_profile", "shared",
    "managed", "gateway_access", "gateway_ports", "lists",
)  # fmt: skip
MAX_TOLD = 400  # characters of an audit line's detail
MAX_VALUE = 60  # characters of one value in it

_SITES = ("managed",)  # mappings with names of sites in them


def read(source: bytes, file: str) -> Document:
    """Raises PolicyError."""
    return document(parse_document(source, file))


def edited(said: Document, changes: Changes, bands: Bands) -> Document:
    """A profile with ``changes``. Raises PolicyError for what no file can say."""
    band = changes.get("band", said.get("band"))
    beneath = next((spoken(bands[one].rules) for one in bands if one.value == band), {})
    result = changed(said, changes, beneath)
    items = result.get("devices")
    if isinstance(items, list) and any(key.partition("/")[0] == "devices" for key in changes):
        result["devices"] = list(map(_normal, items))
    if "band" in changes and "log_level" not in changes:
        _lower_log(result, beneath)
    if "next_step" not in changes and result.get("band") != said.get("band"):
        result.pop("next_step", None)  # it was the month of another step
    return result


def _lower_log(said: Document, beneath: Mapping[str, Any]) -> None:
    """The level that an older band had is no reason to refuse a younger one: less is kept, at once."""
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
    """A device's address in normal form, where it is one at all."""
    return (parse_mac(item) or item) if isinstance(item, str) else item


def macs(items: Plain) -> list[str]:
    """What a list of devices names, in normal form."""
    return [one for one in map(_normal, items) if isinstance(one, str)] if isinstance(items, list) else []


def without_devices(said: Document, gone: Collection[str]) -> Document:
    """A profile that gives these away."""
    items = said.get("devices")
    kept: list[Plain] = [one for one in items if _normal(one) not in gone] if isinstance(items, list) else []
    result = {**said, "devices": kept}
    if not kept:
        del result["devices"]
    return result


def profile_text(said: Document) -> bytes:
    return written(said, PROFILE_ORDER)


def home_text(said: Document) -> bytes:
    return written(said, HOME_ORDER)


def told_rules(source: bytes, said: Document, profile: Profile, bands: Bands) -> dict[str, Any]:
    """What a page needs to show a profile's rules, and to change them."""
    return {
        "id": profile.id,
        "name": profile.name,
        "band": profile.band.value,
        "by_hand": has_own_comments(source),
        "own": typed(said),
        "band_rules": spoken(bands[profile.band].rules),
        "rules": spoken(profile.rules),
    }


def told_home(source: bytes, settings: Config) -> dict[str, Any]:
    """What holds of ``FAMILY_KEYS``, in the shape of the file; the networks there are; and what the router
    decides by settings of its own.
    """
    return {
        "by_hand": has_own_comments(source),
        "lan": list(settings.lan),
        "country": settings.country,
        "timezone": settings.timezone,
        "language": settings.language,
        "languages": list(settings.languages),
        "unknown_devices": settings.unknown_devices,
        "interfaces": dict(settings.interfaces),
        "keep_profile": settings.keep_profile,
        "shared": {mac: {"people": list(people)} for mac, people in settings.shared.items()},
        "managed": {mac: list(names) for mac, names in settings.managed.items()},
        "gateway_access": ACCESS[settings.gateway_open],
        "gateway_ports": list(settings.gateway_ports),
        "lists": {"update": settings.lists_update.value},
        "router": [
            {"file": one.file, "option": one.option, "value": one.text} for one in settings.fixed.values()
        ],
    }


def differences(before: Document, after: Document) -> list[str]:
    """The keys that are not the same, in the order of the file."""
    return [key for key in {**before, **after} if before.get(key) != after.get(key)]


def effective(before: Document, after: Document, changes: Changes) -> list[str]:
    """Of ``changes`` the keys that changed something, and what changed along with them."""
    heads = differences(before, after)
    asked = [key for key in changes if key.partition("/")[0] in heads and _differs(before, after, key)]
    named = {key.partition("/")[0] for key in asked}
    return [*asked, *(head for head in heads if head not in named)]


def _differs(before: Document, after: Document, key: str) -> bool:
    head, slash, entry = key.partition("/")
    one, other = before.get(head), after.get(head)
    if not slash:
        return one != other
    if isinstance(one, dict) or isinstance(other, dict):
        found = [value.get(entry) if isinstance(value, dict) else None for value in (one, other)]
        return found[0] != found[1]
    return True


def told_changes(before: Document, after: Document) -> str:
    """For the audit: what was, and what is. Of lists how many entries came and went, never which."""
    told = "; ".join(
        line for key in differences(before, after) for line in _told(key, before.get(key), after.get(key))
    )
    return told if len(told) <= MAX_TOLD else f"{told[: MAX_TOLD - 1]}…"


def _told(key: str, before: Plain, after: Plain) -> Iterator[str]:
    if key in LISTS or isinstance(before, list) or isinstance(after, list):
        was, is_now = (set(map(flow, one)) if isinstance(one, list) else set() for one in (before, after))
        yield f"{key} +{len(is_now - was)} -{len(was - is_now)}"
    elif key in _SITES:
        yield f"{key} changed"
    elif (before or after) and all(one is None or isinstance(one, dict) for one in (before, after)):
        old, new = (one if isinstance(one, dict) else {} for one in (before, after))
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
