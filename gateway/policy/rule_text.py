"""The text of a decision's rule (`Decision.rule`): a writer for each form, and one reader for all.

The forms with parts::

    block: service:tiktok                 an entry of allow, block or homework
    category:gambling = block             the action for a category or a service
    mode = allow-list                     also unknown, strict and safe_search
    ways: vpn = block                     a bypass method
    bedtime: 20:45-07:00
    windows: play: 16:00-18:00            the allowed hours of a target; "never" if there are none
    limits: play: week: 10h + 30m         the limit of a target; without a period, that of the day
    law:au-under-16-social
    law:kz since 2026-11-24               a state's register

``band 10-12: `` precedes the rule of an age group. Every other form is a fixed text, or ends in a host name,
a service or another id. The database and other programs store these texts: a form that was written once stays
as it is. In a form that it does not know, the reader finds the service, category or law.

The pages import this module: it must not import the YAML library or the judge.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from gateway.policy.profile.bypass_methods import BypassMethod, MethodSetting
from gateway.policy.profile.rules import CATEGORY, SERVICE, Action, Owned, RuleEntry, action_target
from gateway.policy.time.limit_periods import LONGER_PERIODS, LimitPeriod
from gateway.policy.time.time_text import TimeTextError, duration_minutes, duration_text
from gateway.policy.values import LAW

SAMPLE_MARK = "sample: "  # before the rule of a simulated decision, in the database of the virtual home

# Fixed texts.
HELP_RULE = "help"
FOR_EVERYONE_RULE = "refused for everyone"
OFF_RULE = "off"  # filtering is off
PAUSE_RULE = "pause"
CLOCK_UNSET_RULE = "clock_unset: strict"
OPEN_RULE = "nothing refuses it"
LOCAL_RULE = "names of the home"
NAMELESS_RULE = "no name"
PROTOCOL_RULE = "foreign protocols"
UNPROVEN_RULE = "open at this hour by its name alone"

RULES_CACHED = 256  # texts that were read, 0.3 kB each; a day of a home has some dozens

_BAND, _SINCE, _BONUS = "band ", " since ", " + "
_SEPARATOR = re.compile(": | = ")
_TARGET = re.compile(rf"(?:{SERVICE}|{CATEGORY}|{LAW})[^ :]+")
_LIMITS = "limits"
_KEYS_WITH_TARGET = frozenset({"allow", "block", "homework", "ways", "windows"})
_KEYS_WITH_VALUE = frozenset({"mode", "unknown", "strict", "safe_search", "bedtime", "clock_unset"})
_KEYS_BY_KIND = {CATEGORY: "categories", SERVICE: "categories", LAW: "laws"}  # if the target comes first
_UNNAMED_KINDS = {"categories": CATEGORY, "laws": LAW}  # not written in an entry of these keys


def owned_rule(owner: str, rule: str) -> str:
    """Return a rule's text with its age group, as ``band 10-12: …``, if ``owner`` is one; else unchanged."""
    return f"{owner.replace(':', ' ', 1)}: {rule}" if owner.startswith("band:") else rule


def entry_rule(key: str, entry: RuleEntry) -> str:
    """Return the text of an entry, such as ``block: service:tiktok``. ``key``: allow, block or homework."""
    return f"{key}: {entry}"


def category_rule(category: str, rule: Owned[Action]) -> str:
    """Return the text of the action for a category, or for ``service:x``."""
    return owned_rule(rule.owner, f"{action_target(category)} = {rule.value}")


def value_rule(key: str, value: str, owner: str) -> str:
    """Return the text of a rule that has one value. ``key``: mode, unknown, strict or safe_search."""
    return owned_rule(owner, f"{key} = {value}")


def method_rule(method: BypassMethod, setting: MethodSetting, owner: str = "") -> str:
    """Return the text of the setting for a bypass method, such as ``ways: vpn = block``."""
    return owned_rule(owner, f"ways: {method} = {setting}")


def bedtime_rule(hours: str) -> str:
    return f"bedtime: {hours}"


def window_rule(target: str, hours: str) -> str:
    """Return the text of the allowed hours of a target, such as ``windows: play: 16:00-18:00``."""
    return f"windows: {target}: {hours}"


def limit_rule(target: str, amount: str) -> str:
    """Return the text of the limit of a target. ``amount``: as `limit_text` returns it."""
    return f"{_LIMITS}: {target}: {amount}"


