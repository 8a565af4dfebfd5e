"""What holds for one device at a time, beside its profile: pauses, grants, used-up limits."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

FOREVER = datetime(9000, 1, 1, tzinfo=UTC)
"""The end of a pause that somebody has to end."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Extra time: one gate stays open until an instant, whatever its time rule says."""

    gate: str
    until: datetime
    service: str | None = None  # confines it to the flows of this service
    owner: str = "family"


class Recent(Protocol):
    """Which services a device asked for within the last half hour, answered or refused, by their ids."""

    def asked(self, service: str) -> bool: ...

    def gave(self, service: str, address: bytes) -> bool:
        """Whether a name of ``service`` resolved to it (packed) for the device."""
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
    used_up: tuple[
        tuple[str, datetime], ...
    ] = ()  # gates of limits that are spent, and when they are new again
    clock_known: bool = True  # False: the time is not known to be right
    opened: tuple[
        tuple[str, datetime], ...
    ] = ()  # malware or phishing names that a guardian opened, until when
    addresses: Container[bytes] = (
        frozenset()
    )  # packed addresses that allowed names resolved to for this device
    recent: Recent = NOTHING_RECENT  # services that it asked for just now


PLAIN = Situation()
"""Nothing beside the profile."""
