"""A family behind a real control server: the verbs that the pages need, with plain values behind them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from gateway.control.permissions import may_change
from gateway.control.protocol import ControlRequest
from gateway.control.schema import values_of
from gateway.core.errors import ControlError
from tests.control.running import Running, running
from tests.figures import CHILD, CLOCK, HOME
from tests.webui.standin import untold
from tests.webui.standin.accounts import Accounts
from tests.webui.standin.agreeing import Agreeing
from tests.webui.standin.alerting import Alerting
from tests.webui.standin.automating import Automating
from tests.webui.standin.backing import Backing
from tests.webui.standin.choosing import Choosing
from tests.webui.standin.editing import Editing
from tests.webui.standin.giving import Giving
from tests.webui.standin.growing import Growing
from tests.webui.standin.handlers import Handler
from tests.webui.standin.healthy import Healthy
from tests.webui.standin.identifying import Identifying
from tests.webui.standin.lending import Lending
from tests.webui.standin.listed import Listed
from tests.webui.standin.living import Living
from tests.webui.standin.pausing import Pausing
from tests.webui.standin.places import BEDTIME, GUEST, LAPTOP, NOW, PHONE, TABLET, TODAY
from tests.webui.standin.proven import Proven
from tests.webui.standin.refusing import REFUSALS, RIGHTS, Refusing
from tests.webui.standin.ruled import GUESTS, RULES
from tests.webui.standin.secure import Secure
from tests.webui.standin.site_repairs import SiteRepairs
from tests.webui.standin.spending import MINUTES, Spending, counted
from tests.webui.standin.testing import Testing
from tests.webui.standin.things import Things

__all__ = ["BEDTIME", "GUEST", "LAPTOP", "NOW", "PHONE", "TABLET", "TODAY", "Household", "at_home"]


@dataclass
class Household:
    devices: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {
            "192.168.1.20": {"mac": TABLET, "profile": "daughter", "name": "Tablet"},
            "192.168.1.21": {"mac": PHONE, "profile": "daughter", "name": "Phone"},
            "192.168.1.22": {"mac": LAPTOP, "profile": "son", "name": "Laptop"},
            "192.168.1.30": {"mac": GUEST, "profile": "guest", "name": ""},
            "192.168.1.31": {"mac": "02:00:00:00:00:1b", "profile": "home", "name": "Television"},
        }
    )
    paused: dict[str, datetime | None] = field(default_factory=dict)
    refusals: list[dict[str, Any]] = field(default_factory=lambda: [dict(refusal) for refusal in REFUSALS])
    extra: dict[str, Any] = field(default_factory=dict)  # laid over `status`
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    children: tuple[str, ...] = ("daughter", "son", "teen")
    minutes: dict[str, dict[str, Any]] = field(default_factory=lambda: deepcopy(MINUTES))
    requests: list[dict[str, Any]] = field(default_factory=list)  # newest first
    tickets: dict[str, dict[str, Any]] = field(default_factory=dict)
    in_blocked: set[str] = field(default_factory=set)  # sites and services of a blocked category
    auto: bool = False  # requests for time are granted by themselves
    tells_batches: bool = True
    refuses_time: bool = False
    next_bedtime: datetime | None = None
    closing: list[dict[str, Any]] = field(default_factory=list)  # beside what `minutes` has
    left_off: int = 0  # minutes that the ledger does not tell
    given: dict[int, tuple[str, str]] = field(default_factory=dict)  # number → to whom, by whom
    counted: list[dict[str, Any]] = field(default_factory=lambda: counted())
    guests_are_several: bool = False
    questions: list[dict[str, Any]] = field(default_factory=list)
    cards: list[dict[str, Any]] = field(default_factory=list)  # those that are solved or put away as well
    changes: list[dict[str, Any]] = field(default_factory=list)
    erased: dict[str, str] = field(default_factory=dict)  # by child
    sample_until: str | None = None
    in_use: list[dict[str, str]] = field(default_factory=list)  # of the daughter
    visited: list[dict[str, Any]] = field(default_factory=list)  # at log level 3
    visited_left_off: int = 0
    traffic: list[dict[str, Any]] = field(default_factory=list)  # lines of live traffic
    seen_devices: dict[str, dict[str, Any]] = field(default_factory=dict)  # whose traffic may be seen
    watched: dict[str, Any] | None = None  # of the son
    kinds: list[dict[str, Any]] = field(default_factory=list)  # of a child that nothing else is told of
    hostile: dict[str, Any] = field(default_factory=dict)  # laid over each site of a history

    rights: list[dict[str, Any]] = field(default_factory=lambda: [dict(one) for one in RIGHTS])
    edited: dict[str, dict[str, Any]] = field(default_factory=dict)  # by `edit`: laid over RULES

    def __post_init__(self) -> None:
        self.editing = Editing(self)
        self.growing = Growing(self, NOW)
        self.identifying = Identifying(self)
        self.pausing = Pausing(self)
        self.spending = Spending(self)
        self.alerting = Alerting(self, NOW)
        self.things = Things(self)
        self.testing = Testing(self)
        self.listed = Listed(self)
        self.healthy = Healthy()
        self.backing = Backing(self)
        self.site_repairs = SiteRepairs(self, NOW)
        self.accounts = Accounts(self.devices, NOW)
        self.needs_proof: set[str] = set()  # verbs that are refused without a proof
        self.stamps, self.guardians = self.accounts.register, self.accounts.guardians
        self.proven, self.secure, self.automating = Proven(self, NOW), Secure(), Automating(self)
        self.choosing, self.agreeing = Choosing(self, NOW), Agreeing(self, NOW)
        self.lending = Lending(self, NOW, {key: str(rules["name"]) for key, rules in RULES.items()})

        self.accounts.scene.child_uses = self.lending.child_uses

    def close(self) -> None:
        self.editing.close()

    def verbs(self) -> dict[str, Handler]:
        handlers: dict[str, Handler] = {
            "status": self._status,
            "device": self._device,
            "profile": self._profile,
            **self.identifying.verbs(),
            **self.pausing.verbs(),
            **Refusing(self).verbs(),
            **self.accounts.verbs(),
            **self.editing.verbs(),
            **self.growing.verbs(),
            **self.alerting.verbs(),
            **self.things.verbs(),
            **self.listed.verbs(),
            **self.testing.verbs(),
            **self.proven.verbs(),
            **self.healthy.verbs(),
            **self.backing.verbs(),
            **self.site_repairs.verbs(),
            **self.lending.verbs(),
            **self.choosing.verbs(),
            **self.agreeing.verbs(),
            **self.secure.verbs(),
            **self.automating.verbs(),
            **Giving(self, NOW, {key: str(rules["name"]) for key, rules in RULES.items()}).verbs(),
            **Living(self, NOW, RULES).verbs(),
        }
        return {name: self._noted(handler) for name, handler in handlers.items()}

    def _noted(self, handler: Handler) -> Handler:
        def note(request: ControlRequest) -> Mapping[str, object]:
            self.asked.append((request.do, dict(request.values)))
            if request.do in self.needs_proof:
                self.accounts.require_proof(request)
            try:
                return handler(request)
            except (LookupError, StopIteration):  # what the real one looks for first, and refuses
                msg = f"{request.do}: there is no such thing"
                raise ControlError(msg) from None

        return note

    def _status(self, request: ControlRequest) -> dict[str, object]:
        return {
            **HOME,
            "lists": self.listed.plan,
            "requests": sum(one["state"] == "pending" for one in self.requests),
            "questions": len(self.questions),
            "cards": len(self.identifying.waiting()),
            "undecided_devices": sum(one["undecided"] for one in self.things.found),
            "announced": self.accounts.announced(),
            "visitor": self.accounts.guardians.session_account(request),
            **self.growing.told(),
            "profiles": [self._child(profile) for profile in self.children],
            **self.extra,
            "coded_problems": [
                {"code": "household_mistake", "text": line} for line in self.extra.get("problems", ())
            ],
            "clock": {**values_of(CLOCK), **self.extra.get("clock", {})},
        }  # fmt: skip

    def _child(self, profile: str) -> dict[str, object]:
        rules = self.rules_of(profile)
        devices = [
            untold.device(
                {"mac": device["mac"], "name": device["name"], "online": ip != "192.168.1.21", "ip": ip},
                rules["log_level"],
            )
            for ip, device in self.devices.items()
            if device["profile"] == profile
        ]
        child = {**CHILD, "devices": devices}
        child |= {key: rules[key] for key in ("id", "name", "band", "log_level")}
        child["next_step"] = rules.get("next_step")
        child |= self.spending.told(profile)
        child |= self.lending.of_child(profile) | self.site_repairs.of_child(profile)
        child["in_use"] = self.in_use if profile == "daughter" else []
        child["watched"] = self.watched if profile == "son" else None
        child["requests"] = sum(
            one["state"] == "pending" and one["profile"] == profile for one in self.requests
        )
        if (paused := self.pausing.of_child(profile)) is not None:
            return child | paused
        if profile == "son":
            return {**child, "state": "bedtime", "until": NOW.replace(hour=7) + timedelta(days=1),
                    "reason": "bedtime", "rule": "bedtime: 20:00-07:00", "owner": "band:6-9",
                    "sentence": "Bedtime until 07:00 tomorrow.", "next_change": None}  # fmt: skip
        return {
            **child, "state": "open", "until": None, "sentence": "Open until bedtime at 20:45.",
            "next_change": {"at": BEDTIME, "state": "bedtime"},
        }  # fmt: skip

    def _device(self, request: ControlRequest) -> dict[str, object]:
        device = self.devices.get(request.text("ip"), {"mac": "", "profile": None, "name": None})
        profile = str(device["profile"])
        told = self.spending.told(profile) if profile in self.minutes else {}
        own = self.lending.of_device(device) | self.growing.of_device(device) | self.proven.of_device(device)
        return {"now": NOW} | told | own | device

    def child_of(self, request: ControlRequest) -> str:
        """Whose the device is that asks."""
        mac = request.text("device")
        profile = next((one["profile"] for one in self.devices.values() if one["mac"] == mac), None)
        if profile not in {*RULES, *self.edited}:
            request.refuse("device", "is no device of a child here")
        return str(profile)

    def log_level(self, who: str) -> int:
        return int(self.rules_of(who)["log_level"])

    def guardian_of(self, request: ControlRequest) -> str:
        account = self.stamps.accounts().get(request.text("by"))
        if account is None or not may_change(account.role, request.do):
            request.refuse("by", "names no guardian of this household; sign in again")
        return request.text("by")

    def _profile(self, request: ControlRequest) -> dict[str, object]:
        who = request.text("id")
        return {
            "profile": self.rules_of(who),
            "self_set": self.choosing.told(who),
            "agreement": self.agreeing.told(who),
            "next_bedtime": self.next_bedtime,
        }

    def rules_of(self, who: str) -> dict[str, Any]:
        return {**(GUESTS if who == "guest" else RULES.get(who, {})), **self.edited.get(who, {})}


@contextmanager
def at_home(path: Path, household: Household) -> Iterator[Running]:
    try:
        with running(path, household.verbs()) as daemon:
            yield daemon
    finally:
        household.editing.close()


def asked_of(household: Household, do: str) -> list[dict[str, Any]]:
    return [values for what, values in household.asked if what == do]
