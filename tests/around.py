"""What the verb `guardian` is given in tests: a clock that a test moves, a home with known devices."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from gateway.control.surroundings import Around, Visitor

START = datetime(2026, 11, 24, 14, 40, tzinfo=UTC)
LABEL = "K7QM-3XPR"


@dataclass
class Scene:
    now: float = 0.0
    start: datetime = START
    known: bool = True
    label: str = LABEL
    unclaimed: bool = True
    audit: list[tuple[str, str, str, str]] = field(default_factory=list)
    devices: dict[str, Visitor] = field(
        default_factory=lambda: {"192.168.1.7": Visitor("02:00:00:00:00:0c", "Galaxy-S23")}
    )

    def wall(self) -> datetime:
        return self.start + timedelta(seconds=self.now)

    def around(self) -> Around:
        return Around(
            lambda: self.now,
            self.wall,
            lambda: self.known,
            lambda *line: self.audit.append(line),
            lambda origin: self.devices.get(origin, Visitor()),
            lambda: self.label,
            lambda: self.unclaimed,
        )
