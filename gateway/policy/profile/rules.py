"""The rules of a band and of a profile: frozen values, each with its owner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import IntEnum, StrEnum
from typing import Generic, TypeVar

from gateway.age.bands import Band
from gateway.policy.profile.bypass_methods import BypassMethod, MethodSetting
from gateway.policy.time.time_text import ByDay, Span

T = TypeVar("T")

FAMILY = "family"  # owner of what is in a profile's file
SELF = "self"  # owner of what a child set for itself, as in "self:Daughter"

INTERNET = "internet"
PLAY = "play"

# Log levels: what is stored and shown to a guardian. Each level includes those below.
KINDS_LEVEL = 1  # that something was blocked, its category, and the day
NAMES_LEVEL = 2  # also the name and the time
VISITS_LEVEL = 3  # also the names of what was open


class Sightings(StrEnum):
    """How exactly the times at which a device was seen are shown. DAY, NOTHING: its presence is private."""

    MOMENT = "moment"
    DAY = "day"
    NOTHING = "nothing"


class DayType(StrEnum):
    """What a day counts as."""

    SCHOOL = "school"
    FREE = "free"


class Mode(StrEnum):
    BLOCK_LIST = "block-list"  # open except for what is blocked
    ALLOW_LIST = "allow-list"  # blocked except for what is allowed


class Action(StrEnum):
    """What happens to a category, from strict to lenient."""

    BLOCK = "block"  # without an ask button
    ASK = "ask"  # blocked, with an ask button
    COUNT = "count"  # allowed, and uses limits.play
    ALLOW = "allow"

    @property
    def strictness(self) -> int:
        return _STRICTNESS[self]

    @property
    def refuses(self) -> bool:
        return self is Action.BLOCK or self is Action.ASK


_STRICTNESS = {Action.ALLOW: 0, Action.COUNT: 1, Action.ASK: 2, Action.BLOCK: 3}


class SafeSearch(StrEnum):
    STRICT = "strict"
    MODERATE = "moderate"
    OFF = "off"


class Failure(StrEnum):
    """What happens while the daemon is down."""

    CLOSED = "closed"
    OPEN = "open"


class ClockUnset(StrEnum):
    """What time rules do while the clock is not trusted."""

    STRICT = "strict"  # whatever has a time rule is closed
    OPEN = "open"


class EntryKind(IntEnum):
    """What an entry of allow, block or homework names; a higher kind outranks a lower one."""

    CATEGORY = 1
    SERVICE = 2
    NAME = 3


@dataclass(frozen=True, slots=True)
class RuleEntry:
    """One entry of allow, block or homework."""

    kind: EntryKind
    value: str  # a host name with all names under it, a service's id or a category's id
    owner: str

    def __str__(self) -> str:
        return self.value if self.kind is EntryKind.NAME else f"{self.kind.name.lower()}:{self.value}"

    @property
    def rank(self) -> tuple[int, int]:
        """The precedence: name before service before category, longer name before shorter."""
        return self.kind, len(self.value) if self.kind is EntryKind.NAME else 0


@dataclass(frozen=True, slots=True)
class Owned(Generic[T]):
    """A value and its owner: "family", "band:<id>", or "self:<name>" for a child's own."""

    value: T
    owner: str


class LawStatus(StrEnum):
    """The legislative status of a law."""

    IN_FORCE = "in force"
    ANNOUNCED = "announced"
    BILL = "bill"  # before a parliament, or not signed


@dataclass(frozen=True, slots=True)
class Law:
    """A legal rule of a country, as far as a gateway can enforce it (laws.py)."""

    id: str
    name: Mapping[str, str]  # language → text
    below: int  # years
    status: LawStatus
    since: date | None
    expected: Mapping[str, str]
    refuses: tuple[RuleEntry, ...]
    named_too: tuple[RuleEntry, ...]
    why_open: Mapping[str, str]
    not_on_it: tuple[RuleEntry, ...]
    source: str
    date: date  # when the source was read

    @property
    def rule(self) -> str:
        """The rule's name in a Decision."""
        return f"law:{self.id}"

    def binds(self, band: Band) -> bool:
        """Return whether every child of a band is younger. Only a child's band is known, not its age."""
        _, last = band.ages
        return last is not None and last < self.below


Laws = Mapping[str, Law]


Bedtime = ByDay[Owned[Span]]  # by the morning on which it ends
Limit = ByDay[Owned[timedelta]]  # by the day on which it starts
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
        """What the exception is about: the day type, or keys of a profile."""
        counts_as = (self.counts_as.value,) if self.counts_as is not None else ()
        bedtime = ("bedtime",) if self.bedtime is not None else ()
        limits = ("limits",) if self.limits else ()
        return (*counts_as, *bedtime, *limits, *(("windows",) if self.windows else ()))


@dataclass(frozen=True, slots=True)
class SelfSet:
    """What a child set for itself, in addition to other rules; of both the stricter applies (self_set.py)."""

    bedtime: Bedtime
    limits: Mapping[str, Limit]


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of a band, or of a profile after its file was merged over its band's."""

    mode: Owned[Mode]
    unknown: Owned[Action]  # for names in no category: allow, ask or block
    categories: Mapping[str, Owned[Action]]  # a category that is missing here is allowed
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
    landing: Owned[timedelta]  # what the child alone takes once a day to come to an end; zero: none
    linger: Owned[timedelta]  # silent minutes that count after a counted one
    auto_approve: Owned[timedelta]  # minutes a day of requests that are granted automatically
    updates: Owned[bool]  # names of updates are open and never counted
    laws: tuple[Owned[Law], ...]  # legal rules that a guardian turned on, for all bands
    portal: frozenset[str]  # MACs whose connectivity probes are refused while time rules or a pause shut them
    strict: Owned[bool]  # a flow without a name passes only to an address that an allowed name resolved to
    log_level: int  # 0 nothing per person … 3 names visited
    failure: Owned[Failure]
    clock_unset: Owned[ClockUnset]
    self_set: SelfSet | None = None  # a target of its limits has a key in limits too; no date lifts it

    @property
    def filters(self) -> bool:
        """False where nothing but the lists that bind everyone is ever refused; laws bind by the band."""
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
        """True if there is a bedtime on any night, including dates and the child's own."""
        own = self.self_set is not None and self.self_set.bedtime
        return bool(self.bedtime or own) or any(rule.bedtime is not None for rule in self.dates.values())
