"""States' registers in the home's file, as the verb `registers` reports them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from webui.language.changes import who
from webui.language.things import register
from webui.language.words import plain
from webui.values.shapes import Answer

_NOTE = 300  # characters of the note about its copy


@dataclass(frozen=True, slots=True)
class Register:
    country: str
    name: str
    on: bool
    by: str  # the guardian who turned it on; empty: unknown
    since: date | None
    names: int
    fetched: datetime | None
    note: str  # about its copy, in English


def parse_registers(values: Mapping[str, Any]) -> tuple[Register, ...]:
    return tuple(
        entry.read(
            Register,
            name=register(entry.text("country")),
            by=who(entry.text("by")),
            since=entry.day("since"),
            note=plain(entry.text("note"), _NOTE),
        )
        for entry in Answer(values).entries("registers")
    )
