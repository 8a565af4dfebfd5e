"""Bedtime and limits that a child sets for itself, if its age group only suggests times.

They apply in addition to other rules and change none of them; of two rules the stricter applies. A child can
therefore block more for itself but open nothing, and can remove what it set.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.core.errors import PolicyError
from gateway.policy.profile import rule_file as rulefile
from gateway.policy.profile.bands import Bands
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rule_file import Vocabulary
from gateway.policy.profile.rule_keys import NO_RULES
from gateway.policy.profile.rules import SELF, Limit, Rules, SelfSet
from gateway.policy.time.time_text import every_day
from gateway.policy.yaml.documents import Plain, from_json, parse_document, refuse, written

BEDTIME, LIMITS = "bedtime", "limits/"
MOST_LIMITS = 6  # per child; combinations of limits are classes, of which a device has 63
MOST_CHANGES = 2 * (MOST_LIMITS + 1)  # per edit: everything is removed, and as much is added
SAID_LIMIT = 200  # characters of one value; a bedtime for each weekday has 150
FILE = "what was set"  # the place in error messages


@dataclass(frozen=True, slots=True)
class OwnSetting:
    """One bedtime or limit that a child set for itself."""

    key: str  # "bedtime", or "limits/" and a target
    said: str  # JSON, in the form of a profile's file
    at: datetime  # time of the change

    @property
    def target(self) -> str:
        """The target of a limit, such as ``play`` or ``service:x``; empty for bedtime."""
        return self.key.removeprefix(LIMITS) if self.key.startswith(LIMITS) else ""

    @property
    def value(self) -> Plain:
        """The bedtime or limit as plain values (text, lists, dicts), in the form of a profile's file."""
        found: Plain = json.loads(self.said)
        return found


def may_set(profile: Profile, bands: Bands) -> bool:
    """Return True if this child may set a bedtime and limits for itself: its age group only suggests them."""
    return profile.is_child and bands[profile.band].suggests


def chosen(
    before: Iterable[OwnSetting], changes: Mapping[str, object], at: datetime, words: Vocabulary
) -> tuple[OwnSetting, ...]:
    """Return a child's own settings after ``changes`` (key → value, None removes it) at the time ``at``.

    One that applies on no day is left out. ``words``: the categories, services and laws to validate
    against. Raises PolicyError for invalid changes or too many limits.
    """
    if len(changes) > MOST_CHANGES:
        refuse(LIMITS[:-1], "are too many at once", f"change at most {MOST_CHANGES}")
    there = {choice.key: choice for choice in before}
    for key, value in changes.items():
        if not _is_key(key):
            refuse(key, "is no time of one's own", "change bedtime, or limits/ and what for")
        there.pop(key, None)
        if value is not None:
            there[key] = OwnSetting(key, _said(key, value), at)
            if not _holds_some_day(there[key], words):
                del there[key]  # it applies on no day
    if sum(bool(choice.target) for choice in there.values()) > MOST_LIMITS:
        refuse(LIMITS[:-1], "are more than one may have", f"keep at most {MOST_LIMITS}")
    return tuple(there.values())


def _is_key(key: str) -> bool:
    return key == BEDTIME or (key.startswith(LIMITS) and key != LIMITS)


def _said(key: str, value: object) -> str:
    """Return a value as JSON, in the form of a profile's file. Raises PolicyError if it is too long."""
    said = json.dumps(from_json(value, key))
    if len(said) > SAID_LIMIT:
        refuse(key, "is too long", "write it shorter")
    return said


def _holds_some_day(choice: OwnSetting, words: Vocabulary) -> bool:
    """Return True if the setting applies on some day. Raises PolicyError if it is no valid rule."""
    rules = _rules(choice, "", words)
    return bool(rules.bedtime or any(rules.limits.values()))


def self_set(choices: Iterable[OwnSetting], name: str, words: Vocabulary) -> SelfSet | None:
    """Return the rules that a child called ``name`` set for itself; None without any.

    Settings that are no longer valid, such as for a removed service, are skipped.
    """
    bedtime, limits = NO_RULES.bedtime, dict[str, Limit]()
    for choice in choices:
        try:
            rules = _rules(choice, f"{SELF}:{name}", words)
        except PolicyError:
            continue
        bedtime = rules.bedtime or bedtime
        limits.update(rules.limits)
    return SelfSet(bedtime, limits) if bedtime or limits else None


def _rules(choice: OwnSetting, owner: str, words: Vocabulary) -> Rules:
    said: dict[str, Plain] = (
        {"limits": {choice.target: choice.value}} if choice.target else {BEDTIME: choice.value}
    )
    return rulefile.read_rules(parse_document(written(said, ()), FILE), NO_RULES, owner, words, 0)


def with_self_set(profile: Profile, wanted: SelfSet | None) -> Profile:
    """Return the profile with ``wanted`` as the rules that the child set for itself, or None for none.

    The profile itself is returned if it already has this very object, ``wanted``.
    """
    rules = profile.rules
    if rules.self_set is wanted:
        return profile
    dated = {target for rule in rules.dates.values() for target in rule.limits}
    limits = {target: days for target, days in rules.limits.items() if days or target in dated}
    for target in wanted.limits if wanted is not None else ():
        limits.setdefault(target, every_day(None))
    return replace(profile, rules=replace(rules, limits=limits, self_set=wanted))


def is_readable(key: str, said: str) -> bool:
    """Return True if a key and JSON value from a backup are a setting that a child can have stored."""
    try:
        value = json.loads(said)
        plain = json.dumps(from_json(value, key)) == said
    except (ValueError, RecursionError, PolicyError):
        return False
    return _is_key(key) and plain and len(said) <= SAID_LIMIT and isinstance(value, str | dict)
