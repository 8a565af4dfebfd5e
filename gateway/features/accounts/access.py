"""Finds who sends a request (a guardian, or a child's own device), and which persons and devices it names."""

from __future__ import annotations

from gateway.control.permissions import may_change
from gateway.control.proofs import Proofs
from gateway.control.protocol import ControlRequest, Role
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.household.claim import Claim
from gateway.household.context import HomeContext
from gateway.household.members import CONSOLE, Family, Member
from gateway.policy.accounts.people import Account, PersonRole
from gateway.policy.identity.macs import parse_mac
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import ALL
from gateway.store.tables.people import AccountTable


class Access:
    """Checks who may send a request, and returns the persons and devices that it names."""

    def __init__(
        self, home: HomeContext, people: AccountTable, claim: Claim, family: Family, proofs: Proofs
    ) -> None:
        self._home = home
        self._people = people
        self._claim = claim
        self._family = family
        self._proofs = proofs

    def guardian(self, request: ControlRequest) -> str:
        """Return the name of the guardian who sends a request, or of the helper if the verb allows helpers.

        The account is the one in ``by``. Raises ControlError if it may not send the request, and for
        a dangerous change, as its verb declares, without a recent proof of identity. Root may send any
        request without an account; the name is then ``console`` unless the request has one.
        """
        if request.role is Role.OWNER:
            return request.text("by", CONSOLE)
        by = request.text("by")
        account = self._people.accounts().get(by)
        if account is None:
            raise ControlError.of(Code.NO_GUARDIAN)
        if not may_change(account.role, request.do):
            raise ControlError.of(Code.GUARDIANS_ONLY)
        self._proofs.require(request)
        return by

    def confirmed(self, request: ControlRequest) -> str:
        """Return the sender's name as `guardian` does, with a recent proof of identity for any change.

        Root needs no proof, nor does an API token if the verb lets tokens make dangerous changes. Call it
        for changes that are dangerous only in some states. Raises ControlError.
        """
        by = self.guardian(request)
        self._proofs.require(request, always=True)
        return by

    def helper(self, request: ControlRequest) -> Account | None:
        """Return the account of the helper that sends the request; None for any other sender."""
        if request.role is Role.OWNER:
            return None
        account = self._people.accounts().get(request.text("by", ""))
        return account if account is not None and account.role is PersonRole.HELPER else None

    def refuse_unclaimed(self) -> None:
        """Raise ControlError on an unclaimed gateway, which stores nothing about devices.

        Such a gateway has no guardian, no person's rule file and no recorded devices.
        """
        if self._claim.unclaimed:
            raise ControlError.of(Code.NO_DEVICE)

    def named(self, request: ControlRequest) -> tuple[str, list[Profile]]:
        """Return the key of ``who``, and the profiles that it means: those of all children, or one.

        ``who`` is ``all``, the id or name of a child's profile, or a MAC address. The key is ``all``, the
        profile's id or the MAC address. For a device, the profile is the one whose rules apply to it; it may
        be no child's. Raises ControlError for an unfiltered device, a person who is no child, or ``all``
        without children; PolicyError for an unknown profile.
        """
        who = request.text("who")
        household = self._home.rules.household
        if who.casefold() == ALL:
            if not household.children:
                raise ControlError.of(Code.NO_CHILDREN)
            return ALL, list(household.children)
        mac = parse_mac(who)
        if mac is not None:
            member = self._family.member_of(mac)
            if member is None:
                raise ControlError.of(Code.NOT_FILTERED)
            return mac, [member.profile]
        profile = self._home.rules.household.profile(who)
        if profile.built_in or not profile.is_child:
            raise ControlError.of(Code.NO_CHILD, name=profile.name)
        return profile.id, [profile]

    def members(self, request: ControlRequest) -> list[tuple[str, Member]]:
        """Return each person or device to which ``who`` gives time, with the key of its grants.

        The key is a profile id or MAC address. A `Member` has the rules and the time state of a
        person or of a device. For a child's device, the child gets the time. Raises ControlError and
        PolicyError as `named`, and ControlError for a device in quarantine.
        """
        who, profiles = self.named(request)
        mac = parse_mac(who)
        if mac is None or profiles[0].is_child:
            return [(profile.id, self.stand_in(profile)) for profile in profiles]
        member = self._family.member_of(mac)
        assert member is not None  # `named` has checked it
        if member.quarantined:
            raise ControlError.of(Code.NEW_DEVICE)
        return [(mac, member)]

    def child(self, request: ControlRequest) -> Member:
        """Return the child's device that sends the request, as a `Member` with its rules and time state.

        ``device`` of the request is its MAC address. Raises ControlError for a device of no child, one in
        quarantine, and one with an open question to the guardians.
        """
        mac = parse_mac(request.text("device"))
        member = None if mac is None else self._family.member_of(mac)
        if mac is None or member is None or not member.profile.is_child or member.quarantined or member.asked:
            raise ControlError.of(Code.NO_DEVICE_OF_A_CHILD)
        return member

    def stand_in(self, profile: Profile) -> Member:
        """Return a `Member` with a profile's rules and present time state, but of no single device."""
        rules = self._home.rules
        return self._family.stand_in(profile, rules.world, rules.calendar, self._home.now())
