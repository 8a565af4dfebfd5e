"""Changes the language of the pages in this browser, by the menu at their end."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from webui import cookies
from webui.accounts.session import anyone
from webui.language.i18n import cookie, languages

blueprint = Blueprint("language", __name__)

LIFE = 365 * 24 * 60 * 60  # seconds
PLACE_LIMIT = 1024  # characters; enough for the longest page address, which has a host name of 253


@blueprint.post("/language")
@anyone
def choose() -> ResponseReturnValue:
    """Store the chosen language in a cookie, and redirect to the page that the menu was on.

    Respond with 400 for an unknown language. No request goes to the daemon, so this works while the filter is
    stopped.
    """
    code = request.form.get("language", "")
    if code not in languages().catalogues:
        abort(400)
    answer = redirect(place(request.form.get("to", "")), 303)
    remember(answer, code)
    return answer


def remember(answer: Response, code: str) -> None:
    """Store the language in a cookie of this response."""
    cookies.put(answer, cookie(), code, LIFE, samesite="Lax")


def place(to: str) -> str:
    """Return ``to``, the page to return to, if it is a path of these pages; else the start page's address."""
    ours = to.startswith("/") and not to.startswith(("//", "/\\")) and to.isascii() and to.isprintable()
    return to if ours and len(to) <= PLACE_LIMIT else url_for("door.arrive")
