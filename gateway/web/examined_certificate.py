"""What was found out about a certificate, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

# Clients renew when a third of a certificate's life is left, 30 days of 90: this late none has for two weeks.
SOON_DAYS = 14


@dataclass(frozen=True, slots=True)
class Examined:
    """``problems`` hold whatever the clock says, and are lines for people."""

    problems: tuple[str, ...]
    since: datetime | None = None  # None: no certificate could be read
    until: datetime | None = None

    def dates(self, now: datetime) -> str:
        """What is wrong with the date; empty where nothing is."""
        if self.since is None or self.until is None:
            return ""
        if now < self.since:
            return f"the certificate is good from {self.since:%Y-%m-%d} on, and here it is {now:%Y-%m-%d}"
        if now >= self.until:
            return f"the certificate ended on {self.until:%Y-%m-%d}; renew it"
        return ""

    def all_problems(self, now: datetime) -> tuple[str, ...]:
        wrong = self.dates(now)
        return (*self.problems, wrong) if wrong else self.problems

    def days_left(self, now: datetime) -> int:
        """0 on the last day."""
        return 0 if self.until is None else max(0, (self.until - now).days)

    def as_json(self) -> dict[str, object]:
        times = {"since": self.since, "until": self.until}
        told = {key: None if one is None else int(one.timestamp()) for key, one in times.items()}
        return {"problems": list(self.problems), **told}


def examined(told: Mapping[str, object]) -> Examined:
    """Of such a line of JSON. One of another form tells of no certificate."""
    problems, since, until = (told.get(key) for key in ("problems", "since", "until"))
    if not isinstance(problems, list):
        return Examined(("the certificate could not be looked at",))
    return Examined(tuple(map(str, problems)), _moment(since), _moment(until))


def _moment(seconds: object) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if isinstance(seconds, int) else None
