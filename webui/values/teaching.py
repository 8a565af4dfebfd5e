"""The repair of a broken site, as the daemon reports it: the site, and the names that it needed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from webui.language import telling
from webui.values.shapes import Answer

RUNS, OVER = "runs", "over"


@dataclass(frozen=True, slots=True)
class Needed:
    """A name that a device requested meanwhile. All of it is untrusted input."""

    name: str
    group: str  # the registered domain
    service: str
    proposed: bool
    refused: str  # the reason; empty: it was opened
    sentence: str  # description of that reason
    number: int  # in order of the requests


@dataclass(frozen=True, slots=True)
class Lesson:
    state: str  # runs, over
    host: str
    until: datetime | None
    by: str
    devices: tuple[str, ...]
    names: tuple[Needed, ...] = ()
    left_out: int = 0  # number of further names

    @property
    def runs(self) -> bool:
        return self.state == RUNS

    @property
    def mark(self) -> str:
        """Return an id that is unique among the child's lessons."""
        return f"{self.host} {self.until.isoformat() if self.until else ''}"

    def seconds_left(self, now: datetime) -> int:
        return 0 if self.until is None or not self.runs else max(0, int((self.until - now).total_seconds()))

    @property
    def proposed(self) -> dict[str, list[Needed]]:
        """Return proposed names by domain, the site's own domain first."""
        return _grouped(name for name in self.names if name.proposed)

    @property
    def others(self) -> dict[str, list[Needed]]:
        """Return names that were opened and are not proposed: they may belong to another app."""
        return _grouped(name for name in self.names if not name.proposed and not name.refused)

    @property
    def refused(self) -> list[Needed]:
        return [name for name in self.names if name.refused]


def _grouped(names: Iterable[Needed]) -> dict[str, list[Needed]]:
    found: dict[str, list[Needed]] = {}
    for name in names:
        found.setdefault(name.group, []).append(name)
    return found


def parse_lesson(answer: Answer | None) -> Lesson | None:
    """Parse a lesson; None if none runs or waits to be saved."""
    if answer is None or answer.text("state") not in (RUNS, OVER):
        return None
    until = answer.moment("until") or datetime.now(UTC)
    names = tuple(
        entry.read(Needed, number=at, sentence=telling.needed(entry, until))
        for at, entry in enumerate(answer.entries("names"))
    )
    return answer.read(Lesson, names=names)
