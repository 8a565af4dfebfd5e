"""Changes of single entries of ``allow``, ``block`` and ``homework``. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable

from webui.rules.ruleset import LISTS, Ruleset, part

ALLOW, BLOCK, HOMEWORK = LISTS
AGAINST = {ALLOW: (BLOCK,), BLOCK: (ALLOW, HOMEWORK), HOMEWORK: (BLOCK,)}

Changes = dict[str, object]


def put(book: Ruleset, key: str, word: str) -> Changes:
    """Return the changes that add ``word`` to the family's list ``key``, and remove contradicting entries.

    They are values by rule key; None removes an entry. An action that the family set for a service is removed
    too. ``word``: a site, ``service:ID`` or ``category:ID``. Empty if nothing has to change.
    """
    changes = _without(book, word, AGAINST[key])
    return changes if word in book.listed(key) else changes | {f"{key}/{word}": True}


def out_of(book: Ruleset, word: str) -> Changes:
    """Return the changes that remove ``word`` from the family's ``allow`` and ``block``.

    If it is a service, they also remove the action that the family set for it. The rule of the age group or
    of the category then applies. ``word``: a site, ``service:ID`` or ``category:ID``.
    """
    return _without(book, word, (ALLOW, BLOCK))


def _without(book: Ruleset, word: str, lists: Iterable[str]) -> Changes:
    """Return the changes that remove ``word`` from these lists of the family, and from its ``categories``.

    ``word``: a site, ``service:ID`` or ``category:ID``.
    """
    own = f"categories/{word}"  # of a service
    changes: Changes = {f"{key}/{word}": None for key in lists if word in book.listed(key)}
    return changes if part(book.state.own, own) is None else changes | {own: None}
