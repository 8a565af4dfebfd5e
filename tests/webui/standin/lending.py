"""The stand-in family's shared devices, PINs and devices that are handed over."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from gateway.control.protocol import ControlRequest
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from tests.webui.standin.handlers import Handler

if TYPE_CHECKING:
    from tests.webui.standin.household import Household

SHARED, TV = "02:00:00:00:00:aa", "02:00:00:00:00:ab"
ADULTS = ("home", "adult")
WITH_PIN = ("daughter", "teen")


class Lending:
    """Nothing is shared until ``share``; PINs are asked for once ``pins`` has a child's."""

    def __init__(self, home: Household, now: datetime, names: Mapping[str, str]) -> None:
        self._home = home
        self._now = now
        self._names = names
        self.people: dict[str, tuple[str, ...]] = {}  # MAC → profiles, the youngest first
        self.uses: dict[str, tuple[str, str, str]] = {}  # MAC → who, kind, by
        self.pins: dict[str, tuple[str, str]] = {}  # profile → PIN, by
        self.set_ago = timedelta(days=2)
        self.needs_pins = False
        self.adults: set[str] = set()

    def share(self) -> None:
        """A tablet at 192.168.1.40, whose page asks, and a television."""
        self.people = {SHARED: ("son", "daughter"), TV: ("son", "daughter")}
        self._home.devices["192.168.1.40"] = {"mac": SHARED, "profile": "son", "name": "Family tablet"}

    def verbs(self) -> dict[str, Handler]:
        return {
            "use": self._use,
            "leave": self._leave,
            "claim": self._claim,
            "hand_over": self._hand_over,
            "take_back": self._take_back,
            "handed": self._handed,
            "lent": self._lent,
            "pin": self._pin,
            "adult": self._adult,
        }

    def clear(self) -> None:
        for mac in [*self.uses]:
            self._end(mac)
        self.people, self.pins, self.needs_pins = {}, {}, False
        self.adults.clear()
        self._home.devices.pop("192.168.1.40", None)

    def of_device(self, device: Mapping[str, Any]) -> dict[str, Any]:
        mac, who = str(device["mac"]), str(device["profile"])
        found: dict[str, Any] = {"adult": True} if mac in self.adults else {}
        if mac in self.people or mac in self.uses:
            found["sharing"] = self._told(mac)
        if who in self._names and self.needs_pins:
            found["pin"] = self.of_child(who) | {"may_set": mac not in self.people and mac not in self.uses}
        if TV in self.people and who in self.people[TV] and mac != TV:
            found["screens"] = [self._told(TV)]
        return found

    def of_child(self, who: str) -> dict[str, Any]:
        """As `status` and `lent` tell it."""
        known = self.pins.get(who)
        return {
            "pin": who in WITH_PIN,
            "pin_set": None if known is None else self._now - self.set_ago,
            "pin_by": known[1] or None if known else None,
        }

    def _told(self, mac: str) -> dict[str, Any]:
        who, kind, by = self.uses.get(mac, ("", "", ""))
        people = self.people.get(mac, ())
        device = next((one for one in self._home.devices.values() if one["mac"] == mac), {})
        return {
            "device": mac,
            "name": device.get("name") or ("Television" if mac == TV else ""),
            "people": [{"id": one, "name": self._names[one]} | self.of_child(one) for one in people],
            "youngest": self._names[people[0]] if people else None,
            "who": who or None,
            "who_name": self._names.get(who),
            "kind": kind or None,
            "until": self._now + timedelta(hours=2) if kind in ("use", "claim") else None,
            "by": by or None,
        }

    def _begin(self, mac: str, who: str, kind: str, by: str = "") -> dict[str, Any]:
        for device in self._home.devices.values():
            if device["mac"] == mac:
                device.setdefault("own", device["profile"])
                device["profile"] = who
        self.uses[mac] = (who, kind, by)
        return self._told(mac)

    def _end(self, mac: str) -> dict[str, Any]:
        for device in self._home.devices.values():
            if device["mac"] == mac and "own" in device:
                device["profile"] = device.pop("own")
        self.uses.pop(mac, None)
        return self._told(mac)

    def _check(self, request: ControlRequest, who: str) -> None:
        name = self._names[who]
        if who not in self.pins:
            raise ControlError.of(Code.NO_PIN, name=name)
        if request.text("pin") != self.pins[who][0]:
            raise ControlError.of(Code.PIN_WRONG, name=name)

    def own_child(self, request: ControlRequest) -> str:
        """Whose device it is, who says by the PIN to be that child, or has a guardian with it."""
        who = self._home.child_of(request)
        if who in WITH_PIN and self.needs_pins:
            self._check(request, who)
        elif self.needs_pins:
            self._home.guardian_of(request)
        return who

    def _use(self, request: ControlRequest) -> dict[str, Any]:
        by = self._home.guardian_of(request) if request.has("by") else ""
        who = request.text("who")
        if who in WITH_PIN and not by:
            self._check(request, who)
        return self._begin(request.text("device"), who, "use", by)

    def _leave(self, request: ControlRequest) -> dict[str, Any]:
        mac = request.text("screen", request.text("device"))
        if mac not in self.uses:
            raise ControlError.of(Code.NOBODY_USES)
        return self._end(mac)

    def _claim(self, request: ControlRequest) -> dict[str, Any]:
        who, screen = self._home.child_of(request), request.text("screen")
        if screen in self.uses:
            name = self._names[self.uses[screen][0]]
            raise ControlError.of(Code.SCREEN_TAKEN, name=name)
        return self._begin(screen, who, "claim")

    def _hand_over(self, request: ControlRequest) -> dict[str, Any]:
        by, mac = self._home.guardian_of(request), request.text("device")
        device = next(one for one in self._home.devices.values() if one["mac"] == mac)
        if device["profile"] not in ADULTS:
            raise ControlError.of(Code.NO_DEVICE_OF_AN_ADULT)
        return self._begin(mac, request.text("who"), "handed", by)

    def _take_back(self, request: ControlRequest) -> dict[str, Any]:
        self._home.guardian_of(request)
        return self._end(request.text("device"))

    def child_uses(self, ip: str, device: str) -> bool:
        return self._of_child(ip, device)["who"] is not None

    def _handed(self, request: ControlRequest) -> dict[str, Any]:
        return self._of_child(request.text("ip"), request.text("device", "-"))

    def _of_child(self, ip: str, device: str) -> dict[str, Any]:
        here = str(self._home.devices.get(ip, {}).get("mac", ""))
        for mac in (here, device):
            who, kind, _ = self.uses.get(mac, ("", "", ""))
            if kind == "handed":
                return {"mac": mac, "who": who, "name": self._names.get(who)}
        return {"mac": here, "who": None, "name": None}

    def _lent(self, request: ControlRequest) -> dict[str, Any]:
        return {
            "devices": [self._told(mac) for mac in dict.fromkeys((*self.people, *self.uses))],
            "people": [
                {"id": who, "name": self._names[who]} | self.of_child(who) for who in self._home.children
            ],
        }

    def _pin(self, request: ControlRequest) -> dict[str, Any]:
        action, by = request.text("action"), ""
        if request.has("device"):
            who = self._home.child_of(request)
        else:
            who, by = request.text("who"), self._home.guardian_of(request)
        if action == "clear":
            self.pins.pop(who, None)
        elif action == "check":
            self._check(request, who)
        else:
            if not request.text("pin").isdigit():
                raise ControlError.of(Code.PIN_FORM, least=4, most=6)
            self.pins[who] = (request.text("pin"), by)
        return {"who": who}

    def _adult(self, request: ControlRequest) -> dict[str, Any]:
        self.adults.add(request.text("device"))
        return {"adult": True}
