"""Control-socket verbs for temporary users of devices.

On shared devices: `use`, `leave` and `claim`. For devices handed over to a child: `hand_over`, `take_back`
and `handed`. For guardians: `lent`. On new devices: `adult`.
"""

from __future__ import annotations

from datetime import UTC, datetime

from gateway.control.contract.sharing import (
    ADULT,
    CLAIM,
    HAND_OVER,
    HANDED,
    LEAVE,
    LENT,
    TAKE_BACK,
    USE,
    AdultRequest,
    AdultResponse,
    ClaimRequest,
    Handed,
    HandedRequest,
    HandOverRequest,
    LeaveRequest,
    Lending,
    OwnPinState,
    SharedDevice,
    SharingPerson,
    TakeBackRequest,
    UseRequest,
)
from gateway.control.protocol import Call, ControlRequest
from gateway.control.router import Router
from gateway.control.schema import values_of
from gateway.control.verbs import NoValues
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.features.accounts.access import Access
from gateway.features.devices.questions import DeviceQuestions
from gateway.features.sharing.adult_devices import AdultDevices
from gateway.features.sharing.pins import PinDesk
from gateway.features.sharing.sharing import Sharing
from gateway.household.attempt_limits import AttemptLimit
from gateway.household.context import HomeContext
from gateway.household.file_history import PROGRAM
from gateway.household.members import Family, Member
from gateway.household.presence import Presence
from gateway.household.slot_assignment import ADULT_GUEST, PLAIN_PLACES
from gateway.household.visibility import Visibility
from gateway.policy.config.config import QUARANTINE
from gateway.policy.identity.device_kinds import ASKING_KINDS
from gateway.policy.identity.macs import parse_mac
from gateway.policy.identity.sharing import (
    UseKind,
    may_be_handed,
    needs_pin,
    possible_users,
    shared_with,
)
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import GUEST
from gateway.store.tables.devices import DeviceTable
from gateway.store.tables.questions import QuestionTable

SWITCHES = 20  # of one device within ten minutes: each makes the daemon judge all running connections again
SAYS = 20  # new devices of users who claim to be adults, within ten minutes


