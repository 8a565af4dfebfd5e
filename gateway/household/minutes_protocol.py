"""What others need of whoever counts minutes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Protocol


class Entry(Protocol):
    """One minute that was counted for one gate on one device, and why."""

    @property
    def at(self) -> datetime: ...
    @property
    def device(self) -> str: ...
    @property
    def gate(self) -> str: ...
    @property
    def bytes(self) -> int: ...
    @property
    def service(self) -> str | None: ...
    @property
    def why(self) -> str: ...


class Used(Protocol):
    """One minute of what is kept by kind, whether a limit counts it or not."""

    @property
    def at(self) -> datetime: ...
    @property
    def use(self) -> str: ...


class Minutes(Protocol):
    def used(self, profile_id: str) -> tuple[date | None, Mapping[str, int]]:
        """The family's day, and the whole minutes spent on it, by limit gate."""
        ...

    def used_since(self, profile_id: str, first: date) -> Mapping[str, int]:
        """Return the whole minutes spent from the day ``first`` up to the family's day, by limit gate."""
        ...

    def used_on(self, profile_id: str) -> Mapping[str, Mapping[str, int]]:
        """Whole minutes of that day by device and gate, in the order of first use."""
        ...

    def entries(self, profile_id: str, day: date) -> Sequence[Entry]:
        """The minutes of a day that counted, in order."""
        ...

    def uses(self, profile_id: str, day: date) -> Sequence[Used]:
        """The minutes of a day by kind, as far as the log level of then had them kept."""
        ...


class Uncounted:
    """Nobody counts."""

    def used(self, profile_id: str) -> tuple[date | None, Mapping[str, int]]:  # noqa: ARG002
        return None, {}

    def used_since(self, profile_id: str, first: date) -> Mapping[str, int]:  # noqa: ARG002
        return {}

    def used_on(self, profile_id: str) -> Mapping[str, Mapping[str, int]]:  # noqa: ARG002
        return {}

    def entries(self, profile_id: str, day: date) -> Sequence[Entry]:  # noqa: ARG002
        return ()

    def uses(self, profile_id: str, day: date) -> Sequence[Used]:  # noqa: ARG002
        return ()
