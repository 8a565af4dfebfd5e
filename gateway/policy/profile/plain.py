"""A rule file as plain values: texts, lists and mappings. The pages read and change these.

Texts stay as written, as in ``documents``: the YAML library would read ``off`` as false.
"""

from __future__ import annotations

from typing import Any, NoReturn

from gateway.core.errors import PolicyError
from gateway.policy.yaml.documents import MAX_DEPTH, Mapping, Node, Scalar, shown

Plain = str | None | list["Plain"] | dict[str, "Plain"]
Document = dict[str, Plain]

WHOLE = ("log_level",)  # keys with a numeric value
FLAGS = ("strict", "updates", "keep_profile")


def plain(node: Node) -> Plain:
    """Return the value of a part of a file."""
    if isinstance(node, Scalar):
        return None if node.is_null else node.text
    if isinstance(node, Mapping):
        return document(node)
    return [plain(item) for item in node.items]


def document(source: Mapping) -> Document:
    """Return the content of a file, in its order."""
    return {key: plain(value) for key, value in source.entries.items()}


def from_json(value: object, key: str, depth: int = 0) -> Plain:
    """Return a value from a program as the file stores it.

    Raises PolicyError for values that no file can contain.
    """
    if depth > MAX_DEPTH:
        refuse(key, f"is nested deeper than {MAX_DEPTH} levels", "no rule needs that")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return _text(value, key)
    if isinstance(value, list):
        return [from_json(item, key, depth + 1) for item in value]
    if isinstance(value, dict):
        return {_text(name, key): from_json(item, key, depth + 1) for name, item in value.items()}
    return refuse(
        key, "holds a value that no rule has", "use texts, whole numbers, true, false, lists, mappings"
    )


def refuse(key: str, problem: str, fix: str) -> NoReturn:
    """Raise a PolicyError about a requested change, which has no place in a file yet."""
    raise PolicyError(key, problem, fix)


def _text(text: str, key: str) -> str:
    if any("\ud800" <= char <= "\udfff" for char in text):
        refuse(key, f"holds half a character: {shown(text)}", "take it out")
    return text


def typed(said: Document) -> dict[str, Any]:
    """Return the content for programs: numbers and booleans for keys that have only such values."""
    return {key: _typed(key, value) for key, value in said.items()}


def _typed(key: str, value: Plain) -> Any:
    if not isinstance(value, str):
        return value
    if key in WHOLE and value.isascii() and value.isdigit():
        return int(value)
    if key in FLAGS:
        return {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}.get(
            value.lower(), value
        )
    return value
