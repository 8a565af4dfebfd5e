"""Serves the style sheets and logo of a provider's brand. They are the same for every browser, and public."""

from __future__ import annotations

from flask import Blueprint, Response, abort
from flask.typing import ResponseReturnValue

from webui.accounts.session import anyone
from webui.brand import shown

blueprint = Blueprint("brand", __name__, url_prefix="/brand")

# The policy of a logo: an SVG opened as a page has no scripts, external content or origin.
ALONE = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
KEPT = "public, max-age=31536000, immutable"  # a new file gets a new address


@blueprint.get("/style.css")
@anyone
def style() -> ResponseReturnValue:
    return _sheet(shown().brand.style)


@blueprint.get("/dark.css")
@anyone
def dark() -> ResponseReturnValue:
    return _sheet(shown().brand.dark_style)


def _sheet(text: str) -> Response:
    if not text:
        abort(404)
    return Response(text, mimetype="text/css", headers={"Cache-Control": KEPT})


@blueprint.get("/logo")
@anyone
def logo() -> ResponseReturnValue:
    there = shown()
    if not there.logo or there.brand.logo is None:
        abort(404)
    headers = {"Cache-Control": KEPT, "Content-Security-Policy": ALONE}
    return Response(there.logo, mimetype=there.brand.logo.type, headers=headers)
