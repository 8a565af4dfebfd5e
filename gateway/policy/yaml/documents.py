"""YAML text → located values, and plain values → YAML text.

Located values know their file, line and path (`fields`). Plain values are texts, lists and mappings, which
programs read and change. Supports only what rule files need: mappings, lists and plain text. Scalars keep the
text as written, because YAML 1.1 would read ``off`` as a boolean and ``20:45`` as a number in base 60;
``fields`` gives them types. Anchors, tags and second documents are rejected: rules do not need them, and they
let a small file expand into a large one.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Iterator
from typing import NoReturn

import yaml

from gateway.core.errors import PolicyError
from gateway.policy.yaml.fields import Mapping, Node, Place, Scalar, Sequence, shortened, shown, shown_flat

MAX_BYTES = 262_144  # as gateway.core.files reads at most
MAX_DEPTH = 12  # the deepest rule (limits, service, day type) has 4; bounds the recursion
MAX_NODES = 8_000  # bounds memory, 300 bytes each, and time, 4 us with all checks; full lists have 6,000
MAX_PARSER_MESSAGE = 160  # characters of the YAML parser's message

# Characters that YAML 1.1 §5.1 forbids; the parser does not report their line.
_CONTROL = re.compile("[^\t\n\r -~\x85\xa0-\ufffd\U00010000-\U0010ffff]")

# libyaml is there in every usual build and parses about ten times as fast as the pure Python loader.
_Loader = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader

Plain = str | None | list["Plain"] | dict[str, "Plain"]
Document = dict[str, Plain]
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


def parse_document(source: str | bytes, file: str) -> Mapping:
    """Return the mapping in the text of a YAML file, as located values. ``file``: the name for errors.

    Located values know their file, line and path.

    Raises:
        PolicyError: the text is not UTF-8, no YAML mapping, too large or too deep, has a control character or
            a key twice, or uses anchors, tags or a second document.
    """
    text = _decoded(source, file)
    try:
        return _Builder(text, file).document()
    except yaml.YAMLError as error:
        raise _syntax_error(error, text, file) from None


def locate(source: str | bytes, file: str, *path: Callable[[str], bool] | int) -> Place:
    """Return the place (file and line) of a value in a file, or of the last part of ``path`` that exists.

    ``path``: for a mapping, a test that accepts the key; for a list, the index from 0. Raises PolicyError if
    the text is no valid YAML file.
    """
    node: Node = parse_document(source, file)
    place = Place(file, 1, "")
    for step in path:
        if isinstance(step, int):
            if not isinstance(node, Sequence) or step >= len(node.items):
                break
            node = node.items[step]
            place = node.place
        else:
            key = (
                next((name for name in node.keys if step(name)), None) if isinstance(node, Mapping) else None
            )
            if key is None or not isinstance(node, Mapping):
                break
            place, node = node.keys[key], node.entries[key]
    return place


def has_comments(source: bytes) -> bool:
    """Return True if the YAML file has comments, the program's heading too, or cannot be read."""
    try:
        text = list(_decoded(source, ""))
        events = list(yaml.parse("".join(text), Loader=_Loader))
    except (yaml.YAMLError, PolicyError):
        return True
    for event in events:
        if isinstance(event, yaml.ScalarEvent) and event.start_mark and event.end_mark:
            start, end = event.start_mark.index, event.end_mark.index
            text[start:end] = " " * (end - start)
    return "#" in text


def _decoded(source: str | bytes, file: str) -> str:
    """Return a file's text. Raises PolicyError if it is not UTF-8, too large, or has control characters."""
    whole = Place(file, 1, "")
    try:
        data = source.encode() if isinstance(source, str) else source
        data = data.removeprefix(codecs.BOM_UTF8)
        text = data.decode("utf-8")
    except (UnicodeDecodeError, UnicodeEncodeError) as error:
        _at(source if isinstance(source, str) else data, error.start, file).refuse(
            "is not UTF-8 text", "save the file as UTF-8"
        )
    if len(data) > MAX_BYTES:
        whole.refuse(f"has {len(data)} bytes, more than {MAX_BYTES}", "split it or shorten it")
    if "\0" in text:
        _at(text, text.index("\0"), file).refuse("holds a NUL character", "save the file as plain UTF-8 text")
    if control := _CONTROL.search(text):
        problem = f"holds a character that no text has: {shown(control[0])}"
        _at(text, control.start(), file).refuse(problem, "take it out")
    return text


