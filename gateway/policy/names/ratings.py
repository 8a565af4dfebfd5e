"""Age marks of films and games: `ratings` of `profiles/countries/*.yaml`. Shown with a band, for information.

The format::

    ratings:
      - id: pegi
        name: PEGI
        of: games                       # one of MEDIA
        marks: {"0-5": "3", "10-12": {mark: "7", then: "12", from: 12}}     # a band: the highest mark for it
        source: …
        date: 2026-11-24
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from gateway.age.bands import Band
from gateway.policy.profile.laws import day_of
from gateway.policy.yaml import fields
from gateway.policy.yaml.documents import Node, Scalar

MEDIA = ("films", "games", "films and games")


@dataclass(frozen=True, slots=True)
class Mark:
    """The highest mark for a band. ``then``: a second mark, which applies from age ``from_age`` on."""

    mark: str
    then: str = ""
    from_age: int = 0


@dataclass(frozen=True, slots=True)
class Rating:
    id: str
    name: str
    of: str
    marks: Mapping[Band, Mark]  # for all six bands
    source: str
    date: date  # of the source


def parse_rating(node: Node) -> Rating:
    """Return one rating. Raises PolicyError."""
    part = fields.Fields(fields.mapping(node), ("id", "name", "of", "marks", "source", "date"))
    where = part.need("marks")
    marks = {}
    for key, place, value in fields.pairs(where):
        if key not in [band.value for band in Band]:
            place.refuse("is no band", fields.suggestion(key, [band.value for band in Band]))
        marks[Band(key)] = _mark(value, Band(key))
    missing = [band.value for band in Band if band not in marks]
    if missing:
        where.place.refuse(f"has no {missing[0]}", "give a mark for each of the six bands")
    return Rating(
        id=fields.text(part.need("id")),
        name=fields.text(part.need("name")),
        of=fields.choice(part.need("of"), MEDIA),
        marks=marks,
        source=fields.text(part.need("source")),
        date=day_of(part.need("date")),
    )


def _mark(node: Node, band: Band) -> Mark:
    if isinstance(node, Scalar):
        return Mark(fields.text(node))
    part = fields.Fields(fields.mapping(node), ("mark", "then", "from"))
    first, last = band.ages
    age = fields.integer(part.need("from"), first + 1, last if last is not None else first + 1)
    return Mark(fields.text(part.need("mark")), fields.text(part.need("then")), age)
