"""Located values of YAML files, and functions that read them as typed values or raise PolicyError.

`documents` makes these values from text. The pages use some of them but never read YAML: this module must not
import the YAML library.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, NoReturn, TypeVar

from gateway.core.errors import PolicyError

MAX_SHOWN = 40  # characters of the file's text that an error repeats

T = TypeVar("T")
D = TypeVar("D")
E = TypeVar("E", bound=Enum)
_HTTPS = re.compile(r"https://[!-~]{1,2000}", re.ASCII)
_ID = re.compile(r"[a-z][a-z0-9-]{0,39}", re.ASCII)
MAX_TEXT = 200  # characters of a name or another short text
MAX_WORDS_SHOWN = 40  # words; the longest set of keys has fewer
_TRUE = frozenset({"true", "yes", "on"})
_FALSE = frozenset({"false", "no", "off"})


# A start makes 60,000 places and scalars: a tuple is made three times as fast as a frozen dataclass.
class Place(NamedTuple):
    """A place in a file, for error messages: file, line and key."""

    file: str
    line: int  # 1-based
    path: str  # e.g. "limits.play" or "devices[2]"; empty for the whole file

    def error(self, problem: str, fix: str) -> PolicyError:
        """Return a PolicyError about this place. ``fix``: how to correct the problem."""
        at = f"{self.file}:{self.line}"
        return PolicyError(f"{at}: {self.path}" if self.path else at, problem, fix)

    def refuse(self, problem: str, fix: str) -> NoReturn:
        """Raise a PolicyError about this place. ``fix``: how to correct the problem."""
        raise self.error(problem, fix) from None


class Scalar(NamedTuple):
    place: Place
    text: str
    quoted: bool

    @property
    def is_null(self) -> bool:
        """True if the value is empty or null."""
        return not self.quoted and self.text in ("", "~", "null", "Null", "NULL")


@dataclass(frozen=True, slots=True)
class Sequence:
    place: Place
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Mapping:
    place: Place
    entries: dict[str, Node]  # in the order of the file
    keys: dict[str, Place]  # the place of each key


Node = Scalar | Sequence | Mapping


def shown(text: str) -> str:
    """Return ``text`` for an error message: in quotes, on one line, at most MAX_SHOWN characters of it."""
    return f"'{shortened(text)}'"


def shortened(text: str) -> str:
    """Return the first MAX_SHOWN characters of ``text`` on one line; ``…`` is the last if it is longer.

    Escapes of unprintable characters can make the result longer.
    """
    return shown_flat(text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…")


def shown_flat(text: str) -> str:
    """Return ``text`` with unprintable characters, including line ends, as escapes."""
    if text.isprintable():  # nearly always: this is called for each key of a file
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def suggestion(wrong: str, known: Collection[str]) -> str:
    """Return how to correct a word that is not in ``known``, as text for an error.

    It is a similar word, else all known ones (at most MAX_WORDS_SHOWN), else advice to check the spelling.
    """
    import difflib  # 1 MB; needed only for a mistake

    close = difflib.get_close_matches(wrong.lower()[:MAX_TEXT], known, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{close[0]}'?"
    return f"use one of: {', '.join(known)}" if len(known) <= MAX_WORDS_SHOWN else "check its spelling"


def text(node: Node) -> str:
    """Return the text of a node, without spaces around it.

    Raises PolicyError if it is no text, empty, null, longer than MAX_TEXT characters, or not printable.
    """
    if not isinstance(node, Scalar):
        node.place.refuse(f"is a {kind(node)}, not a text", "write one value")
    if node.is_null or not node.text.strip():
        node.place.refuse("is empty", "write a value or take the line out")
    if len(node.text) > MAX_TEXT:
        node.place.refuse(f"has {len(node.text)} characters, more than {MAX_TEXT}", "shorten it")
    if not node.text.isprintable():
        node.place.refuse(f"holds a character that does not print: {shown(node.text)}", "take it out")
    return node.text.strip()


def full_path(node: Node) -> str:
    """Return the absolute path in a node, without a slash at its end unless it is the root.

    Raises PolicyError for a relative path or one with ``..``.
    """
    path = text(node)
    if not path.startswith("/") or ".." in path.split("/"):
        node.place.refuse(f"{shown(path)} is not a full path", "start it with / and leave '..' out")
    return path.rstrip("/") or "/"


def https_url(node: Node, fix: str) -> str:
    """Return the HTTPS URL in a node. Raises PolicyError for other text; ``fix`` says what to write."""
    url = text(node)
    if _HTTPS.fullmatch(url) is None:
        node.place.refuse(f"{shown(url)} is no HTTPS address", fix)
    return url


def choice(node: Node, known: Collection[str]) -> str:
    """Return the word in a node. Raises PolicyError if it is not in ``known``."""
    word = text(node)
    if word not in known:
        node.place.refuse(f"{shown(word)} is not known here", suggestion(word, known))
    return word


def member(node: Node, words: type[E]) -> E:
    """Return the member of the enumeration ``words`` whose value is the word in a node.

    Raises PolicyError if there is none.
    """
    return words(choice(node, [known.value for known in words]))


def flag(node: Node) -> bool:
    """Return the boolean in a node: true, yes or on; false, no or off.

    Raises PolicyError for other text.
    """
    word = text(node).lower()
    if word not in _TRUE | _FALSE:
        node.place.refuse(f"{shown(word)} is neither true nor false", "write true or false")
    return word in _TRUE


def integer(node: Node, low: int, high: int) -> int:
    """Return the whole number in a node, decimal or ``0x…``.

    Raises PolicyError for other text or a number outside ``low`` to ``high``.
    """
    word = text(node)
    digits = word.removeprefix("0x")
    try:
        number = int(digits, 16 if digits != word else 10) if len(word) <= 20 and word.isascii() else None
    except ValueError:
        number = None
    if number is None or not low <= number <= high:
        node.place.refuse(f"{shown(word)} is not a number from {low} to {high}", "write such a number")
    return number


def items(node: Node) -> tuple[Node, ...]:
    """Return the items of a list node; () for an empty value. Raises PolicyError if it is no list."""
    if isinstance(node, Scalar) and node.is_null:
        return ()
    if not isinstance(node, Sequence):
        node.place.refuse(f"is a {kind(node)}, not a list", "write it as [a, b]")
    return node.items


def entries(node: Node, most: int) -> tuple[Node, ...]:
    """Return the items of a list node. Raises PolicyError if it is no list, or has more than ``most``."""
    found = items(node)
    if len(found) > most:
        node.place.refuse(f"has {len(found)} entries, more than {most}", "put some together")
    return found


def ident(node: Node) -> str:
    """Return the id in a node: a-z, 0-9 and dashes, a letter first, at most 40 characters.

    Raises PolicyError for other text.
    """
    key = text(node)
    if _ID.fullmatch(key) is None:
        node.place.refuse(f"{shown(key)} is no id", "use a-z, 0-9 and -, starting with a letter")
    return key


def texts(node: Node) -> tuple[str, ...]:
    return tuple(text(item) for item in items(node))


def mapping(node: Node) -> Mapping:
    """Return the node if it is a mapping, also an empty one (``{}``). Raises PolicyError for all else."""
    if isinstance(node, Scalar) and node.is_null:
        node.place.refuse("is empty", "write {} to clear the default, or take the line out")
    if not isinstance(node, Mapping):
        node.place.refuse(f"is a {kind(node)}, not a mapping", "write it as {key: value}")
    return node


def kind(node: Node) -> str:
    """Return the type of a node for an error: mapping, list or text."""
    if isinstance(node, Mapping):
        return "mapping"
    return "list" if isinstance(node, Sequence) else "text"


class Fields:
    """Reads the keys of one mapping. Raises PolicyError for a key that is not in ``known``."""

    def __init__(self, source: Mapping, known: Collection[str]) -> None:
        self.place: Place = source.place
        self._source = source
        for key, place in source.keys.items():
            if key not in known:
                place.refuse("is not a known key", suggestion(key, known))

    def __contains__(self, key: str) -> bool:
        return key in self._source.entries

    def node(self, key: str) -> Node | None:
        """Return the value of a key; None if it is absent."""
        return self._source.entries.get(key)

    def need(self, key: str) -> Node:
        """Return the value of a required key. Raises PolicyError if it is absent."""
        node = self._source.entries.get(key)
        if node is None:
            self.place.refuse(f"has no '{key}'", f"add a line '{key}: …'")
        return node

    def read(self, key: str, how: Callable[[Node], T], default: D) -> T | D:
        """Return the result of ``how`` for the value of ``key``; ``default`` if the key is absent."""
        node = self._source.entries.get(key)
        return default if node is None else how(node)


def pairs(node: Node) -> Iterator[tuple[str, Place, Node]]:
    """Yield key, place of the key and value of each entry in a mapping node.

    Any key is accepted. Raises PolicyError if the node is no mapping, when the first entry is read.
    """
    source = mapping(node)
    for key, value in source.entries.items():
        yield key, source.keys[key], value