def _at(source: str | bytes, position: int, file: str) -> Place:
    before = source[:position]
    line = before.count("\n") if isinstance(before, str) else before.count(b"\n")
    return Place(file, line + 1, "")


def _syntax_error(error: yaml.YAMLError, text: str, file: str) -> PolicyError:
    line = 1
    messages = [str(error)]
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 1
        messages = [part for part in (error.context, error.problem) if part]
    problem = shown_flat(" ".join(" ".join(messages).split()))[:MAX_PARSER_MESSAGE]
    fix = "check indentation, quotes and brackets"
    if _is_indented_by_tab(text, line):
        fix = "indent with spaces, never with tabs"
    return Place(file, line, "").error(f"is not YAML ({problem})", fix)


def _is_indented_by_tab(text: str, line: int) -> bool:
    written = text.split("\n")[line - 1 : line]
    return any("\t" in line[: len(line) - len(line.lstrip())] for line in written)


class _Builder:
    """Builds located values from parser events; depth and size are checked before a value is built."""

    def __init__(self, text: str, file: str) -> None:
        self._file = file
        events: Iterator[yaml.Event] = iter(yaml.parse(text, Loader=_Loader))
        self._next = events.__next__
        self._nodes = 0

    def document(self) -> Mapping:
        """Return the mapping of the only document.

        Raises PolicyError for an empty file, another type of value, or a second document.
        """
        event = self._next()
        while isinstance(event, yaml.StreamStartEvent | yaml.DocumentStartEvent):
            event = self._next()
        if isinstance(event, yaml.StreamEndEvent):
            Place(self._file, 1, "").refuse("is empty", "write 'key: value' lines")
        node = self._node(event, "", 0)
        self._end_of_document()
        if not isinstance(node, Mapping):
            node.place.refuse("is not a mapping", "write 'key: value' lines")
        return node

    def _end_of_document(self) -> None:
        self._next()
        event = self._next()
        if not isinstance(event, yaml.StreamEndEvent):
            self._place(event, "").refuse(
                "starts a second document", "keep one document a file; remove the '---'"
            )

    def _place(self, event: yaml.Event, path: str) -> Place:
        mark = event.start_mark
        return Place(self._file, 1 if mark is None else mark.line + 1, path)

    def _node(self, event: yaml.Event, path: str, depth: int) -> Node:
        mark = event.start_mark
        place = Place(self._file, 1 if mark is None else mark.line + 1, path)
        if type(event) is not yaml.ScalarEvent or event.anchor is not None or event.tag is not None:
            self._refuse_extras(event, place)
        self._nodes += 1
        if self._nodes > MAX_NODES:
            place.refuse(f"has more than {MAX_NODES} values", "split the file")
        if depth > MAX_DEPTH:
            place.refuse(
                f"is nested deeper than {MAX_DEPTH} levels", "no rule needs that; check the brackets"
            )
        if isinstance(event, yaml.ScalarEvent):
            return Scalar(place, event.value, bool(event.style))
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(place, depth)
        return self._mapping(place, depth)

    @staticmethod
    def _refuse_extras(event: yaml.Event, place: Place) -> None:
        if isinstance(event, yaml.AliasEvent):
            place.refuse(f"refers to an anchor (*{event.anchor})", "write the value out")
        if getattr(event, "anchor", None) is not None:
            place.refuse("defines an anchor", "take the '&name' out")
        if getattr(event, "tag", None) is not None:
            place.refuse("has a YAML tag", "take the '!tag' out")

    def _sequence(self, place: Place, depth: int) -> Sequence:
        items: list[Node] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            items.append(self._node(event, f"{place.path}[{len(items) + 1}]", depth + 1))
        return Sequence(place, tuple(items))

    def _mapping(self, place: Place, depth: int) -> Mapping:
        entries: dict[str, Node] = {}
        keys: dict[str, Place] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key = self._node(event, place.path, depth + 1)
            if not isinstance(key, Scalar):
                key.place.refuse("has a key that is not plain text", "put the key in quotes")
            name = shortened(key.text)
            path = f"{place.path}.{name}" if place.path else name
            if key.text in entries:
                self._refuse_duplicate(key, path, keys[key.text])
            entries[key.text] = self._node(self._next(), path, depth + 1)
            keys[key.text] = Place(self._file, key.place.line, path)
        return Mapping(place, entries, keys)

    @staticmethod
    def _refuse_duplicate(key: Scalar, path: str, first: Place) -> NoReturn:
        at = Place(key.place.file, key.place.line, path)
        at.refuse(f"is there twice, first on line {first.line}", "keep one of the two")


