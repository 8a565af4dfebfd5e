"""Questions about devices, as the pages show them: one card each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from webui.values.answers import QUIET
from webui.values.shapes import Answer

SHOWN = 5  # cards; the rest is a number


@dataclass(frozen=True, slots=True)
class Question:
    mac: str
    ask: str  # new, again, copy, repeater
    at: datetime | None
    name: str  # the device's own name; untrusted input
    kind: str  # phone, tablet, tv, console, computer, thing; empty: unknown
    online: bool
    known: str  # the name, else the address, of the device that it may be; empty: none
    owner: str  # the owner of that device, or of the address that two devices use
    rules: str  # owner of the rules that apply until the answer; empty: no change
    signs: tuple[str, ...]
    settled: bool
    replies: tuple[str, ...]
    people: bool  # a person is a valid answer
    adult: bool  # an adult has been claimed on it
    sightings: str = ""  # precision of its arrival time: moment, day, nothing

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
        return next((question for question in self.found if question.mac == mac), None)


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
