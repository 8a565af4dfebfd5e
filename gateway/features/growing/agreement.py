"""The verb `agreement`: a child (by its PIN) and a guardian confirm that they read the rules together."""

from __future__ import annotations

from gateway.control.contract.growing import (
    AGREEMENT,
    AgreementRequest,
    AgreementResult,
    AgreementStatus,
    PendingAgreement,
)
from gateway.control.protocol import Call
from gateway.control.router import Router
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.features.accounts.access import Access
from gateway.features.sharing.pins import PinDesk
from gateway.household.context import HomeContext
from gateway.policy.accounts import agreement
from gateway.policy.accounts.agreement import Side
from gateway.policy.identity.macs import parse_mac
from gateway.policy.identity.sharing import needs_pin
from gateway.policy.profile.profile import Profile
from gateway.store.durable_writes import in_utc
from gateway.store.tables.agreements import AgreementTable


class AgreementVerbs:
    """Stores the confirmations that a child and a guardian agree on the child's rules, and their state."""

    def __init__(self, home: HomeContext, agreements: AgreementTable, access: Access, pins: PinDesk) -> None:
        self._home = home
        self._agreements = agreements
        self._access = access
        self._pins = pins

    def register(self, router: Router) -> None:
        router.serve(AGREEMENT, self.agreement)

    def agreement(self, call: Call[AgreementRequest]) -> AgreementResult:
        """Store the consent of a child (``device``) or guardian (``id``, ``by``), or end the agreement.

        Return the state of the agreement. A child also sends its PIN. Raises ControlError for a wrong PIN,
        after too many wrong ones, or for a person who needs no PIN; PolicyError for an unknown profile.
        """
        if call.has("device"):
            profile, guardian = self._access.child(call).profile, ""
            self._old_enough(profile)
            self._pins.check(call, parse_mac(call.text("device")) or "", profile)
        else:
            guardian, ident = self._access.guardian(call), call.args.id
            if ident is None:
                call.refuse("id", "is missing")
            profile = self._home.rules.household.profile(ident)
            self._old_enough(profile)
        agreements, at = self._agreements, in_utc(self._home.local_now())
        by, origin = guardian or profile.name, call.text("origin", "")
        if call.args.action == "end":
            agreements.end(profile.id, by=by, at=at, origin=origin)
        else:
            before, side = agreements.of(profile.id), Side.GUARDIAN if guardian else Side.CHILD
            after = agreement.agreed(before, side, guardian, agreement.digest_of(profile), at)
            if after != before:
                agreements.put(after, by=by, at=at, origin=origin)
        return AgreementResult(profile.id, self.describe(profile))

    def describe(self, profile: Profile) -> AgreementStatus | None:
        """Return the state of a child's agreement, and a consent that waits for the other side.

        None for an adult, and for a child that is too young to need a PIN.
        """
        if not (profile.is_child and needs_pin(profile)):
            return None
        known, digest = self._agreements.of(profile.id), agreement.digest_of(profile)
        zone = self._home.rules.household.config.zone
        yes = agreement.pending_confirmation(known, digest)
        return AgreementStatus(
            state=agreement.agreement_state(known, digest),
            by=known.by or None,
            at=None if known.at is None else known.at.astimezone(zone),
            waits=None
            if yes is None
            else PendingAgreement(side=yes.side, by=yes.by or None, at=yes.at.astimezone(zone)),
        )

    def _old_enough(self, profile: Profile) -> None:
        if not (profile.is_child and needs_pin(profile)):
            raise ControlError.of(Code.NO_PIN, name=profile.name)
