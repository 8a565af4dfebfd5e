"""Verbs of the rules: a child's rules, the family's settings, what both decide, and who changed them.

A mapping of rules has the keys and values of a profile's file, ``{"limits": {"play": "90m"}}``. In a change,
``set``, a key may name one entry, ``{"limits/play": "90m"}``, and null restores the age group's value.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any

from gateway.control.contract.activity import BlockOrigin
from gateway.control.schema import OneLine, Whole, record
from gateway.control.verbs import BY_CHILDREN, BY_GUARDIANS, BY_PAGES, Danger, NoValues, Verb

if TYPE_CHECKING:
    from gateway.policy.names.countries import HelpLine  # two megabytes that the pages rarely need

REVISION_MOST = 1 << 48
AUDIT_PAGE = 50  # lines of one answer
AUDIT_SKIP = 20_000  # lines; a year of a busy family has fewer

Revision = Annotated[int, Whole(0, REVISION_MOST)]


@record
class LastChange:
    by: str
    at: datetime


# ------------------------------------------------------------------------------------------ a child's rules


@record
class RulesRequest:
    id: OneLine  # of the child, or its name


@record
class ChildRules:
    id: str
    name: str
    band: str
    by_hand: bool  # the file has comments, which a change removes
    own: Mapping[str, Any]  # as in the profile's file
    band_rules: Mapping[str, Any]
    rules: Mapping[str, Any]  # in effect
    set: LastChange | None  # null: the last edit was made outside of Qalqan
    revision: int
    problem: str | None  # why the file cannot be used


@record
class EditRequest:
    id: OneLine
    set: Mapping[str, Any]
    revision: Revision | None = None  # that the file must still have
    because: str | None = None  # a reason, which the child can read
    # The guardian has read that this opens a blocked category, or a site or service of one, permanently. Such
    # a change is refused without it.
    confirmed: bool = False


@record
class MovedDevice:
    mac: str
    from_: str  # the profile that had it


@record
class Edited:
    revision: int
    undo: int  # the revision to restore
    changed: tuple[str, ...]
    moved: tuple[MovedDevice, ...] = ()


@record
class UneditRequest:
    id: OneLine
    revision: Revision  # to restore
    found: Revision | None = None  # that the file must still have


@record
class Unedited:
    revision: int
    undo: int


@record
class AddProfileRequest:
    name: OneLine
    band: OneLine
    devices: tuple[str, ...] = ()
    set: Mapping[str, Any] | None = None
    trial: bool = False  # only check, write nothing


@record
class ProfileId:
    id: str


@record
class RemoveProfileRequest:
    id: OneLine


@record
class RemovedProfile:
    undo: str  # the token to restore it
    devices: tuple[str, ...]


@record
class RestoreProfileRequest:
    token: OneLine


RULES = Verb("rules", RulesRequest, ChildRules, senders=BY_PAGES)
_TO_ADULTS: Danger[Any] = Danger(
    "making a child an adult, and giving a child's device to an adult or leaving it unfiltered", None
)

EDIT = Verb("edit", EditRequest, Edited, senders=BY_GUARDIANS, danger=_TO_ADULTS)
UNEDIT = Verb("unedit", UneditRequest, Unedited, senders=BY_GUARDIANS, danger=_TO_ADULTS)
ADD_PROFILE = Verb("add_profile", AddProfileRequest, ProfileId, senders=BY_GUARDIANS, danger=_TO_ADULTS)
REMOVE_PROFILE = Verb(
    "remove_profile",
    RemoveProfileRequest,
    RemovedProfile,
    senders=BY_GUARDIANS,
    danger=Danger("removing a child", None),
)
RESTORE_PROFILE = Verb("restore_profile", RestoreProfileRequest, ProfileId, senders=BY_GUARDIANS)


# ------------------------------------------------------------------------------------ the family's settings


@record
class SharedBy:
    people: tuple[str, ...]  # ids


@record
class ListSettings:
    """The settings for lists of sites: how often they are updated, and how many are used (``tier``)."""

    update: str  # daily, weekly or off
    tier: str  # auto, small, medium or large


@record
class RouterSettingEntry:
    """A setting that comes from the router's own configuration. The pages cannot change it."""

    file: str
    option: str
    value: str


@record
class FamilySettings:
    """The settings in `qalqan.yaml` that guardians can change, and the home's networks."""

    by_hand: bool  # the file has comments, which a change removes
    lan: tuple[str, ...]
    country: str
    timezone: str
    language: str  # default of the pages; empty: none set
    languages: tuple[str, ...]  # of approved sites
    unknown_devices: str  # guest, quarantine, home or a person's id
    interfaces: Mapping[str, str]  # interface of lan → as unknown_devices
    keep_profile: bool
    shared: Mapping[str, SharedBy]  # by MAC
    managed: Mapping[str, tuple[str, ...]]  # MAC → hosts of a VPN that stays allowed
    services: Mapping[str, Mapping[str, Any]]  # those that the family defines, by id, as in the file
    gateway_access: str
    gateway_ports: tuple[int, ...]
    lists: ListSettings
    router: tuple[RouterSettingEntry, ...]
    set: LastChange | None
    revision: int


