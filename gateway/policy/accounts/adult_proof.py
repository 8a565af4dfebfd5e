"""A device that is an adult's for a while, since an adult proved it there: what may be opened so, how long.

Of the proof nothing is kept but that there was one, by what, and when it ends. It makes nobody's device an
adult's for good, and never opens one that is a child's own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from gateway.policy.accounts.adult_proof_duration import (
    HOURS,
    LONGEST,
    LONGEST_BY_WALLET,
    MORNING,
    MORNING_AT,
)
from gateway.policy.identity.sharing import people_of
from gateway.policy.profile.household import Household
from gateway.policy.profile.profile import Profile
from gateway.policy.time.clock_changes import Jump, Kind, Moment, moved
from gateway.policy.time.wall_clock import later


class Method(StrEnum):
    PASSWORD = "password"  # a guardian's, typed on the device itself
    GUARDIAN = "guardian"  # a guardian's tap, on a page of its own
    WALLET = "wallet"


@dataclass(frozen=True, slots=True)
class AdultProof:
    mac: str
    method: Method
    at: datetime
    until: datetime
    by: str = ""  # the guardian; empty: nobody knows, for a wallet tells no name
    span: Kind = Kind.LASTING
    sure: bool = True  # given while the clock was known

    def holds(self, now: datetime, *, known: bool) -> bool:
        """By a clock that is not known no proof of before holds."""
        return now < self.until and (known or not self.sure)

    def at_most(self, until: datetime | None) -> AdultProof:
        """Where what proved it ends sooner."""
        if until is None or until >= self.until:
            return self
        return replace(self, until=until, span=Kind.LASTING)


def proven(mac: str, method: Method, length: str, now: datetime, *, by: str, sure: bool) -> AdultProof:
    """``now`` as the home's clocks show it. Hours are hours, also in the night in which those are set."""
    if length == MORNING:
        until, span = datetime.combine(now.date() + timedelta(days=1), MORNING_AT, now.tzinfo), Kind.OF_DAY
    else:
        until, span = later(now, HOURS[length]), Kind.LASTING
    latest = later(now, longest(method))
    if until.astimezone(UTC) > latest.astimezone(UTC):
        until, span = latest, Kind.LASTING
    return AdultProof(mac, method, now, until, by, span, sure)


def longest(method: Method) -> timedelta:
    return LONGEST_BY_WALLET if method is Method.WALLET else LONGEST


def after_jump(one: AdultProof, jump: Jump) -> AdultProof | None:
    """As much is left of it as was; never more, whatever the clock shows. None: it is over."""
    found = moved(Moment(one.until, one.span, sure=one.sure), one.at, jump)
    if found is None or one.until <= jump.before:
        return None
    ends, at = found
    if at > jump.after and not jump.was_known:  # by a clock that was ahead: nobody can say what is left
        return None
    left = max(timedelta(), one.until - jump.before)
    # One that was given for some minutes by an unknown clock has those; a time of day may only come sooner.
    until = min(ends.until, jump.after + left)
    return replace(one, at=min(at, jump.after), until=until, sure=ends.sure) if until > jump.after else None


def may_open(household: Household, mac: str, closed: Profile) -> bool:
    """``closed``: by whose rules it is without a proof. A child's own stays the child's."""
    return bool(people_of(household, mac)) or (mac not in household.named and not closed.is_child)


def open_now(
    household: Household, proofs: Collection[str], closed: Mapping[str, tuple[Profile | None, bool]]
) -> Mapping[str, str]:
    """MAC → whose it is without a proof, of those that a proof opens by the files as they are now.
    ``closed``: by whose rules each is, and whether in quarantine.
    """
    found = {}
    for mac in proofs:
        profile, locked = closed[mac]
        if profile is not None and profile.filtered and may_open(household, mac, profile):
            found[mac] = "quarantine" if locked else profile.id
    return found
