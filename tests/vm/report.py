"""The table that is printed: a line for each point, with what was seen."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TextIO

from gateway.errors import GatewayError
from tests.lab.netns import LabError

Try = Callable[[], str]
"""Tries one point: returns what was seen, raises AssertionError with it where the point does not hold."""

_WIDTH = 58
_FAILURES = (AssertionError, LabError, GatewayError, OSError, subprocess.SubprocessError)


@dataclass(slots=True)
class Report:
    """Points are printed as they are tried; ``close`` prints the sum."""

    out: TextIO
    tried: int = 0
    failed: list[str] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)

    def head(self) -> None:
        self._say(f"{'point':{_WIDTH}}  native")

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

    def _say(self, line: str) -> None:
        print(line, file=self.out, flush=True)
