"""What is in a backup and what it would change, as values."""

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
    same: bool  # nothing would change
    fresh: tuple[str, ...]  # names or files
    changed: tuple[str, ...]
    gone: tuple[str, ...]
    settings: bool
    devices: int
    pins: int
    self_set: int  # what children set for themselves, one by one
    added: tuple[str, ...]  # accounts
    grants: int
    steps: int  # into the next age band, that were put off
    problems: tuple[str, ...]  # of files in it that cannot be used


@dataclass(frozen=True, slots=True)
class Last:
    """What was put in place last."""

    by: str
    at: datetime | None
    made: datetime | None
    undo: bool


def parse_look(values: Mapping[str, Any]) -> Look:
    answer = Answer(values)
    return answer.read(Look, children=tuple(one.text("name") for one in answer.entries("children")))


def parse_last(values: Mapping[str, Any]) -> Last | None:
    last = Answer(values).entry("last")
    return None if last is None else last.read(Last)
