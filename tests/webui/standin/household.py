"""A family behind a real control server: the verbs that the pages need, with plain values behind them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from gateway.codes import Code
from gateway.control.protocol import Request, Verb
from gateway.errors import ControlError
from gateway.policy.people import may_change
from tests.control.running import Running, running
from tests.webui.standin.accounts import Accounts
from tests.webui.standin.alerting import Alerting
from tests.webui.standin.backing import Backing
from tests.webui.standin.editing import Editing
from tests.webui.standin.giving import Giving
from tests.webui.standin.healthy import Healthy
from tests.webui.standin.lending import Lending
from tests.webui.standin.listed import Listed
from tests.webui.standin.living import Living
from tests.webui.standin.places import GUEST, LAPTOP, NOW, PHONE, TABLET
from tests.webui.standin.proving import Proving
from tests.webui.standin.teaching import Teaching
from tests.webui.standin.things import Things

__all__ = ["GUEST", "LAPTOP", "NOW", "PHONE", "TABLET", "Household", "at_home"]

TODAY = NOW.date()
BEDTIME = NOW.replace(hour=20, minute=45)

HELP = [
    {"name": "Contact centre for children and families", "phone": "111"},
    {"name": "Find a help line in any country", "web": "findahelpline.com"},
]

REFUSALS = [
    {
        "at": NOW - timedelta(minutes=2), "host": "www.tiktok.com", "name": "TikTok", "proto": "tls",
        "verdict": "block", "reason": "service", "rule": "block: service:tiktok", "owner": "family",
        "until": None, "sentence": "TikTok is refused. Mum set this on Sunday.", "askable": False,
    },
    {
        "at": NOW - timedelta(minutes=7), "host": "bet.example", "name": "", "proto": "http",
        "verdict": "block", "reason": "category", "rule": "category:gambling", "owner": "band:10-12",
        "until": None, "sentence": "bet.example is a gambling site. The 10-12 rules refuse these.",
        "askable": False,
    },
    {
        "at": NOW - timedelta(minutes=8), "host": "www.instagram.com", "name": "Instagram", "proto": "tls",
        "verdict": "block", "reason": "category", "rule": "category:social_networks", "owner": "band:10-12",
        "until": None, "sentence": "Instagram is not open here. A parent may open it.", "askable": True,
    },
]  # fmt: skip

RULES: dict[str, dict[str, Any]] = {
    "daughter": {
        "id": "daughter", "name": "Aruzhan", "band": "10-12", "mode": "block-list", "log_level": 2,
        "set": {"by": "Mum", "at": NOW - timedelta(days=2)},
        "bedtime": [
            {"days": "school", "from": "20:45", "to": "07:00", "owner": "band:10-12"},
            {"days": "free", "from": "21:45", "to": "08:00", "owner": "band:10-12"},
        ],
        "windows": [
            {"target": "service:roblox", "name": "Roblox", "days": "school", "from": "16:00", "to": "18:00",
             "owner": "family"},
        ],
        "limits": [
            {"target": "play", "name": "Play and video", "days": None, "minutes": 120, "owner": "band:10-12"},
        ],
        "refused": [
            {"target": "category:adult", "name": "Adult sites", "verdict": "refuse", "owner": "band:10-12"},
            {"target": "category:gambling", "name": "Gambling", "verdict": "refuse", "owner": "band:10-12"},
            {"target": "category:social_networks", "verdict": "ask", "owner": "band:10-12"},
            {"target": "service:tiktok", "name": "TikTok", "verdict": "refuse", "owner": "family"},
        ],
        "allowed": [{"target": "khanacademy.org", "name": "Khan Academy", "owner": "family"}],
    },
    "son": {
        "id": "son", "name": "Timur", "band": "6-9", "mode": "allow-list", "log_level": 3, "set": None,
        "bedtime": [{"days": None, "from": "20:00", "to": "07:00", "owner": "band:6-9"}],
        "allowed": [{"target": "bilimland.kz", "name": "BilimLand", "owner": "band:6-9"}],
    },
    "teen": {"id": "teen", "name": "Dana", "band": "16-17", "mode": "block-list", "log_level": 0},
}  # fmt: skip


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
    auto: bool = False  # requests for time are granted by themselves
    tells_batches: bool = True
    refuses_time: bool = False
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
    kinds: list[dict[str, Any]] = field(default_factory=list)  # of a child that nothing else is told of
    hostile: dict[str, Any] = field(default_factory=dict)  # laid over each site of a history

    edited: dict[str, dict[str, Any]] = field(default_factory=dict)  # by `edit`: laid over RULES

    def __post_init__(self) -> None:
        self.editing = Editing(self)
        self.alerting = Alerting(self, NOW)
        self.things = Things(self)
        self.proving = Proving(self)
        self.listed = Listed(self)
        self.healthy = Healthy()
        self.backing = Backing(self)
        self.teaching = Teaching(self, NOW)
        self.accounts = Accounts(self.devices, NOW)
        self.stamps, self.guardians = self.accounts.register, self.accounts.verb
        self.lending = Lending(self, NOW, {key: str(rules["name"]) for key, rules in RULES.items()})

    def close(self) -> None:
        self.editing.close()

    def verbs(self) -> dict[str, Verb]:
        handlers: dict[str, Verb] = {
            "status": self._status,
            "device": self._device,
            "profile": self._profile,
            "refusals": self._refusals,
            "helplines": lambda request: {"lines": HELP},
            "pause": self._pause,
            "resume": self._resume,
            "off": self._off,
            "on": lambda request: self.extra.update(mode="on", off_until=None) or {},
            "questions": self._questions,
            "identify": self._identify,
            "cards": self._cards,
            "dismiss": self._dismiss,
            **self.accounts.verbs(),
            **self.editing.verbs(),
            **self.alerting.verbs(),
            **self.things.verbs(),
            **self.listed.verbs(),
            **self.proving.verbs(),
            **self.healthy.verbs(),
            **self.backing.verbs(),
            **self.teaching.verbs(),
            **self.lending.verbs(),
            **Giving(self, NOW, {key: str(rules["name"]) for key, rules in RULES.items()}).verbs(),
            **Living(self, NOW, RULES).verbs(),
        }
        return {name: self._noted(handler) for name, handler in handlers.items()}

    def _noted(self, handler: Verb) -> Verb:
        def note(request: Request) -> Mapping[str, object]:
            self.asked.append((request.do, dict(request.values)))
            try:
                return handler(request)
            except (LookupError, StopIteration):  # what the real one looks for first, and refuses
                msg = f"{request.do}: there is no such thing"
                raise ControlError(msg) from None

        return note

    def _off(self, request: Request) -> dict[str, object]:
        self.guardian_of(request)
        until = NOW + timedelta(minutes=request.whole("minutes", least=1, most=10080))
        self.extra.update(mode="off", off_until=until)
        return {"until": until}

    def _status(self, _: Request) -> dict[str, object]:
        return {
            "version": "0.1.0", "now": NOW, "day": TODAY.isoformat(), "mode": "on", "internet": "works",
            "problems": [],
            "requests": sum(one["state"] == "pending" for one in self.requests),
            "questions": len(self.questions),
            "cards": len(self._waiting()),
            "announced": self.accounts.announced(),
            "profiles": [self._child(profile) for profile in self.children],
            **self.extra,
        }  # fmt: skip

    def _waiting(self) -> list[dict[str, Any]]:
        return [one for one in self.cards if not one["dismissed"] and one["told"]]

    def _cards(self, request: Request) -> dict[str, object]:
        if request.has("device"):
            mac = request.text("device")
            found = [one for one in self.cards if one["device"] == mac and not one["solved"]]
        else:
            found = self._waiting()
        return {"cards": found[: request.whole("limit", least=1, most=64, default=64)], "count": len(found)}

    def _dismiss(self, request: Request) -> dict[str, object]:
        card = request.text("device"), request.text("way")
        found = [one for one in self.cards if (one["device"], one["way"]) == card]
        if not found:
            request.refuse("device", "has no such card", Code.NO_CARD)
        for one in found:
            one["dismissed"] = not request.has("back")
        return {"device": card[0], "way": card[1]}

    def _child(self, profile: str) -> dict[str, object]:
        rules = self.rules_of(profile)
        devices = [
            {"mac": device["mac"], "name": device["name"], "online": ip != "192.168.1.21", "ip": ip}
            for ip, device in self.devices.items()
            if device["profile"] == profile
        ]
        child = {key: rules[key] for key in ("id", "name", "band", "log_level")} | {"devices": devices}
        child["next_step"] = rules.get("next_step")
        child |= self.told_minutes(profile) | self.lending.of_child(profile) | self.teaching.of_child(profile)
        child["in_use"] = self.in_use if profile == "daughter" else []
        child["requests"] = sum(
            one["state"] == "pending" and one["profile"] == profile for one in self.requests
        )
        if profile in self.paused or "all" in self.paused:
            until = self.paused.get(profile, self.paused.get("all"))
            told = f"Paused until {until:%H:%M}." if until else "Paused until a parent resumes."
            change = {"at": until, "state": "open"} if until else None
            return {
                **child,
                "state": "paused",
                "until": until,
                "reason": "paused",
                "rule": "pause",
                "owner": "guardian:Mum",
                "sentence": f"{told} Mum set this.",
                "next_change": change,
            }
        if profile == "son":
            return {**child, "state": "bedtime", "until": NOW.replace(hour=7) + timedelta(days=1),
                    "reason": "bedtime", "rule": "bedtime: 20:00-07:00", "owner": "band:6-9",
                    "sentence": "Bedtime until 07:00 tomorrow.", "next_change": None}  # fmt: skip
        return {
            **child, "state": "open", "until": None, "sentence": "Open until bedtime at 20:45.",
            "next_change": {"at": BEDTIME, "state": "bedtime"},
        }  # fmt: skip

    def _device(self, request: Request) -> dict[str, object]:
        device = self.devices.get(request.text("ip"), {"mac": "", "profile": None, "name": None})
        profile = str(device["profile"])
        told = self.told_minutes(profile) if profile in self.minutes else {}
        return told | self.lending.of_device(device) | device

    def told_minutes(self, profile: str) -> dict[str, Any]:
        """With what follows from them: what is about to close, and whether a landing is due."""
        time = self.minutes[profile]
        left, landing = time["left"], time["landing"]
        ends = [] if left is None else [(left["minutes"], left["gate"], left["name"], left["at"])]
        ends += [
            (one["limit"] + one["bonus"] - one["minutes"], one["target"], one["name"], None)
            for one in time["used"]
        ]
        closing = [
            {"minutes": minutes, "what": what, "name": name, "at": at}
            for minutes, what, name, at in ends
            if 0 < minutes <= 15
        ]
        if profile == "daughter":
            closing = sorted((*closing, *self.closing), key=lambda one: int(one["minutes"]))
        paused = profile in self.paused or "all" in self.paused
        due = landing["minutes"] and not landing["taken"] and any(minutes <= 15 for minutes, *_ in ends)
        return {
            "left": left,
            "used": [one | {"devices": self._devices(profile, one["target"])} for one in time["used"]],
            "landing": landing | {"due": bool(due and not paused)},
            "closing": [] if left is not None and not left["minutes"] else closing,
        }

    def _devices(self, profile: str, target: str) -> list[dict[str, Any]]:
        macs = [one["device"] for one in self.counted if one["gate"] == target and profile == "daughter"]
        return [{"mac": mac, "minutes": macs.count(mac)} for mac in dict.fromkeys(macs)]

    def child_of(self, request: Request) -> str:
        """Whose the device is that asks."""
        mac = request.text("device")
        profile = next((one["profile"] for one in self.devices.values() if one["mac"] == mac), None)
        if profile not in {*RULES, *self.edited}:
            request.refuse("device", "is no device of a child here")
        return str(profile)

    def log_level(self, who: str) -> int:
        return int(self.rules_of(who)["log_level"])

    def guardian_of(self, request: Request) -> str:
        account = self.stamps.guardians().get(request.text("by"))
        if account is None or not may_change(account.role, request.do):
            request.refuse("by", "names nobody who is a guardian here; sign in again")
        return request.text("by")

    def _questions(self, request: Request) -> dict[str, object]:
        limit = request.whole("limit", least=1, most=64, default=64)
        return {"questions": self.questions[:limit], "count": len(self.questions)}

    def _identify(self, request: Request) -> dict[str, object]:
        self.guardian_of(request)
        self.questions[:] = [one for one in self.questions if one["mac"] != request.text("mac")]
        return {"profile": request.text("profile", "guest"), "problems": []}

    def _profile(self, request: Request) -> dict[str, object]:
        return {"profile": self.rules_of(request.text("id"))}

    def rules_of(self, who: str) -> dict[str, Any]:
        return {**RULES.get(who, {}), **self.edited.get(who, {})}

    def _refusals(self, request: Request) -> dict[str, object]:
        mine = request.text("device", "") == TABLET or request.text("profile", "") == "daughter"
        limit = request.whole("limit", least=1, most=10, default=10)
        if self.guests_are_several and request.text("device", "") == GUEST:
            return {"refusals": [], "shared": True}
        return {"refusals": self.refusals[:limit] if mine else []}

    def _pause(self, request: Request) -> dict[str, object]:
        who = request.text("who")
        if who == "teen":
            msg = "Dana sets her own pauses"
            raise ControlError(msg)
        minutes = request.whole("minutes", least=1, most=1440) if request.has("minutes") else None
        self.paused[who] = NOW + timedelta(minutes=minutes) if minutes else None
        return {"until": self.paused[who]}

    def _resume(self, request: Request) -> dict[str, object]:
        who = request.text("who")
        if who == "all":
            self.paused.clear()
        self.paused.pop(who, None)
        return {}


@contextmanager
def at_home(path: Path, household: Household) -> Iterator[Running]:
    try:
        with running(path, household.verbs()) as daemon:
            yield daemon
    finally:
        household.editing.close()
