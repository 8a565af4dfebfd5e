"""Whose a device is: a profile's, written into its file, or a place that no file has, kept in the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from gateway.control.protocol import Request
from gateway.daemon.assign import assign_device
from gateway.daemon.family import CONSOLE
from gateway.daemon.strangers import VISITOR
from gateway.policy.macs import parse_mac
from gateway.policy.profile import GUEST, HOME

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon

ADULT = "adult"
PLACES = (HOME, GUEST, VISITOR, ADULT)  # a profile may be called as one of the last two: it goes first
VISIT_ENDS = time(6)  # tomorrow, local


class Places:
    """The verbs `assign` and `forget`. ``treated`` names the profile whose rules hold for a device."""

    def __init__(self, daemon: Daemon, treated: Callable[[str], str]) -> None:
        self._daemon = daemon
        self._treated = treated

    def of(self, mac: str) -> str:
        """A profile's id, an adult's too; or the place of a device that no profile names."""
        owner = self._daemon.rules.household.owner_of(mac)
        if owner is not None:
            return owner.id
        known = self._daemon.store.devices.all().get(mac)
        if known is None or known.place not in (VISITOR, ADULT):
            return self._treated(mac)
        is_over = known.until is not None and known.until <= self._daemon.clock.now()
        return self._treated(mac) if is_over else known.place

    def assign(self, request: Request) -> Mapping[str, object]:
        request.owner_only()
        mac, place = _mac(request), request.text("profile")
        daemon = self._daemon
        self.put(mac, place)
        by, origin = request.text("by", CONSOLE), request.text("origin", "")
        daemon.store.audit("assign", f"{mac} {place}", by=by, at=daemon.local_now(), origin=origin)
        return {"problems": daemon.reload(), "profile": self.of(mac)}

    def put(self, mac: str, place: str) -> None:
        """Write it down, in a file or the store; whoever calls reloads. Raises PolicyError."""
        daemon, now = self._daemon, self._daemon.local_now()
        profile = daemon.rules.household.find(place)
        if place.casefold() in PLACES and (profile is None or profile.built_in):
            assign_device(daemon.rules.household, mac, None)
            until = _visit_ends(now) if place.casefold() == VISITOR else None
            sure = daemon.watch.known
            daemon.store.devices.place(mac, place.casefold(), at=now, until=until, sure=sure)
        else:
            assign_device(daemon.rules.household, mac, daemon.rules.profile(place))
            daemon.store.devices.unplace(mac)
        daemon.identities.answered(mac)

    def forget(self, request: Request) -> Mapping[str, object]:
        request.owner_only()
        mac = _mac(request)
        daemon = self._daemon
        assign_device(daemon.rules.household, mac, None)
        daemon.presence.forget(mac)
        daemon.store.forget_slot(mac)
        daemon.store.marks.forget(mac)
        daemon.store.questions.drop(mac)
        daemon.store.questions.forget_faces(mac)
        daemon.store.way_cards.drop(lambda one: one.mac == mac)
        daemon.store.audit("forget", mac, by=request.text("by", CONSOLE), at=daemon.clock.now())
        return {"problems": daemon.reload()}


def _mac(request: Request) -> str:
    mac = parse_mac(request.text("mac"))
    if mac is None:
        request.refuse("mac", "is no MAC address such as 02:00:00:00:00:0a")
    return mac


def _visit_ends(now: datetime) -> datetime:
    return datetime.combine(now.date() + timedelta(days=1), VISIT_ENDS, now.tzinfo)
