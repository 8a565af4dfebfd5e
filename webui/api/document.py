"""Builds the OpenAPI 3.1 document of the API from its declared operations. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from gateway.control.schema import Json, Maybe, field_types, is_needed, name_of, type_of
from webui.api.happenings import EVENTS
from webui.api.operations import ANYONE, PARTS, NoContent, Operation
from webui.api.problems import CODES, MEDIA
from webui.api.sent import FORM

BASE = "/api/v1"
VERSION = "1.0.0"  # of the API: a removal or a change of meaning needs another base path
FOR_ALL = (403, 404, 405, 413, 421, 422, 429, 503)
OF_INPUT = (400, 415)
OF_CHANGES = (409,)
# OpenAPI 3.1 cannot describe messages of a stream. `x-events` of this path has their schemas by kind.
EVENTS_AT = "events"


class RecordSchemas:
    """Collects JSON schemas of record classes by name, for ``components/schemas`` of the OpenAPI document.

    ``bodies``: True for those of requests, which reject unknown keys; False for those of responses.
    """

    def __init__(self, *, bodies: bool) -> None:
        self._bodies = bodies
        self._of: dict[str, type] = {}
        self.schemas: Json = {}

    def ref(self, record: type) -> Json:
        name = record.__name__
        known = self._of.setdefault(name, record)
        assert known is record, f"two records are called {name}: {known.__module__}, {record.__module__}"
        if name not in self.schemas:
            self.schemas[name] = {}  # so that a record may contain itself
            self.schemas[name] = self._schema(record)
        return {"$ref": f"#/components/schemas/{name}"}

    def _schema(self, record: type) -> Json:
        kinds = field_types(record)
        schema: Json = {
            "type": "object",
            "properties": {name_of(field): kinds[field.name].schema(self) for field in fields(record)},
        }
        needed = [name_of(field) for field in fields(record) if is_needed(field) or not self._bodies]
        if needed:
            schema["required"] = needed
        if self._bodies:
            schema["additionalProperties"] = False
        return schema


def document(operations: Iterable[Operation], server: str = BASE) -> Json:
    bodies, answers = RecordSchemas(bodies=True), RecordSchemas(bodies=False)
    paths: Json = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(
            operation, bodies, answers
        )
    events = {kind: answers.ref(sentence) for kind, sentence in EVENTS.items()}
    paths[f"/{EVENTS_AT}"]["get"]["x-events"] = {"hello": {"type": "object"}, **events}
    twice = bodies.schemas.keys() & answers.schemas.keys()
    assert not twice, f"{twice} are sent and answered: what is needed differs"
    problem: Json = {
        "type": "object",
        "properties": {
            "type": {"type": "string", "format": "uri-reference"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "code": {"type": "string"},
            "pointer": {"type": "string"},
            "values": {"type": "object"},
        },
        "required": ["type", "title", "status", "detail", "code"],
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Qalqan", "version": VERSION, "summary": "A family filter and age gate"},
        "servers": [{"url": server}],
        "paths": paths,
        "components": {
            "schemas": {**bodies.schemas, **answers.schemas, "Problem": problem},
            "responses": {str(status): _problem(status) for status in CODES},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "qalqan",
                    "description": "Of a browser that is signed in; on another port than 80 qalqan-PORT.",
                },
            },
        },
    }


def _operation(declared: Operation, bodies: RecordSchemas, answers: RecordSchemas) -> Json:
    done: Json = {"description": "Done"}
    if declared.answer is not NoContent:
        done["content"] = {declared.media: {"schema": type_of(declared.answer).schema(answers)}}
    operation: Json = {
        "operationId": declared.name,
        "tags": [declared.noun],
        "summary": declared.summary,
        "description": "For " + ", ".join(sorted(declared.roles)) + ".",
        "responses": {str(declared.status): done},
    }
    parameters = [_part(name) for name in re.findall(r"{(\w+)}", declared.path)] + _query(declared, bodies)
    statuses = {*FOR_ALL, *(OF_CHANGES if declared.method != "GET" else ())}
    if ANYONE not in declared.roles:
        ways: list[Json] = [{"session": []}] if declared.by_session else [{"token": []}, {"session": []}]
        operation["security"] = ways
    statuses.add(401)  # also for an invalid token on a public operation
    if declared.body is not None or declared.query is not None:
        statuses |= {*OF_INPUT}
    if parameters:
        operation["parameters"] = parameters
    if declared.body is not None:
        operation["requestBody"] = {
            "required": any(is_needed(field) for field in fields(declared.body)),
            "content": {
                FORM if declared.upload else "application/json": {"schema": bodies.ref(declared.body)}
            },
        }
    for status in sorted(statuses):
        operation["responses"][str(status)] = {"$ref": f"#/components/responses/{status}"}
    return operation


def _problem(status: int) -> Json:
    schema = {"$ref": "#/components/schemas/Problem"}
    found: Json = {
        "description": CODES[status].replace("_", " ").capitalize(),
        "content": {MEDIA: {"schema": schema}},
    }
    return found


def _part(name: str) -> Json:
    schema = type_of(PARTS[name]).schema(RecordSchemas(bodies=True))
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _query(operation: Operation, bodies: RecordSchemas) -> list[Json]:
    if operation.query is None:
        return []
    found: list[Json] = []
    for field in fields(operation.query):
        kind: Any = field_types(operation.query)[field.name]
        inner = kind.inner if isinstance(kind, Maybe) else kind
        entry = {"name": name_of(field), "in": "query", "schema": inner.schema(bodies)}
        found.append({**entry, "required": True} if is_needed(field) else entry)
    return found
