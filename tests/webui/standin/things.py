"""The devices of the family, as the daemon tells them and as guardians change them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from gateway.control.protocol import ControlRequest
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from tests.webui.standin import untold
from tests.webui.standin.handlers import Handler
from tests.webui.standin.places import GUEST, LAPTOP, NOW, PHONE, TABLET, TELEVISION

if TYPE_CHECKING:
    from tests.webui.standin.household import Household

KITCHEN = "02:00:00:00:00:1c"
PEOPLE = [
    {"id": "daughter", "name": "Aruzhan", "child": True},
    {"id": "mum", "name": "Mum", "child": False},
    {"id": "son", "name": "Timur", "child": True},
    {"id": "teen", "name": "Dana", "child": True},
]


def a_device(mac: str, name: str, profile: str, kind: str = "", **values: Any) -> dict[str, Any]:
    return {
        "mac": mac, "name": name, "label": "", "own_name": name, "online": True, "ip": None,
        "profile": profile, "until": None, "vendor": "", "kind": kind, "model": "", "system": "",
        "random": False, "shared": [], "undecided": False,
        "managed": [], "asked": None, "first_seen": NOW - timedelta(days=40), "last_seen": NOW, **values,
    }  # fmt: skip


def each() -> list[dict[str, Any]]:
    away = {"online": False, "last_seen": NOW - timedelta(hours=3)}
    return [
        a_device(
            TABLET,
            "Tablet",
            "daughter",
            "tablet",
            vendor="Samsung Electronics",
            ip="192.168.1.20",
            model="SM-X200",
            system="android-dhcp-14",
        ),
        a_device(PHONE, "Phone", "daughter", "phone", random=True, **away),
        a_device(LAPTOP, "Laptop", "son", "computer", vendor="Lenovo", managed=["vpn.school.kz"]),
        a_device(GUEST, "", "visitor", "phone", random=True, until=NOW + timedelta(hours=10)),
        a_device(TELEVISION, "Television", "home", "tv", vendor="LG Electronics"),
        a_device(KITCHEN, "Switch", "daughter", "console", shared=["daughter", "son"], **away),
    ]


class Things:
    def __init__(self, household: Household) -> None:
        self._household = household
        self.found = each()
        self.scanning = False
        self.refuses_edits = False
        self.learnt: dict[str, dict[str, Any]] = {
            TABLET: {
                "model": "SM-X200", "system": "android-dhcp-14", "services": ["_googlecast"],
                "names": ["Tablet"], "addresses": ["192.168.1.20", "fe80::1"], "behind": [], "through": [],
                "question": None,
                "history": [
                    {"address": "192.168.1.20", "first": NOW - timedelta(days=3), "last": NOW},
                    {"address": "02:00:00:00:00:99", "first": NOW - timedelta(days=40),
                     "last": NOW - timedelta(days=4)},
                ],
            }
        }  # fmt: skip

    def verbs(self) -> dict[str, Handler]:
        return {
            "devices": self._devices,
            "assign": self._assign,
            "forget": self._forget,
            "name_device": self._name,
            "scan": self._scan,
            "edit_family": self._edit,
            "device_mark": self._mark,
        }

    def of(self, mac: str) -> dict[str, Any]:
        return next(one for one in self.found if one["mac"] == mac)

    def _devices(self, request: ControlRequest) -> Mapping[str, object]:
        people = {"people": self._household.editing.people(PEOPLE), "scanning": self.scanning}
        if request.has("mac"):
            one = self._one(request)
            learnt = self.learnt.get(one["mac"], {"history": []})
            return {"devices": [self._told(one | learnt)]} | people
        return {"devices": [self._told(one) for one in self.found]} | people

    def _told(self, one: Mapping[str, Any]) -> dict[str, Any]:
        level = self._household.rules_of(one["profile"]).get("log_level", 3)
        return untold.device({**one, **self._household.proven.listed(one)}, level)

    def _one(self, request: ControlRequest) -> dict[str, Any]:
        found = next((one for one in self.found if one["mac"] == request.text("mac")), None)
        if found is None:
            raise ControlError.of(Code.NO_DEVICE)
        return found

    def _assign(self, request: ControlRequest) -> Mapping[str, object]:
        self._household.guardian_of(request)
        one = self._one(request)
        if one["shared"]:
            raise ControlError.of(Code.DEVICE_SHARED)
        was, one["profile"], one["undecided"] = one["profile"], request.text("profile"), False
        return {"profile": one["profile"], "was": was, "problems": []}

    def _forget(self, request: ControlRequest) -> Mapping[str, object]:
        self._household.guardian_of(request)
        self.found.remove(self._one(request))
        return {"problems": []}

    def _name(self, request: ControlRequest) -> Mapping[str, object]:
        self._household.guardian_of(request)
        one = self._one(request)
        was, one["label"] = one["label"], request.text_or_none("name") or ""
        one["name"] = one["label"] or one["own_name"]
        return {"name": one["name"], "was": was}

    def _scan(self, request: ControlRequest) -> Mapping[str, object]:
        self._household.guardian_of(request)
        if self.scanning:
            raise ControlError.of(Code.SCANNED_JUST_NOW, seconds=12)
        self.scanning = True
        return {"running": True, "found": [], "problem": ""}

    def _mark(self, request: ControlRequest) -> Mapping[str, object]:
        self._household.guardian_of(request)
        one = self._one(request)
        one["no_mobile_data"] = request.values["no_mobile_data"]
        return {"mac": one["mac"], "no_mobile_data": one["no_mobile_data"]}

    def _edit(self, request: ControlRequest) -> Mapping[str, object]:
        """What stands elsewhere in the file is changed as the daemon does."""
        if not all(key.startswith(("shared/", "managed/")) for key in request.values["set"]):
            return self._household.editing.verbs()["edit_family"](request)
        self._household.guardian_of(request)
        if self.refuses_edits:
            msg = "the file cannot be written"
            raise ControlError(msg)
        for key, value in request.values["set"].items():
            head, _, mac = key.partition("/")
            one = self.of(mac)
            if head == "shared" and value and one["profile"] in {person["id"] for person in PEOPLE}:
                msg = f"{mac}: the device is shared, and in the profile {one['profile']} too"
                raise ControlError(msg)
            one[head] = (value["people"] if head == "shared" else value) if value else []
        return {"revision": 2, "undo": 1}
