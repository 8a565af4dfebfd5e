"""The daemon's answers about the home and its devices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from gateway.control.contract.growing import AgeTransition
from gateway.control.contract.lists import UpdatePlan
from gateway.control.contract.sharing import OwnSharing
from gateway.control.contract.site_repair import SiteRepair
from gateway.control.schema import SchemaError, decode
from webui.accounts.announced import Announced
from webui.language import telling
from webui.values.minutes import Time, parse_time
from webui.values.shapes import Answer, refuse_shape

NEWS = timedelta(days=1)
QUIET = frozenset({"day", "nothing"})  # sightings that do not say whether the device is online now


@dataclass(frozen=True, slots=True)
class Device:
    mac: str
    name: str  # untrusted input
    online: bool
    ip: str
    sightings: str = ""  # precision of its sightings: moment, day, nothing

    @property
    def quiet(self) -> bool:
        """Return whether its online status is private."""
        return self.sightings in QUIET


@dataclass(frozen=True, slots=True)
class State:
    """The state of a device as a whole."""

    state: str  # open, paused, bedtime, window, out_of_time, quarantined
    until: datetime | None
    sentence: str
    next_at: datetime | None
    next_state: str

    @property
    def open(self) -> bool:
        return self.state == "open"


@dataclass(frozen=True, slots=True)
class InUse:
    target: str  # service:x, category:x
    name: str


@dataclass(frozen=True, slots=True)
class Child:
    """One profile in the daemon's `status`."""

    id: str
    name: str
    band: str
    log_level: int
    now: State
    devices: tuple[Device, ...]
    time: Time
    requests: int  # pending
    pin_set: datetime | None = None
    pin_by: str = ""  # the guardian who set it; empty: the child itself
    lesson: SiteRepair | None = None  # running, or finished and not yet saved
    next_step: str = ""  # the month of the next band, YYYY-MM; empty if not set
    in_use: tuple[InUse, ...] = ()  # now, as far as the log level lets a guardian see

    @property
    def paused(self) -> bool:
        return self.now.state == "paused"

    @property
    def online(self) -> bool:
        return any(device.online for device in self.devices)

    @property
    def quiet(self) -> bool:
        """Return whether the online status of its devices is private."""
        return bool(self.devices) and all(device.quiet for device in self.devices)

    def pin_is_recent(self, now: datetime) -> bool:
        """Return whether the child set a PIN within the last day, which its parents see."""
        return self.pin_set is not None and not self.pin_by and now - self.pin_set < NEWS

    def device_name(self, mac: str) -> str:
        """Return the device's own name, or its address if it has none or no longer belongs to the child."""
        return next((device.name for device in self.devices if device.mac == mac and device.name), mac)


@dataclass(frozen=True, slots=True)
class Home:
    """The whole home in the daemon's `status`."""

    version: str
    now: datetime
    day: date  # the family's day, which changes at night
    off: bool
    off_until: datetime | None
    internet: str  # works, down, unknown
    internet_since: datetime | None
    new_devices: int
    requests: int  # pending
    questions: int  # about devices
    cards: int  # about bypass methods
    language: str  # default language of the pages; empty: none set
    clock_known: bool
    clock_sentence: str  # the effect of an unknown time
    problems: tuple[str, ...]
    announced: tuple[Announced, ...]  # newest first, of the last week
    children: tuple[Child, ...]
    unclaimed: bool = False  # the gateway has no guardian
    steps: tuple[AgeTransition, ...] = ()  # proposed, postponed, or taken lately
    lists: UpdatePlan | None = None  # automatic updates of the lists of sites

    def step_of(self, profile: str) -> AgeTransition | None:
        return next((step for step in self.steps if step.profile == profile), None)

    def child(self, profile: str) -> Child | None:
        return next((child for child in self.children if child.id == profile), None)


def parse_home(values: Mapping[str, Any]) -> Home:
    answer = Answer(values)
    now = answer.moment("now")
    if now is None:
        refuse_shape("now")
    clock = answer.entry("clock")
    return Home(
        version=answer.text("version"),
        now=now,
        day=answer.day("day") or now.date(),
        off=answer.text("mode") == "off",
        unclaimed=answer.flag("unclaimed"),
        off_until=answer.moment("off_until"),
        internet=answer.text("internet", "unknown"),
        internet_since=answer.moment("internet_since"),
        new_devices=answer.whole("new_devices"),
        requests=answer.whole("requests"),
        questions=answer.whole("questions"),
        cards=answer.whole("cards"),
        language=answer.text("language"),
        clock_known=clock is None or clock.flag("known"),
        clock_sentence=clock.text("sentence") if clock else "",
        problems=answer.texts("problems"),
        announced=tuple(entry.read(Announced) for entry in answer.entries("announced")),
        children=tuple(_child(entry, now) for entry in answer.entries("profiles")),
        steps=answer.records("steps", AgeTransition),
        lists=answer.record("lists", UpdatePlan),
    )


def _state(answer: Answer, now: datetime, *, yours: bool = False) -> State:
    change = answer.entry("next_change")
    return State(
        state=answer.text("state", "open"),
        until=answer.moment("until"),
        sentence=telling.state(answer, now, yours=yours),
        next_at=change.moment("at") if change else None,
        next_state=change.text("state") if change else "",
    )


def _child(answer: Answer, now: datetime) -> Child:
    return answer.read(
        Child,
        name=answer.text("name") or answer.text("id"),
        now=_state(answer, now),
        devices=tuple(entry.read(Device) for entry in answer.entries("devices")),
        time=parse_time(answer),
        lesson=answer.record("lesson", SiteRepair),
        in_use=tuple(entry.read(InUse) for entry in answer.entries("in_use")),
    )


@dataclass(frozen=True, slots=True)
class Here:
    """The device that a request came from."""

    mac: str
    profile: str  # a child's id, or home, guest, quarantine, adult; empty when unknown
    name: str
    now: State | None  # None: no rule ever blocks it
    time: Time
    asked: str = (
        # the open question about it: a child's rules apply until it is answered, but it is not that child's
        # device
        ""
    )
    own: OwnSharing = field(default_factory=OwnSharing)
    step: AgeTransition | None = None  # transition into adulthood, taken lately


def parse_here(values: Mapping[str, Any]) -> Here:
    answer = Answer(values)
    at = answer.moment("now") or datetime.now(UTC)
    now = _state(answer, at, yours=True) if answer.text("state") else None
    asked = answer.text("asked")
    # The device is not confirmed as the child's, so it shows nothing of that child.
    profile = "" if asked else answer.text("profile")
    return answer.read(
        Here,
        profile=profile,
        now=now,
        time=parse_time(answer),
        own=_own(values),
        step=answer.record("step", AgeTransition),
    )


def _own(values: Mapping[str, Any]) -> OwnSharing:
    try:
        return decode(OwnSharing, values, strict=False)
    except SchemaError as error:
        refuse_shape(error.pointer)
