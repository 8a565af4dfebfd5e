"""Plain values → the text of a rule file in the style of a person: short values on one line.

The text reads back as the same values: ``plain(parse_document(written(x)))`` is ``x``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from gateway.core.errors import PolicyError
from gateway.policy.profile.plain import Document, Plain, document
from gateway.policy.yaml.documents import has_comments, parse_document

HEAD = (
    "# Written by the pages or the qalqan command; comments are not kept. Earlier versions are in history/.\n"
)
OLD_HEADS = (
    "# Written by the pages or the qalqan command; comments are not kept. An earlier version is in ",
)
WIDTH = 100  # columns; a longer value gets one line per item

# Texts without quotes. A time and `service:x` contain a colon and are quoted.
_BARE = re.compile(r"[^\W_](?:[\w.+% -]*\w)?")
_NULLS = frozenset({"null", "Null", "NULL"})


def written(said: Document, order: Sequence[str]) -> bytes:
    """Return the text of a file. ``order``: the first keys, in order; others follow in their own order."""
    known = {key: number for number, key in enumerate(order)}
    lines: list[str] = []
    for key in sorted(said, key=lambda key: known.get(key, len(known))):
        lines += _entry(key, said[key], 0)
    return (HEAD + "".join(f"{line}\n" for line in lines)).encode()


def _entry(key: str, value: Plain, indent: int) -> list[str]:
    margin = " " * indent
    head, flat = f"{margin}{scalar(key)}:", flow(value)
    if not value or not isinstance(value, list | dict) or len(head) + 1 + len(flat) <= WIDTH:
        return [f"{head} {flat}"]
    if isinstance(value, list):
        return [head, *(f"{margin}  - {flow(item)}" for item in value)]
    return [head, *(line for name, item in value.items() for line in _entry(name, item, indent + 2))]


def flow(value: Plain) -> str:
    """Return a value on one line."""
    if isinstance(value, list):
        return f"[{', '.join(map(flow, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{scalar(key)}: {flow(item)}' for key, item in value.items())}}}"
    return "null" if value is None else scalar(value)


def scalar(text: str) -> str:
    if _BARE.fullmatch(text) and "  " not in text and text not in _NULLS and text.isprintable():
        return text
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    if char.isprintable():
        return char
    code = ord(char)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def is_by_hand(source: bytes, order: Sequence[str]) -> bool:
    """Return True if a person wrote or changed the file: it must then be kept for longer."""
    try:
        return written(document(parse_document(source, "")), order) != source
    except PolicyError:
        return True


def has_own_comments(source: bytes) -> bool:
    """Return True if the file has comments of its owner, which the next edit would remove."""
    first, _, rest = source.partition(b"\n")
    line = first.decode("utf-8", "replace") + "\n"
    return has_comments(rest if line.startswith((HEAD, *OLD_HEADS)) else source)
