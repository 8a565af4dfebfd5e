"""Changes of single entries of ``allow``, ``block`` and ``homework``. Pure functions."""

from __future__ import annotations

from webui.rules.ruleset import LISTS, Ruleset

ALLOW, BLOCK, HOMEWORK = LISTS
AGAINST = {ALLOW: (BLOCK,), BLOCK: (ALLOW, HOMEWORK), HOMEWORK: (BLOCK,)}

Changes = dict[str, object]


def put(book: Ruleset, key: str, word: str) -> Changes:
    """Return the changes that add ``word`` to the list and remove it from the opposite ones; empty without an
    effect.
    """
    changes: Changes = {f"{other}/{word}": None for other in AGAINST[key] if word in book.listed(other)}
    return changes if word in book.listed(key) else changes | {f"{key}/{word}": True}


def out_of(book: Ruleset, word: str) -> Changes:
    """Return the changes that restore the default of the band and the category for ``word``."""
    return {f"{key}/{word}": None for key in (ALLOW, BLOCK) if word in book.listed(key)}