def plain(node: Node) -> Plain:
    """Return a located value (with file and line) as a plain one: text, None, list or dict."""
    if isinstance(node, Scalar):
        return None if node.is_null else node.text
    if isinstance(node, Mapping):
        return document(node)
    return [plain(item) for item in node.items]


def document(source: Mapping) -> Document:
    """Return a located mapping as a dict of plain values (texts, lists, dicts), in the order of the file."""
    return {key: plain(value) for key, value in source.entries.items()}


def from_json(value: object, key: str, depth: int = 0) -> Plain:
    """Return a JSON value as a plain value for a YAML file: whole numbers and booleans become text.

    ``key``: the place for errors. Raises PolicyError for values that no file can contain, such as null.
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
    """Raise a PolicyError about a requested change: at ``key``, since it has no place in a file yet."""
    raise PolicyError(key, problem, fix)


def _text(text: str, key: str) -> str:
    if not is_unicode(text):
        refuse(key, f"holds half a character: {shown(text)}", "take it out")
    return text


def is_unicode(text: str) -> bool:
    """Return False if the text has half a character (a surrogate), which no file in UTF-8 can contain."""
    try:
        text.encode()  # a megabyte in a millisecond; a look at each character takes 30
    except UnicodeEncodeError:
        return False
    return True


def written(said: Document, order: Iterable[str]) -> bytes:
    """Return plain values as the YAML text of a file, in bytes, with a heading.

    ``order``: keys that come first; others follow in their order.
    """
    known = {key: number for number, key in enumerate(order)}
    lines: list[str] = []
    for key in sorted(said, key=lambda key: known.get(key, len(known))):
        lines += _entry(key, said[key], 0)
    return (HEAD + "".join(f"{line}\n" for line in lines)).encode()


def _entry(key: str, value: Plain, indent: int) -> list[str]:
    """Return the lines of one key: on one line if it fits into WIDTH, else one line for each item."""
    margin = " " * indent
    head = f"{margin}{scalar(key)}:"
    if not value or not isinstance(value, list | dict):
        return [f"{head} {flow(value)}"]
    if not _has_many(value) and len(line := f"{head} {flow(value)}") <= WIDTH:
        return [line]
    if isinstance(value, list):
        return [head, *(f"{margin}  - {flow(item)}" for item in value)]
    return [head, *(line for name, item in value.items() for line in _entry(name, item, indent + 2))]


def _has_many(value: Plain) -> bool:
    """Return whether a list or mapping in the value has more items than a line has room for."""
    if not isinstance(value, list | dict):
        return False
    items = value.values() if isinstance(value, dict) else value
    return len(value) > WIDTH // 3 or any(map(_has_many, items))  # "a, ": three characters an item


def flow(value: Plain) -> str:
    """Return a plain value as YAML on one line."""
    if isinstance(value, list):
        return f"[{', '.join(map(flow, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{scalar(key)}: {flow(item)}' for key, item in value.items())}}}"
    return "null" if value is None else scalar(value)


def scalar(text: str) -> str:
    """Return a text as a YAML scalar, in quotes if needed."""
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


def is_by_hand(source: bytes, order: Iterable[str]) -> bool:
    """Return True if a person wrote or changed the file: writing its content gives another text.

    Also True if it has the heading of an earlier program, or is no valid YAML. Such a version must be
    stored for longer. ``order``: as for `written`.
    """
    if not source.startswith(HEAD.encode()):
        return True
    try:
        return written(document(parse_document(source, "")), order) != source
    except PolicyError:
        return True


def has_own_comments(source: bytes) -> bool:
    """Return True if the file has comments other than the program's heading, or cannot be read.

    The next edit removes such comments.
    """
    first, _, rest = source.partition(b"\n")
    line = first.decode("utf-8", "replace") + "\n"
    return has_comments(rest if line.startswith((HEAD, *OLD_HEADS)) else source)
