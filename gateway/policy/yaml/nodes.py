"""Located values of a rule file, as `documents` reads them: each knows its file, its line and its path.

Apart from the reading, since the pages use the rules' types and never read YAML.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from gateway.core.errors import PolicyError

MAX_SHOWN = 40  # characters of somebody's text that an error repeats


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in a file."""

    file: str
    line: int  # 1-based
    path: str  # e.g. "limits.play" or "devices[2]"; empty for the whole file

    def error(self, problem: str, mend: str) -> PolicyError:
        at = f"{self.file}:{self.line}"
        return PolicyError(f"{at}: {self.path}" if self.path else at, problem, mend)

    def refuse(self, problem: str, mend: str) -> NoReturn:
        """Raises what `error` makes: what is wrong here, and how to put it right."""
        raise self.error(problem, mend) from None


@dataclass(frozen=True, slots=True)
class Scalar:
    place: Place
    text: str
    quoted: bool

    @property
    def is_null(self) -> bool:
        return not self.quoted and self.text in ("", "~", "null", "Null", "NULL")


@dataclass(frozen=True, slots=True)
class Sequence:
    place: Place
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Mapping:
    place: Place
    entries: dict[str, Node]  # in the order of the file
    keys: dict[str, Place]  # where each key stands


Node = Scalar | Sequence | Mapping


def shown(text: str) -> str:
    """``text`` as an error may repeat it: in quotes, on one line, not long."""
    return f"'{shortened(text)}'"


def shortened(text: str) -> str:
    return shown_flat(text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…")


def shown_flat(text: str) -> str:
    """``text`` with whatever does not print, line ends too, as escapes."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