@record
class EditFamilyRequest:
    set: Mapping[str, Any]
    revision: Revision | None = None


@record
class UneditFamilyRequest:
    revision: Revision
    found: Revision | None = None


FAMILY = Verb("family", NoValues, FamilySettings, senders=BY_PAGES)
_NEW_UNFILTERED: Danger[Any] = Danger("leaving new devices of the home or of a network unfiltered", None)

EDIT_FAMILY = Verb("edit_family", EditFamilyRequest, Edited, senders=BY_GUARDIANS, danger=_NEW_UNFILTERED)
UNEDIT_FAMILY = Verb(
    "unedit_family", UneditFamilyRequest, Unedited, senders=BY_GUARDIANS, danger=_NEW_UNFILTERED
)


# --------------------------------------------------------------------------------- what rules exist, and do


@record
class CatalogueService:
    id: str
    name: str
    group: str
    category: str | None  # the first of its categories
    categories: tuple[str, ...]
    min_age: int | None = None  # years, by its own terms; none: the terms were not checked


@record
class CatalogueGroup:
    id: str
    name: str


@record
class CatalogueCategory:
    id: str
    name: str
    about: str


@record
class CatalogueBand:
    id: str
    name: str
    rules: Mapping[str, Any]
    suggested: Mapping[str, Any]  # rules that it suggests and does not set


@record
class RuleCatalogue:
    services: tuple[CatalogueService, ...]
    groups: tuple[CatalogueGroup, ...]
    categories: tuple[CatalogueCategory, ...]  # that a family may set
    bands: tuple[CatalogueBand, ...]  # by age


@record
class WhyRequest:
    """Request for the filter's decision about a connection: of a device or a profile, to a host or address.

    ``at``: the time of the decision, ISO 8601; none: now. ``set``: changes to the profile's rules, to
    try them without storing.
    """

    host: OneLine | None = None
    to: OneLine | None = None  # address and port
    speaks: OneLine | None = None  # protocol
    at: OneLine | None = None
    device: OneLine | None = None
    profile: OneLine | None = None
    set: Mapping[str, Any] | None = None  # changes to the profile's rules, to try


@record
class PassedRule:
    rule: str
    outcome: str


@record
class NextDecision:
    at: datetime
    verdict: str
    reason: str


@record
class Explanation:
    host: str | None
    at: datetime
    verdict: str
    reason: str
    rule: str
    owner: str
    until: datetime | None
    passed: tuple[PassedRule, ...]
    minutes_left: int | None
    next_change: NextDecision | None
    sentence: str
    decided: BlockOrigin | None  # of a block
    speaks: str | None = None  # of a connection
    to: str | None = None
    problems: tuple[str, ...] = ()  # of the file that names the device; of `why`
    services: tuple[str, ...] | None = None  # names of services that were recognised without their names
    sign: str | None = None  # how: address, first_bytes, port
    site: str | None = None  # the host without ``www.``, unless the rest is a public suffix; of `why`


@record
class WeekRequest:
    id: OneLine
    set: Mapping[str, Any] | None = None  # changes to try


@record
class HoursSpan:
    from_: str  # HH:MM
    to: str
    state: str
    owner: str | None = None  # of the rule; none while open


@record
class TargetHours:
    target: str
    name: str
    spans: tuple[HoursSpan, ...]


@record
class TargetLimit:
    target: str
    name: str
    minutes: int
    owner: str


@record
class WeekDay:
    date: date
    weekday: str
    counts_as: str
    because: str | None
    holiday: str | None
    exception: tuple[str, ...]  # what the profile's `dates` change on this day
    spans: tuple[HoursSpan, ...]  # of the internet
    windows: tuple[TargetHours, ...]
    limits: tuple[TargetLimit, ...]


@record
class WeekPlan:
    id: str
    days: tuple[WeekDay, ...]  # seven, from today on


CATALOGUE = Verb("catalogue", NoValues, RuleCatalogue, senders=BY_PAGES)
WHY = Verb("why", WhyRequest, Explanation, senders=BY_PAGES)
WEEK = Verb("week", WeekRequest, WeekPlan, senders=BY_PAGES)


# -------------------------------------------------------------------------------------------- the country


@record
class AgeMark:
    mark: str
    then: str  # a second mark, which applies from the age `from` on; empty: none
    from_: int


@record
class CountryRating:
    id: str
    name: str
    of: str  # films, games, or both
    marks: Mapping[str, AgeMark]  # by age group
    source: str
    date: date


