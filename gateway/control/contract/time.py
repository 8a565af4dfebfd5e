"""Verbs of pauses, the switch `off`, extra time, counted minutes and printed codes."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from gateway.control.schema import OneLine, Whole, record
from gateway.control.verbs import BY_CHILDREN, BY_GUARDIANS, BY_HELPERS, BY_PAGES, Danger, NoValues, Verb
from gateway.policy.requests import tickets
from gateway.policy.time.limit_periods import LimitPeriod

MAX_SWITCH = 7 * 24 * 60  # minutes of a pause, or of `off`
MAX_ACCESS = 7 * 24 * 60  # minutes of one approval for the provider
OFF_MINUTES = 60  # how long `off` lasts where the request does not say
MAX_GRANT = 24 * 60  # minutes of one grant
LEDGER_DAYS = 7  # before today, for which minutes are stored
MAX_NUMBER = 1 << 53  # of a grant: the largest integer that is exact in JSON

SwitchMinutes = Annotated[int, Whole(1, MAX_SWITCH)]
GrantMinutes = Annotated[int, Whole(1, MAX_GRANT)]
CodeMinutes = Annotated[int, Whole(1, tickets.MAX_MINUTES)]
CodeCount = Annotated[int, Whole(1, tickets.MAX_AT_ONCE)]


@record
class PauseRequest:
    """Request to pause the internet for minutes, until a time, or until bedtime ends.

    Without an end, the pause lasts until a guardian or helper ends it. ``minutes`` takes precedence
    over ``until``, and both over ``till_wake``. The key ``who`` of the request names a child, a device,
    or ``all``.
    """

    minutes: SwitchMinutes | None = None
    until: datetime | None = None
    till_wake: bool = False  # until the current or next bedtime of each child ends; 07:00 without one


@record
class OffRequest:
    minutes: SwitchMinutes = OFF_MINUTES


@record
class SwitchEnd:
    until: datetime | None  # null: until it is ended; of `switch_access`: the access has ended


@record
class SwitchAccessRequest:
    """Let the internet provider turn filtering off and on for some minutes; without ``minutes``, end that."""

    minutes: Annotated[int, Whole(1, MAX_ACCESS)] | None = None


PAUSE = Verb("pause", PauseRequest, SwitchEnd, senders=BY_GUARDIANS | BY_HELPERS)
RESUME = Verb("resume", NoValues, NoValues, senders=BY_GUARDIANS | BY_HELPERS)
OFF = Verb(
    "off",
    OffRequest,
    SwitchEnd,
    senders=BY_GUARDIANS,
    danger=Danger("turning the filter off for everyone", lambda _: True),
)
ON = Verb("on", NoValues, NoValues, senders=BY_GUARDIANS)
SWITCH_ACCESS = Verb(
    "switch_access",
    SwitchAccessRequest,
    SwitchEnd,
    senders=BY_GUARDIANS,
    danger=Danger("letting the provider turn the filter off", lambda request: request.minutes is not None),
)


@record
class GrantRequest:
    minutes: GrantMinutes
    service: OneLine | None = None  # `x` or `service:x`


@record
class PersonGrant:
    """Extra time (a grant) that one person got, and the time rules (``gates``) that it extends."""

    who: str
    minutes: int
    until: datetime | None  # null: minutes of use
    gates: tuple[str, ...]
    thing: str | None  # what it is for: `service:x`, `play`, `category:x` or `group:x`; null: the internet
    thing_name: str | None
    paused: bool  # a pause goes on, which the grant does not end
    sentence: str  # in English


@record
class OwnGrant(PersonGrant):
    """Extra time that a child took itself: minutes to finish a game, or those of a printed code."""

    grant: int


@record
class GrantResult:
    grant: int  # its number, for `revoke`
    minutes: int
    until: datetime | None  # the last end; null: minutes of use
    sentence: str
    given: tuple[PersonGrant, ...]


@record
class RevokeRequest:
    """Take extra time or an opened site (a grant) back, by the grant's number.

    With the key ``who``, the last one in force that only this person or device has, instead.
    """

    grant: Annotated[int, Whole(1, MAX_NUMBER)] | None = None


@record
class RevokeResult:
    grant: int
    who: tuple[str, ...]  # ids of children, and MAC addresses of guests' devices


@record
class LandingRequest:
    minutes: GrantMinutes | None = None  # at most those of the rules, which are the default
    service: OneLine | None = None


GRANT = Verb("grant", GrantRequest, GrantResult, senders=BY_GUARDIANS | BY_HELPERS)
REVOKE = Verb("revoke", RevokeRequest, RevokeResult, senders=BY_GUARDIANS | BY_HELPERS)
LANDING = Verb("landing", LandingRequest, OwnGrant, senders=BY_CHILDREN)


@record
class MinutesOnDevice:
    mac: str
    minutes: int


@record
class UsedOfPeriod:
    """A limit of a period: the minutes used in it, the limit, extra minutes (``bonus``), and who set it."""

    minutes: int
    limit: int
    bonus: int
    owner: str


@record
class TimeUsed:
    """A time limit, with minutes used today, extra minutes (``bonus``), and the limits of longer periods.

    Each period longer than a day has a field of its name, see `of`.
    """

    target: str
    name: str
    minutes: int
    limit: int | None  # null: no daily limit
    bonus: int
    owner: str
    devices: tuple[MinutesOnDevice, ...]  # two devices may use the same minute
    week: UsedOfPeriod | None  # null: no weekly limit

    def of(self, period: LimitPeriod) -> UsedOfPeriod | None:
        """Return the limit of a period, with the minutes used in it; None without one."""
        if period is not LimitPeriod.DAY:
            found: UsedOfPeriod | None = getattr(self, period)
            return found
        if self.limit is None:
            return None
        return UsedOfPeriod(minutes=self.minutes, limit=self.limit, bonus=self.bonus, owner=self.owner)


@record
class LedgerRequest:
    day: date | None = None  # null: the family's day


@record
class LimitTotal:
    target: str
    name: str
    minutes: int


@record
class LedgerMinute:
    """One minute of a device that counted for a time limit (``gate``), with the service and why it counted.

    ``why``: ``moved`` for traffic in this minute, ``linger`` without traffic, shortly after such a minute.
    """

    at: datetime
    device: str
    gate: str
    name: str
    bytes: int
    service: str  # empty: unknown
    why: str
    category: str = ""  # id of the service's first category; empty: unknown


@record
class LedgerResponse:
    profile: str
    name: str
    day: date
    used: tuple[TimeUsed, ...]  # empty on any other day than today
    totals: tuple[LimitTotal, ...]
    minutes: tuple[LedgerMinute, ...]  # empty if a guardian may see only the totals
    left_off: int


LEDGER = Verb("ledger", LedgerRequest, LedgerResponse, senders=BY_PAGES | BY_CHILDREN)


@record
class CodesRequest:
    minutes: CodeMinutes
    count: CodeCount = 1


@record
class IssuedCodes:
    codes: tuple[str, ...]  # no other answer contains them
    minutes: int
    until: datetime


@record
class CodeBatch:
    """Printed codes for extra time that were created together and are not used yet."""

    id: str
    count: int
    minutes: int
    who: str  # empty: any child
    name: str
    made: datetime
    until: datetime
    by: str


@record
class CodeBatches:
    batches: tuple[CodeBatch, ...]


@record
class WithdrawRequest:
    batch: OneLine


@record
class WithdrawnCodes:
    count: int


@record
class RedeemRequest:
    code: OneLine


CODES = Verb("ticket", CodesRequest, IssuedCodes, senders=BY_GUARDIANS)
CODE_BATCHES = Verb("tickets", NoValues, CodeBatches, senders=BY_PAGES)
WITHDRAW = Verb("withdraw", WithdrawRequest, WithdrawnCodes, senders=BY_GUARDIANS)
REDEEM = Verb("redeem", RedeemRequest, OwnGrant, senders=BY_CHILDREN)
