"""The verb `country`: ratings of films and games by band, and legal rules with the children they cover."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from webui.language.i18n import gettext as _
from webui.language.i18n import language
from webui.language.things import laws
from webui.values.shapes import Answer


@dataclass(frozen=True, slots=True)
class LawChild:
    id: str
    name: str
    binds: bool  # whether the whole band is younger than the age in the law
    on: bool


@dataclass(frozen=True, slots=True)
class Law:
    """A legal rule. Lists contain targets, such as ``service:tiktok``."""

    id: str
    name: str
    below: int
    status: str
    since: date | None
    expected: str
    refuses: tuple[str, ...]
    named_too: tuple[str, ...]
    why_open: str
    not_on_it: tuple[str, ...]
    source: str
    date: date | None
    children: tuple[LawChild, ...]

    def child(self, profile: str) -> LawChild | None:
        return next((child for child in self.children if child.id == profile), None)


@dataclass(frozen=True, slots=True)
class Rating:
    name: str
    of: str
    # mark, the later mark, the year from which the later one applies
    bands: Mapping[str, tuple[str, str, int]]

    def describe(self, band: str) -> str:
        """Describe the ratings of a band; empty for an unknown band."""
        mark, then, age = self.bands.get(band, ("", "", 0))
        values: dict[str, object] = {"mark": mark, "name": self.name}
        if not mark:
            return ""
        if then:
            values |= {"then": then, "age": age}
            return {
                "films": _("Films up to %(mark)s, from %(age)d years up to %(then)s (%(name)s)", **values),
                "games": _("Games up to %(mark)s, from %(age)d years up to %(then)s (%(name)s)", **values),
            }.get(self.of) or _(
                "Films and games up to %(mark)s, from %(age)d years up to %(then)s (%(name)s)", **values
            )
        return {
            "films": _("Films up to %(mark)s (%(name)s)", **values),
            "games": _("Games up to %(mark)s (%(name)s)", **values),
        }.get(self.of) or _("Films and games up to %(mark)s (%(name)s)", **values)


@dataclass(frozen=True, slots=True)
class Country:
    code: str
    ratings: tuple[Rating, ...]
    laws: tuple[Law, ...]

    def marks(self, band: str) -> tuple[str, ...]:
        return tuple(text for rating in self.ratings if (text := rating.describe(band)))


def parse_country(values: Mapping[str, Any]) -> Country:
    answer = Answer(values)
    return Country(
        answer.text("code"),
        tuple(map(_rating, answer.entries("ratings"))),
        tuple(map(_law, answer.entries("laws"))),
    )


def _rating(answer: Answer) -> Rating:
    marks = answer.entry("marks") or Answer({})
    bands = {}
    for band in marks.values:
        mark = marks.entry(band) or Answer({})
        bands[band] = (mark.text("mark"), mark.text("then"), mark.whole("from"))
    return Rating(answer.text("name"), answer.text("of"), bands)


def _law(answer: Answer) -> Law:
    return answer.read(
        Law,
        name=laws().get(answer.text("id")) or _in_language(answer, "names") or answer.text("name"),
        expected=_in_language(answer, "expected"),
        why_open=_in_language(answer, "why_open"),
        children=tuple(child.read(LawChild) for child in answer.entries("children")),
    )


def _in_language(answer: Answer, key: str) -> str:
    texts = answer.entry(key) or Answer({})
    return texts.text(language()) or texts.text("en")
