"""Whose a device is: a profile's, written into its file, or a place that no file has, kept in the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from gateway.codes import Code
from gateway.control.protocol import Request, Role
from gateway.daemon.devices.strangers import VISITOR
from gateway.daemon.files.assign import assign_device
from gateway.daemon.files.editing import Author, Editing
from gateway.daemon.verbs.whom import Whom
from gateway.policy.macs import parse_mac
from gateway.policy.profile import GUEST, HOME, Profile

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon

ADULT = "adult"
PLACES = (HOME, GUEST, VISITOR, ADULT)  # a profile may be called as one of the last two: it goes first
VISIT_ENDS = time(6)  # tomorrow, local


class Places:
    """The verbs `assign` and `forget`. ``treated`` names the profile whose rules hold for a device."""

    def __init__(self, daemon: Daemon, whom: Whom, treated: Callable[[str], str], editing: Editing) -> None:
        self._daemon = daemon
        self._whom = whom
        self._editing = editing
        self._treated = treated

    def of(self, mac: str) -> str:
        """A profile's id, an adult's too; or the place of a device that no profile names."""
        owner = self._daemon.rules.household.owner_of(mac)
        if owner is not None:
            return owner.id
        known = self._daemon.store.devices.all().get(mac)
        # What an adult's proof opens for a while belongs where it did.
        treated = self._daemon.family.opened.get(mac) or self._treated(mac)
        if known is None or known.place not in (VISITOR, ADULT):
            return treated
        is_over = known.until is not None and known.until <= self._daemon.clock.now()
        return treated if is_over else known.place

    def assign(self, request: Request) -> Mapping[str, object]:
        """``was``: where it belonged before, to which an undo puts it back."""
        by, mac, place = self._whom.guardian(request), self.mac(request), request.text("profile")
        daemon = self._daemon
        was = self.of(mac)
        self._refuse_shared(request, mac)
        self.put(mac, place, by)
        at, origin = daemon.local_now(), request.text("origin", "")
        daemon.store.audit("assign", f"{mac} {place}", by=by, at=at, origin=origin)
        return {"problems": daemon.reload(), "profile": self.of(mac), "was": was}

    def _refuse_shared(self, request: Request, mac: str) -> None:
        people = self._daemon.rules.household.config.shared.get(mac)
        if people is not None:
            told = ", ".join(people)
            problem = f"is a device shared by {told}; end that first ('shared' in qalqan.yaml)"
            request.refuse("mac", problem, Code.DEVICE_SHARED)

    def put(self, mac: str, place: str, by: str) -> None:
        """Write it down, in a file or the store; whoever calls reloads. Raises PolicyError."""
        daemon, now = self._daemon, self._daemon.local_now()
        profile = daemon.rules.household.find(place)
        if place.casefold() in PLACES and (profile is None or profile.built_in):
            self._write(mac, None, by)
            until = _visit_ends(now) if place.casefold() == VISITOR else None
            sure = daemon.watch.known
            daemon.store.devices.place(mac, place.casefold(), at=now, until=until, sure=sure)
        else:
            self._write(mac, daemon.rules.profile(place), by)
            daemon.store.devices.unplace(mac)
        daemon.store.proofs.drop(mac)
        daemon.identities.answered(mac)

    def _write(self, mac: str, owner: Profile | None, by: str) -> None:
        author = Author(by, self._daemon.local_now())
        assign_device(self._editing, self._daemon.rules.household, mac, owner, author)

    def forget(self, request: Request) -> Mapping[str, object]:
        """All that is kept of it. If it comes again, it is a new one."""
        by, mac = self._whom.guardian(request), self.mac(request)
        daemon = self._daemon
        self._refuse_shared(request, mac)
        self._write(mac, None, by)
        daemon.presence.forget(mac)
        daemon.store.forget_slot(mac)
        daemon.store.marks.forget(mac)
        daemon.store.proofs.drop(mac)
        daemon.store.questions.drop(mac)
        daemon.store.questions.forget_faces(mac)
        daemon.store.way_cards.drop(lambda one: one.mac == mac)
        origin = request.text("origin", "")
        daemon.store.audit("forget", mac, by=by, at=daemon.clock.now(), origin=origin)
        return {"problems": daemon.reload()}

    def mac(self, request: Request) -> str:
        """Of a device that is known here; the command may name one that is still to come."""
        mac = parse_mac(request.text("mac"))
        if mac is None:
            request.refuse("mac", "is no MAC address such as 02:00:00:00:00:0a")
        self._whom.noting(request)
        if request.role is Role.WEB and mac not in self.macs():
            request.refuse("mac", "names a device that is not known here any more", Code.NO_DEVICE)
        return mac

    def macs(self) -> frozenset[str]:
        """Every device that is known here: seen, named in the files, or placed."""
        daemon = self._daemon
        owned = {mac for one in daemon.family.members.values() for mac in one.macs} | set(daemon.family.plain)
        return frozenset(owned | set(daemon.presence.inventory.macs()) | set(daemon.store.devices.all()))


def _visit_ends(now: datetime) -> datetime:
    return datetime.combine(now.date() + timedelta(days=1), VISIT_ENDS, now.tzinfo)