class SharingVerbs:
    """Verbs that start, end and describe a child's use of a shared device, or of an adult's.

    A guardian hands an adult's device to a child ("handed over").
    """

    def __init__(
        self,
        home: HomeContext,
        questions: QuestionTable,
        devices: DeviceTable,
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
        self._switches = AttemptLimit(SWITCHES)
        self._says = AttemptLimit(SAYS)

    def register(self, router: Router) -> None:
        router.serve(USE, self.use)
        router.serve(LEAVE, self.leave)
        router.serve(CLAIM, self.claim)
        router.serve(HAND_OVER, self.hand_over)
        router.serve(TAKE_BACK, self.take_back)
        router.serve(HANDED, self.handed)
        router.serve(LENT, self.lent)
        router.serve(ADULT, self.adult)

    # On a shared device, or from a child's own phone.

    def use(self, call: Call[UseRequest]) -> SharedDevice:
        """Apply a child's rules to a shared device, and return its state.

        A child from ten years on needs its PIN, and cannot start the use before it has one. With
        ``by``, a guardian starts the use, without a PIN. An adult's proof on the device ends. Raises
        ControlError if this is not allowed, or after too many tries or changes.
        """
        mac = self._mac(call, "device", call.args.device)
        by = self._access.guardian(call) if call.has("by") else ""
        who, proof = self._person(call, mac), self._adult_devices.of(mac)
        if proof is None:
            self._refuse_uncertain(mac)
        self._refuse_handed(mac)
        if not by:
            if needs_pin(who):
                self._pins.check(call, mac, who)
            self._limit(mac)
        what, origin = "use" if by else "", call.text("origin", "")
        if proof is not None:  # the adult passed the device on to this child
            self._adult_devices.end(proof, by=by or PROGRAM, origin=origin)
        self._sharing.begin(mac, who.id, UseKind.USE, by=by, what=what, origin=origin)
        return self._shared(mac)

    def leave(self, call: Call[LeaveRequest]) -> SharedDevice:
        """End a child's use of a shared device: from that device, another of the child, or by a guardian.

        ``screen``: the shared device, such as a TV, if another device sends the request. Raises
        ControlError if the device has no user, or another one.
        """
        args, mac = call.args, self._mac(call, "device", call.args.device)
        by = self._access.guardian(call) if call.has("by") else ""
        screen = mac if args.screen is None else self._mac(call, "screen", args.screen)
        use = self._sharing.use_of(screen)
        if use is None or use.handed:
            raise ControlError.of(Code.NOBODY_USES)
        if screen != mac and not by and self._access.child(call).profile.id != use.who:
            raise ControlError.of(Code.NOBODY_USES)
        what = "leave" if by else ""
        self._sharing.end(screen, by=by, what=what, origin=call.text("origin", ""))
        return self._shared(screen)

    def claim(self, call: Call[ClaimRequest]) -> SharedDevice:
        """Apply a child's rules to a shared screen such as a TV, requested from the child's own phone.

        Raises ControlError if this child does not share the screen, another child uses it, or an
        adult unlocked it, or after too many changes.
        """
        member = self._access.child(call)
        mac = self._mac(call, "device", call.text("device"))
        screen = self._mac(call, "screen", call.args.screen)
        who = member.profile
        if screen == mac or screen not in self._screens(who.id, mac):
            raise ControlError.of(Code.NO_SCREEN)
        if screen in self._family.opened:
            raise ControlError.of(Code.OPEN_FOR_AN_ADULT)
        self._refuse_uncertain(screen)
        self._refuse_handed(screen)
        use = self._sharing.use_of(screen)
        if use is not None and use.who != who.id:
            name = self._name(use.who)
            raise ControlError.of(Code.SCREEN_TAKEN, name=name)
        self._limit(mac)
        self._sharing.begin(screen, who.id, UseKind.CLAIM)
        return self._shared(screen)

    # An adult's device.

    def hand_over(self, call: Call[HandOverRequest]) -> SharedDevice:
        """Apply a child's rules to an adult's device until a guardian takes it back.

        Raises ControlError for a person who is no child, a device that is no adult's, or if too many devices
        have temporary users; PolicyError for an unknown profile.
        """
        by, mac = self._access.guardian(call), self._mac(call, "device", call.args.device)
        who = self._home.rules.household.profile(call.args.who)
        if not who.is_child:
            raise ControlError.of(Code.NO_CHILD, name=who.name)
        if not self._is_adults(mac):
            raise ControlError.of(Code.NO_DEVICE_OF_AN_ADULT)
        if self._sharing.is_full(mac):
            raise ControlError.of(Code.NO_ROOM)
        self._sharing.begin(
            mac, who.id, UseKind.HANDED, by=by, what="hand over", origin=call.text("origin", "")
        )
        return self._shared(mac)

    def take_back(self, call: Call[TakeBackRequest]) -> SharedDevice:
        """End the use of an adult's device by a child: its own rules apply again.

        Raises ControlError if no guardian handed it to a child.
        """
        by, mac = self._access.guardian(call), self._mac(call, "device", call.args.device)
        use = self._sharing.use_of(mac)
        if use is None or not use.handed:
            raise ControlError.of(Code.NOBODY_USES)
        self._sharing.end(mac, by=by, what="take back", origin=call.text("origin", ""))
        return self._shared(mac)

    def handed(self, call: Call[HandedRequest]) -> Handed:
        """Return whether the device at an IP address is an adult's that was handed to a child, and which.

        ``device``: where the login session began; that device counts too, as it may have another
        address by now. The response names the device and the child.
        """
        here, device = self._presence.mac_of(call.args.ip), call.args.device
        began_on = None if device is None else self._mac(call, "device", device)
        for mac in (here, began_on):
            use = None if mac is None else self._sharing.use_of(mac)
            if use is not None and use.handed:
                return Handed(mac, use.who, self._name(use.who))
        return Handed(here, None, None)

    def child_uses(self, ip: str, device: str) -> bool:
        """Return whether a child may be using a login session that began on ``device``, now at ``ip``.

        True if one of the two devices is an adult's that was handed to a child, or if the session
        is used on a child's own device and began on another: cookies do not move between devices,
        but a child can read and copy them.
        """
        here, began_on = self._presence.mac_of(ip), parse_mac(device)
        uses = (self._sharing.use_of(mac) for mac in (here, began_on) if mac)
        if any(use is not None and use.handed for use in uses):
            return True
        owner = None if here is None else self._home.rules.household.owner_of(here)
        return owner is not None and owner.is_child and began_on not in (None, here)

    def lent(self, _call: Call[NoValues]) -> Lending:
        """Return all shared devices, adults' devices that children have, and the state of each PIN.

        It is for guardians: a private user of a device is left out.
        """
        household = self._home.rules.household
        shared = [mac for mac in household.config.shared if possible_users(household, mac)]
        macs = dict.fromkeys([*shared, *self._sharing.handed_over()])
        return Lending(tuple(map(self._for_guardians, macs)), self._with_pins(household.children))

    # A new device.

    def adult(self, call: Call[AdultRequest]) -> AdultResponse:
        """Record that the user of a new device claims to be an adult: its activity is no longer recorded.

        The device stays filtered, and guardians are asked about it. Raises ControlError if it is known here
        or there is no room, or if too many users claim this.
        """
        mac = self._mac(call, "device", call.args.device)
        self._access.refuse_unclaimed()
        known = mac in self._home.rules.household.named or self._place(mac) in (*PLAIN_PLACES, ADULT_GUEST)
        if known or self._sharing.use_of(mac) is not None:
            raise ControlError.of(Code.NOT_A_STRANGER)
        question = self._questions.all().get(mac)
        if question is None or not question.adult:
            self._says.take("", self._monotonic())
            if not self._device_questions.says_adult(mac):
                raise ControlError.of(Code.NO_ROOM)
        return AdultResponse(adult=True)

    # For other features.

    def describe(self, mac: str, member: Member | None) -> dict[str, object]:
        """Return the fields for the verb `device`: ``sharing``, a child's ``screens`` and ``pin``, ``adult``.

        A field without a value is left out. ``adult``: the user of a new device claims to be an adult.
        """
        found: dict[str, object] = {}
        if possible_users(self._home.rules.household, mac) or self._sharing.use_of(mac) is not None:
            found["sharing"] = self._shared(mac)
        question = self._questions.all().get(mac)
        if question is not None and question.adult:
            found["adult"] = True
        if member is not None and member.profile.is_child and not member.asked:
            who = member.profile
            state = values_of(self._pins.describe(who))
            found["pin"] = OwnPinState(may_set=self._pins.is_own(mac, who), **state)
            found["screens"] = tuple(map(self._shared, self._screens(who.id, mac)))
        return found

    def _shared(self, mac: str, *, hidden: bool = False, untold: bool | None = None) -> SharedDevice:
        """Return a device with its possible users and its current user; without the user if ``hidden``.

        ``untold``: whether its user may be private; None leaves the field out.
        """
        household, use = self._home.rules.household, None if hidden else self._sharing.use_of(mac)
        owner, zone = household.owner_of(mac), household.config.zone
        for_guardians = {} if untold is None else {"untold": untold}
        return SharedDevice(
            device=mac,
            name=self._presence.here.name_of(mac),
            people=self._with_pins(possible_users(household, mac)),
            youngest="" if owner is None or not owner.is_child else owner.name,
            who=None if use is None else use.who,
            who_name="" if use is None else self._name(use.who),
            kind="" if use is None else use.kind,
            until=None if use is None or use.until is None else use.until.astimezone(zone),
            by="" if use is None else use.by,
            **for_guardians,
        )

    def _with_pins(self, people: tuple[Profile, ...]) -> tuple[SharingPerson, ...]:
        return tuple(
            SharingPerson(id=person.id, name=person.name, **values_of(self._pins.describe(person)))
            for person in people
        )

    def _for_guardians(self, mac: str) -> SharedDevice:
        """Return a shared device for guardians, without its user if that is private.

        The field ``untold`` is True if the user of this device can be private, even if the present one is
        not.
        """
        hidden = not self._visibility.can_disclose_use(mac)
        return self._shared(mac, hidden=hidden, untold=self._visibility.may_be_hidden(mac))

    def _screens(self, who: str, mac: str) -> list[str]:
        """Return the child's shared devices other than ``mac`` that are no phone, tablet or computer.

        These are devices such as TVs; a device of an unknown type is among them.
        """
        inventory, household = self._presence.inventory, self._home.rules.household
        found = []
        for shared in shared_with(household, who):
            traits = inventory.traits(shared)
            if shared != mac and (traits is None or traits.kind not in ASKING_KINDS):
                found.append(shared)
        return found

    def _person(self, call: Call[UseRequest], mac: str) -> Profile:
        people = possible_users(self._home.rules.household, mac)
        known = next((person for person in people if person.id == call.args.who), None)
        if known is None:
            raise ControlError.of(Code.NOT_SHARED)
        return known

    def _refuse_uncertain(self, mac: str) -> None:
        """Raise ControlError if the device is new or unfiltered, or another may have its MAC address."""
        member, question = self._family.member_of(mac), self._questions.all().get(mac)
        copied = question is not None and question.waits and not question.about_new_device
        if member is None or copied or member.asked or member.quarantined:
            raise ControlError.of(Code.NEW_DEVICE)

    def _refuse_handed(self, mac: str) -> None:
        use = self._sharing.use_of(mac)
        if use is not None and use.handed:
            raise ControlError.of(Code.NOT_SHARED)

    def _is_adults(self, mac: str) -> bool:
        household, use = self._home.rules.household, self._sharing.use_of(mac)
        if use is not None:
            return use.handed
        if mac in household.named:
            return may_be_handed(household.owner_of(mac))
        if self._place(mac):
            return self._place(mac) in PLAIN_PLACES
        setting = household.config.unknown_device_on(self._presence.interface_of(mac))
        return setting not in (QUARANTINE, GUEST) and may_be_handed(
            household.find(setting) or household.guest
        )

    def _place(self, mac: str) -> str:
        device = self._devices.all().get(mac)
        over = device is not None and device.until is not None and device.until <= self._home.now()
        return "" if device is None or over else device.place

    def _name(self, who: str) -> str:
        known = self._home.rules.household.profiles.get(who)
        return who if known is None else known.name

    def _limit(self, mac: str) -> None:
        """Count a change of the device's user. Raises ControlError after SWITCHES within ten minutes."""
        self._switches.take(mac, self._monotonic())

    def _monotonic(self) -> datetime:
        """Return the loop's clock as a UTC time, so that setting the system clock has no effect on limits."""
        return datetime.fromtimestamp(self._home.loop.now(), UTC)

    @staticmethod
    def _mac(call: ControlRequest, key: str, text: str) -> str:
        mac = parse_mac(text)
        if mac is None:
            call.refuse(key, "is no MAC address such as 02:00:00:00:00:0a")
        return mac
