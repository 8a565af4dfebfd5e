"""Located values of a rule file, as `documents` reads them: each has its file, line and path.

Separate from the reader, since the pages use the rules' types but never read YAML.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from gateway.core.errors import PolicyError

MAX_SHOWN = 40  # characters of the file's text that an error repeats


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file."""

    file: str
    line: int  # 1-based
    path: str  # e.g. "limits.play" or "devices[2]"; empty for the whole file

    def error(self, problem: str, fix: str) -> PolicyError:
        at = f"{self.file}:{self.line}"
        return PolicyError(f"{at}: {self.path}" if self.path else at, problem, fix)

    def refuse(self, problem: str, fix: str) -> NoReturn:
        """Raise a PolicyError about this place. ``fix``: how to correct the problem."""
        raise self.error(problem, fix) from None


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
    keys: dict[str, Place]  # the place of each key


Node = Scalar | Sequence | Mapping


def shown(text: str) -> str:
    """Return ``text`` for an error message: in quotes, on one line, shortened."""
    return f"'{shortened(text)}'"


def shortened(text: str) -> str:
    return shown_flat(text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…")


def shown_flat(text: str) -> str:
    """Return ``text`` with unprintable characters, including line ends, as escapes."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
