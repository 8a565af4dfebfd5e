"""The interfaces that features share: the household's context, and effects on the data plane."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.core.bus import Bus
from gateway.core.clock import WallClock
from gateway.core.loop import Loop
from gateway.household.rule_book import RuleBook


class ClockTrust(Protocol):
    """States whether the clock can be trusted. `ClockWatch` implements it."""

    @property
    def known(self) -> bool:
        """Whether the system clock is known to be right."""
        ...


@dataclass(frozen=True, slots=True)
class HomeContext:
    """The objects that every feature needs: event loop, clock, current rules, and event bus.

    The store is not among them: a feature gets its own tables as constructor arguments.
    """

    loop: Loop
    clock: WallClock
    trust: ClockTrust
    rules: RuleBook
    bus: Bus

    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""
        return self.clock.now()

    def local_now(self) -> datetime:
        """Return the current time in the household's time zone."""
        return self.clock.now().astimezone(self.rules.household.config.zone)

    @property
    def clock_trusted(self) -> bool:
        """Whether the system clock is known to be right. While it is not, nothing ends at a stored time."""
        return self.trust.known

    def publish(self, event: str, /, **values: object) -> None:
        """Send an event with these values to the clients that listen at the control socket."""
        self.bus.notify(event, **values)


class Effects(Protocol):
    """The updates of the data plane (slots, kernel table, connections) that features call after a change."""

    def regroup(self) -> None:
        """Assign devices to slots and judge running connections again.

        Call it after a change of a rule file, or of the owner or place of a device.
        """
        ...

    def reload(self) -> list[str]:
        """Read rule files and lists again, then regroup. Returns one line for each problem.

        Raises PolicyError for a qalqan.yaml that cannot be used; the previous rules stay in force.
        """
        ...

    def sync_table(self) -> None:
        """Update the kernel's table to the current devices, owners and interfaces."""
        ...

    def sync_gates(self) -> None:
        """Block or pass the connections of every device in the kernel, by the time rules that apply now."""
        ...

    def rejudge(self) -> int:
        """Judge every running connection again, cut the blocked ones, and return their number."""
        ...


class HomeInterfaces:
    """The interfaces that face the LAN now: ``lan`` of `qalqan.yaml`, and that of a running filter test."""

    def __init__(self, rules: RuleBook) -> None:
        self._rules = rules
        self.audit: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        lan = self._rules.household.config.lan
        return tuple(lan) if self.audit is None else (*lan, self.audit)
