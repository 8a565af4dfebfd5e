"""Reads the changes of the running version from the packaged changelog."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CHANGES = Path(__file__).parents[1] / "CHANGELOG.md"
MOST_BYTES = 512 * 1024  # of the changelog: some hundred versions
SHOWN = 60  # entries on the page; a version has a few dozen
UNRELEASED = "unreleased"  # for users of an unreleased version


@dataclass(frozen=True, slots=True)
class News:
    heading: str
    entries: tuple[str, ...]  # in the order of the changelog; English
    left_off: int


def read_news(version: str, path: Path = CHANGES) -> News | None:
    """Return the section about a version from the changelog's file, or the unreleased section.

    None without a file or section.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES).decode("utf-8", "replace")
    except OSError:
        return None
    return parse_news(version, text)


def parse_news(version: str, text: str) -> News | None:
    """Return the section about ``version`` from a changelog's text, or the unreleased section.

    None without either.
    """
    sections = {_name(part): part for part in text.split("\n## ")[1:]}
    section = sections.get(version) or sections.get(UNRELEASED)
    if section is None:
        return None
    entries = tuple(_entries(section))
    return News(section.partition("\n")[0].strip(), entries[:SHOWN], len(entries[SHOWN:]))


def _name(section: str) -> str:
    """Return the version in a section's heading, in lower case: ``0.2.0`` of ``[0.2.0] - 2026-12-01``."""
    return section.partition("\n")[0].strip().partition(" ")[0].strip("[]").lower()


def _entries(section: str) -> Iterator[str]:
    entry: list[str] = []
    for line in [*section.splitlines()[1:], "- "]:
        if line.startswith(("- ", "#")):
            if entry:
                yield " ".join(entry).replace("`", "")
            entry = [line.removeprefix("- ").strip()] if line.startswith("- ") else []
        elif entry and line.strip():
            entry.append(line.strip())
