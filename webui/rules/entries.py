"""Entries of ``allow``, ``block`` and ``homework``: what a change of one writes. Pure."""

from __future__ import annotations

from webui.rules.ruleset import LISTS, Ruleset

ALLOW, BLOCK, HOMEWORK = LISTS
AGAINST = {ALLOW: (BLOCK,), BLOCK: (ALLOW, HOMEWORK), HOMEWORK: (BLOCK,)}

Changes = dict[str, object]


def put(book: Ruleset, key: str, word: str) -> Changes:
    """``word`` in that list, and out of those that say the opposite; empty where that is so already."""
    changes: Changes = {f"{other}/{word}": None for other in AGAINST[key] if word in book.listed(other)}
    return changes if word in book.listed(key) else changes | {f"{key}/{word}": True}


def out_of(book: Ruleset, word: str) -> Changes:
    """``word`` as the band and its kind have it."""
    return {f"{key}/{word}": None for key in (ALLOW, BLOCK) if word in book.listed(key)}
