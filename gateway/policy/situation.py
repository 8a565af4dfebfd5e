"""What holds for one device at a time, beside its profile: pauses, grants, minutes used."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

FOREVER = datetime(9000, 1, 1, tzinfo=UTC)
"""The end of a pause that somebody has to end."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Extra time by the clock: one gate stays open until an instant, whatever its time rule says."""

    gate: str
    until: datetime
    service: str | None = None  # confines it to the flows of this service
    owner: str = "family"


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
    clock_known: bool = True  # False: the time is not known to be right
    portal: bool = False  # what a phone probes the internet with is refused while the device is shut
    allowed: tuple[tuple[str, datetime], ...] = ()  # names or "service:x" that a guardian opened, until when
    opened: tuple[
        tuple[str, datetime], ...
    ] = ()  # malware or phishing names that a guardian opened, until when
    addresses: Container[bytes] = (
        frozenset()
    )  # packed addresses that allowed names resolved to for this device


PLAIN = Situation()
"""Nothing beside the profile."""
