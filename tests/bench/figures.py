"""What a benchmark measured, the mark that it was measured against, and plain statistics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


class Skipped(Exception):
    """A row cannot be measured here; one line that says why."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How thoroughly to measure, and with what."""

    folder: Path  # for everything that a run writes
    quick: bool = False  # few repetitions: to see that it works, not to be quoted
    lists: Path | None = None  # a folder of real lists, one name a line in ``*.txt``; None: made-up names

    def times(self, thorough: int, quick: int) -> int:
        return quick if self.quick else thorough


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. ``mark`` None: no mark belongs to it, it stands there to be compared with."""

    name: str
    measured: float
    unit: str
    mark: float | None = None
    at_least: bool = True  # which side of the mark is good
    note: str = ""

    @property
    def met(self) -> bool | None:
        if self.mark is None:
            return None
        return self.measured >= self.mark if self.at_least else self.measured <= self.mark

    @property
    def shown(self) -> str:
        return f"{_digits(self.measured)} {self.unit}".strip()

    @property
    def mark_shown(self) -> str:
        if self.mark is None:
            return ""
        return f"{'≥' if self.at_least else '≤'} {_digits(self.mark)} {self.unit}".strip()

    @property
    def verdict(self) -> str:
        return {None: "", True: "met", False: "not met"}[self.met]

    def line(self) -> str:
        words = f"  {self.name:<58} {self.shown:>16}  {self.mark_shown:<16} {self.verdict:<8} {self.note}"
        return words.rstrip()


def ratio(name: str, measured: float, mark: float | None = None, note: str = "") -> Figure:
    return Figure(name, measured, "", mark, note=note)


def at_most(name: str, measured: float, unit: str, mark: float | None, note: str = "") -> Figure:
    return Figure(name, measured, unit, mark, at_least=False, note=note)


def _digits(value: float) -> str:
    if value and abs(value) < 10:
        return f"{value:.3f}".rstrip("0").rstrip(".") or "0"
    return f"{value:,.1f}".removesuffix(".0") if abs(value) < 1000 else f"{value:,.0f}"


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest rank; ``share`` 0.5 is the median's neighbour, 0.99 the 99th percentile."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def neighbour_ratios(outer: Sequence[float], inner: Sequence[float]) -> list[float]:
    """``inner[i]`` over the mean of the two ``outer`` ones around it, so that a slow drift cancels."""
    return [one / ((outer[i] + outer[i + 1]) / 2) for i, one in enumerate(inner)]


def control_ratios(outer: Sequence[float]) -> list[float]:
    """The same for ``outer`` alone: what comes out when nothing is compared with nothing."""
    return [outer[i] / ((outer[i - 1] + outer[i + 1]) / 2) for i in range(1, len(outer) - 1)]
