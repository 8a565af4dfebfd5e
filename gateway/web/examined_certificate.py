"""The result of examining a certificate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

# ACME clients renew with a third of the lifetime left, 30 of 90 days: renewal has then failed for two weeks.
SOON_DAYS = 14


@dataclass(frozen=True, slots=True)
class ExaminedCertificate:
    """The problems of a certificate, and the period in which it is valid.

    ``problems``: lines for users, independent of today's date.
    """

    problems: tuple[str, ...]
    since: datetime | None = None  # None: no certificate could be read
    until: datetime | None = None

    def dates(self, now: datetime) -> str:
        """Return why the certificate is not valid at ``now``, as a line for users.

        Empty if it is valid, or could not be read.
        """
        if self.since is None or self.until is None:
            return ""
        if now < self.since:
            return f"the certificate is valid from {self.since:%Y-%m-%d} on, and today is {now:%Y-%m-%d}"
        if now >= self.until:
            return f"the certificate expired on {self.until:%Y-%m-%d}; renew it"
        return ""

    def all_problems(self, now: datetime) -> tuple[str, ...]:
        wrong = self.dates(now)
        return (*self.problems, wrong) if wrong else self.problems

    def days_left(self, now: datetime) -> int:
        """Return the whole days until the certificate expires.

        0 on the last day and after it, and if no certificate could be read.
        """
        return 0 if self.until is None else max(0, (self.until - now).days)

    def as_json(self) -> dict[str, object]:
        times = {"since": self.since, "until": self.until}
        seconds = {key: None if time is None else int(time.timestamp()) for key, time in times.items()}
        return {"problems": list(self.problems), **seconds}


def parse_examined(result: Mapping[str, object]) -> ExaminedCertificate:
    """Return the certificate from the JSON of `ExaminedCertificate.as_json`.

    JSON without a list of problems counts as a failed examination.
    """
    problems, since, until = (result.get(key) for key in ("problems", "since", "until"))
    if not isinstance(problems, list):
        return ExaminedCertificate(("the certificate could not be examined",))
    return ExaminedCertificate(tuple(map(str, problems)), _moment(since), _moment(until))


def _moment(seconds: object) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if isinstance(seconds, int) else None
