"""Who decided a refusal, since when, and where it is said to be wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from webui.language import telling, things
from webui.values.shapes import Answer

OWN = ("own-", "built-in")  # lists that come with the program


@dataclass(frozen=True, slots=True)
class OnList:
    id: str
    version: date | None
    own: bool


@dataclass(frozen=True, slots=True)
class Decided:
    """Empty where a daemon of an older version says nothing of it."""

    who: str  # family, band, law, register, lists, product
    kind: str  # of sites, in the reader's language
    contest: str  # a sentence
    since: date | None
    by: str
    version: str  # of the program, where the rule comes with it
    lists: tuple[OnList, ...]


def parse_decided(refusal: Answer) -> Decided:
    answer = refusal.entry("decided") or Answer({})
    kind = answer.text("kind")
    return Decided(
        who=answer.text("who"),
        kind=things.categories().get(kind, kind.replace("_", " ")),
        contest=telling.contested(answer.text("contest")),
        since=answer.day("since"),
        by=answer.text("by"),
        version=answer.text("version"),
        lists=tuple(
            OnList(one.text("id"), one.day("version"), own=one.text("id").startswith(OWN))
            for one in answer.entries("lists")
        ),
    )
