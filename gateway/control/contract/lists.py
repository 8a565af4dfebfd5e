"""Verbs of the lists of sites, and of state registers: lists of sites that a state blocks."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from gateway.control.schema import OneLine, Text, record
from gateway.control.verbs import BY_GUARDIANS, BY_PAGES, NoValues, Verb
from gateway.policy.config.list_tiers import ListTier
from gateway.policy.time.list_update_times import UpdateInterval

NAME_LIMIT = 60  # characters of the name of an own list


@record
class NamedId:
    id: str
    name: str


@record
class ListTable:
    """The category table, which is built from all lists: its number of names, its bytes, its build time."""

    names: int
    bytes: int
    built: str  # ISO 8601


@record
class ListSource:
    """A list of sites: address, category, whether it is on, and its stored copy.

    Name, address and error may be untrusted input.
    """

    id: str
    name: str
    url: str
    category: str
    category_name: str  # English
    people: tuple[str, ...]  # ids of the children whose rules name the list, if it is a category of its own
    licence: str
    own: bool  # added by the family
    on: bool
    default: bool  # in the gateway's tier: on unless the family turns it off
    names: int | None  # in the table
    about: int  # the maker's own figure
    bytes: int  # of the stored copy
    fetched: datetime | None
    stale: bool
    error: str  # of the last download
    tier: ListTier | None = None  # the smallest tier that includes it


@record
class ListUpdate:
    """The progress of a running download of lists, or the result of the last one."""

    running: bool
    ended: datetime | None
    problems: tuple[str, ...]
    source: str | None = None  # that is downloaded now
    done: int | None = None  # bytes of it
    percent: int | None = None  # of the whole update, 0 to 99


@record
class FeedState:
    """The data in use and the last check of the signed data feed, for a gateway that has one."""

    version: int  # of the data in use: YYYYMMDDnn
    packaged: bool  # it came with the package
    checked: datetime | None  # the last check that succeeded
    problem: str  # of the last check; may contain text of the server


@record
class UpdatePlan:
    """The state of automatic list updates: interval, tier, last and next download, progress, failures.

    ``waits_for`` says why an update that is due has not started, or that updates need a package.
    """

    interval: UpdateInterval
    running: bool
    newest: datetime | None  # when the newest copy was downloaded
    next: datetime | None  # None: none is planned, or one runs or waits
    waits_for: str  # clock or memory, for an update that is due; package, if updates need one; else empty
    failures: int  # since the last success
    # none: no list was ever downloaded, old: the newest is older than a week; else, or without a child, empty
    warning: str
    tier: ListTier  # how many lists the gateway updates
    tier_chosen: bool  # a person set the tier; otherwise it follows from the memory
    percent: int | None = None  # of the running update, 0 to 99
    feed: FeedState | None = None  # None: no address is set


@record
class WrongListEntry:
    """An entry of a list of sites that a guardian reported as wrong."""

    host: str
    category: str
    by: str
    at: date


@record
class Lists:
    table: ListTable
    sources: tuple[ListSource, ...]
    categories: tuple[NamedId, ...]  # that a list may have
    wrong: tuple[WrongListEntry, ...]  # newest first
    update: ListUpdate
    schedule: UpdatePlan
    most: int  # own lists


@record
class LookupRequest:
    host: OneLine  # or an address


@record
class ListEntry:
    """An entry of the category table that matches the host that was looked up, with its categories."""

    name: str
    categories: tuple[str, ...]


@record
class MatchingList:
    """A list in use, of a category in which the host was found.

    The category table does not record which list of the category has an entry, so this list may be
    without it.
    """

    id: str
    name: str
    url: str
    category: str
    version: str  # date of the download; empty: unknown


@record
class LookupResult:
    host: str
    refused_for_everyone: bool
    matches: tuple[ListEntry, ...]  # longest first
    categories: tuple[NamedId, ...]
    services: tuple[NamedId, ...]
    resolver: str | None  # that the host belongs to
    sources: tuple[MatchingList, ...]


@record
class AddListRequest:
    """Request to turn on a published list by ``id``, or to add a list by name, URL and category.

    The category `own` makes the list a category of its own, which is blocked for the children in
    ``people``.
    """

    id: OneLine | None = None
    name: Annotated[str, Text(1, NAME_LIMIT, one_line=True)] | None = None
    url: OneLine | None = None
    category: OneLine | None = None
    people: tuple[str, ...] = ()


@record
class ListId:
    id: str


@record
class RemoveListRequest:
    id: OneLine


@record
class RemovedList:
    id: str
    name: str
    url: str
    category: str


@record
class UpdateListsRequest:
    force: bool = False  # also lists that are still fresh


@record
class ReportEntryRequest:
    host: OneLine
    open: tuple[str, ...] = ()  # children for whom the entry is allowed
    confirmed: bool = False  # the guardian has read that this opens a blocked category's site permanently


@record
class ReportedEntry:
    host: str  # the entry
    opened: tuple[str, ...]
    problems: tuple[str, ...]


@record
class WithdrawReportRequest:
    host: OneLine


@record
class WithdrawnReport:
    host: str


@record
class RegisterState:
    """A state register (a state's list of blocked sites) in `qalqan.yaml`: whether it is on, and its copy."""

    id: str
    country: str
    name: str
    on: bool
    by: str  # the guardian who turned it on; empty: unknown
    since: date | None
    url: str
    names: int | None  # in the table; None: it is off, or not downloaded
    fetched: datetime | None
    stale: bool
    note: str  # about its copy, in English


@record
class Registers:
    registers: tuple[RegisterState, ...]


@record
class SwitchRegisterRequest:
    country: OneLine
    on: Literal["yes", "no"]


@record
class SwitchedRegister:
    id: str
    on: bool
    revision: int
    undo: int  # revision to which `unedit_family` returns


LISTS = Verb("lists", NoValues, Lists, senders=BY_PAGES)
LIST_LOOKUP = Verb("list_lookup", LookupRequest, LookupResult, senders=BY_PAGES)
LIST_ADD = Verb("list_add", AddListRequest, ListId, senders=BY_GUARDIANS)
LIST_REMOVE = Verb("list_remove", RemoveListRequest, RemovedList, senders=BY_GUARDIANS)
LIST_UPDATE = Verb("list_update", UpdateListsRequest, ListUpdate, senders=BY_GUARDIANS)
LIST_REPORT = Verb("list_report", ReportEntryRequest, ReportedEntry, senders=BY_GUARDIANS)
LIST_UNREPORT = Verb("list_unreport", WithdrawReportRequest, WithdrawnReport, senders=BY_GUARDIANS)
REGISTERS = Verb("registers", NoValues, Registers, senders=BY_PAGES)
REGISTER = Verb("register", SwitchRegisterRequest, SwitchedRegister, senders=BY_GUARDIANS)
