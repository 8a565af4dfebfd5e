"""Verbs of the repair of a broken site: open it for minutes, then choose what stays allowed."""

from __future__ import annotations

from datetime import datetime

from gateway.control.schema import OneLine, record
from gateway.control.verbs import BY_GUARDIANS, BY_PAGES, Verb


@record
class StartRepairRequest:
    id: OneLine
    host: OneLine
    device: OneLine | None = None  # MAC; None: all devices of the child


@record
class RepairStarted:
    host: str
    until: datetime
    devices: tuple[str, ...]  # MACs


@record
class SiteRepairRequest:
    id: OneLine


@record
class SiteRepair:
    """A site repair that runs or waits for a guardian's choice: hosts that a site needs pass for a while."""

    state: str  # none, runs, over
    host: str  # empty: there is no repair
    until: datetime | None
    by: str
    devices: tuple[str, ...]  # MACs


@record
class NeededName:
    """A host name that a site repair opened, or that stayed blocked during it. Untrusted input."""

    name: str
    group: str  # the registered domain
    service: str | None
    proposed: bool  # the site's own name, or requested directly after it
    refused: str | None  # the reason; None: the name was opened
    rule: str | None
    owner: str | None
    sentence: str | None


@record
class SiteRepairNames(SiteRepair):
    """The state of a site repair, with the host names that it opened or that stayed blocked."""

    names: tuple[NeededName, ...] = ()
    left_out: int = 0  # number of further names


@record
class EndRepairRequest:
    id: OneLine
    keep: tuple[str, ...] = ()  # names that stay allowed


@record
class RepairEnded:
    """The result of a site repair: the entries that stay allowed, and revisions of the rule file.

    ``undo``: the one before the repair. ``revision``: the one after it. Both are None if the file
    did not change.
    """

    kept: int
    entries: tuple[str, ...]  # of the allow list
    undo: int | None
    revision: int | None


# The wire names are older than the term site repair, and clients use them.
START_REPAIR = Verb("teach", StartRepairRequest, RepairStarted, senders=BY_GUARDIANS)
SITE_REPAIR = Verb("lesson", SiteRepairRequest, SiteRepairNames, senders=BY_PAGES)
END_REPAIR = Verb("teach_end", EndRepairRequest, RepairEnded, senders=BY_GUARDIANS)
