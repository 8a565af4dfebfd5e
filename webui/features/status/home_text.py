"""Wraps the state of the home, its children and the requesting device for the pages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from gateway.control.contract.growing import AgeTransition
from gateway.control.contract.sharing import OwnSharing
from gateway.control.contract.status import ChildStatus, DevicePresence, DeviceState, DeviceStatus, HomeStatus
from webui.features.status.minutes_text import MinutesView
from webui.language import telling, zones

NEWS = timedelta(days=1)


class StateView:
    """Whether the internet is allowed for a child or device now, and a sentence about it.

    ``yours``: worded for the device's user.
    """

    def __init__(self, status: DeviceState | DeviceStatus, now: datetime, *, yours: bool = False) -> None:
        self.status = status
        self._now = now
        self._yours = yours

    @property
    def open(self) -> bool:
        return self.status.state == "open"

    @property
    def sentence(self) -> str:
        return telling.state(self.status, self._now, yours=self._yours)


class ChildView:
    def __init__(self, status: ChildStatus, now: datetime) -> None:
        self.status = status
        self.id = status.id
        self.name = status.name or status.id
        self.band = status.band
        self.log_level = status.log_level
        self.now = StateView(status, now)
        self.time = MinutesView(status)

    @property
    def devices(self) -> tuple[DevicePresence, ...]:
        return self.status.devices

    @property
    def paused(self) -> bool:
        return self.status.state == "paused"

    @property
    def online(self) -> bool:
        return any(device.online for device in self.devices)

    @property
    def quiet(self) -> bool:
        """Return whether guardians may not see if any of the child's devices is online.

        False without devices.
        """
        return bool(self.devices) and all(device.online is None for device in self.devices)

    def pin_is_recent(self, now: datetime) -> bool:
        """Return whether the child set its PIN, without a parent, within the last day.

        Its parents' page shows it.
        """
        at = self.status.pin_set
        return at is not None and not self.status.pin_by and now - at < NEWS

    def device_name(self, mac: str) -> str:
        """Return the name of a child's device; its address if it has none or is not the child's any more."""
        return next((device.name for device in self.devices if device.mac == mac and device.name), mac)


class HomeView:
    def __init__(self, status: HomeStatus) -> None:
        self.status = status
        # With the zone: a time after the next clock change has another offset than the time now.
        self.now = zones.local(status.now, status.timezone)
        self.day: date = status.day  # the day to which limits apply; it changes at night, not at midnight
        self.children = tuple(ChildView(child, self.now) for child in status.profiles)

    @property
    def off(self) -> bool:
        return self.status.mode == "off"

    @property
    def problems(self) -> Mapping[str, tuple[str, ...]]:
        """Return the parts of the gateway that do not work: by code, each with its lines in English."""
        found: dict[str, tuple[str, ...]] = {}
        for problem in self.status.coded_problems:
            found[problem.code] = (*found.get(problem.code, ()), problem.text)
        return found

    def step_of(self, profile: str) -> AgeTransition | None:
        return next((step for step in self.status.steps if step.profile == profile), None)

    def child(self, profile: str) -> ChildView | None:
        return next((child for child in self.children if child.id == profile), None)


class Here:
    """The device that sent the current request, with its owner, rules and minutes.

    ``profile``: its owner's id or a group such as ``guest``; empty for an unknown device, and while a
    question about it is open.
    """

    def __init__(self, status: DeviceStatus) -> None:
        self.status = status
        self.mac = status.mac or ""
        self.asked = status.asked or ""  # the open question about it
        # A device with an open question has a child's rules, but shows nothing of that child.
        self.profile = "" if self.asked else status.profile or ""
        self.time = MinutesView(status)

    @property
    def now(self) -> StateView | None:
        """Return whether the internet is allowed for the device now; None if no rule ever blocks it."""
        if not self.status.state or self.status.now is None:
            return None
        now = zones.local(self.status.now, self.status.timezone or "")
        return StateView(self.status, now, yours=True)

    @property
    def own(self) -> OwnSharing:
        return self.status
