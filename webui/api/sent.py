"""Parses a request by its operation's declaration: path, query, JSON, or a form with a file.

JSON must follow RFC 8259 with further limits: UTF-8, unique keys, no NaN or infinity, few levels. Input that
two parsers could read differently is rejected.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from flask import request

from gateway.control.schema import (
    Maybe,
    Record,
    SchemaError,
    field_types,
    is_needed,
    name_of,
    type_of,
)
from webui.api.operations import PARTS, Operation
from webui.api.problems import Problem, of_status

DEPTH_MOST = 16  # levels; the deepest rule has five, and recursive parsers need stack for each
FORM = "multipart/form-data"
AROUND_FILE = 8 * 1024  # bytes of a form besides its file


def parts_of(found: dict[str, str]) -> dict[str, object]:
    """Return the variable parts of the request's path by name, checked.

    Raises Problem 404 for an invalid one.
    """
    read: dict[str, object] = {}
    for name, text in found.items():
        try:
            read[name] = type_of(PARTS[name]).read(_typed(type_of(PARTS[name]), text), name, True)
        except SchemaError:
            raise of_status(404) from None
    return read


def sent(operation: Operation) -> dict[str, object]:
    found: dict[str, object] = {}
    try:
        if operation.query is not None:
            found["query"] = Record(operation.query).read(_query(operation.query), "", True)
        if operation.body is not None:
            body = _form(operation.body, operation.upload) if operation.upload else _body(operation.body)
            found["body"] = Record(operation.body).read(body, "", True)
    except SchemaError as error:
        raise Problem(400, "malformed", error.expected, pointer=error.pointer) from None
    return found


def _query(record: type) -> dict[str, object]:
    kinds = {name_of(field): field_types(record)[field.name] for field in fields(record)}
    found: dict[str, object] = {}
    for name, texts in request.args.lists():
        if len(texts) != 1:
            raise SchemaError(pointer=f"/{name}", expected="given once")
        found[name] = _typed(kinds.get(name), texts[0])
    return found


def _typed(kind: Any, text: str) -> object:
    """Return a text of the path or query as the JSON type that ``kind`` needs: integer, boolean or text.

    Text that does not fit is returned unchanged.
    """
    inner = kind.inner if isinstance(kind, Maybe) else kind
    wanted = getattr(inner, "json_type", "string")
    if wanted == "integer" and text.isascii() and text.removeprefix("-").isdigit() and len(text) < 20:
        return int(text)
    if wanted == "boolean" and text in ("true", "false"):
        return text == "true"
    return text


def _form(record: type, most: int) -> dict[str, object]:
    """Return the fields and file contents of a multipart form by name. ``most``: maximum bytes of a file.

    The request's size limit is raised for this. Raises SchemaError, or Problem 413 or 415.
    """
    if request.mimetype != FORM:
        raise of_status(415)
    request.max_content_length = most + AROUND_FILE
    found: dict[str, object] = {}
    files = {name_of(field) for field in fields(record) if field_types(record)[field.name] == type_of(bytes)}
    for name, texts in request.form.lists():
        if len(texts) != 1 or name in files:
            raise SchemaError(pointer=f"/{name}", expected="a file" if name in files else "given once")
        found[name] = texts[0]
    for name, several in request.files.lists():
        if len(several) != 1 or name not in files:
            raise SchemaError(pointer=f"/{name}", expected="one file" if name in files else "no file")
        found[name] = several[0].read(most + 1)
        if len(several[0].read(1)) or len(found[name]) > most:  # type: ignore[arg-type]
            raise of_status(413)
    return found


def _body(record: type) -> object:
    data = request.get_data(cache=False)
    if not data and not request.content_type and all(not is_needed(field) for field in fields(record)):
        return {}
    if request.mimetype != "application/json":
        raise of_status(415)
    return read_json(data)


def read_json(data: bytes) -> object:
    """Return the value of JSON in UTF-8, parsed strictly: unique keys, finite numbers, at most 16 levels.

    Raises SchemaError for other data, and for text with half a surrogate pair.
    """
    try:
        found = json.loads(
            data.decode(), parse_constant=_no_constant, parse_float=_finite, object_pairs_hook=_once
        )
    except (ValueError, RecursionError):
        raise SchemaError(pointer="", expected="JSON in UTF-8, each key of an object once") from None
    for level, text in _walk(found):
        if level > DEPTH_MOST:
            raise SchemaError(pointer="", expected=f"at most {DEPTH_MOST} levels")
        if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
            raise SchemaError(pointer="", expected="text that Unicode has: half a pair stands for nothing")
    return found


def _walk(value: object) -> Iterator[tuple[int, str]]:
    """Yield each value and key in nested JSON as its level, from 1 on, and its text; empty if not a text.

    Ends after the first one that is deeper than DEPTH_MOST.
    """
    waiting = [(1, value)]
    while waiting:
        level, item = waiting.pop()
        yield level, item if isinstance(item, str) else ""
        if level > DEPTH_MOST:
            return
        if isinstance(item, dict):
            waiting += [(level, key) for key in item]
            waiting += [(level + 1, inner) for inner in item.values()]
        elif isinstance(item, list):
            waiting += [(level + 1, inner) for inner in item]


def _no_constant(text: str) -> object:
    raise ValueError(text)


def _finite(text: str) -> float:
    """Return the number of a JSON text. Raises ValueError for one that Python reads as infinity (1e999)."""
    found = float(text)
    if not math.isfinite(found):
        raise ValueError(text)
    return found


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        msg = "a key is there twice"
        raise ValueError(msg)
    return found
