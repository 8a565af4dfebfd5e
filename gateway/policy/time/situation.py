"""The temporary state of one device, in addition to its profile: pauses, grants, used minutes."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Protocol

from gateway.policy.values import Fault, Observation

FOREVER = datetime(9000, 1, 1, tzinfo=UTC)
"""The end of a pause without a fixed end."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Extra time by the clock: one gate stays open until an instant, whatever its time rule says."""

    gate: str
    until: datetime
    service: str | None = None  # limits it to the flows of this service
    owner: str = "family"
    boundary: datetime | None = None  # after which its minutes start; None: they count from the tap
    sure: bool = True  # given while the clock was trusted


@dataclass(frozen=True, slots=True)
class Lesson:
    """A site repair in progress on a device (policy/requests/site_repair.py)."""

    site: str  # this name and all names under it are open
    services: frozenset[str]  # services that the site belongs to
    until: datetime


class Recent(Protocol):
    """The services whose names a device queried within the last half hour, answered or blocked, by id."""

    def asked(self, service: str) -> bool: ...

    def gave(self, service: str, address: bytes) -> bool:
        """Return True if a name of ``service`` resolved to the address (packed) for the device."""
        ...


class Resolved(Protocol):
    """The addresses (packed) that DNS answers gave the device, by name, while the answers are valid."""

    def gave(self, host: str, address: bytes) -> bool: ...

    def vouched(self, host: str, address: bytes) -> bool:
        """Return True if the gateway's own resolver gave the address for ``host``."""
        ...

    def hosts(self, address: bytes) -> Iterable[str]:
        """Return the names whose answers gave the address, from the gateway's own resolver only.

        A device's own resolver could claim any name.
        """
        ...


class NothingRecent:
    def asked(self, service: str) -> bool:  # noqa: ARG002
        return False

    def gave(self, service: str, address: bytes) -> bool:  # noqa: ARG002
        return False


NOTHING_RECENT = NothingRecent()


@dataclass(frozen=True, slots=True)
class Situation:
    """The state at one time. All instants are aware datetimes; a past one counts as absent."""

    quarantined: bool = False
    paused_until: datetime | None = None
    paused_by: str = "family"
    off_until: datetime | None = None  # filtering is off for everyone: no time rules, no categories
    off_by: str = "family"
    grants: tuple[Grant, ...] = ()
    day: date | None = None  # the family's day of `used` and `bonus`; on another day nothing is used
    used: Mapping[str, int] = field(default_factory=dict)  # whole minutes used of a limit, by its gate
    bonus: Mapping[str, int] = field(default_factory=dict)  # extra minutes of a limit, by its gate
    week_used: Mapping[str, int] = field(default_factory=dict)  # as `used`, of the week of `day`, up to it
    week_bonus: Mapping[str, int] = field(default_factory=dict)  # as `bonus`, of the week of `day`
    clock_known: bool = True  # False: the clock is not trusted
    timeless: bool = False  # no time rule applies: an audit checks what is blocked at any hour
    portal: bool = False  # connectivity probes are blocked while the device is blocked (`led`)
    allowed: tuple[tuple[str, datetime], ...] = ()  # names or "service:x" that a guardian opened, until when
    lesson: Lesson | None = None
    # Packed addresses that allowed names resolved to for this device.
    addresses: Container[bytes] = frozenset()
    resolved: Resolved | None = None  # None: answers are not stored, and addresses are not checked
    recent: Recent = NOTHING_RECENT  # services that the device queried recently

    @property
    def led(self) -> bool:
        """True if probes are blocked while the device is blocked, so that it shows the page.

        A new device needs the explanation. Any other device must appear online, or it leaves the Wi-Fi.
        """
        return self.portal or self.quarantined

    def is_bare(self, seen: Observation) -> bool:
        """Return True if a hello with ECH hides no name: browsers send GREASE to bare addresses too.

        If a name gave the device this address, such a hello hides the name.
        """
        return seen.fault is Fault.ECH and seen.host is None and seen.dst not in self.addresses


PLAIN = Situation()
"""No state in addition to the profile."""
