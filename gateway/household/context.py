"""The interfaces that features share: the household's context, and effects on the data plane."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.core.bus import Bus
from gateway.core.clock import WallClock
from gateway.core.loop import Loop
from gateway.core.turns import Steps
from gateway.household.rule_book import RuleBook


class ClockTrust(Protocol):
    """States whether the clock can be trusted. `ClockWatch` implements it."""

    @property
    def known(self) -> bool:
        """Whether the time is known from any source, even if that is a guardian's phone."""
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
        """Whether the time is known (`ClockTrust`). While it is not, nothing ends at a stored time."""
        return self.trust.known

    def publish(self, event: str, /, **values: object) -> None:
        """Send an event with these values to the clients that listen at the control socket."""
        self.bus.notify(event, **values)


@dataclass(frozen=True, slots=True)
class Effects:
    """The updates of the data plane (slots, kernel table, connections) that features call after a change.

    Attributes:
        regroup: assigns devices to slots and judges running connections again. For a change of a rule file,
            or of the owner or place of a device.
        reload: reads rule files and lists again, then regroups. Returns one line for each problem. Raises
            PolicyError if qalqan.yaml and its last good version cannot be used; the previous rules stay in
            force.
        reload_steps: does the same in steps, for when many files may have changed.
        sync_table: updates the kernel's table to the current devices, owners and interfaces.
        sync_gates: blocks or passes the connections of every device in the kernel, by the time rules that
            apply now.
        rejudge: judges every running connection again, cuts the blocked ones, and returns their number.
    """

    regroup: Callable[[], None]
    reload: Callable[[], list[str]]
    reload_steps: Callable[[], Steps[list[str]]]
    sync_table: Callable[[], None]
    sync_gates: Callable[[], None]
    rejudge: Callable[[], int]


class HomeInterfaces:
    """The interfaces that face the LAN now: ``lan`` of `qalqan.yaml`, and that of a running filter test."""

    def __init__(self, rules: RuleBook) -> None:
        self._rules = rules
        self.probe: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        lan = self._rules.household.config.lan
        return tuple(lan) if self.probe is None else (*lan, self.probe)
