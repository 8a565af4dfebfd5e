"""Runs the operations of the API: routing, access check, parsing of the request, call, response."""

from __future__ import annotations

import json
import subprocess
import sys
import zlib
from threading import Lock

from flask import Response, request
from werkzeug.routing import Map

from gateway.control.client import Unreachable
from gateway.control.schema import Record, to_json
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from webui.api import (
    events,
    who,
)  # fmt: skip
from webui.api.document import BASE
from webui.api.operations import ANYONE, NoContent, Operation
from webui.api.problems import Problem, of_refusal, of_status
from webui.api.sent import parts_of, sent
from webui.compact_url_rule import CompactUrlRule
from webui.features.accounts import account_api, people_api
from webui.features.activity import activity_api
from webui.features.backup import backup_api
from webui.features.bypass_alerts import card_api
from webui.features.devices import devices_api
from webui.features.filter_tests import filter_tests_api
from webui.features.growing import agreement_api, self_set_api, transition_api
from webui.features.lists import lists_api, registers_api
from webui.features.notifications import alert_api
from webui.features.requests import requests_api
from webui.features.rules import (
    audit_log_api,
    catalogue_api,
    changes_api,
    family_api,
    profiles_api,
    rules_api,
)
from webui.features.sharing import sharing_api, unlock_api
from webui.features.site_repair import repair_api
from webui.features.status import children_api, health_api, home_api, my_api
from webui.features.time import codes_api

NOUNS = (
    repair_api, transition_api, self_set_api, agreement_api, home_api, catalogue_api, changes_api,
    children_api, profiles_api, rules_api, activity_api, requests_api, codes_api, devices_api, card_api,
    sharing_api, lists_api, registers_api, family_api, people_api, account_api, audit_log_api, health_api,
    backup_api, alert_api, filter_tests_api, my_api, unlock_api, events,
)  # fmt: skip

DOCUMENT = "openapi"

OPERATIONS: tuple[Operation, ...] = tuple(operation for noun in NOUNS for operation in noun.noun.operations)

BUILD_TIMEOUT = 60  # seconds; building the document takes one on a PC


class Served:
    """Makes the OpenAPI document when it is first requested, and stores it compressed.

    Most homes never need it. A process that ends builds it: Python would keep the 1.6 MB that this takes.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._packed = b""

    def get(self) -> bytes:
        """Return the OpenAPI document as JSON bytes.

        Raises Problem 503 if its process cannot be started or fails.
        """
        with self._lock:
            if not self._packed:
                argv = (sys.executable, "-m", "webui.api.document_process")
                try:
                    done = subprocess.run(argv, stdout=subprocess.PIPE, timeout=BUILD_TIMEOUT, check=True)
                except (OSError, subprocess.SubprocessError):
                    raise of_status(503) from None
                self._packed = done.stdout
            return zlib.decompress(self._packed)


class Api:
    """Calls the operation for an API request. Created at the first request: it takes three megabytes."""

    def __init__(self) -> None:
        self._served = Served()
        rules = [
            CompactUrlRule(
                BASE + operation.path.replace("{", "<").replace("}", ">"),
                endpoint=operation.name,
                methods=[operation.method],
            )
            for operation in OPERATIONS
        ]
        document = CompactUrlRule(f"{BASE}/openapi.json", endpoint=DOCUMENT, methods=["GET"])
        self._map = Map([*rules, document], merge_slashes=False)
        self._operations = {operation.name: operation for operation in OPERATIONS}

    def answer(self) -> Response:
        """Run the operation of the current request and return its response.

        Access and input are checked before; the OpenAPI document needs no sign-in. Raises HTTPException for
        an unknown path or method, Problem, ControlError or SchemaError.
        """
        adapter = self._map.bind_to_environ(request.environ)
        if request.method == "OPTIONS":
            ways = set(adapter.allowed_methods())
            if not ways:
                raise of_status(404)
            return Response(status=204, headers={"Allow": ", ".join(sorted({*ways, "OPTIONS"}))})
        name, parts = adapter.match()
        if name == DOCUMENT:
            return Response(self._served.get(), mimetype="application/json")
        return _answer(self._operations[name], dict(parts))


def _answer(operation: Operation, parts: dict[str, str]) -> Response:
    try:
        me = who.caller()
    except Unreachable:
        if ANYONE not in operation.roles:
            raise
        me = None  # help lines are available even if authentication is down
    if ANYONE not in operation.roles:
        if me is None:
            raise of_status(401, who.ASK_FOR_TOKEN)
        if not who.may(me, operation.roles):
            raise of_status(403)
        if operation.by_session and not me.session:
            raise Problem(403, "session_only")
        if operation.proof and not me.proof:
            raise of_refusal(ControlError.of(Code.PROOF_NEEDED))
    given = parts_of(parts) | sent(operation)
    found = operation.call(me, **given)
    if isinstance(found, Response):
        return found
    if operation.answer is NoContent:
        return Response(status=204)
    if not isinstance(found, operation.answer):
        found = Record(operation.answer).read(to_json(found), "", False)
    return Response(json.dumps(to_json(found)) + "\n", operation.status, mimetype="application/json")
