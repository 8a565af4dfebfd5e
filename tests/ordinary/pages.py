"""The pages of pages.yaml, as a browser of a child of some band needs them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from gateway.age.bands import AgeBand

_FILE = Path(__file__).with_name("pages.yaml")
CHILDREN = (AgeBand.AGE_0_5, AgeBand.AGE_6_9, AgeBand.AGE_10_12, AgeBand.AGE_13_15, AgeBand.AGE_16_17)


@dataclass(frozen=True, slots=True)
class Page:
    """``names``: what it calls, each with the youngest band in which it opens; None: it may be missing."""

    host: str
    youngest: AgeBand
    names: tuple[tuple[str, AgeBand | None], ...]

    def needs(self, band: AgeBand) -> list[str]:
        """What has to load for a child of ``band``, the page itself first."""
        called = (name for name, youngest in self.names if youngest and youngest <= band)
        return [self.host, *called]

    def may_miss(self, band: AgeBand) -> list[str]:
        return [name for name, youngest in self.names if not youngest or youngest > band]


@cache
def pages() -> tuple[Page, ...]:
    document = yaml.safe_load(_FILE.read_text("utf-8"))
    return tuple(_page(row, document["parts"]) for row in document["pages"])


def open_to(band: AgeBand) -> list[Page]:
    return [page for page in pages() if page.youngest <= band]


def _page(row: dict[str, Any], parts: dict[str, Any]) -> Page:
    youngest = AgeBand(row["from"])
    return Page(row["page"], youngest, tuple(dict(_called(row, youngest, parts)).items()))


def _called(
    row: dict[str, Any], youngest: AgeBand, parts: dict[str, Any]
) -> Iterator[tuple[str, AgeBand | None]]:
    for name in row.get("calls", ()):
        yield name, youngest
    for band, names in row.get("later", {}).items():
        for name in names:
            yield name, AgeBand(band)
    for part in row.get("with", ()):
        band = None if parts[part].get("missing") else AgeBand(parts[part]["from"])
        for name in parts[part]["names"]:
            yield name, band
