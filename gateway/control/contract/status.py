"""Verbs of the state of the network, of each child, and of a device: `status`, `device`, `time`, `clock`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Literal

from gateway.control.contract.accounts import AccountResponse
from gateway.control.contract.growing import AgeTransition
from gateway.control.contract.lists import UpdatePlan
from gateway.control.contract.sharing import OwnSharing, PinState
from gateway.control.contract.site_repair import SiteRepair
from gateway.control.contract.time import TimeUsed
from gateway.control.schema import OneLine, Whole, record
from gateway.control.verbs import BY_GUARDIANS, BY_PAGES, NoValues, Verb
from gateway.policy.time.limit_periods import LimitPeriod

FARTHEST = 10**8  # seconds by which the clock of the virtual home moves


@record
class NextChange:
    at: datetime
    state: str


@record
class DeviceState:
    """Whether all traffic of a device is blocked now, why, and until when.

    ``state`` is ``open``, ``paused``, ``bedtime``, ``window``, ``out_of_time`` or ``quarantined``. While it
    is open, ``reason``, ``rule`` and ``owner`` are None.
    """

    state: str
    until: datetime | None
    reason: str | None
    rule: str | None
    owner: str | None
    sentence: str  # English
    next_change: NextChange | None


@record
class TimeLeft:
    """The minutes until a time rule blocks all traffic of a device, and which rule (``gate``) does."""

    minutes: int
    gate: str
    name: str
    at: datetime | None  # None: it depends on use
    week: bool  # whether `period` is the week
    period: LimitPeriod = LimitPeriod.DAY  # of the limit that blocks first; DAY for other time rules, too


@record
class ClosingSoon:
    """What a time rule closes within the next 15 minutes: the device, a service or a category."""

    minutes: int
    what: str
    name: str
    at: datetime | None
    week: bool
    period: LimitPeriod = LimitPeriod.DAY


@record
class FinishGame:
    """The extra minutes that a child may take once a day to finish a game.

    ``taken``: used today; ``due``: can be taken now. Both are None where use is private.
    """

    minutes: int  # 0: not available
    taken: bool | None
    due: bool | None


@record
class UseNow:
    target: str  # service:x, category:x
    name: str


@record
class DevicePresence:
    mac: str
    name: str  # untrusted input
    online: bool | None  # None: private
    ip: str | None
    sightings: str  # their precision: moment, day, nothing


@record
class WatchedDevice:
    """A child's device whose live traffic a guardian (``by``) is watching, and until when."""

    by: str
    device: str  # untrusted input
    until: datetime


@record
class ChildStatus(DeviceState, PinState):
    id: str
    name: str
    band: str
    next_step: str | None  # month of the next band, YYYY-MM
    log_level: int
    devices: tuple[DevicePresence, ...]
    left: TimeLeft | None
    used: tuple[TimeUsed, ...]
    landing: FinishGame
    closing: tuple[ClosingSoon, ...]
    in_use: tuple[UseNow, ...]
    lesson: SiteRepair | None  # the site repair: running, or finished and not yet saved
    requests: int  # pending
    watched: WatchedDevice | None = None  # a guardian looks at its live traffic


@record
class AnnouncementEntry:
    """A notice for everyone, for a week, about a change of an account (such as a new parent) or a backup.

    ``told``: its `AnnouncementKind`.
    """

    told: str
    name: str
    device: str | None  # untrusted input
    at: datetime | None


@record
class ClockState:
    known: bool
    why: str
    sentence: str | None  # the effect of an unknown time, in English
    aside: int  # seconds by which the clock differs from the source's
    last: datetime  # the time is not before


@record
class QueueFigures:
    packets: int
    faults: int
    waiting: int
    dropped: int


@record
class RateFigures:
    """How many packets a second this machine can judge, and the packet limits of one device that follow."""

    judged: int
    tcp: int  # packets a second from a device, of undecided TCP
    dns: int
    http: int  # of plain HTTP


@record
class CacheFigures:
    addresses: int
    dns_malformed: int


@record
class TableFigures:
    """The category table: number of names, size, build time, and the number of lists in it."""

    names: int
    bytes: int
    built: datetime | None
    sources: int


@record
class StoreFigures:
    """Counters of the database since the daemon started, and its size."""

    pending: int  # rows that are not written yet
    dropped: int  # decisions that were lost
    renewals: int  # replacements of the file
    bytes: int  # of the file and its write-ahead log


@record
class MemoryFigures:
    """The memory that the daemon's process uses, in bytes: resident, private, of files, and peak."""

    resident: int
    private: int
    files: int
    peak: int


@record
class HomeProblem:
    """A problem of the gateway: a part that does not work as configured, as a code and a text."""

    code: str  # of the part; the pages word it
    text: str  # English; it may name files, people and devices


@record
class ProviderAccess:
    """Until when a guardian's approvals let the internet provider act on the gateway; null: no approval."""

    support: datetime | None  # fetch the support report
    switch: datetime | None  # turn filtering off and on


@record
class ProviderCounters:
    """Counters since the daemon's start that the internet provider may read, updated each minute."""

    packets: int
    dropped: int
    faults: int
    flows: int  # connections that are followed now
    blocked: int  # decisions about children whose present guardians may see
    repairs: int  # of the kernel's table


