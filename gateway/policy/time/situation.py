"""What holds for one device at a time, beside its profile: pauses, grants, minutes used."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Protocol

from gateway.policy.values import Fault, Observation

FOREVER = datetime(9000, 1, 1, tzinfo=UTC)
"""The end of a pause that somebody has to end."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Extra time by the clock: one gate stays open until an instant, whatever its time rule says."""

    gate: str
    until: datetime
    service: str | None = None  # confines it to the flows of this service
    owner: str = "family"
    boundary: datetime | None = None  # after which its minutes come; None: counted from the tap
    sure: bool = True  # given while the clock was known


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a guardian teaches a device for some minutes (policy/teaching.py)."""

    site: str  # it and the names under it are open
    services: frozenset[str]  # that the site belongs to
    until: datetime


class Recent(Protocol):
    """Which services a device asked for within the last half hour, answered or refused, by their ids."""

    def asked(self, service: str) -> bool: ...

    def gave(self, service: str, address: bytes) -> bool:
        """Whether a name of ``service`` resolved to it (packed) for the device."""
        ...


class Resolved(Protocol):
    """Which names' answers gave the device which addresses (packed), as long as those hold."""

    def gave(self, host: str, address: bytes) -> bool: ...

    def vouched(self, host: str, address: bytes) -> bool:
        """Whether the gateway's own resolver gave it for ``host``."""
        ...

    def hosts(self, address: bytes) -> Iterable[str]:
        """The names that gave it, by answers of the gateway's own resolver: one of the device's own may say
        what it likes.
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
    """All instants are aware datetimes; one that has passed counts as absent."""

    quarantined: bool = False
    paused_until: datetime | None = None
    paused_by: str = "family"
    off_until: datetime | None = None  # filtering is off: time and categories stop, for everyone
    off_by: str = "family"
    grants: tuple[Grant, ...] = ()
    day: date | None = None  # the family's day that `used` and `bonus` are of; on another nothing is used
    used: Mapping[str, int] = field(default_factory=dict)  # whole minutes spent of a limit, by its gate
    bonus: Mapping[str, int] = field(default_factory=dict)  # minutes given beyond a limit, by its gate
    week_used: Mapping[str, int] = field(default_factory=dict)  # as `used`, of the week of `day`, up to it
    week_bonus: Mapping[str, int] = field(default_factory=dict)  # as `bonus`, of the week of `day`
    clock_known: bool = True  # False: the time is not known to be right
    timeless: bool = False  # no time rule closes anything: an audit asks what is refused at any hour
    portal: bool = False  # what a phone probes the internet with is refused while the device is shut (`led`)
    allowed: tuple[tuple[str, datetime], ...] = ()  # names or "service:x" that a guardian opened, until when
    lesson: Lesson | None = None
    # Packed addresses that allowed names resolved to for this device.
    addresses: Container[bytes] = frozenset()
    resolved: Resolved | None = None  # None: nobody keeps the answers, and no address is held against them
    recent: Recent = NOTHING_RECENT  # services that it asked for just now

    @property
    def led(self) -> bool:
        """Whether probes are refused while the device is shut, so that it shows the page: a new device has to
        be told why nothing opens. Any other stays online as far as it can tell, else it leaves the Wi-Fi.
        """
        return self.portal or self.quarantined

    def is_bare(self, seen: Observation) -> bool:
        """Whether a hello with ECH hides nothing: browsers put GREASE into those to bare addresses, too. To
        an address that a name gave to the device, such a hello hides the name.
        """
        return seen.fault is Fault.ECH and seen.host is None and seen.dst not in self.addresses


PLAIN = Situation()
"""Nothing beside the profile."""
