"""What a child sets for itself, where its band only suggests times: a bedtime and limits of its own.

They stand beside what others set and change none of it: of two rules about the same the stricter holds. So a
child can close more for itself and open nothing, and what it set, it takes back.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.core.errors import PolicyError
from gateway.policy.profile import rule_file as rulefile
from gateway.policy.profile.bands import Bands
from gateway.policy.profile.plain import Plain, from_json, refuse
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rule_file import NO_RULES, Vocabulary
from gateway.policy.profile.rules import SELF, Limit, Rules, SelfSet
from gateway.policy.profile.writing import written
from gateway.policy.time.time_text import every_day
from gateway.policy.yaml.documents import parse_document

BEDTIME, LIMITS = "bedtime", "limits/"
MOST_LIMITS = 6  # of a child's own: combinations of limits are classes, of which a device has 63
MOST_CHANGES = 2 * (MOST_LIMITS + 1)  # at once: all that was set goes, and as much comes
SAID_LIMIT = 200  # characters of one value: a bedtime for each weekday has 150
FILE = "what was set"  # how a refusal calls the place


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that a child set for itself."""

    key: str  # "bedtime", or "limits/" and a target
    said: str  # JSON, in the shape of a profile's file
    at: datetime  # when

    @property
    def target(self) -> str:
        """Of a limit; empty for bedtime."""
        return self.key.removeprefix(LIMITS) if self.key.startswith(LIMITS) else ""

    @property
    def value(self) -> Plain:
        found: Plain = json.loads(self.said)
        return found


def may_set(profile: Profile, bands: Bands) -> bool:
    return profile.is_child and bands[profile.band].suggests


def chosen(
    before: Iterable[Choice], changes: Mapping[str, object], at: datetime, words: Vocabulary
) -> tuple[Choice, ...]:
    """What a child has set after ``changes``; None turns one off. Raises PolicyError."""
    if len(changes) > MOST_CHANGES:
        refuse(LIMITS[:-1], "are too many at once", f"change at most {MOST_CHANGES}")
    there = {one.key: one for one in before}
    for key, value in changes.items():
        if not _is_key(key):
            refuse(key, "is no time of one's own", "change bedtime, or limits/ and what for")
        there.pop(key, None)
        if value is not None:
            there[key] = Choice(key, _said(key, value), at)
            if not _holds_some_day(there[key], words):
                del there[key]  # it holds on no day
    if sum(bool(one.target) for one in there.values()) > MOST_LIMITS:
        refuse(LIMITS[:-1], "are more than one may have", f"keep at most {MOST_LIMITS}")
    return tuple(there.values())


def _is_key(key: str) -> bool:
    return key == BEDTIME or (key.startswith(LIMITS) and key != LIMITS)


def _said(key: str, value: object) -> str:
    said = json.dumps(from_json(value, key))
    if len(said) > SAID_LIMIT:
        refuse(key, "is too long", "write it shorter")
    return said


def _holds_some_day(one: Choice, words: Vocabulary) -> bool:
    """Raises PolicyError for what is no rule."""
    rules = _rules(one, "", words)
    return bool(rules.bedtime or any(rules.limits.values()))


def self_set(choices: Iterable[Choice], name: str, words: Vocabulary) -> SelfSet | None:
    """What holds of what a child called ``name`` set. What a newer catalogue knows no more is passed over."""
    bedtime, limits = NO_RULES.bedtime, dict[str, Limit]()
    for one in choices:
        try:
            rules = _rules(one, f"{SELF}:{name}", words)
        except PolicyError:
            continue
        bedtime = rules.bedtime or bedtime
        limits.update(rules.limits)
    return SelfSet(bedtime, limits) if bedtime or limits else None


def _rules(one: Choice, owner: str, words: Vocabulary) -> Rules:
    said: dict[str, Plain] = {"limits": {one.target: one.value}} if one.target else {BEDTIME: one.value}
    return rulefile.read_rules(parse_document(written(said, ()), FILE), NO_RULES, owner, words, 0)


def laid(profile: Profile, wanted: SelfSet | None) -> Profile:
    """With what its child set in place of what it had set; the same profile where that is the same."""
    rules = profile.rules
    if rules.self_set is wanted:
        return profile
    dated = {target for one in rules.dates.values() for target in one.limits}
    limits = {target: days for target, days in rules.limits.items() if days or target in dated}
    for target in wanted.limits if wanted is not None else ():
        limits.setdefault(target, every_day(None))
    return replace(profile, rules=replace(rules, limits=limits, self_set=wanted))


def is_readable(key: str, said: str) -> bool:
    """Whether a row that comes from elsewhere, such as a backup, has the shape of a choice."""
    try:
        value = json.loads(said)
        plain = json.dumps(from_json(value, key)) == said
    except (ValueError, RecursionError, PolicyError):
        return False
    return _is_key(key) and plain and len(said) <= SAID_LIMIT and isinstance(value, str | dict)
