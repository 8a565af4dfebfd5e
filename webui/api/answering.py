"""Every operation of the API: found by its address, held to whose it is, read, called and answered."""

from __future__ import annotations

import json
from dataclasses import fields
from threading import Lock
from typing import Any

from flask import Response, request
from werkzeug.routing import Map, Rule

from webui.api import (
    account,
    activity,
    children,
    codes,
    devices,
    events,
    family,
    health,
    home,
    lists,
    log,
    my,
    people,
    requests,
    rules,
    sharing,
    teaching,
    who,
)  # fmt: skip
from webui.api.document import BASE, document
from webui.api.kinds import (
    Maybe,
    NotThatError,
    Record,
    is_needed,
    kind_of,
    kinds_of,
    name_of,
    not_that,
    plain,
)
from webui.api.operations import ANYONE, PARTS, Nothing, Operation
from webui.api.problems import Problem, of_status
from webui.memory import give_back

NOUNS = (
    teaching,
    home, children, rules, activity, requests, codes, devices, sharing, lists, family, people, account, log,
    health, my, events,
)  # fmt: skip

DOCUMENT = "openapi"

OPERATIONS: tuple[Operation, ...] = tuple(one for noun in NOUNS for one in noun.noun.operations)


class Served:
    """The document as bytes, made when somebody first asks for it: most homes never do."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._bytes = b""

    def get(self) -> bytes:
        with self._lock:
            if not self._bytes:
                self._bytes = json.dumps(document(OPERATIONS), separators=(",", ":")).encode()
                kinds_of.cache_clear()  # of all operations; a home asks for few
                give_back()
            return self._bytes


class Api:
    """Made when somebody first asks: most homes never do, and it takes three megabytes."""

    def __init__(self) -> None:
        self._served = Served()
        rules = [
            Rule(BASE + one.path.replace("{", "<").replace("}", ">"), endpoint=one.name, methods=[one.method])
            for one in OPERATIONS
        ]
        document = Rule(f"{BASE}/openapi.json", endpoint=DOCUMENT, methods=["GET"])
        self._map = Map([*rules, document], merge_slashes=False)
        self._operations = {one.name: one for one in OPERATIONS}

    def answer(self) -> Response:
        """Raises HTTPException where there is no such place or way."""
        adapter = self._map.bind_to_environ(request.environ)
        if request.method == "OPTIONS":
            return Response(headers={"Allow": ", ".join(sorted({*adapter.allowed_methods(), "OPTIONS"}))})
        name, parts = adapter.match()
        if name == DOCUMENT:
            return Response(self._served.get(), mimetype="application/json")
        return _answer(self._operations[name], dict(parts))


def _answer(one: Operation, parts: dict[str, str]) -> Response:
    me = who.caller()
    if ANYONE not in one.roles:
        if me is None:
            raise of_status(401, who.ASK_FOR_TOKEN)
        if not who.may(me, one.roles):
            raise of_status(403)
        if one.by_session and not me.session:
            raise Problem(403, "session_only")
    given = _parts(parts) | _sent(one)
    found = one.call(me, **given)
    if isinstance(found, Response):
        return found
    if one.answer is Nothing:
        return Response(status=204)
    if not isinstance(found, one.answer):
        found = Record(one.answer).read(found, "", False)
    return Response(json.dumps(plain(found)) + "\n", one.status, mimetype="application/json")


def _parts(parts: dict[str, str]) -> dict[str, object]:
    """What is in the path. What cannot be there is not there."""
    found: dict[str, object] = {}
    for name, text in parts.items():
        try:
            found[name] = kind_of(PARTS[name]).read(_typed(kind_of(PARTS[name]), text), name, True)
        except NotThatError:
            raise of_status(404) from None
    return found


def _sent(one: Operation) -> dict[str, object]:
    found: dict[str, object] = {}
    try:
        if one.query is not None:
            found["query"] = Record(one.query).read(_query(one.query), "", True)
        if one.body is not None:
            found["body"] = Record(one.body).read(_body(one.body), "", True)
    except NotThatError as error:
        raise Problem(400, "malformed", error.expected, pointer=error.pointer) from None
    return found


def _query(record: type) -> dict[str, object]:
    kinds = {name_of(field): kinds_of(record)[field.name] for field in fields(record)}
    found: dict[str, object] = {}
    for name, texts in request.args.lists():
        if len(texts) != 1:
            raise not_that(pointer=f"/{name}", expected="given once")
        found[name] = _typed(kinds.get(name), texts[0])
    return found


def _typed(kind: Any, text: str) -> object:
    """A word of an address, as JSON would have it."""
    inner = kind.inner if isinstance(kind, Maybe) else kind
    wanted = getattr(inner, "json_type", "string")
    if wanted == "integer" and text.isascii() and text.removeprefix("-").isdigit() and len(text) < 20:
        return int(text)
    if wanted == "boolean" and text in ("true", "false"):
        return text == "true"
    return text


def _body(record: type) -> object:
    data = request.get_data(cache=False)
    if not data and not request.content_type and all(not is_needed(field) for field in fields(record)):
        return {}
    if request.mimetype != "application/json":
        raise of_status(415)
    try:
        return json.loads(data, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise not_that(pointer="", expected="JSON") from None


def _no_constant(text: str) -> object:
    raise ValueError(text)
