"""Shares rules between homes: exports a child's rules as a file or as a short code for a QR picture.

An export has a name, an age band and what the family has set, in the words of a profile's file. It has no
devices, dates or history. An import is untrusted: this module bounds its size and checks its shapes. The
daemon's parser checks its content before any of it is shown or written.

A code is a digit for the version and base64url of a raw deflate stream of ``[name, band, rules]`` as JSON.
``WORDS`` is the stream's preset dictionary in versions 1 and 2 and must not change. Version 1 has the words
``refuse`` and ``open`` where version 2 has ``block`` and ``allow``; both are read.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

from gateway.control.contract.rules import ChildRules
from gateway.policy.profile.old_words import with_current_words
from gateway.policy.profile.rule_keys import EXPORTED_KEYS, ONE_VALUE, of_shape
from gateway.policy.profile.rules import action_target
from webui.language.i18n import gettext as _
from webui.language.words import plain
from webui.rules.catalogue import CatalogueIndex
from webui.rules.ruleset import BY_ENTRY, LISTS, Ruleset, Values, whole

VERSION = 2
READABLE = (1, VERSION)
FILE_LIMIT = 64 * 1024  # bytes of a file, and of a decompressed code
RULES_LIMIT = 40 * 1024  # characters of JSON; fits one line of the control socket
NAME_LIMIT = 60  # characters; the daemon's limit
TEXT_LIMIT = 253  # characters of one value; the longest is the name of a site
DEPTH = 4  # the deepest value is a list of allowed hours: rules, targets, days, spans
ENTRIES = 2000  # of one mapping or list; the parser's limit

SCALARS = of_shape(*ONE_VALUE)

WORDS = (
    b'"windows":{"group:"category:"safe_search":"moderate","unknown":"refuse","landing":"15m","linger":"10m",'
    b'"auto_approve":"30m","updates":"false","strict":"true","failure":"closed","clock_unset":"open",'
    b'"mode":"allow-list","ways":{"encrypted_dns":"relay":"ech":"vpn":"tor":"proxy":"ssh":"open"},'
    b'"homework":["16-17",{"13-15",{"6-9",{"10-12",{"log_level":"2","bedtime":{"school":"20:45-07:00",'
    b'"free":"21:45-08:00"},"limits":{"internet":{"school":"2h","free":"3h"},"play":"90m","service:youtube":'
    b'"1h","service:roblox":{"school":["16:00-18:00"],"free":["10:00-12:00"]}},"categories":{'
    b'"social_networks":"ask","video_sharing":"count","games":"refuse"},"block":["service:tiktok"],"allow":["'
)


class NotRulesError(ValueError):
    """Raised for a text that is not an export of a child's rules. ``str()`` is the message for the user."""


@dataclass(frozen=True, slots=True)
class Carried:
    name: str
    band: str
    rules: Values = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fitted:
    """The part of an export of a child's rules that this home knows, and what was left out."""

    carried: Carried
    left_out: tuple[str, ...]  # as written; untrusted input


def of_child(book: Ruleset) -> Carried:
    """Return the export of a child's rules: what the family has set, with the name and age group.

    A log level below the age group's is exported as well, so that the other home does not store more.
    """
    said = {key: book.state.own[key] for key in EXPORTED_KEYS if key in book.state.own}
    held = book.state.rules.get("log_level")
    if held is not None and whole(held) < book.highest_log_level:
        said["log_level"] = str(whole(held))
    return Carried(book.state.name, book.state.band, said)


# ------------------------------------------------------------------------------------------------- export


def is_shareable(carried: Carried) -> bool:
    """Return whether an export is small enough for another home to read: at most 40 KB of JSON."""
    return len(json.dumps(carried.rules)) <= RULES_LIMIT


def to_file(carried: Carried) -> bytes:
    said = {"qalqan": "rules", "version": VERSION, "name": carried.name, "band": carried.band}
    return (json.dumps(said | {"rules": carried.rules}, ensure_ascii=False, indent=1) + "\n").encode()


def to_code(carried: Carried) -> str:
    said = json.dumps(
        [carried.name, carried.band, carried.rules], ensure_ascii=False, separators=(",", ":")
    ).encode()
    packer = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=WORDS)
    packed = packer.compress(said) + packer.flush()
    return f"{VERSION}{base64.urlsafe_b64encode(packed).decode().rstrip('=')}"


# ------------------------------------------------------------------------------------------------- import


def read(text: str) -> Carried:
    """Return the exported rules in a text: content of a file, a code, or a web address with a code.

    Raises NotRulesError for other text, for a newer version's export, and above FILE_LIMIT.
    """
    text = text.strip().removeprefix("\ufeff")
    if not text:
        raise NotRulesError(_("It is empty. Paste the text, or choose the file."))
    if len(text.encode("utf-8", "surrogatepass")) > FILE_LIMIT:
        raise NotRulesError(too_long())
    if text.startswith("{"):
        return _from_file(_json(text))
    return _from_code("".join(_code_in(text).split()))


def too_long() -> str:
    return _("That is more than 64 KB. A child's rules are never that long.")


def _none() -> NotRulesError:
    return NotRulesError(_("These are not the rules of a child. Copy the whole text again, or use the file."))


def _newer() -> NotRulesError:
    return NotRulesError(_("This comes from a newer gateway. Update this one first."))


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise _none() from None


def _code_in(text: str) -> str:
    if "?" not in text:
        return text
    try:
        return parse_qs(urlsplit(text).query).get("r", [""])[0]
    except ValueError:
        raise _none() from None


