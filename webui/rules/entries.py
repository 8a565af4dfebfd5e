"""Changes of single entries of ``allow``, ``block`` and ``homework``. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable

from webui.rules.ruleset import LISTS, Ruleset, part

ALLOW, BLOCK, HOMEWORK = LISTS
AGAINST = {ALLOW: (BLOCK,), BLOCK: (ALLOW, HOMEWORK), HOMEWORK: (BLOCK,)}

Changes = dict[str, object]


def put(book: Ruleset, key: str, word: str) -> Changes:
    """Return the changes that add ``word`` to the list ``key``, and remove what says otherwise of it.

    Empty if it is in the list already and nothing says otherwise.
    """
    changes = _without(book, word, AGAINST[key])
    return changes if word in book.listed(key) else changes | {f"{key}/{word}": True}


def out_of(book: Ruleset, word: str) -> Changes:
    """Return the changes that take ``word`` off the family's lists, so that band and category apply to it."""
    return _without(book, word, (ALLOW, BLOCK))


def _without(book: Ruleset, word: str, lists: Iterable[str]) -> Changes:
    """Return the changes that take ``word`` off these lists, and remove its own entry of ``categories``."""
    own = f"categories/{word}"  # of a service
    changes: Changes = {f"{key}/{word}": None for key in lists if word in book.listed(key)}
    return changes if part(book.state.own, own) is None else changes | {own: None}
