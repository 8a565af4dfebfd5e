"""Assigns devices to a profile, which is written into its file, or to a place, which the store records.

A place is what a device is if no profile names it: home (unfiltered), guest, visitor (adult guest) or adult.
A device that was there at the first setup may have the place present: no guardian has decided about it yet.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta

from gateway.control.contract.devices import Assigned, AssignRequest, ForgetRequest, Forgotten
from gateway.control.protocol import Call, ControlRequest, Role
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.core.turns import Steps
from gateway.features.accounts.access import Access
from gateway.features.devices.identities import Identities
from gateway.household.context import Effects, HomeContext
from gateway.household.editing import Author, Editing, assign_device
from gateway.household.members import Family
from gateway.household.presence import Presence
from gateway.household.slot_assignment import ADULT, ADULT_GUEST, PRESENT, unassigned_rules
from gateway.policy.identity.device_kinds import APPLIANCE
from gateway.policy.identity.macs import parse_mac
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import GUEST, HOME
from gateway.store.store import Store

ASSIGN, IDENTIFY = "assign", "identify"  # lines of the audit log
WAS = " was "  # in their detail, before the earlier owner or place
# A profile with the name of one of the last two takes precedence.
PLACES = (HOME, GUEST, ADULT_GUEST, ADULT)
VISIT_ENDS = time(6)  # of the next day, local


class DeviceAssignment:
    """The control-socket verbs `assign` and `forget`: give a device an owner, or delete all data about it.

    It has the whole store, because most tables have something about a device. ``treated``: returns the
    profile id or place that decides the rules of a device.
    """

    def __init__(
        self,
        home: HomeContext,
        effects: Effects,
        store: Store,
        family: Family,
        presence: Presence,
        identities: Identities,
        access: Access,
        treated: Callable[[str], str],
        editing: Editing,
    ) -> None:
        self._home = home
        self._effects = effects
        self._store = store
        self._family = family
        self._presence = presence
        self._identities = identities
        self._access = access
        self._treated = treated
        self._editing = editing

    def of(self, mac: str) -> str:
        """Return the id of the profile that names the device, else its place, such as guest or adult."""
        owner = self._home.rules.household.owner_of(mac)
        if owner is not None:
            return owner.id
        known = self._store.devices.all().get(mac)
        # An adult's proof opens a device for a while and leaves its place as it was.
        treated = self._family.opened.get(mac) or self._treated(mac)
        if known is None or known.place not in (ADULT_GUEST, ADULT):
            return treated
        is_over = known.until is not None and known.until <= self._home.now()
        return treated if is_over else known.place

    def undecided(self, mac: str) -> bool:
        """Return whether guardians have not chosen the user of a device that was there at the first setup.

        Such a device has the place present, or home without a guardian's choice. False for a device that a
        profile names.
        """
        known = self._store.devices.all().get(mac)
        if known is None or mac in self._home.rules.household.named or known.until is not None:
            return False
        return known.place == PRESENT or (known.place == HOME and known.placed is None)

    def to_decide(self) -> int:
        """Return how many devices need a guardian's answer on who uses them; 0 in a family without a child.

        Unfiltered appliances such as printers do not count.
        """
        if not self._home.rules.household.children:
            return 0
        return sum(
            self.undecided(mac) and not (device.place == HOME and self._kind_of(mac) == APPLIANCE)
            for mac, device in self._store.devices.all().items()
        )

    def _kind_of(self, mac: str) -> str:
        sight = self._presence.inventory.sight(mac)
        return "" if sight is None else sight.traits.kind

    def assign(self, call: Call[AssignRequest]) -> Steps[Assigned]:
        """Assign a device to a profile or a place, and reload the rules.

        ``was`` in the result is the earlier one. If a child's device would no longer be filtered as a
        child's, the guardian needs a recent proof of identity. Raises ControlError as `mac`, and for a shared
        device; PolicyError for an unknown profile or a rule file that cannot be changed.
        """
        mac, place = self.mac(call, call.args.mac), call.args.profile
        by = self._access.confirmed(call) if self.ends_filter(mac, place) else self._access.guardian(call)
        was, before = self.of(mac), self.before(mac, place)
        self._refuse_shared(mac)
        self.put(mac, place, by)
        at, origin = self._home.local_now(), call.text("origin", "")
        self._store.audit.record("assign", f"{mac} {place}{before}", by=by, at=at, origin=origin)
        yield
        problems = tuple((yield from self._effects.reload_steps()))
        return Assigned(problems=problems, profile=self.of(mac), was=was)

    def ends_filter(self, mac: str, place: str | None) -> bool:
        """Return whether a child's device would get an adult as owner, or another place than guest.

        ``place``: the new profile or place; None: that of new devices.
        """
        household = self._home.rules.household
        owner = household.owner_of(mac)
        if place is None:
            new_devices = household.config.unknown_device_on(self._presence.interface_of(mac))
            new: Profile | None = unassigned_rules(household, new_devices)[0]
        else:
            new = household.find(place)
        if owner is None or not owner.is_child:
            return False
        return new is None or not new.is_child_or_guest

    def before(self, mac: str, place: str) -> str:
        """Return the end of the audit line of an assignment, `` was X``: what an undo restores.

        Call it before the assignment to ``place``. Empty for no undo, as for a device that only moves between
        rule files: their history has the undo.
        """
        known = self._store.devices.all().get(mac)
        stored = known.place if known is not None and known.place in PLACES else ""
        was = self.of(mac) if place.casefold() in PLACES else stored
        return f"{WAS}{was}" if was in PLACES or was in self._home.rules.household.profiles else ""

    def _refuse_shared(self, mac: str) -> None:
        if mac in self._home.rules.household.config.shared:
            raise ControlError.of(Code.DEVICE_SHARED)

    def put(self, mac: str, place: str, by: str) -> None:
        """Store a device's profile or place, and drop the open question and adult proof about it.

        The caller reloads the rules. Raises PolicyError if the profile is unknown or its file cannot be
        changed.
        """
        store, rules, now = self._store, self._home.rules, self._home.local_now()
        profile = rules.household.find(place)
        if place.casefold() in PLACES and (profile is None or profile.built_in):
            self._write(mac, None, by)
            until = _visit_ends(now) if place.casefold() == ADULT_GUEST else None
            clock_trusted = self._home.clock_trusted
            store.devices.place(mac, place.casefold(), at=now, until=until, clock_trusted=clock_trusted)
        else:
            self._write(mac, rules.household.profile(place), by)
            store.devices.unplace(mac)
        store.proofs.drop(mac)
        self._identities.answered(mac)

    def add_address(self, owner: Profile, known: str, mac: str, by: str, *, instead: bool) -> None:
        """Write another MAC address of the device ``known`` into its owner's file.

        ``instead``: the address replaces ``known``; notes about ``known`` move to it, and its presence, slot
        and traits are deleted. The caller reloads the rules. Raises PolicyError for a file that cannot be
        changed.
        """
        self._write(mac, owner, by, instead_of=known if instead else None)
        self._store.devices.unplace(mac)
        self._identities.answered(mac)
        if instead:
            self._store.notes.succeed(known, mac, self._home.now())
            self._presence.forget(known)
            self._store.slots.forget(known)
            self._store.questions.forget_faces(known)

    def _write(self, mac: str, owner: Profile | None, by: str, *, instead_of: str | None = None) -> None:
        author = Author(by, self._home.local_now())
        assign_device(self._editing, self._home.rules.household, mac, owner, author, instead_of=instead_of)
        if owner is not None and owner.is_child:
            self._store.uses.drop(mac)  # a child's own device is not handed over

    def forget(self, call: Call[ForgetRequest]) -> Steps[Forgotten]:
        """Delete what is stored about a device, also its owner, and reload the rules.

        The audit log and the owner's activity stay. If the device is seen again, it is a new device. If new
        devices are not filtered, the guardian needs a recent proof of identity to forget a child's. Raises
        ControlError as `mac`, and for a shared device; PolicyError if the owner's file cannot be changed.
        """
        by, mac = self._access.guardian(call), self.mac(call, call.args.mac)
        store = self._store
        self._refuse_shared(mac)
        if self.ends_filter(mac, None):
            self._access.confirmed(call)
        self._write(mac, None, by)
        self._presence.forget(mac)
        store.slots.forget(mac)
        store.pauses.drop_of((mac,))
        store.grants.drop_of((mac,))
        store.uses.drop(mac)
        store.marks.forget(mac)
        store.proofs.drop(mac)
        store.questions.drop(mac)
        store.questions.forget_faces(mac)
        store.bypass_cards.drop(lambda card: card.mac == mac)
        origin = call.text("origin", "")
        store.audit.record("forget", mac, by=by, at=self._home.now(), origin=origin)
        yield
        return Forgotten(tuple((yield from self._effects.reload_steps())))

    def mac(self, request: ControlRequest, text: str) -> str:
        """Return the MAC address in ``text``. Raises ControlError for an invalid one.

        It also does so for a request from the pages about a device that is not known, and on an
        unclaimed gateway, which stores nothing about devices.
        """
        mac = parse_mac(text)
        if mac is None:
            request.refuse("mac", "is no MAC address such as 02:00:00:00:00:0a")
        self._access.refuse_unclaimed()
        if request.role is Role.WEB and mac not in self.macs():
            raise ControlError.of(Code.NO_DEVICE)
        return mac

    def macs(self) -> frozenset[str]:
        """Return the MAC addresses of all known devices: seen, named in the files, or assigned to a place."""
        family, seen = self._family, self._presence.inventory.macs()
        owned = {mac for member in family.members.values() for mac in member.macs} | set(family.plain)
        return frozenset(owned | set(seen) | set(self._store.devices.all()))


def _visit_ends(now: datetime) -> datetime:
    return datetime.combine(now.date() + timedelta(days=1), VISIT_ENDS, now.tzinfo)
