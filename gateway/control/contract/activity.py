"""Verbs of activity: recent blocks, a child's past days, and their deletion."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from gateway.control.schema import OneLine, Whole, record
from gateway.control.verbs import BY_CHILDREN, BY_GUARDIANS, BY_PAGES, Danger, Verb


@record
class RecentBlocksRequest:
    """Request for the latest blocked connections and DNS queries of a ``device``, or of a ``profile``.

    ``profile`` is a child's id: then the answer has them as far as the child's log level allows.
    """

    device: OneLine | None = None  # MAC
    profile: OneLine | None = None
    limit: Annotated[int, Whole(1, 100)] = 10


@record
class ListVersion:
    """The id of a published list of sites, and the date of its stored copy (None: unknown)."""

    id: str
    version: date | None


@record
class BlockOrigin:
    """Who decided that something is blocked (family, law, list …), since when, and where to contest it."""

    who: str  # one of policy/judge/explanation.py Decider
    kind: str | None  # a category
    contest: str  # one of policy/judge/explanation.py Contest
    since: date | None  # when the setting was made, as far as this is recorded
    by: str | None  # who made it
    version: str | None  # of the program, for a rule that comes with it
    lists: tuple[ListVersion, ...]  # that contain the site


@record
class RecentBlock:
    """A blocked connection or DNS query of a device: when, which host, why, and who decided it."""

    at: datetime
    host: str  # untrusted input; empty: the connection named none
    name: str  # of the host's service, or of the recognised one; empty: unknown
    proto: str
    sentence: str
    verdict: str
    reason: str
    rule: str
    owner: str
    until: datetime | None
    askable: bool  # a guardian can open it: the child may ask for it, or for time if a time rule blocks it
    decided: BlockOrigin | None
    entry: str = ""  # what a request is about: the site, or service:ID; empty: neither is known
    open: bool = False  # the rules allow it by now
    sign: str = ""  # how a connection without a name was recognised: address, first_bytes, port
    target: str = ""  # what it was for: service:x, a site, or reason:x; equal for all hosts of an attempt
    ask_category: str = ""  # `category:x` that blocked it, if the child may ask for the whole category


@record
class RecentBlocks:
    refusals: tuple[RecentBlock, ...]  # newest first
    shared: bool  # several guests have these rules: the owner of a block is unknown, none is listed


@record
class HistoryRequest:
    """Request for a child's activity (``id``) on the days between two dates, as far as its log level allows.

    Without ``id``, a child requests its own days from its ``device``: all that is stored.
    """

    id: OneLine | None = None
    from_: date | None = None  # the default is ``to``
    to: date | None = None  # the default is today


@record
class Usage:
    """The minutes in which a child used a service or a category, as they counted for its limits."""

    target: str  # service:x, category:x, or other
    name: str | None
    minutes: int
    play: bool  # a category that uses the limit of that name
    category: str = ""  # id of it, or of the service's first; empty: unknown


@record
class ActivityDay:
    day: date
    minutes: int  # in which a limit counted
    uses: tuple[Usage, ...]  # the most used first
    refused: int  # attempts (docs/families/activity.md)
    background: int = 0  # attempts that devices made without a person; not in ``refused``


@record
class CategoryCount:
    target: str  # service:x, category:x, or reason:x
    name: str | None
    refused: int  # attempts
    opened: int
    background: int = 0


@record
class HostCount:
    host: str  # untrusted input
    times: int


@record
class SiteActivity:
    """A site or service in a child's history: how often it was visited, when, under which host names.

    ``times``: opened connections and DNS queries; of a `BlockedSite`, attempts. Names and hosts are
    untrusted input.
    """

    target: str  # a host, service:x, category:x, or reason:x
    name: str | None
    times: int
    first: datetime | None
    last: datetime | None
    hosts: tuple[HostCount, ...]
    sample: bool  # invented, as in the virtual home


@record
class BlockedSite(SiteActivity):
    """A blocked site or service: attempts, and the reason of the last block."""

    sentence: str
    reason: str
    rule: str
    owner: str
    entry: str | None  # what `answer` names as `site` to open it; null: no answer opens it
    background: int = 0  # attempts that devices made without a person; not in ``times``
    bypass: bool = False  # a VPN, a proxy or another way to bypass the filter
    allowed_now: bool = False  # by the present rules


@record
class History:
    """The answer to `HistoryRequest`: a child's activity by day and site, as far as its log level allows.

    ``names_from``: the date since which names of sites are stored. ``refused``: blocked sites.
    """

    id: str
    name: str
    band: str
    log_level: int
    from_: date
    to: date
    today: date
    oldest: date
    names_from: date
    sample_until: date | None  # days before it are invented, as in the virtual home
    days: tuple[ActivityDay, ...]
    kinds: tuple[CategoryCount, ...]  # the most often blocked first
    refused: tuple[BlockedSite, ...]  # the latest first
    visited: tuple[SiteActivity, ...]
    refused_left_off: int = 0
    visited_left_off: int = 0


@record
class EraseRequest:
    """Request to delete a child's stored activity: names of sites only, or all of it.

    ``names`` includes minutes by service and bypass alerts. ``all`` leaves today's minutes of time
    limits. From its ``device``, a child deletes its own names; ``what`` is ignored then.
    """

    id: OneLine | None = None
    what: Literal["names", "all"] = "all"


@record
class Erased:
    id: str
    what: str


@record
class TrafficRequest:
    """Request for live traffic: the latest decisions about devices that the guardian may see."""

    after: Annotated[int, Whole(0, 1 << 53)] = 0  # the number of the last line that is known
    paused: bool = False  # only what is there already; nothing more is recorded for this reader


@record
class TrafficLine:
    """A filter decision about a DNS query or a connection of a device. It is never stored on the disk."""

    number: int
    at: datetime
    mac: str
    proto: str
    host: str  # untrusted input; empty: the connection named none
    address: str
    port: int
    verdict: str
    reason: str
    rule: str


@record
class TrafficDevice:
    """A device whose live traffic the guardian may see: always, or for 15 minutes after a start.

    The start is needed for a child's device.
    """

    mac: str
    name: str  # untrusted input
    owner: str  # a child's name; empty: no child's
    child: bool  # a guardian has to start it, for 15 minutes
    by: str  # who has started it; empty: no one
    until: datetime | None
    shown: bool  # to this guardian, now


@record
class TrafficLines:
    lines: tuple[TrafficLine, ...]  # oldest first
    devices: tuple[TrafficDevice, ...]


@record
class TrafficWatchRequest:
    mac: OneLine
    action: Literal["start", "end"] = "start"


@record
class TrafficWatch:
    mac: str
    until: datetime | None  # None: it has ended


TRAFFIC = Verb("traffic", TrafficRequest, TrafficLines, senders=BY_GUARDIANS)
TRAFFIC_WATCH = Verb("traffic_watch", TrafficWatchRequest, TrafficWatch, senders=BY_GUARDIANS)
RECENT_BLOCKS = Verb("refusals", RecentBlocksRequest, RecentBlocks, senders=BY_PAGES)
HISTORY = Verb("history", HistoryRequest, History, senders=BY_PAGES)
ERASE = Verb(
    "erase",
    EraseRequest,
    Erased,
    senders=BY_GUARDIANS | BY_CHILDREN,
    danger=Danger("deleting a child's activity, as a parent", lambda args: args.id is not None),
)
