"""Accepts the values of ``categories``, ``ways`` and ``unknown`` as earlier versions wrote them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from gateway.core.errors import PolicyError
from gateway.policy.yaml.fields import Mapping as Located
from gateway.policy.yaml.fields import Node, Scalar

T = TypeVar("T")

CURRENT: Mapping[str, str] = {"refuse": "block", "open": "allow"}
OLD: Mapping[str, str] = {new: old for old, new in CURRENT.items()}
KEYS = ("unknown", "categories", "ways")

FIX = "the next change on the pages writes the new one"


def with_current_words(said: Mapping[str, T]) -> dict[str, T]:
    """Return a copy of a profile file's content with outdated words replaced, such as refuse by block."""
    return _translated(said, CURRENT)


def with_old_words(said: Mapping[str, T]) -> dict[str, T]:
    """Return a copy of a profile file's content with current words replaced by the outdated ones.

    Stored digests were made of that form.
    """
    return _translated(said, OLD)


def _translated(said: Mapping[str, T], words: Mapping[str, str]) -> dict[str, T]:
    return {key: _value(value, words) if key in KEYS else value for key, value in said.items()}


def _value(value: Any, words: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {key: _value(item, words) for key, item in value.items()}
    return words.get(value, value) if isinstance(value, str) else value


def current_nodes(entries: Mapping[str, Node]) -> dict[str, Node]:
    """Return the located values of a rule file, with outdated words replaced, such as refuse by block."""
    return {key: _current(node) if key in KEYS else node for key, node in entries.items()}


def _current(node: Node) -> Node:
    if isinstance(node, Located):
        return replace(node, entries={key: _current(entry) for key, entry in node.entries.items()})
    if isinstance(node, Scalar):
        word = node.text.strip()
        return node._replace(text=CURRENT[word]) if word in CURRENT else node
    return node


def old_word(source: Located) -> PolicyError | None:
    """Return a warning about the first outdated word in a file, such as refuse; None if it has none."""
    for key in KEYS:
        node = source.entries.get(key)
        for value in node.entries.values() if isinstance(node, Located) else (node,):
            if isinstance(value, Scalar) and (word := value.text.strip()) in CURRENT:
                return value.place.error(f'"{word}" is the old word for "{CURRENT[word]}"', FIX)
    return None
