"""Transitional: visibility for modules that still take the daemon."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from gateway.daemon.devices.here import VisibleDevices
from gateway.daemon.visibility import Sightings, Visibility, VisibleMembers, day_of
from gateway.policy.profile import Profile
from gateway.policy.situation import Situation

if TYPE_CHECKING:
    from gateway.daemon.devices.member import Member
    from gateway.daemon.main import Daemon

__all__ = ["Eyes", "Sightings", "day_of"]


class Eyes(Visibility):
    def __init__(self, daemon: Daemon) -> None:
        super().__init__(daemon.home, daemon.store.uses)
        self._daemon = daemon

    @property
    def _members(self) -> VisibleMembers:
        return VisibleMembers(self._daemon.home, self, self._daemon.family)

    def member(self, profile: Profile) -> Member:
        return self._members.member(profile)

    def situation(self, member: Member, known: Situation, at: datetime) -> Situation:
        return self._members.situation(member, known, at)

    @property
    def _devices(self) -> VisibleDevices:
        presence = self._daemon.presence
        return VisibleDevices(self, presence.inventory, presence.here, self._daemon.store.notes)

    def online(self, mac: str) -> bool | None:
        return self._devices.online(mac)

    def ip(self, mac: str) -> str | None:
        return self._devices.ip(mac)

    def addresses(self, mac: str) -> list[str]:
        return self._devices.addresses(mac)
