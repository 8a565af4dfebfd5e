"""The content of a backup, and what restoring it would change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from webui.values.shapes import Answer


@dataclass(frozen=True, slots=True)
class Look:
    made: datetime | None
    by: str
    gateway: str
    version: str
    children: tuple[str, ...]
    people: tuple[str, ...]
    same: bool  # restoring changes nothing
    fresh: tuple[str, ...]  # names or files
    changed: tuple[str, ...]
    gone: tuple[str, ...]
    settings: bool
    devices: int
    pins: int
    self_set: int  # settings that children made for themselves
    added: tuple[str, ...]  # accounts
    grants: int
    steps: int  # postponed transitions to the next band
    problems: tuple[str, ...]  # of files in it that cannot be restored


@dataclass(frozen=True, slots=True)
class Last:
    """The last restored backup."""

    by: str
    at: datetime | None
    made: datetime | None
    undo: bool


def parse_look(values: Mapping[str, Any]) -> Look:
    answer = Answer(values)
    return answer.read(Look, children=tuple(child.text("name") for child in answer.entries("children")))


def parse_last(values: Mapping[str, Any]) -> Last | None:
    last = Answer(values).entry("last")
    return None if last is None else last.read(Last)
