"""`/api/v1`: the functions of the pages, for programs. docs/developers/api.md describes its use.

Each operation is declared once (`operations.py`) with the record classes of its request and response.
These classes parse requests, build responses and generate the OpenAPI document. The API is loaded at the
first request.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from flask import Blueprint, Flask, Response, current_app, request
from werkzeug.exceptions import HTTPException

from gateway.control.schema import SchemaError
from gateway.control.verbs import UnexpectedAnswer
from gateway.core.errors import ControlError
from gateway.core.process_memory import drop_read_pages, settle
from webui.accounts.session import anyone
from webui.api import who
from webui.api.problems import Problem, of_refusal, of_status

if TYPE_CHECKING:
    from webui.api.answering import Api

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def is_ours() -> bool:
    return request.path == "/api" or request.path.startswith("/api/")


class _Late:
    def __init__(self) -> None:
        self._lock = Lock()
        self._api: Api | None = None

    def get(self) -> Api:
        from webui.api.answering import Api

        with self._lock:
            if self._api is None:
                self._api = Api()
                settle()
                drop_read_pages()
            return self._api


def install(app: Flask) -> None:
    blueprint = Blueprint("api", __name__, url_prefix="/api/v1")
    late = _Late()

    @blueprint.route("/<path:_place>", methods=METHODS, provide_automatic_options=False)
    @anyone
    def every(_place: str) -> Response:
        """Return the response to any API request; errors become problem details (RFC 9457).

        Each operation declares who may call it, by session or token.
        """
        try:
            return late.get().answer()
        except (Problem, ControlError, SchemaError, HTTPException) as error:
            return error_response(error)

    app.register_blueprint(blueprint)
    who.install(app)


def error_response(error: Exception) -> Response:
    """Return the response for an error of the API, the daemon or Flask, with problem details (RFC 9457)."""
    if isinstance(error, Problem):
        return error.response()
    if isinstance(error, SchemaError | UnexpectedAnswer):
        current_app.logger.warning("the daemon's answer: %s", error)
        return of_status(503, {"Retry-After": "60"}).response()
    if isinstance(error, ControlError):
        return of_refusal(error).response()
    assert isinstance(error, HTTPException)
    allow = dict(error.get_headers()).get("Allow")
    return of_status(error.code or 500, {"Allow": allow} if allow else None).response()
