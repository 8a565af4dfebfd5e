"""The rules of an age group or a profile: frozen values, each with its owner."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import IntEnum, StrEnum
from typing import Generic, TypeVar

from gateway.age.bands import AgeBand
from gateway.policy.profile.bypass_methods import BypassMethod, MethodSetting
from gateway.policy.time.time_text import ByDay, Span

T = TypeVar("T")

FAMILY = "family"  # owner of what is in a profile's file
SELF = "self"  # owner of what a child set for itself, as in "self:Daughter"

PROFILE_ID = r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}"  # pattern of a profile's id, its file's name

# Profiles' names with a meaning of their own: everyone, guests, devices that are not filtered.
ALL, GUEST, HOME = "all", "guest", "home"
TAKEN = (ALL, GUEST, HOME)

INTERNET = "internet"
PLAY = "play"
SERVICE, CATEGORY = "service:", "category:"  # before the id of one, as a target or an entry

# Log levels: what is stored and shown to a guardian. Each level includes those below.
KINDS_LEVEL = 1  # that something was blocked, its category, and the day
NAMES_LEVEL = 2  # also the name and the time
VISITS_LEVEL = 3  # also the names of what was open


def shows_present(log_level: int) -> bool:
    """Return True if guardians may see what a person does now, by its log level.

    That is presence, use, the minutes of the running day, and what they reveal, such as a used-up limit.
    """
    return log_level >= NAMES_LEVEL


class PresenceDetail(StrEnum):
    """How exactly guardians see when a device was online.

    With DAY and NOTHING they do not see whether it is online now.
    """

    MOMENT = "moment"
    DAY = "day"
    NOTHING = "nothing"


class DayType(StrEnum):
    """The type of a day: school day or free day. Weekends, holidays, calendars and dates decide it."""

    SCHOOL = "school"
    FREE = "free"


class Mode(StrEnum):
    """Whether sites that no rule names are open (block-list) or blocked (allow-list)."""

    BLOCK_LIST = "block-list"  # open except for what is blocked
    ALLOW_LIST = "allow-list"  # blocked except for what is allowed


class Action(StrEnum):
    """The effect of a rule on a category or on unknown names, from strict to lenient."""

    BLOCK = "block"  # without an ask button
    ASK = "ask"  # blocked, with an ask button
    COUNT = "count"  # allowed, and uses limits.play
    ALLOW = "allow"

    @property
    def strictness(self) -> int:
        """A number that is higher for a stricter action: 0 to 3."""
        return _STRICTNESS[self]

    @property
    def refuses(self) -> bool:
        """True for block and ask, which both block."""
        return self is Action.BLOCK or self is Action.ASK


_STRICTNESS = {Action.ALLOW: 0, Action.COUNT: 1, Action.ASK: 2, Action.BLOCK: 3}


def action_target(key: str) -> str:
    """Return what a key of ``categories`` is about: ``service:x`` unchanged, else ``category:KEY``."""
    return key if key.startswith(SERVICE) else f"category:{key}"


class SafeSearch(StrEnum):
    """The level of safe search in search engines and video sites."""

    STRICT = "strict"
    MODERATE = "moderate"
    OFF = "off"


class Failure(StrEnum):
    """Whether new connections are blocked (closed) or allowed (open) while the daemon is down."""

    CLOSED = "closed"
    OPEN = "open"


class ClockUnset(StrEnum):
    """Whether time rules block (strict) or do not apply (open) while the clock is not trusted."""

    STRICT = "strict"  # whatever has a time rule is closed
    OPEN = "open"


class EntryKind(IntEnum):
    """The type of an entry of allow, block or homework; an entry with a higher number outranks the others."""

    CATEGORY = 1
    SERVICE = 2
    NAME = 3


@dataclass(frozen=True, slots=True)
class RuleEntry:
    """One entry of allow, block or homework: a host name, a service or a category."""

    kind: EntryKind
    value: str  # a host name with all names under it, a service's id or a category's id
    owner: str

    def __str__(self) -> str:
        return self.value if self.kind is EntryKind.NAME else f"{self.kind.name.lower()}:{self.value}"

    @property
    def rank(self) -> tuple[int, int]:
        """The precedence of the entry; the higher value wins.

        Name before service before category, longer name before shorter.
        """
        return self.kind, len(self.value) if self.kind is EntryKind.NAME else 0


@dataclass(frozen=True, slots=True)
class Owned(Generic[T]):
    """A rule's value with its owner: "family", "band:<id>", "guardian:<name>" or "self:<name>".

    "band" is an age group; "self" is a child that set it for itself.
    """

    value: T
    owner: str


class LawStatus(StrEnum):
    """The legislative status of a law."""

    IN_FORCE = "in force"
    ANNOUNCED = "announced"
    BILL = "bill"  # before a parliament, or not signed


@dataclass(frozen=True, slots=True)
class Law:
    """A law of a country that blocks services or categories for children below an age (laws.py)."""

    id: str
    name: Mapping[str, str]  # language → text
    below: int  # years
    status: LawStatus
    since: date | None  # None: not in force
    expected: Mapping[str, str]  # language → when it may come into force; empty: not known
    refuses: tuple[RuleEntry, ...]  # services and categories that it blocks
    named_too: tuple[RuleEntry, ...]  # named by the law, but not blocked here
    why_open: Mapping[str, str]  # language → the reason for that
    not_on_it: tuple[RuleEntry, ...]  # often assumed to be named by the law
    source: str
    date: date  # when the source was read

    def binds(self, band: AgeBand) -> bool:
        """Return True if every child of an age group is younger than the law's age.

        Only a child's age group is known, not its age.
        """
        _, last = band.ages
        return last is not None and last < self.below


Laws = Mapping[str, Law]


Bedtime = ByDay[Owned[Span]]  # by the day on which it ends
Limit = ByDay[Owned[timedelta]]  # by the family day
Windows = ByDay[Owned[tuple[Span, ...]]]  # by the day on which they start; none for a day: no restriction


@dataclass(frozen=True, slots=True)
class DateRule:
    """The exceptions of one date to the regular rules; unset fields keep the regular rule."""

    counts_as: DayType | None = None
    bedtime: Owned[Span | None] | None = None  # of the night that begins on the date; None in it: none
    limits: Mapping[str, Owned[timedelta | None]] = field(default_factory=dict)  # by target; None: no limit
    windows: Mapping[str, Owned[tuple[Span, ...] | None]] = field(
        default_factory=dict
    )  # None: no restriction

    @property
    def says(self) -> tuple[str, ...]:
        """The parts of the exception: its day type, ``bedtime``, ``limits``, ``windows`` (allowed hours)."""
        counts_as = (self.counts_as.value,) if self.counts_as is not None else ()
        bedtime = ("bedtime",) if self.bedtime is not None else ()
        limits = ("limits",) if self.limits else ()
        return (*counts_as, *bedtime, *limits, *(("windows",) if self.windows else ()))


@dataclass(frozen=True, slots=True)
class SelfSet:
    """Bedtime and limits that a child set for itself. They apply along with the other rules.

    Of two limits for the same target the stricter applies.
    """

    bedtime: Bedtime
    limits: Mapping[str, Limit]


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules of an age group, or of a profile: those of its file merged over its age group's."""

    mode: Owned[Mode]
    unknown: Owned[Action]  # for names in no category: allow, ask or block
    categories: Mapping[str, Owned[Action]]  # by category, or service:x; one that is missing here is allowed
    ways: Mapping[BypassMethod, Owned[MethodSetting]]  # bypass methods; one that is missing here is allowed
    allow: tuple[RuleEntry, ...]
    block: tuple[RuleEntry, ...]
    homework: tuple[RuleEntry, ...]  # never counted; open when time is used up
    safe_search: Owned[SafeSearch]
    bedtime: Bedtime
    limits: Mapping[str, Limit]  # by target: internet, play, service:x, category:y, group:z
    windows: Mapping[str, Windows]  # by target
    dates: Mapping[date, DateRule]  # exceptions; a target of theirs has a key in limits or windows too
    calendars: tuple[str, ...]  # iCalendar files as written; their days are in Profile.free_days
    landing: Owned[timedelta]  # time to finish a game, which a child may take once a day; zero: none
    linger: Owned[timedelta]  # idle minutes that count after a counted one
    auto_approve: Owned[timedelta]  # minutes a day of requests that are granted automatically
    updates: Owned[bool]  # names of updates are open and never counted
    laws: tuple[Owned[Law], ...]  # legal rules that a guardian turned on, for all bands
    portal: frozenset[str]  # MACs: their connectivity probes are blocked while the device is blocked
    strict: Owned[bool]  # a flow without a name passes only to an address that an allowed name resolved to
    log_level: int  # 0 nothing per person … 3 names visited
    failure: Owned[Failure]
    clock_unset: Owned[ClockUnset]
    self_set: SelfSet | None = None  # a target of its limits has a key in limits too; no date lifts it

    @property
    def counted(self) -> Collection[str]:
        """The targets whose minutes are counted, such as ``play``: those with a limit."""
        return self.limits.keys()

    def actions(self, service: str, categories: Iterable[str]) -> frozenset[Action]:
        """Return the actions set for a service: its own, else those of its categories; empty for none."""
        own = self.categories.get(f"{SERVICE}{service}")
        found = [own] if own is not None else map(self.categories.get, categories)
        return frozenset(rule.value for rule in found if rule is not None)

    @property
    def filters(self) -> bool:
        """True if any rule may block something or use up time. Laws and lists for everyone do not count."""
        return bool(
            self.mode.value is Mode.ALLOW_LIST
            or self.unknown.value.refuses
            or any(rule.value is not Action.ALLOW for rule in self.categories.values())
            or any(rule.value is MethodSetting.BLOCK for rule in self.ways.values())
            or self.block
            or self.safe_search.value is not SafeSearch.OFF
            or self.sleeps
            or self.limits
            or self.windows
            or self.strict.value
        )

    @property
    def sleeps(self) -> bool:
        """True if there is a bedtime on any night, the child's own too, or one set for a date."""
        own = self.self_set is not None and self.self_set.bedtime
        dated = (rule.bedtime for rule in self.dates.values())
        return bool(self.bedtime or own) or any(night is not None and night.value for night in dated)
