"""The theme of the pages in this browser: light, dark, or as the device has it (no cookie)."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, request
from flask.typing import ResponseReturnValue

from webui import cookies
from webui.accounts.session import anyone
from webui.pages.language import LIFE, place

blueprint = Blueprint("theme", __name__)

COOKIE = "qalqan-theme"
LIGHT, DARK, DEVICE = "light", "dark", "device"


@blueprint.post("/theme")
@anyone
def choose() -> ResponseReturnValue:
    """Store the theme ``light`` or ``dark`` in a cookie; for ``device``, delete the cookie.

    Then redirect to the page with the buttons (form field ``to``). Respond with 400 for another theme. No
    request goes to the daemon, so this works while the filter is stopped.
    """
    theme = request.form.get("theme", "")
    if theme not in (LIGHT, DARK, DEVICE):
        abort(400)
    answer = redirect(place(request.form.get("to", "")), 303)
    if theme == DEVICE:
        answer.delete_cookie(cookies.name_of(COOKIE), secure=request.is_secure, httponly=True)
    else:
        cookies.put(answer, cookies.name_of(COOKIE), theme, LIFE, samesite="Lax")
    return answer


@blueprint.app_template_global("theme")
def chosen() -> str:
    """Return the theme that this browser's cookie has: light, dark, or device if there is none.

    The server chooses the style sheets by it, so that a page never flashes in the wrong colours.
    """
    theme = request.cookies.get(cookies.name_of(COOKIE), "")
    return theme if theme in (LIGHT, DARK) else DEVICE
