"""Samples of a running gateway over time, and whether they stop growing after a warm-up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from statistics import linear_regression

HOUR_S = 3600.0
MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Sample:
    """What the processes and files of a gateway take at one moment. Sizes in bytes."""

    seconds: float  # since the begin of the run
    daemon_resident: int  # with pages of files, which the kernel can drop
    daemon_anonymous: int  # memory of its own
    daemon_descriptors: int
    web_resident: int
    web_anonymous: int
    web_descriptors: int
    database: int  # with its journal
    state: int  # everything else in the state folder
    logs: int


# The most that each may grow in an hour after the warm-up. The database grows with the history of a day.
LIMITS = {
    "daemon_resident": 2 * MB,
    "daemon_anonymous": 2 * MB,
    "daemon_descriptors": 4,
    "web_resident": 2 * MB,
    "web_anonymous": 2 * MB,
    "web_descriptors": 4,
    "database": 8 * MB,
    "state": 2 * MB,
    "logs": MB // 2,
}
WARM_UP_S = 900.0
_COUNTS = frozenset({"daemon_descriptors", "web_descriptors"})


@dataclass(frozen=True, slots=True)
class Growth:
    """How fast one figure grows after the warm-up."""

    name: str
    an_hour: float
    limit: float

    @property
    def met(self) -> bool:
        return self.an_hour <= self.limit

    def line(self) -> str:
        """Return a line of the table."""
        grown, limit = (_shown(self.name, value) for value in (self.an_hour, self.limit))
        return f"  {self.name:<20} {grown:>9} an hour, at most {limit:>5}  {'met' if self.met else 'NOT MET'}"


def growths(samples: Sequence[Sample], warm_up: float = WARM_UP_S) -> Iterator[Growth]:
    """Yield the growth of each figure, by linear regression over the samples after ``warm_up`` seconds.

    Raises ValueError if there are fewer than ten such samples.
    """
    after = [sample for sample in samples if sample.seconds >= warm_up]
    if len(after) < 10:
        msg = f"{len(after)} samples after a warm-up of {warm_up:g} s are too few"
        raise ValueError(msg)
    times = [sample.seconds for sample in after]
    for name, limit in LIMITS.items():
        slope = linear_regression(times, [float(getattr(sample, name)) for sample in after]).slope
        yield Growth(name, slope * HOUR_S, limit)


def table(samples: Sequence[Sample], rows: int = 24) -> Iterator[str]:
    """Yield a heading and at most ``rows`` lines, evenly spread over the run."""
    names = [field.name for field in fields(Sample) if field.name != "seconds"]
    yield "  minute  " + "  ".join(names)
    step = max(1, -(-len(samples) // rows))
    for sample in [*samples[:-1:step], *samples[-1:]]:
        shown = (_shown(name, getattr(sample, name)).rjust(len(name)) for name in names)
        yield f"  {sample.seconds / 60:6.1f}  " + "  ".join(shown)


def _shown(name: str, value: float) -> str:
    return f"{value:.0f}" if name in _COUNTS else f"{value / MB:.2f} MB"
