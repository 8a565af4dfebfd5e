"""Describes an age group: what it would change, and the ratings that fit it. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.control.contract.rules import CountryRating
from webui.language.i18n import gettext as _
from webui.rules.catalogue import CatalogueIndex
from webui.rules.hours import Unreadable
from webui.rules.overview import sentences, title
from webui.rules.ruleset import BY_ENTRY, LISTS, Ruleset, part, whole
from webui.rules.sentences import as_written, entry

# The value of an entry that an age group does not name, by key; {} for other keys.
ABSENT = {"categories": "allow", "ways": "allow"}


@dataclass(frozen=True, slots=True)
class Difference:
    title: str
    before: tuple[str, ...]
    after: tuple[str, ...]


def differences(book: Ruleset, names: CatalogueIndex, band: str) -> tuple[Difference, ...]:
    """Return how the child's rules would change with the age group ``band``, in words.

    Rules that the family has set are left out: they stay.
    """
    now, then = book.state.band_rules, names.bands.get(band, {})
    found = between(now, then, names, book.state.name)
    return tuple(difference for key, difference in found if not book.owns(key))


def between(
    now: Mapping[str, Any], then: Mapping[str, Any], names: CatalogueIndex, name: str
) -> Iterator[tuple[str, Difference]]:
    """Yield the key of each rule that differs between two sets of rules, with both values in words.

    ``name``: the child's.
    """
    for key in _keys(now, then):
        before, after = _value(now, key), _value(then, key)
        if before != after:
            described = (_said(key, value, names, name) for value in (before, after))
            yield key, Difference(title(key, names), *described)


def _keys(now: Mapping[str, Any], then: Mapping[str, Any]) -> Iterator[str]:
    for key in dict.fromkeys((*now, *then)):
        if key in BY_ENTRY:
            yield from (
                f"{key}/{fromkey}"
                for fromkey in dict.fromkeys((*(now.get(key) or {}), *(then.get(key) or {})))
            )
        else:
            yield key


def _value(rules: Mapping[str, Any], key: str) -> Any:
    value = part(rules, key)
    head, slash, _ = key.partition("/")
    return (ABSENT.get(head, {}) if slash else value) if value is None else value


def _said(key: str, value: Any, names: CatalogueIndex, name: str) -> tuple[str, ...]:
    if key in LISTS:
        return tuple(entry(key, str(word), names) for word in value or ())
    try:
        return sentences(key, value, names, name)
    except Unreadable:
        return (as_written(key, value),)


def falls(book: Ruleset, names: CatalogueIndex, band: str) -> bool:
    """Return True if the family's file sets a log level above that of the age group ``band``, the maximum.

    A change to that age group then lowers it. ``names``: the catalogue, with the rules of each age group.
    """
    most = whole(names.bands.get(band, {}).get("log_level"))
    return book.owns("log_level") and whole(book.state.own.get("log_level")) > most


def marks(ratings: Iterable[CountryRating], band: str) -> tuple[str, ...]:
    """Return a sentence for each of the country's ratings of films and games that fits an age group."""
    return tuple(text for rating in ratings if (text := _rating(rating, band)))


def _rating(rating: CountryRating, band: str) -> str:
    """Return a sentence about the rating of films or games for an age group; empty if it has none."""
    mark = rating.marks.get(band)
    if mark is None or not mark.mark:
        return ""
    values: dict[str, object] = {"mark": mark.mark, "name": rating.name}
    if mark.then:
        values |= {"then": mark.then, "age": mark.from_}
        return {
            "films": _("Films up to %(mark)s, from %(age)d years up to %(then)s (%(name)s)", **values),
            "games": _("Games up to %(mark)s, from %(age)d years up to %(then)s (%(name)s)", **values),
        }.get(rating.of) or _(
            "Films and games up to %(mark)s, from %(age)d years up to %(then)s (%(name)s)", **values
        )
    return {
        "films": _("Films up to %(mark)s (%(name)s)", **values),
        "games": _("Games up to %(mark)s (%(name)s)", **values),
    }.get(rating.of) or _("Films and games up to %(mark)s (%(name)s)", **values)
