"""Adult guests: for a limited time after an adult's proof, a device is treated as an adult's.

Stored are the device, the method, the start and the end of a proof, and the guardian if known; nothing of the
proof itself. A proof never makes a device permanently an adult's, and never opens a child's own device
(`identity.sharing.may_open`). The pages import this module: it must not import the YAML library.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum

from gateway.policy.time.clock_changes import Jump, Moment, MomentKind, later, moved

HOURS = {"1h": timedelta(hours=1), "4h": timedelta(hours=4)}
MORNING = "morning"
LENGTHS = (*HOURS, MORNING)
MORNING_AT = time(6)  # of the next day, local: a guest stays until then
LONGEST = timedelta(hours=31)  # from midnight until 06:00 of the next day, in the night of a clock change
# A wallet proof says nothing about this household, only that an adult was there.
LONGEST_BY_WALLET = timedelta(hours=24)


class ProofMethod(StrEnum):
    PASSWORD = "password"  # a guardian's, typed on the device itself
    GUARDIAN = "guardian"  # a guardian's tap on the guardian's own page
    WALLET = "wallet"


@dataclass(frozen=True, slots=True)
class AdultProof:
    """A proof, given on or for a device, that an adult uses it until a given time."""

    mac: str
    method: ProofMethod
    at: datetime  # aware, as is `until`
    until: datetime
    by: str = ""  # the guardian; empty: unknown, since a wallet reveals no name
    span: MomentKind = MomentKind.LASTING  # how the end follows a change of the clock
    clock_trusted: bool = True  # given while the clock was trusted

    def holds(self, now: datetime, *, known: bool) -> bool:
        """Return True if the proof is valid at ``now``. ``known``: the clock is trusted.

        While the clock is not trusted, a proof that was given under a trusted clock is not valid.
        """
        return now < self.until and (known or not self.clock_trusted)

    def at_most(self, until: datetime | None) -> AdultProof:
        """Return the proof, shortened to end at ``until`` if that is earlier; unchanged for None."""
        if until is None or until >= self.until:
            return self
        return replace(self, until=until, span=MomentKind.LASTING)


def new_proof(
    mac: str, method: ProofMethod, length: str, now: datetime, *, by: str, clock_trusted: bool
) -> AdultProof:
    """Return a proof that an adult uses a device, from ``now`` (local) on, for ``length``, one of LENGTHS.

    It ends after `longest` of the method at the latest. Hours are elapsed hours, also when the
    clock changes. ``by``: the guardian, if known.
    """
    if length == MORNING:
        until, span = (
            datetime.combine(now.date() + timedelta(days=1), MORNING_AT, now.tzinfo),
            MomentKind.OF_DAY,
        )
    else:
        until, span = later(now, HOURS[length]), MomentKind.LASTING
    latest = later(now, longest(method))
    if until.astimezone(UTC) > latest.astimezone(UTC):
        until, span = latest, MomentKind.LASTING
    return AdultProof(mac, method, now, until, by, span, clock_trusted)


def longest(method: ProofMethod) -> timedelta:
    """Return how long a proof that an adult uses a device is valid at most, by the method of the proof."""
    return LONGEST_BY_WALLET if method is ProofMethod.WALLET else LONGEST


def after_jump(proof: AdultProof, jump: Jump) -> AdultProof | None:
    """Return the proof adjusted to a clock change, with the same time left or less; None to delete it.

    None: it has ended, or its remaining time is unknown because an untrusted clock was ahead.
    """
    found = moved(Moment(proof.until, proof.span, clock_trusted=proof.clock_trusted), proof.at, jump)
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
    if until <= jump.after:
        return None
    return replace(proof, at=min(at, jump.after), until=until, clock_trusted=ends.clock_trusted)
