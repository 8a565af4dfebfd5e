"""How commands print: aligned columns, one JSON object, and nothing that a terminal would obey."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence


def clean(text: object) -> str:
    """``text`` on one line; what is not printable, such as a name made to move the cursor, as ``?``."""
    return "".join(letter if letter.isprintable() else "?" for letter in str(text))


def rows(table: Iterable[Sequence[object]], head: Sequence[str] = ()) -> None:
    """Print columns; the last one is not padded."""
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
    """One line on standard error; the command goes on."""
    print(f"qalqan: {clean(text)}", file=sys.stderr)