def _from_file(said: object) -> Carried:
    if not isinstance(said, Mapping) or said.get("qalqan") != "rules":
        raise _none()
    if said.get("version") not in READABLE:
        raise _newer()
    return _checked(said.get("name"), said.get("band"), said.get("rules", {}))


def _from_code(code: str) -> Carried:
    known = code.startswith(tuple(map(str, READABLE)))
    if code[:1].isdigit() and not known:
        raise _newer()
    try:
        packed = base64.b64decode(code[1:] + "=" * (-len(code[1:]) % 4), altchars=b"-_", validate=True)
        unpacker = zlib.decompressobj(-15, zdict=WORDS)
        said = unpacker.decompress(packed, FILE_LIMIT)
        if not known or not unpacker.eof:
            raise _none()
        text = said.decode()
    except (binascii.Error, zlib.error, ValueError):
        raise _none() from None
    parts = _json(text)
    if not isinstance(parts, list) or len(parts) != 3:
        raise _none()
    return _checked(*parts)


def _checked(name: object, band: object, rules: object) -> Carried:
    if not isinstance(name, str) or not isinstance(band, str) or not isinstance(rules, Mapping):
        raise _none()
    shown = plain(" ".join(name.split()), NAME_LIMIT)
    found = Carried(shown, band, dict(rules))
    if not shown or not _is_line(band) or not is_shareable(found):
        raise _none()
    if not _is_plain(rules, DEPTH) or not all(_has_shape(key, value) for key, value in rules.items()):
        raise _none()
    return replace(found, rules=with_current_words(found.rules))


def _is_line(value: str) -> bool:
    return 0 < len(value) <= TEXT_LIMIT and value.isprintable()


def _is_plain(value: object, depth: int) -> bool:
    """Return whether a value has only short texts, integers and booleans, in bounded mappings and lists.

    ``depth``: how many levels of mappings and lists are allowed.
    """
    if isinstance(value, str):
        return _is_line(value)
    if isinstance(value, int):
        return -(10**6) < value < 10**6
    if depth == 0 or not isinstance(value, Mapping | list) or len(value) > ENTRIES:
        return False
    if isinstance(value, list):
        return all(_is_plain(item, depth - 1) for item in value)
    return all(_is_line(str(key)) and _is_plain(item, depth - 1) for key, item in value.items())


def _has_shape(key: str, value: object) -> bool:
    """Return whether a rule's value has the type that its key needs. True for a key that is unknown here."""
    if key in LISTS:  # an empty mapping clears the band's entries
        return value == {} or (isinstance(value, list) and all(isinstance(item, str) for item in value))
    if key in BY_ENTRY:
        return isinstance(value, Mapping)
    if key in SCALARS:
        return isinstance(value, str | int)
    return True


# -------------------------------------------------------------------------------------- apply to this home


def fitted(carried: Carried, names: CatalogueIndex) -> Fitted:
    """Return the part of an export that this home knows: unknown keys and targets are left out.

    A service that only a later version has is an example. The result names what was left out.
    """
    kept: dict[str, Any] = {}
    left: list[str] = []
    for key, value in carried.rules.items():
        if key not in EXPORTED_KEYS:
            left.append(key)
        elif key in (*LISTS, *BY_ENTRY) and value:
            known = {item for item in value if _is_known(key, item, names)}
            left += [str(item) for item in value if item not in known]
            if known:
                kept[key] = (
                    {item: said for item, said in value.items() if item in known}
                    if isinstance(value, Mapping)
                    else [item for item in value if item in known]
                )
        else:
            kept[key] = value
    return Fitted(Carried(carried.name, carried.band, kept), tuple(dict.fromkeys(left)))


def _is_known(key: str, word: str, names: CatalogueIndex) -> bool:
    if key == "categories":
        return names.knows(action_target(word))
    if word.startswith(("service:", "category:", "group:")):
        return names.knows(word)
    return True


def as_ruleset(carried: Carried, names: CatalogueIndex) -> Ruleset:
    """Return the rules of an export over those of its age group, for the functions that describe rules."""
    band = names.bands.get(carried.band, {})
    held = {key: _over(band.get(key), carried.rules.get(key)) for key in {**band, **carried.rules}}
    return Ruleset(
        ChildRules(
            id="",
            name=carried.name,
            band=carried.band,
            by_hand=False,
            own=carried.rules,
            band_rules=band,
            rules=held,
            set=None,
            revision=0,
            problem=None,
        )
    )


def _over(band: Any, own: Any) -> Any:
    """Return the family's value ``own`` merged over the age group's ``band``.

    Mappings and lists are joined, an empty mapping clears, None leaves the age group's, others replace.
    """
    if own is None:
        return band
    if isinstance(own, Mapping) and own and isinstance(band, Mapping):
        return {**band, **own}
    if isinstance(own, list) and isinstance(band, list):
        return [*band, *(entry for entry in own if entry not in band)]
    return own


def replacing(book: Ruleset, carried: Carried) -> dict[str, Any]:
    """Return the changes that replace a child's rules by the export, with its age group.

    Devices, dates and the name stay. They are new values by rule key; None removes the family's
    value.
    """
    gone = {key: None for key in EXPORTED_KEYS if key in book.state.own and key not in carried.rules}
    new = {key: value for key, value in carried.rules.items() if book.state.own.get(key) != value}
    band = {} if book.state.band == carried.band else {"band": carried.band}
    return {**band, **gone, **new}
