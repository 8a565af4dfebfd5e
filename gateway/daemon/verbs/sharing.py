"""The verbs `use`, `leave`, `claim`, `hand_over`, `take_back`, `handed`, `lent` and `adult`: whose rules a
device has for a while.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gateway.codes import Code
from gateway.control.protocol import Request, Verb
from gateway.daemon.devices.family import Member
from gateway.daemon.eyes import Eyes
from gateway.daemon.files.steps import PROGRAM
from gateway.daemon.verbs.adultproof import AdultProofVerbs
from gateway.daemon.verbs.pins import PinDesk
from gateway.daemon.verbs.slow import Slow
from gateway.daemon.verbs.whom import Whom
from gateway.policy.config import QUARANTINE
from gateway.policy.macs import parse_mac
from gateway.policy.profile import GUEST, HOME, Profile
from gateway.policy.sharing import (
    ASKING_KINDS,
    Kind,
    Use,
    may_be_handed,
    needs_pin,
    people_of,
    shared_with,
)

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon

SWITCHES = 20  # of one device within ten minutes: each makes the daemon judge all running flows again
SAYS = 20  # strangers who say to be adults, within ten minutes
PLAIN_PLACES = (HOME, "adult")


class SharingVerbs:
    def __init__(self, daemon: Daemon, whom: Whom, pins: PinDesk) -> None:
        self._daemon = daemon
        self._whom, self._eyes = whom, Eyes(daemon)
        self._pins = pins
        self.proofs = AdultProofVerbs(daemon, whom)
        self._switches = Slow(SWITCHES)
        self._says = Slow(SAYS)

    def table(self) -> Mapping[str, Verb]:
        return {
            "use": self.use,
            "leave": self.leave,
            "claim": self.claim,
            "hand_over": self.hand_over,
            "take_back": self.take_back,
            "handed": self.handed,
            "lent": self.lent,
            "adult": self.adult,
            **self.proofs.table(),
        }

    # On a shared device, or from a phone of one's own.

    def use(self, request: Request) -> Mapping[str, object]:
        """Somebody says on a shared device who it is; with ``by`` a guardian says it, and needs no PIN."""
        mac = self._mac(request, "device")
        by = self._whom.guardian(request) if request.has("by") else ""
        who, proof = self._person(request, mac), self._daemon.adults.of(mac)
        if proof is None:
            self._not_asked(request, mac)
        self._not_handed(request, mac)
        if not by:
            if needs_pin(who):
                self._pins.check(request, mac, who)
            self._slow(mac)
        what, origin = "use" if by else "", request.text("origin", "")
        if proof is not None:  # who says to use it now has it from the adult
            self._daemon.adults.end(proof, by=by or PROGRAM, origin=origin)
        self._daemon.sharing.begin(mac, who.id, Kind.USE, by=by, what=what, origin=origin)
        return self._told(mac)

    def leave(self, request: Request) -> Mapping[str, object]:
        """ "I'm done": on the device itself, of a ``screen`` by who claimed it, or by a guardian."""
        mac = self._mac(request, "device")
        by = self._whom.guardian(request) if request.has("by") else ""
        screen = self._mac(request, "screen") if request.has("screen") else mac
        use = self._daemon.sharing.use_of(screen)
        if use is None or use.handed:
            request.refuse("device", "is used by nobody in particular now", Code.NOBODY_USES)
        if screen != mac and not by and self._whom.child(request).profile.id != use.who:
            request.refuse("screen", "is used by somebody else", Code.NOBODY_USES)
        what = "leave" if by else ""
        self._daemon.sharing.end(screen, by=by, what=what, origin=request.text("origin", ""))
        return self._told(screen)

    def claim(self, request: Request) -> Mapping[str, object]:
        """From a child's phone: "I'm on the TV". Whoever claimed it first has it until it is over."""
        member = self._whom.child(request)
        mac, screen = self._mac(request, "device"), self._mac(request, "screen")
        who = member.profile
        if screen == mac or screen not in self._screens(who.id, mac):
            request.refuse("screen", f"is no screen that {who.name} shares", Code.NO_SCREEN)
        if screen in self._daemon.family.opened:
            request.refuse("screen", "is open for an adult", Code.OPEN_FOR_AN_ADULT)
        self._not_asked(request, screen, "screen")
        self._not_handed(request, screen)
        use = self._daemon.sharing.use_of(screen)
        if use is not None and use.who != who.id:
            name = self._name(use.who)
            request.refuse("screen", f"is {name}'s just now", Code.SCREEN_TAKEN, name=name)
        self._slow(mac)
        self._daemon.sharing.begin(screen, who.id, Kind.CLAIM)
        return self._told(screen)

    # An adult's device.

    def hand_over(self, request: Request) -> Mapping[str, object]:
        by, mac = self._whom.guardian(request), self._mac(request, "device")
        who = self._daemon.rules.profile(request.text("who"))
        if not who.is_child:
            request.refuse("who", f"names {who.name}, who is no child", Code.NO_CHILD, name=who.name)
        if not self._is_adults(mac):
            request.refuse("device", "is no device of an adult here", Code.NO_DEVICE_OF_AN_ADULT)
        if self._daemon.sharing.is_full(mac):
            request.refuse("device", "is one too many; take another back first", Code.NO_ROOM)
        self._daemon.sharing.begin(
            mac, who.id, Kind.HANDED, by=by, what="hand over", origin=request.text("origin", "")
        )
        return self._told(mac)

    def take_back(self, request: Request) -> Mapping[str, object]:
        by, mac = self._whom.guardian(request), self._mac(request, "device")
        use = self._daemon.sharing.use_of(mac)
        if use is None or not use.handed:
            request.refuse("device", "is handed over to nobody", Code.NOBODY_USES)
        self._daemon.sharing.end(mac, by=by, what="take back", origin=request.text("origin", ""))
        return self._told(mac)

    def handed(self, request: Request) -> Mapping[str, object]:
        """Whether the device at an address is handed over, and to whom: the pages ask before each page of a
        guardian's. ``device``: the one on which a session was begun, whatever address it has by now.
        """
        here = self._daemon.presence.mac_of(request.text("ip"))
        begun = self._mac(request, "device") if request.has("device") else None
        for mac in (here, begun):
            use = None if mac is None else self._daemon.sharing.use_of(mac)
            if use is not None and use.handed:
                return {"mac": mac, "who": use.who, "name": self._name(use.who)}
        return {"mac": here, "who": None, "name": None}

    def lent(self, _request: Request) -> Mapping[str, object]:
        """For guardians: each shared device and each that is handed over, and each child's PIN."""
        daemon, household = self._daemon, self._daemon.rules.household
        handed = [mac for mac, one in daemon.store.uses.all().items() if one.handed]
        macs = [mac for mac in household.config.shared if people_of(household, mac)]
        return {
            "devices": [self._told_to_guardians(mac) for mac in dict.fromkeys([*macs, *handed])],
            "people": [
                {"id": one.id, "name": one.name} | self._pins.describe(one) for one in household.children
            ],
        }

    # A stranger's.

    def adult(self, request: Request) -> Mapping[str, object]:
        """Somebody says on a stranger's device to be an adult: it stops being logged, and nothing opens."""
        mac, daemon = self._mac(request, "device"), self._daemon
        self._whom.noting(request, "device")
        named = mac in daemon.rules.household.named or self._place(mac) in (*PLAIN_PLACES, "visitor")
        if named or daemon.sharing.use_of(mac) is not None:
            request.refuse("device", "is known here: a parent says whose it is", Code.NOT_A_STRANGER)
        known = daemon.store.questions.all().get(mac)
        if known is None or not known.adult:
            self._says.take("", self._tried())
            if not daemon.identities.asking.says_adult(mac):
                request.refuse("device", "finds no room; ask a parent", Code.NO_ROOM)
        return {"adult": True}

    # What the others need.

    def describe(self, mac: str, member: Member | None) -> dict[str, object]:
        """What the verb `device` says of it: ``sharing``, ``screens``, ``pin``; ``adult`` of a stranger's;
        what an adult's proof does there.
        """
        household, use = self._daemon.rules.household, self._daemon.sharing.use_of(mac)
        found = self.proofs.describe(mac, member)
        if people_of(household, mac) or use is not None:
            found["sharing"] = self._told(mac)
        question = self._daemon.store.questions.all().get(mac)
        if question is not None and question.adult:
            found["adult"] = True
        if member is not None and member.profile.is_child and not member.asked:
            who = member.profile
            found["pin"] = self._pins.describe(who) | {"may_set": self._pins.is_own(mac, who)}
            found["screens"] = [self._told(one) for one in self._screens(who.id, mac)]
        return found

    def _told(self, mac: str) -> dict[str, object]:
        daemon, use = self._daemon, self._daemon.sharing.use_of(mac)
        owner, zone = daemon.rules.household.owner_of(mac), daemon.rules.household.config.zone
        until = None if use is None or use.until is None else use.until.astimezone(zone)
        return {
            "device": mac,
            "name": daemon.presence.here.name_of(mac),
            "people": [
                {"id": one.id, "name": one.name} | self._pins.describe(one)
                for one in people_of(daemon.rules.household, mac)
            ],
            "youngest": None if owner is None or not owner.is_child else owner.name,
            "who": None if use is None else use.who,
            "who_name": None if use is None else self._name(use.who),
            "kind": None if use is None else use.kind,
            "until": until,
            "by": None if use is None else use.by or None,
        }

    def _told_to_guardians(self, mac: str) -> dict[str, object]:
        """Not who took it, where no moment is told of that one; that it may be so is told whoever has it."""
        told = self._told(mac) | {"untold": self._eyes.may_be_hidden(mac)}
        nobody = {"who": None, "who_name": None, "kind": None, "until": None, "by": None}
        return told if self._eyes.can_disclose_use(mac) else told | nobody

    def _screens(self, who: str, asks: str) -> list[str]:
        """Shared devices without a page of their own, as far as is known what they are."""
        inventory, household = self._daemon.presence.inventory, self._daemon.rules.household
        found = []
        for mac in shared_with(household, who):
            traits = inventory.traits(mac)
            if mac != asks and (traits is None or traits.kind not in ASKING_KINDS):
                found.append(mac)
        return found

    def _person(self, request: Request, mac: str) -> Profile:
        people = people_of(self._daemon.rules.household, mac)
        if not people:
            request.refuse("device", "is not shared", Code.NOT_SHARED)
        known = next((one for one in people if one.id == request.text("who")), None)
        if known is None:
            request.refuse("who", "is none of those who share this device", Code.NOT_SHARED)
        return known

    def _not_asked(self, request: Request, mac: str, key: str = "device") -> None:
        """While somebody is asked about it, another device may use its address."""
        member, question = self._daemon.family.member_of(mac), self._daemon.store.questions.all().get(mac)
        copied = question is not None and question.waits and not question.about_stranger
        if member is None or copied or member.asked or member.quarantined:
            request.refuse(key, "is not known for sure just now", Code.NEW_DEVICE)

    def _not_handed(self, request: Request, mac: str) -> None:
        use: Use | None = self._daemon.sharing.use_of(mac)
        if use is not None and use.handed:
            request.refuse("device", "is handed over: a parent ends that", Code.NOT_SHARED)

    def _is_adults(self, mac: str) -> bool:
        household, use = self._daemon.rules.household, self._daemon.sharing.use_of(mac)
        if use is not None:
            return use.handed
        if mac in household.named:
            return may_be_handed(household.owner_of(mac))
        if self._place(mac):
            return self._place(mac) in PLAIN_PLACES
        stranger = household.config.stranger_on(self._daemon.presence.interface_of(mac))
        return stranger not in (QUARANTINE, GUEST) and may_be_handed(
            household.find(stranger) or household.guest
        )

    def _place(self, mac: str) -> str:
        known = self._daemon.store.devices.all().get(mac)
        over = known is not None and known.until is not None and known.until <= self._daemon.clock.now()
        return "" if known is None or over else known.place

    def _name(self, who: str) -> str:
        known = self._daemon.rules.household.profiles.get(who)
        return who if known is None else known.name

    def _slow(self, mac: str) -> None:
        self._switches.take(mac, self._tried())

    def _tried(self) -> datetime:
        return datetime.fromtimestamp(self._daemon.loop.now(), UTC)  # which no jump of the clock moves

    @staticmethod
    def _mac(request: Request, key: str) -> str:
        mac = parse_mac(request.text(key))
        if mac is None:
            request.refuse(key, "is no MAC address such as 02:00:00:00:00:0a")
        return mac