def limit_text(minutes: int, bonus: int, period: LimitPeriod) -> str:
    """Return a limit and its extra minutes as text, such as ``90m + 15m`` or ``week: 10h``."""
    longer = "" if period is LimitPeriod.DAY else f"{period}: "
    more = f"{_BONUS}{duration_text(bonus)}" if bonus else ""
    return f"{longer}{duration_text(minutes)}{more}"


def law_rule(law: str) -> str:
    return f"{LAW}{law}"


def register_rule(category: str, since: date | None) -> str:
    """Return the text of a state's register: its category, and the date since which it is on, if known."""
    return category if since is None else f"{category}{_SINCE}{since.isoformat()}"


def unknown_devices_rule(profile: str) -> str:
    return f"unknown_devices: {profile}"


def band_rule(band: str) -> str:
    """Return the text of the rule that an age group is not filtered, such as ``band adult``."""
    return f"{_BAND}{band}"


def opening_rule(entry: str) -> str:
    """Return the text of a guardian's opening of a site, ``service:x`` or ``category:x`` for a while."""
    return f"opened for a while: {entry}"


def repair_rule(site: str) -> str:
    """Return the text of a site repair, such as ``site repair: example.org``."""
    return f"site repair: {site}"


def companion_rule(service: str) -> str:
    """Return the text of the rule that a name is open because a service needs it."""
    return f"companion of {SERVICE}{service}"


def need_rule(kind: str, entry: str) -> str:
    """Return the text of an entry of the device-needs pack. ``kind``: its type, such as updates."""
    return f"device needs: {kind}: {entry}"


def site_rule(site: str) -> str:
    return f"approved site: {site}"


def signal_rule(method: BypassMethod) -> str:
    """Return the text of the rule for a name that signals a bypass method."""
    return f"resolver signal: {method}"


def fault_rule(fault: str) -> str:
    return f"fault: {fault}"


@dataclass(frozen=True, slots=True)
class ReadRule:
    """The parts of a rule's text. A part that the text does not have is empty, or None."""

    band: str = ""  # the age group that the rule belongs to, such as ``10-12``
    key: str = ""  # its key in a profile's file, such as ``limits``; ``laws`` for a state's register too
    # ``service:x``, ``category:x``, ``law:x``; in entries, windows and limits also a host name, ``group:x``,
    # ``internet`` or ``play``; in ``ways`` the bypass method.
    target: str = ""
    period: LimitPeriod = LimitPeriod.DAY  # of a limit
    minutes: int | None = None  # of a limit, with its extra minutes
    since: date | None = None  # the date since which a state's register is on

    def id_of(self, kind: str) -> str:
        """Return the id of the target if it begins with ``kind``, such as ``service:``; else ""."""
        return self.target.removeprefix(kind) if self.target.startswith(kind) else ""

    @property
    def setting(self) -> str:
        """The rule's key and entry in a profile's file, such as ``block/service:tiktok`` or ``mode``."""
        entry = self.target.removeprefix(_UNNAMED_KINDS.get(self.key, ""))
        return f"{self.key}/{entry}" if self.key and entry else self.key


@lru_cache(RULES_CACHED)
def read_rule(text: str) -> ReadRule:
    """Return the parts of a rule's text. The results are cached: blocks are repeated."""
    first, *rest = _SEPARATOR.split(text.removeprefix(SAMPLE_MARK))
    band = ""
    if first.startswith(_BAND):
        band = first.removeprefix(_BAND)
        first, *rest = rest or [""]
    if rest and first == _LIMITS:
        return _read_limit(band, *rest)
    if rest and first in _KEYS_WITH_TARGET:
        return ReadRule(band, first, rest[0])
    if rest and first in _KEYS_WITH_VALUE:
        return ReadRule(band, first)
    found = _TARGET.search(text)
    key = next((key for kind, key in _KEYS_BY_KIND.items() if first.startswith(kind)), "")
    return ReadRule(band, key, found[0] if found else "", since=_read_since(first))


def _read_limit(band: str, target: str, *amount: str) -> ReadRule:
    period = LimitPeriod.DAY
    if amount and amount[0] in LONGER_PERIODS:
        period, amount = LimitPeriod(amount[0]), amount[1:]
    try:
        minutes = sum(map(duration_minutes, amount[0].split(_BONUS))) if amount else None
    except TimeTextError:
        minutes = None
    return ReadRule(band, _LIMITS, target, period, minutes)


def _read_since(text: str) -> date | None:
    try:
        return date.fromisoformat(text.partition(_SINCE)[2])
    except ValueError:
        return None