@record
class LawChild:
    id: str
    name: str
    binds: bool  # whether the whole age group is younger than the age in the law
    on: bool


@record
class CountryLaw:
    """A country's law that bars children below an age from services, and its state for each child.

    ``below``: the age in years. ``expected``: when it is expected to be in force. The lists contain
    targets, such as ``service:tiktok``; texts are by language.
    """

    id: str
    name: str
    names: Mapping[str, str]
    below: int
    status: str
    since: str  # a date; empty: not in force
    expected: Mapping[str, str]
    refuses: tuple[str, ...]
    named_too: tuple[str, ...]
    why_open: Mapping[str, str]
    not_on_it: tuple[str, ...]
    source: str
    date: date  # when the source was read
    children: tuple[LawChild, ...]


@record
class CountryRules:
    code: str
    ratings: tuple[CountryRating, ...]
    laws: tuple[CountryLaw, ...]  # of the country, then others that apply to a child


@record
class HelpLinesRequest:
    country: OneLine | None = None  # none: the family's


@record
class HelpChannelEntry:
    kind: str  # chat, qr, whatsapp, telegram or app
    to: str  # number, host name or user name; empty for a QR code
    at: Mapping[str, str]  # by language: where the QR code is


@record
class HelpLineEntry:
    name: str
    names: Mapping[str, str]  # by language
    phone: str
    text: str  # contact for messages
    web: str  # a host name
    kind: str
    confirmed: bool  # compared with the operator's own page
    channels: tuple[HelpChannelEntry, ...]  # how most children reach it; to show before the phone


@record
class HelpLines:
    lines: tuple[HelpLineEntry, ...]
    rights: tuple[HelpLineEntry, ...]  # offices that take complaints


def help_line_entry(line: HelpLine) -> HelpLineEntry:
    """Return a help line of a country file as a record for the pages. It needs no running daemon."""
    return HelpLineEntry(
        name=line.name_in("en"),
        names=dict(line.name),
        phone=line.phone,
        text=line.text,
        web=line.site,
        kind=line.kind,
        confirmed=line.verified_on is not None,
        channels=tuple(
            HelpChannelEntry(kind=channel.kind, to=channel.to, at=dict(channel.at))
            for channel in line.channels
        ),
    )


COUNTRY = Verb("country", NoValues, CountryRules, senders=BY_PAGES)
HELP_LINES = Verb("helplines", HelpLinesRequest, HelpLines, senders=BY_PAGES)


# ------------------------------------------------------------------------------------- who changed what


@record
class UndoAction:
    """The verb that undoes a change, and its arguments."""

    do: str
    who: str | None = None
    mac: str | None = None
    profile: str | None = None
    grant: int | None = None
    id: str | None = None
    revision: int | None = None
    found: int | None = None
    token: str | None = None


@record
class ChangedValue:
    """An entry of a rule file before and after a change, as in the file; null for a missing entry."""

    key: str
    before: Any
    after: Any


@record
class ChangedDevice:
    mac: str
    name: str


@record
class FamilyChange:
    at: datetime
    by: str
    what: str  # pause, off, grant, open, device, traffic; of a file rules, added, removed, settings
    who: str  # a profile's id, a MAC, or all; the new place of a device
    name: str | None  # null: every child, or the settings
    minutes: int | None
    thing: str | None
    thing_name: str | None
    until: datetime | None
    ended: bool
    undo: UndoAction | None
    because: str  # the guardian's reason
    edits: tuple[ChangedValue, ...]
    left_off: int  # number of edits that are not listed
    devices: tuple[ChangedDevice, ...]  # that the change is about


@record
class FamilyChanges:
    changes: tuple[FamilyChange, ...]  # newest first


@record
class OwnChangesRequest:
    id: OneLine | None = None  # of the child; none: the child of the device


@record
class AuditLogRequest:
    limit: Annotated[int, Whole(1, AUDIT_PAGE)] = AUDIT_PAGE
    skip: Annotated[int, Whole(0, AUDIT_SKIP)] = 0
    who: OneLine | None = None


@record
class AuditLogLine:
    at: datetime  # start of the day if `day_only` is true
    day_only: bool
    who: str
    what: str
    about: str  # a person or a device
    detail: str
    until: datetime | None
    address: str
    device: str
    token: str  # name of the API token that was used; empty: a person made the change
    count: int = 1  # how often the same was done, each within a minute of the one before


@record
class AuditLog:
    lines: tuple[AuditLogLine, ...]  # newest first
    more: bool
    people: tuple[str, ...]


CHANGES = Verb("changes", NoValues, FamilyChanges, senders=BY_PAGES)
OWN_CHANGES = Verb("own_changes", OwnChangesRequest, FamilyChanges, senders=BY_PAGES | BY_CHILDREN)
AUDIT_LOG = Verb("audit_log", AuditLogRequest, AuditLog, senders=BY_PAGES)
