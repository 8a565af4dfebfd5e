"""A child's minutes: counted, used, left."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.webui.standin.places import BEDTIME, NOW, PHONE, TABLET, TODAY

if TYPE_CHECKING:
    from tests.webui.standin.household import Household

# What `status`, `profile` and `device` say of a child's minutes.
MINUTES: dict[str, dict[str, Any]] = {
    "daughter": {
        "left": {"minutes": 65, "gate": "bedtime", "name": "The internet", "at": BEDTIME},
        "used": [
            {"target": "play", "name": "Play", "minutes": 50, "limit": 90, "bonus": 0, "owner": "band:10-12"},
            {"target": "service:roblox", "name": "Roblox", "minutes": 20, "limit": 60, "bonus": 15,
             "owner": "family"},
        ],
        "landing": {"minutes": 10, "taken": False},
    },
    "son": {
        "left": {"minutes": 0, "gate": "bedtime", "name": "The internet", "at": NOW},
        "used": [
            {"target": "play", "name": "Play", "minutes": 7, "limit": 60, "bonus": 0, "owner": "band:6-9"},
        ],
        "landing": {"minutes": 10, "taken": True},
    },
    "teen": {"left": None, "used": [], "landing": {"minutes": 0, "taken": False}},
}  # fmt: skip


def counted(day: date = TODAY) -> list[dict[str, Any]]:
    """The daughter's minutes of a day: Roblox on the tablet, a film on the phone, ten of both at once."""
    start = datetime.combine(day, NOW.timetz())
    film = [(start.replace(hour=17, minute=0) + timedelta(minutes=n), PHONE, "YouTube") for n in range(40)]
    game = [(start.replace(hour=17, minute=30) + timedelta(minutes=n), TABLET, "Roblox") for n in range(20)]
    entries = []
    for at, device, service in sorted(film + game):
        base = {"at": at, "device": device, "bytes": 900_000, "service": service, "why": "moved"}
        entries.append({**base, "gate": "play", "name": "Play"})
        if service == "Roblox":
            entries.append({**base, "gate": "service:roblox", "name": "Roblox"})
    return entries


class Spending:
    def __init__(self, household: Household) -> None:
        self._household = household

    def told(self, profile: str) -> dict[str, Any]:
        """With what follows from them: what is about to close, and whether a landing is due."""
        time = self._household.minutes[profile]
        left, landing = time["left"], time["landing"]
        ends = [] if left is None else [(left["minutes"], left["gate"], left["name"], left["at"])]
        ends += [
            (one["limit"] + one["bonus"] - one["minutes"], one["target"], one["name"], None)
            for one in time["used"]
            if one["limit"] is not None
        ]
        closing = [
            {"minutes": minutes, "what": what, "name": name, "at": at}
            for minutes, what, name, at in ends
            if 0 < minutes <= 15
        ]
        if profile == "daughter":
            closing = sorted((*closing, *self._household.closing), key=lambda one: int(one["minutes"]))
        paused = profile in self._household.paused or "all" in self._household.paused
        due = landing["minutes"] and not landing["taken"] and any(minutes <= 15 for minutes, *_ in ends)
        return {
            "left": left,
            "used": [one | {"devices": self._devices(profile, one["target"])} for one in time["used"]],
            "landing": landing | {"due": bool(due and not paused)},
            "closing": [] if left is not None and not left["minutes"] else closing,
        }

    def _devices(self, profile: str, target: str) -> list[dict[str, Any]]:
        macs = [
            one["device"]
            for one in self._household.counted
            if one["gate"] == target and profile == "daughter"
        ]
        return [{"mac": mac, "minutes": macs.count(mac)} for mac in dict.fromkeys(macs)]
