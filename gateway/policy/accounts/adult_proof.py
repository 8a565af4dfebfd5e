"""Adult guests: a device counts as an adult's for a while after an adult proved it there.

Only the fact of the proof, its method and its end are stored. A proof never makes a device permanently an
adult's, and never opens a child's own device.
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
from gateway.policy.identity.sharing import possible_users
from gateway.policy.profile.household import Household
from gateway.policy.profile.profile import Profile
from gateway.policy.time.clock_changes import Jump, Kind, Moment, later, moved


class ProofMethod(StrEnum):
    PASSWORD = "password"  # a guardian's, typed on the device itself
    GUARDIAN = "guardian"  # a guardian's tap on the guardian's own page
    WALLET = "wallet"


@dataclass(frozen=True, slots=True)
class AdultProof:
    mac: str
    method: ProofMethod
    at: datetime
    until: datetime
    by: str = ""  # the guardian; empty: unknown, since a wallet reveals no name
    span: Kind = Kind.LASTING
    sure: bool = True  # given while the clock was trusted

    def holds(self, now: datetime, *, known: bool) -> bool:
        """Return True while the proof applies. Without a trusted clock, earlier proofs do not apply."""
        return now < self.until and (known or not self.sure)

    def at_most(self, until: datetime | None) -> AdultProof:
        """Return the proof, ending at ``until`` if that is sooner."""
        if until is None or until >= self.until:
            return self
        return replace(self, until=until, span=Kind.LASTING)


def new_proof(
    mac: str, method: ProofMethod, length: str, now: datetime, *, by: str, sure: bool
) -> AdultProof:
    """Return a new proof. ``now``: local time. Hours are elapsed hours, also when the clock changes."""
    if length == MORNING:
        until, span = datetime.combine(now.date() + timedelta(days=1), MORNING_AT, now.tzinfo), Kind.OF_DAY
    else:
        until, span = later(now, HOURS[length]), Kind.LASTING
    latest = later(now, longest(method))
    if until.astimezone(UTC) > latest.astimezone(UTC):
        until, span = latest, Kind.LASTING
    return AdultProof(mac, method, now, until, by, span, sure)


def longest(method: ProofMethod) -> timedelta:
    return LONGEST_BY_WALLET if method is ProofMethod.WALLET else LONGEST


def after_jump(proof: AdultProof, jump: Jump) -> AdultProof | None:
    """Return the proof after a clock change, with the same time left, never more. None: it is over."""
    found = moved(Moment(proof.until, proof.span, sure=proof.sure), proof.at, jump)
    if found is None or proof.until <= jump.before:
        return None
    ends, at = found
    if (
        at > jump.after and not jump.was_known
    ):  # the clock was ahead while not trusted: the remaining time is unknown
        return None
    left = max(timedelta(), proof.until - jump.before)
    # A proof given for some minutes without a trusted clock keeps those; a time of day may only come sooner.
    until = min(ends.until, jump.after + left)
    return replace(proof, at=min(at, jump.after), until=until, sure=ends.sure) if until > jump.after else None


def may_open(household: Household, mac: str, closed: Profile) -> bool:
    """Return True if a proof may open the device. ``closed``: its profile without a proof.

    A child's own device stays the child's.
    """
    return bool(possible_users(household, mac)) or (mac not in household.named and not closed.is_child)


def opened_by_proof(
    household: Household, proofs: Collection[str], closed: Mapping[str, tuple[Profile | None, bool]]
) -> Mapping[str, str]:
    """Return MAC → profile without the proof, for the devices that a proof opens under the current files.

    ``closed``: the profile of each device, and whether it is in quarantine.
    """
    found = {}
    for mac in proofs:
        profile, locked = closed[mac]
        if profile is not None and profile.filtered and may_open(household, mac, profile):
            found[mac] = "quarantine" if locked else profile.id
    return found
