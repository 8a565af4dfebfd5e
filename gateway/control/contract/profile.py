"""The verb `profile`: the rules that apply to one person, each with its owner."""

from __future__ import annotations

from datetime import date, datetime

from gateway.control.contract.growing import AgreementStatus, SelfSetTimes
from gateway.control.contract.rules import LastChange
from gateway.control.contract.status import FinishGame, TimeLeft
from gateway.control.contract.time import TimeUsed
from gateway.control.schema import OneLine, record
from gateway.control.verbs import BY_PAGES, Verb


@record
class NightHours:
    """The bedtime (HH:MM to HH:MM) of a day, and who set it. Without times there is no bedtime."""

    owner: str
    from_: str | None
    to: str | None


@record
class NightOnDays(NightHours):
    days: str | None  # a day type or a weekday; None: every day


@record
class WindowHours:
    """The hours of a day in which something is allowed, HH:MM to HH:MM, and who set them.

    ``target``: the internet, play (all that uses daily time), a service or a category. ``all_day``
    (open, closed) is for a day without hours.
    """

    target: str
    name: str
    owner: str
    from_: str | None
    to: str | None
    all_day: str | None


@record
class WindowOnDays(WindowHours):
    days: str | None  # as of `NightOnDays`


@record
class LimitMinutes:
    target: str
    name: str
    owner: str
    minutes: int | None  # None: no limit


@record
class LimitOnDays(LimitMinutes):
    days: str | None  # as of `NightOnDays`; or a longer period such as ``week``


@record
class OtherDay:
    """A date that counts as another day type (school, free) than its weekday's, or has rules of its own."""

    date: date
    weekday: str
    counts_as: str
    because: str | None
    holiday: str | None
    exception: tuple[str, ...]
    bedtime: NightHours | None
    windows: tuple[WindowHours, ...]
    limits: tuple[LimitMinutes, ...]


@record
class CountedCategory:
    target: str
    name: str
    owner: str


@record
class UncountedCategory:
    target: str
    name: str


@record
class BlockedTarget:
    """A site, service, category or setting that is blocked or needs approval, and who set this.

    ``target`` is a site, ``service:x``, ``category:x``, ``ways:x`` (a bypass method) or the key of a
    setting.
    """

    target: str
    name: str
    owner: str
    verdict: str  # block, ask
    askable: bool = False  # a category that the child may ask for as a whole


@record
class AllowedTarget:
    target: str
    name: str
    owner: str
    homework: bool  # it stays allowed when time is used up, and uses none


@record
class OpenedTarget:
    """A site, service or category that a guardian has allowed until a time."""

    target: str
    name: str
    until: datetime


@record
class ProfileRules:
    id: str
    name: str
    band: str
    mode: str
    log_level: int
    set: LastChange | None
    bedtime: tuple[NightOnDays, ...]
    windows: tuple[WindowOnDays, ...]
    limits: tuple[LimitOnDays, ...]
    day_starts: str  # HH:MM at which the day of limits starts
    days: tuple[OtherDay, ...]
    counted: tuple[CountedCategory, ...]  # categories that use the play limit
    uncounted: tuple[UncountedCategory, ...]  # categories that do not use the internet limit
    refused: tuple[BlockedTarget, ...]
    allowed: tuple[AllowedTarget, ...]
    approved: bool  # sites of the package are allowed where others need approval
    opened: tuple[OpenedTarget, ...]


@record
class ProfileRequest:
    id: OneLine


@record
class ProfileAnswer:
    """The rules of a person; for a child also its time left and used, own settings and agreement."""

    profile: ProfileRules
    left: TimeLeft | None = None
    used: tuple[TimeUsed, ...] = ()
    landing: FinishGame | None = None
    self_set: SelfSetTimes | None = None
    agreement: AgreementStatus | None = None
    next_bedtime: datetime | None = None  # when it begins; None: not within a week


PROFILE = Verb("profile", ProfileRequest, ProfileAnswer, senders=BY_PAGES)
