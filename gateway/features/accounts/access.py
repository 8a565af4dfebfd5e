"""Who sends a request (a guardian, or a child's own device), and whom it is about."""

from __future__ import annotations

from gateway.control.protocol import Request, Role
from gateway.core.reason_codes import Code
from gateway.household.claim import Claim
from gateway.household.context import HomeContext
from gateway.household.members import CONSOLE, Family, Member
from gateway.policy.accounts.people import may_change
from gateway.policy.identity.macs import parse_mac
from gateway.policy.profile.profile import ALL, Profile
from gateway.store.tables.people import People


class Access:
    def __init__(self, home: HomeContext, people: People, claim: Claim, family: Family) -> None:
        self._home = home
        self._people = people
        self._claim = claim
        self._family = family

    def guardian(self, request: Request) -> str:
        """Who changes something. The pages may only name somebody whose role here has this verb."""
        if request.role is Role.OWNER:
            return request.text("by", CONSOLE)
        by = request.text("by")
        account = self._people.guardians().get(by)
        if account is None:
            request.refuse("by", "names nobody who is a guardian here; sign in again", Code.NO_GUARDIAN)
        if not may_change(account.role, request.do):
            request.refuse("by", f"names {by}, who is no guardian here", Code.GUARDIANS_ONLY)
        return by

    def noting(self, request: Request, key: str = "mac") -> None:
        """Before something of a device is written down."""
        if self._claim.unclaimed:
            problem = "names a device, and none is noted before the gateway has a guardian or a child's file"
            request.refuse(key, problem, Code.NO_DEVICE)

    def named(self, request: Request) -> tuple[str, list[Profile]]:
        """What a pause is kept under, and the children that it means."""
        who = request.text("who")
        household = self._home.rules.household
        if who.casefold() == ALL:
            if not household.children:
                request.refuse("who", "means every child, and there is none yet", Code.NO_CHILDREN)
            return ALL, list(household.children)
        mac = parse_mac(who)
        if mac is not None:
            member = self._family.member_of(mac)
            if member is None:
                request.refuse("who", f"names {mac}, a device that is not filtered", Code.NOT_FILTERED)
            return mac, [member.profile]
        profile = self._home.rules.profile(who)
        if profile.built_in or not profile.is_child:
            request.refuse("who", f"names {profile.name}, who is no child", Code.NO_CHILD, name=profile.name)
        return profile.id, [profile]

    def members(self, request: Request) -> list[tuple[str, Member]]:
        """Who is given time, each with what that is kept under: a child's device stands for the child."""
        who, profiles = self.named(request)
        mac = parse_mac(who)
        if mac is None or profiles[0].is_child:
            return [(profile.id, self.stand_in(profile)) for profile in profiles]
        member = self._family.member_of(mac)
        assert member is not None  # `named` has looked
        if member.quarantined:
            request.refuse("who", f"names {mac}, a new device; say whose it is first", Code.NEW_DEVICE)
        return [(mac, member)]

    def child(self, request: Request) -> Member:
        """The child's device that asks, and nobody but itself."""
        mac = parse_mac(request.text("device"))
        member = None if mac is None else self._family.member_of(mac)
        if mac is None or member is None or not member.profile.is_child or member.quarantined or member.asked:
            request.refuse("device", "is no device of a child here", Code.NO_DEVICE_OF_A_CHILD)
        return member

    def stand_in(self, profile: Profile) -> Member:
        """How things stand for a profile, whatever holds for one of its devices alone."""
        rules = self._home.rules
        return self._family.stand_in(profile, rules.world, rules.calendar, self._home.now())