@record
class HomeState:
    """The state of the household: filtering, internet connection, and what waits for a guardian."""

    version: str
    now: datetime
    timezone: str  # of the household, such as Asia/Almaty
    day: date  # of limits; it changes at night
    mode: str  # on, off
    off_until: datetime | None  # None: filtering is on, or off until a guardian turns it on
    stopped_by_provider: bool  # the provider turned filtering off, not a guardian
    provider: ProviderAccess | None  # None: no management by the provider is configured
    internet: str  # works, down, unknown
    internet_since: datetime | None
    country: str
    language: str  # of the pages; empty: none is set
    new_devices: int
    requests: int  # pending
    questions: int  # about devices
    undecided_devices: int  # of the first run, without a chosen user
    cards: int  # about bypass methods
    problems: tuple[str, ...]  # English, for the command line
    coded_problems: tuple[HomeProblem, ...]  # the same, for the pages
    announced: tuple[AnnouncementEntry, ...]  # newest first


@record
class DaemonFigures:
    """Technical counters of the daemon: packet queues, connections, tables, database and memory."""

    unclaimed: bool  # there was never a guardian, a person's file or a recorded device
    backend: str
    offload: Literal["none", "software", "hardware"]  # how the daemon's flow table works
    queue: Mapping[str, QueueFigures]
    rates: RateFigures
    verdicts: Mapping[str, int]
    flows: Mapping[str, int]
    cache: CacheFigures
    table: TableFigures
    store: StoreFigures
    repairs: int  # repairs of the kernel's table
    memory: MemoryFigures


@record
class HomeStatus(HomeState, DaemonFigures):
    uptime: int  # seconds
    clock: ClockState
    profiles: tuple[ChildStatus, ...]
    steps: tuple[AgeTransition, ...]  # proposed, postponed, or taken lately
    lists: UpdatePlan
    visitor: AccountResponse | None  # of the request's session; null: none, or it has ended
    counters: ProviderCounters | None = None  # null: no guardian lets the provider read them


@record
class DeviceRequest:
    """Request for the status of a device, by its ``mac``, or by ``ip`` for the device that opens a page."""

    mac: OneLine | None = None
    ip: OneLine | None = None


@record
class DeviceStatus(OwnSharing):
    """The status of a device: its owner, the rules that apply now, and time left. Keys may be left out.

    ``state`` and the keys of `DeviceState` are for a device that rules apply to. Minutes are for a
    child's device, unless ``asked`` has an open question about it.
    """

    mac: str | None = None  # None: unknown
    profile: str | None = None  # a child's id, or home, guest, quarantine, adult
    name: str | None = None  # untrusted input
    now: datetime | None = None
    timezone: str | None = None  # of the household
    state: str | None = None
    until: datetime | None = None
    reason: str | None = None
    rule: str | None = None
    owner: str | None = None
    sentence: str | None = None
    next_change: NextChange | None = None
    asked: str | None = None
    left: TimeLeft | None = None
    used: tuple[TimeUsed, ...] = ()
    landing: FinishGame | None = None
    closing: tuple[ClosingSoon, ...] = ()
    step: AgeTransition | None = None  # into adulthood, taken lately
    visit_ends: datetime | None = None  # of an adult guest
    no_mobile_data: bool = False  # marked: while it is blocked, its connectivity checks lead to the page


@record
class StatusRequest:
    """Request for the status of the household.

    With a session, the answer also has its account, so that a page needs no other request.
    """

    session: OneLine | None = None
    ip: OneLine | None = None  # of the browser
    device: OneLine | None = None  # the MAC address of the device on which the session began


@record
class TimeRequest:
    at: datetime  # by the guardian's phone


@record
class TimeResponse(ClockState):
    taken: bool


@record
class ClockRequest:
    """Request of a test to move or set the clock of the virtual home, or to set whether it is trusted."""

    offset: Annotated[int, Whole(-FARTHEST, FARTHEST)] | None = None  # seconds ahead, as if they had passed
    known: Annotated[int, Whole(0, 1)] | None = None
    jump: Annotated[int, Whole(-FARTHEST, FARTHEST)] = 0  # seconds by which the clock is set


@record
class ClockResponse:
    now: datetime


@record
class DaemonVersion:
    """A status of which only the daemon's version is read, for a client of any version."""

    version: str


@record
class ClaimState:
    """A part of the status: whether the gateway is unclaimed (no guardian, no person, no recorded device)."""

    unclaimed: bool


STATUS = Verb("status", StatusRequest, HomeStatus, senders=BY_PAGES)
DEVICE = Verb("device", DeviceRequest, DeviceStatus, senders=BY_PAGES)
TIME = Verb("time", TimeRequest, TimeResponse, senders=BY_GUARDIANS)
CLOCK = Verb("clock", ClockRequest, ClockResponse)


@record
class ReloadResponse:
    profiles: tuple[str, ...]  # ids
    problems: tuple[str, ...]


RELOAD = Verb("reload", NoValues, ReloadResponse)
