"""What is asked about devices, as the pages show it: one card each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from webui.values.answers import QUIET
from webui.values.shapes import Answer

SHOWN = 5  # cards; the rest is counted


@dataclass(frozen=True, slots=True)
class Question:
    mac: str
    ask: str  # new, again, copy, repeater
    at: datetime | None
    name: str  # what the device calls itself, hostile input
    kind: str  # phone, tablet, tv, console, computer, thing; empty: not known
    online: bool
    known: str  # the name, else the address, of the device that it may be; empty: none
    owner: str  # whose that is, or whose the address is that two use
    rules: str  # whose rules hold until somebody answers; empty: this changes nothing
    signs: tuple[str, ...]
    settled: bool
    replies: tuple[str, ...]
    people: bool  # it may be answered with a person
    adult: bool  # somebody says on it to be an adult
    sightings: str = ""  # how exactly it is told when it came: moment, day, nothing

    @property
    def quiet(self) -> bool:
        return self.sightings in QUIET

    @property
    def may_be_again(self) -> bool:
        return self.ask == "again" and "again" in self.replies


@dataclass(frozen=True, slots=True)
class Questions:
    found: tuple[Question, ...] = ()
    count: int = 0

    @property
    def more(self) -> int:
        return max(0, self.count - len(self.found))

    def of(self, mac: str) -> Question | None:
        return next((one for one in self.found if one.mac == mac), None)


def parse_questions(values: Mapping[str, Any]) -> Questions:
    answer = Answer(values)
    return Questions(tuple(map(parse_question, answer.entries("questions"))), answer.whole("count"))


def parse_question(entry: Answer) -> Question:
    return entry.read(
        Question,
        known=entry.text("known_name") or entry.text("known"),
        owner=entry.text("owner_name"),
        rules=entry.text("rules_name"),
    )
