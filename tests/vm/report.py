"""The table that is printed: a line for each point, with what was seen."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TextIO

from gateway.core.errors import GatewayError
from tests.lab.netns import LabError

Try = Callable[[], str]
"""Tries one point: returns what was seen, raises AssertionError with it where the point does not hold."""

_WIDTH = 58
PART = "# "  # what a line with the name of a part begins with
_FAILURES = (AssertionError, LabError, GatewayError, OSError, subprocess.SubprocessError)


@dataclass(slots=True)
class Report:
    """Points are printed as they are tried; ``close`` prints the sum."""

    out: TextIO
    title: str = "native"  # of the column: by what the packets are queued
    tried: int = 0
    failed: list[str] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)

    def head(self) -> None:
        self._say(f"{'point':{_WIDTH}}  {self.title}")

    def point(self, name: str, attempt: Try) -> bool:
        """Whether the point holds."""
        self.tried += 1
        try:
            seen = attempt()
        except _FAILURES as error:
            self.failed.append(name)
            reason = " ".join(str(error).split()) or type(error).__name__
            self._say(f"{name:{_WIDTH}}  FAIL    {reason}")
            return False
        self._say(f"{name:{_WIDTH}}  pass    {seen}".rstrip())
        return True

    def close(self) -> int:
        """The exit status: 0 when every point held."""
        took = time.monotonic() - self._began
        passed = self.tried - len(self.failed)
        self._say(f"{passed} of {self.tried} points pass, in {took:.0f} s.")
        return 1 if self.failed or not self.tried else 0

    def begin(self, part: str) -> None:
        self._say(f"{PART}{part}")

    def _say(self, line: str) -> None:
        print(line, file=self.out, flush=True)


def read_rows(lines: Iterable[str], part: str) -> dict[str, bool]:
    """Of a table as it was printed: each point of one part, and whether it holds."""
    found, within = {}, False
    for line in lines:
        if line.startswith(PART):
            within = line.removeprefix(PART) == part
        name, held = line[:_WIDTH].rstrip(), line[_WIDTH + 2 : _WIDTH + 6]
        if within and held in ("pass", "FAIL"):
            found[name] = held == "pass"
    return found


def side_by_side(columns: Mapping[str, Mapping[str, bool]]) -> Iterator[str]:
    """The same points, by column; ``-`` where one was not tried there."""
    yield "  ".join([f"{'the same point':{_WIDTH}}", *(f"{title:16}" for title in columns)]).rstrip()
    for name in dict.fromkeys(name for rows in columns.values() for name in rows):
        seen = (rows.get(name) for rows in columns.values())
        words = ({None: "-", True: "pass", False: "FAIL"}[one] for one in seen)
        yield "  ".join([f"{name:{_WIDTH}}", *(f"{word:16}" for word in words)]).rstrip()
