"""Changes of single entries of ``allow``, ``block`` and ``homework``. Pure functions."""

from __future__ import annotations

from webui.rules.ruleset import LISTS, Ruleset

ALLOW, BLOCK, HOMEWORK = LISTS
AGAINST = {ALLOW: (BLOCK,), BLOCK: (ALLOW, HOMEWORK), HOMEWORK: (BLOCK,)}

Changes = dict[str, object]


def put(book: Ruleset, key: str, word: str) -> Changes:
    """Return the changes that add ``word`` to the list ``key``, and remove it from opposite lists.

    Empty if it is in the list already and in no opposite one.
    """
    changes: Changes = {f"{other}/{word}": None for other in AGAINST[key] if word in book.listed(other)}
    return changes if word in book.listed(key) else changes | {f"{key}/{word}": True}


def out_of(book: Ruleset, word: str) -> Changes:
    """Return the changes that take ``word`` off the family's lists, so that band and category apply to it."""
    return {f"{key}/{word}": None for key in (ALLOW, BLOCK) if word in book.listed(key)}
