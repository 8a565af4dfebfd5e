"""Verbs about temporary users of devices.

On shared devices: `use`, `leave` and `claim`. For devices handed over to a child: `hand_over`, `take_back`
and `handed`. For guardians: `lent`. On new devices: `adult`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from gateway.control.protocol import Request
from gateway.control.router import Router
from gateway.core.reason_codes import Code
from gateway.features.accounts.access import Access
from gateway.features.devices.questions import DeviceQuestions
from gateway.features.sharing.adult_devices import AdultDevices
from gateway.features.sharing.attempt_delay import AttemptDelay
from gateway.features.sharing.pins import PinDesk
from gateway.features.sharing.sharing import Sharing
from gateway.household.context import HomeContext
from gateway.household.file_history import PROGRAM
from gateway.household.members import Family, Member
from gateway.household.presence import Presence
from gateway.household.visibility import Visibility
from gateway.policy.config.config import QUARANTINE
from gateway.policy.identity.macs import parse_mac
from gateway.policy.identity.sharing import (
    ASKING_KINDS,
    UseKind,
    may_be_handed,
    needs_pin,
    possible_users,
    shared_with,
)
from gateway.policy.profile.profile import GUEST, HOME, Profile
from gateway.store.tables.devices import Devices
from gateway.store.tables.questions import Questions

SWITCHES = 20  # of one device within ten minutes: each makes the daemon judge all running connections again
SAYS = 20  # new devices whose users say to be adults, within ten minutes
PLAIN_PLACES = (HOME, "adult")


class SharingVerbs:
    """Starts and ends uses for children and guardians, and describes shared devices."""

    def __init__(
        self,
        home: HomeContext,
        questions: Questions,
        devices: Devices,
        family: Family,
        presence: Presence,
        visibility: Visibility,
        sharing: Sharing,
        adult_devices: AdultDevices,
        device_questions: DeviceQuestions,
        access: Access,
        pins: PinDesk,
    ) -> None:
        self._home = home
        self._questions = questions
        self._devices = devices
        self._family = family
        self._presence = presence
        self._visibility = visibility
        self._sharing = sharing
        self._adult_devices = adult_devices
        self._device_questions = device_questions
        self._access = access
        self._pins = pins
        self._switches = AttemptDelay(SWITCHES)
        self._says = AttemptDelay(SAYS)

    def register(self, router: Router) -> None:
        router.add("use", self.use)
        router.add("leave", self.leave)
        router.add("claim", self.claim)
        router.add("hand_over", self.hand_over)
        router.add("take_back", self.take_back)
        router.add("handed", self.handed)
        router.add("lent", self.lent)
        router.add("adult", self.adult)

    # On a shared device, or from a child's own phone.

    def use(self, request: Request) -> Mapping[str, object]:
        """Start a child's use of a shared device. With ``by`` a guardian starts it, without a PIN."""
        mac = self._mac(request, "device")
        by = self._access.guardian(request) if request.has("by") else ""
        who, proof = self._person(request, mac), self._adult_devices.of(mac)
        if proof is None:
            self._refuse_uncertain(request, mac)
        self._refuse_handed(request, mac)
        if not by:
            if needs_pin(who):
                self._pins.check(request, mac, who)
            self._limit(mac)
        what, origin = "use" if by else "", request.text("origin", "")
        if proof is not None:  # the adult passed the device on to this child
            self._adult_devices.end(proof, by=by or PROGRAM, origin=origin)
        self._sharing.begin(mac, who.id, UseKind.USE, by=by, what=what, origin=origin)
        return self._to_dict(mac)

    def leave(self, request: Request) -> Mapping[str, object]:
        """End a use: on the device itself, of a ``screen`` by the child that claimed it, or by a guardian."""
        mac = self._mac(request, "device")
        by = self._access.guardian(request) if request.has("by") else ""
        screen = self._mac(request, "screen") if request.has("screen") else mac
        use = self._sharing.use_of(screen)
        if use is None or use.handed:
            request.refuse("device", "is used by nobody in particular now", Code.NOBODY_USES)
        if screen != mac and not by and self._access.child(request).profile.id != use.who:
            request.refuse("screen", "is used by somebody else", Code.NOBODY_USES)
        what = "leave" if by else ""
        self._sharing.end(screen, by=by, what=what, origin=request.text("origin", ""))
        return self._to_dict(screen)

    def claim(self, request: Request) -> Mapping[str, object]:
        """Start a child's use of a TV from its own phone. Until it ends, no other child can claim the TV."""
        member = self._access.child(request)
        mac, screen = self._mac(request, "device"), self._mac(request, "screen")
        who = member.profile
        if screen == mac or screen not in self._screens(who.id, mac):
            request.refuse("screen", f"is no screen that {who.name} shares", Code.NO_SCREEN)
        if screen in self._family.opened:
            request.refuse("screen", "is open for an adult", Code.OPEN_FOR_AN_ADULT)
        self._refuse_uncertain(request, screen, "screen")
        self._refuse_handed(request, screen)
        use = self._sharing.use_of(screen)
        if use is not None and use.who != who.id:
            name = self._name(use.who)
            request.refuse("screen", f"is {name}'s just now", Code.SCREEN_TAKEN, name=name)
        self._limit(mac)
        self._sharing.begin(screen, who.id, UseKind.CLAIM)
        return self._to_dict(screen)

    # An adult's device.

    def hand_over(self, request: Request) -> Mapping[str, object]:
        """Apply a child's rules to an adult's device until a guardian takes it back."""
        by, mac = self._access.guardian(request), self._mac(request, "device")
        who = self._home.rules.profile(request.text("who"))
        if not who.is_child:
            request.refuse("who", f"names {who.name}, who is no child", Code.NO_CHILD, name=who.name)
        if not self._is_adults(mac):
            request.refuse("device", "is no device of an adult here", Code.NO_DEVICE_OF_AN_ADULT)
        if self._sharing.is_full(mac):
            request.refuse("device", "is one too many; take another back first", Code.NO_ROOM)
        self._sharing.begin(
            mac, who.id, UseKind.HANDED, by=by, what="hand over", origin=request.text("origin", "")
        )
        return self._to_dict(mac)

    def take_back(self, request: Request) -> Mapping[str, object]:
        """End the use of a device that was handed over."""
        by, mac = self._access.guardian(request), self._mac(request, "device")
        use = self._sharing.use_of(mac)
        if use is None or not use.handed:
            request.refuse("device", "is handed over to nobody", Code.NOBODY_USES)
        self._sharing.end(mac, by=by, what="take back", origin=request.text("origin", ""))
        return self._to_dict(mac)

    def handed(self, request: Request) -> Mapping[str, object]:
        """Return whether the device at an address is handed over, and to which child.

        The web process asks before each page for guardians. ``device`` is the one on which the session
        began, which may have another address by now.
        """
        here = self._presence.mac_of(request.text("ip"))
        began_on = self._mac(request, "device") if request.has("device") else None
        for mac in (here, began_on):
            use = None if mac is None else self._sharing.use_of(mac)
            if use is not None and use.handed:
                return {"mac": mac, "who": use.who, "name": self._name(use.who)}
        return {"mac": here, "who": None, "name": None}

    def lent(self, _request: Request) -> Mapping[str, object]:
        """Return for guardians each shared or handed-over device, and the state of each child's PIN."""
        household = self._home.rules.household
        shared = [mac for mac in household.config.shared if possible_users(household, mac)]
        return {
            "devices": [
                self._for_guardians(mac) for mac in dict.fromkeys([*shared, *self._sharing.handed_over()])
            ],
            "people": self._with_pins(household.children),
        }

    # A new device.

    def adult(self, request: Request) -> Mapping[str, object]:
        """Stop recording a new device whose user says to be an adult. This opens nothing."""
        mac = self._mac(request, "device")
        self._access.noting(request, "device")
        known = mac in self._home.rules.household.named or self._place(mac) in (*PLAIN_PLACES, "visitor")
        if known or self._sharing.use_of(mac) is not None:
            request.refuse("device", "is known here: a parent must assign it", Code.NOT_A_STRANGER)
        question = self._questions.all().get(mac)
        if question is None or not question.adult:
            self._says.take("", self._monotonic())
            if not self._device_questions.says_adult(mac):
                request.refuse("device", "finds no room; ask a parent", Code.NO_ROOM)
        return {"adult": True}

    # For other features.

    def describe(self, mac: str, member: Member | None) -> dict[str, object]:
        """Return what the verb `device` adds: ``sharing``, ``screens`` and ``pin``, or ``adult``."""
        found: dict[str, object] = {}
        if possible_users(self._home.rules.household, mac) or self._sharing.use_of(mac) is not None:
            found["sharing"] = self._to_dict(mac)
        question = self._questions.all().get(mac)
        if question is not None and question.adult:
            found["adult"] = True
        if member is not None and member.profile.is_child and not member.asked:
            who = member.profile
            found["pin"] = self._pins.describe(who) | {"may_set": self._pins.is_own(mac, who)}
            found["screens"] = [self._to_dict(screen) for screen in self._screens(who.id, mac)]
        return found

    def _to_dict(self, mac: str) -> dict[str, object]:
        household, use = self._home.rules.household, self._sharing.use_of(mac)
        owner, zone = household.owner_of(mac), household.config.zone
        until = None if use is None or use.until is None else use.until.astimezone(zone)
        return {
            "device": mac,
            "name": self._presence.here.name_of(mac),
            "people": self._with_pins(possible_users(household, mac)),
            "youngest": None if owner is None or not owner.is_child else owner.name,
            "who": None if use is None else use.who,
            "who_name": None if use is None else self._name(use.who),
            "kind": None if use is None else use.kind,
            "until": until,
            "by": None if use is None else use.by or None,
        }

    def _with_pins(self, people: tuple[Profile, ...]) -> list[dict[str, object]]:
        return [{"id": person.id, "name": person.name} | self._pins.describe(person) for person in people]

    def _for_guardians(self, mac: str) -> dict[str, object]:
        """Describe a device without its user where that is private.

        ``untold``: whether its user may be private, which is shown whoever uses it now.
        """
        described = self._to_dict(mac) | {"untold": self._visibility.may_be_hidden(mac)}
        unused = {"who": None, "who_name": None, "kind": None, "until": None, "by": None}
        return described if self._visibility.can_disclose_use(mac) else described | unused

    def _screens(self, who: str, mac: str) -> list[str]:
        """Return the child's shared devices other than ``mac`` that have no page of their own, such as a TV.

        A device of an unknown kind is among them.
        """
        inventory, household = self._presence.inventory, self._home.rules.household
        found = []
        for shared in shared_with(household, who):
            traits = inventory.traits(shared)
            if shared != mac and (traits is None or traits.kind not in ASKING_KINDS):
                found.append(shared)
        return found

    def _person(self, request: Request, mac: str) -> Profile:
        people = possible_users(self._home.rules.household, mac)
        if not people:
            request.refuse("device", "is not shared", Code.NOT_SHARED)
        known = next((person for person in people if person.id == request.text("who")), None)
        if known is None:
            request.refuse("who", "is none of those who share this device", Code.NOT_SHARED)
        return known

    def _refuse_uncertain(self, request: Request, mac: str, key: str = "device") -> None:
        """Refuse a device with an open question: another device may use its address."""
        member, question = self._family.member_of(mac), self._questions.all().get(mac)
        copied = question is not None and question.waits and not question.about_stranger
        if member is None or copied or member.asked or member.quarantined:
            request.refuse(key, "is not known for sure just now", Code.NEW_DEVICE)

    def _refuse_handed(self, request: Request, mac: str) -> None:
        use = self._sharing.use_of(mac)
        if use is not None and use.handed:
            request.refuse("device", "is handed over: a parent ends that", Code.NOT_SHARED)

    def _is_adults(self, mac: str) -> bool:
        household, use = self._home.rules.household, self._sharing.use_of(mac)
        if use is not None:
            return use.handed
        if mac in household.named:
            return may_be_handed(household.owner_of(mac))
        if self._place(mac):
            return self._place(mac) in PLAIN_PLACES
        stranger = household.config.unknown_device_on(self._presence.interface_of(mac))
        return stranger not in (QUARANTINE, GUEST) and may_be_handed(
            household.find(stranger) or household.guest
        )

    def _place(self, mac: str) -> str:
        device = self._devices.all().get(mac)
        over = device is not None and device.until is not None and device.until <= self._home.now()
        return "" if device is None or over else device.place

    def _name(self, who: str) -> str:
        known = self._home.rules.household.profiles.get(who)
        return who if known is None else known.name

    def _limit(self, mac: str) -> None:
        """Refuse a device that switched its user too often."""
        self._switches.take(mac, self._monotonic())

    def _monotonic(self) -> datetime:
        """Return the loop's clock as a time: setting the system clock must not reset the limit."""
        return datetime.fromtimestamp(self._home.loop.now(), UTC)

    @staticmethod
    def _mac(request: Request, key: str) -> str:
        mac = parse_mac(request.text(key))
        if mac is None:
            request.refuse(key, "is no MAC address such as 02:00:00:00:00:0a")
        return mac
