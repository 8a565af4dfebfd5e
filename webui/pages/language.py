"""The language of the pages, chosen in the menu below each and remembered by this browser alone."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from webui import cookies
from webui.accounts.session import anyone
from webui.language.i18n import cookie, languages

blueprint = Blueprint("language", __name__)

LIFE = 365 * 24 * 60 * 60  # seconds
PLACE_LIMIT = 1024  # characters; the longest address of ours has a host name of 253 in it


@blueprint.post("/language")
@anyone
def choose() -> ResponseReturnValue:
    """Asks nothing of the daemon, so that it works while the filter is stopped."""
    code = request.form.get("language", "")
    if code not in languages().catalogues:
        abort(400)
    answer = redirect(_place(request.form.get("to", "")), 303)
    remember(answer, code)
    return answer


def remember(answer: Response, code: str) -> None:
    """By the browser, from this answer on."""
    cookies.put(answer, cookie(), code, LIFE, samesite="Lax")


def _place(to: str) -> str:
    """A path of these pages; whatever else a form may hold leads to the first page."""
    ours = to.startswith("/") and not to.startswith(("//", "/\\")) and to.isascii() and to.isprintable()
    return to if ours and len(to) <= PLACE_LIMIT else url_for("door.arrive")
