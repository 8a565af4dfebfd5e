"""Who decided a block, since when, and where to contest it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from webui.language import telling, things
from webui.values.shapes import Answer

OWN = ("own-", "built-in")  # lists in the package


@dataclass(frozen=True, slots=True)
class OnList:
    id: str
    version: date | None
    own: bool


@dataclass(frozen=True, slots=True)
class Decided:
    """The decision of a block. Empty if an older daemon does not report it."""

    who: str  # family, band, law, register, lists, product
    kind: str  # category, in the reader's language
    contest: str  # a sentence
    since: date | None
    by: str
    version: str  # of the program, for a rule of the package
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
            OnList(source.text("id"), source.day("version"), own=source.text("id").startswith(OWN))
            for source in answer.entries("lists")
        ),
    )
