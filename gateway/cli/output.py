"""Output of commands: aligned columns, JSON, and warnings. Control characters are replaced."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence


def clean(text: object) -> str:
    """Return ``text`` with ``?`` for each non-printable character, such as an escape sequence in a name."""
    return "".join(letter if letter.isprintable() else "?" for letter in str(text))


def rows(table: Iterable[Sequence[object]], head: Sequence[str] = ()) -> None:
    """Print a table with aligned columns. ``head`` is its first line; empty: none.

    All rows and the head must have the same number of cells. Print nothing if there are neither rows nor a
    head. Non-printable characters of cells become ``?``.
    """
    lines = [[clean(cell) for cell in row] for row in table]
    if head:
        lines.insert(0, list(head))
    if not lines:
        return
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    for line in lines:
        padded = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        print("  ".join(padded).rstrip())


def as_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False, default=str))


def problem(text: str) -> None:
    """Print ``qalqan:`` and a warning on standard error, with ``?`` for each non-printable character."""
    print(f"qalqan: {clean(text)}", file=sys.stderr)
