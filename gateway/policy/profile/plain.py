"""A rule file as plain values: texts, lists and mappings of them. What a page changes, and what it is told.

Texts stay as they are written, as in ``documents``: YAML's own reader makes false of ``off``.
"""

from __future__ import annotations

from typing import Any, NoReturn

from gateway.core.errors import PolicyError
from gateway.policy.yaml.documents import MAX_DEPTH, Mapping, Node, Scalar, shown

Plain = str | None | list["Plain"] | dict[str, "Plain"]
Document = dict[str, Plain]

WHOLE = ("log_level",)  # keys whose value is a number for a program
FLAGS = ("strict", "updates", "keep_profile")


def plain(node: Node) -> Plain:
    """What a part of a file says."""
    if isinstance(node, Scalar):
        return None if node.is_null else node.text
    if isinstance(node, Mapping):
        return document(node)
    return [plain(item) for item in node.items]


def document(source: Mapping) -> Document:
    """What a whole file says, in its order."""
    return {key: plain(value) for key, value in source.entries.items()}


def from_json(value: object, key: str, depth: int = 0) -> Plain:
    """A value as programs send it, as the file will have it. Raises PolicyError for what no file can say."""
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
        return {_text(one, key): from_json(item, key, depth + 1) for one, item in value.items()}
    return refuse(
        key, "holds a value that no rule has", "use texts, whole numbers, true, false, lists, mappings"
    )


def refuse(key: str, problem: str, mend: str) -> NoReturn:
    """Of what somebody wants, which stands in no file yet."""
    raise PolicyError(key, problem, mend)


def _text(text: str, key: str) -> str:
    if any("\ud800" <= char <= "\udfff" for char in text):
        refuse(key, f"holds half a character: {shown(text)}", "take it out")
    return text


def typed(said: Document) -> dict[str, Any]:
    """For programs: numbers are numbers and switches are true or false where the key has no other values."""
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
