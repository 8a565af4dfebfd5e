"""The pages as an app on a home screen: manifests, the service worker, and the page without a connection.

Browsers offer this at the trusted name only, because a service worker needs HTTPS. The service worker stores
files that are the same for every browser, and no page with personal data.
"""

from __future__ import annotations

import json
from hashlib import blake2b
from pathlib import Path

from flask import Blueprint, Response, current_app, render_template, url_for
from flask.typing import ResponseReturnValue

from webui.accounts.session import anyone
from webui.brand import logo_url, shown
from webui.daemon import daemon
from webui.front import why_untrusted
from webui.language.i18n import gettext as _
from webui.language.i18n import language
from webui.pages.theme import chosen

blueprint = Blueprint("installable", __name__)
blueprint.add_app_template_global(lambda: not why_untrusted(), "installable")

WORKER = Path(__file__).parents[1] / "static" / "worker.js"
COLOUR, GROUND = "#1f5b43", "#f8f5ee"  # --green and --ground of static/style.css
SIZES = (192, 512)  # pixels; what Chromium asks for


@blueprint.get("/parent.webmanifest")
@anyone
def parent() -> ResponseReturnValue:
    return _manifest(shown().brand.name, shown().brand.name, url_for("home.show"))


@blueprint.get("/my.webmanifest")
@anyone
def child() -> ResponseReturnValue:
    rules = _("My rules")
    return _manifest(f"{shown().brand.name} · {rules}", rules, url_for("child.show"))


@blueprint.get("/sw.js")
@anyone
def worker() -> ResponseReturnValue:
    """Return the script of the service worker, which has the addresses of the files that it stores.

    Browsers load it again if a file, the language or the theme changes.
    """
    files = [url_for("installable.offline"), *map(_static_url, ("style.css", "dark.css", "icon.svg"))]
    stamp = blake2b("".join((*files, language(), chosen())).encode(), digest_size=6).hexdigest()
    values = {"STORED": stamp, "FILES": files, "ICON": logo_url() or _static_url(f"app-{SIZES[0]}.png")}
    head = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in values.items())
    return Response(head + WORKER.read_text("utf-8"), mimetype="text/javascript")


@blueprint.get("/offline")
@anyone
def offline() -> ResponseReturnValue:
    """Show the page that the app shows if the device does not reach the gateway.

    It has the country's help lines.
    """
    return render_template("offline.html", help_lines=daemon().help_lines())


def _manifest(name: str, short: str, start: str) -> Response:
    icons = [
        {
            "src": _static_url(f"app-{size}.png"),
            "sizes": f"{size}x{size}",
            "type": "image/png",
            "purpose": use,
        }
        for size in SIZES
        for use in ("any", "maskable")
    ]
    content = {
        "id": start, "name": name, "short_name": short, "lang": language(), "start_url": start, "scope": "/",
        "display": "standalone", "theme_color": COLOUR, "background_color": GROUND, "icons": icons,
    }  # fmt: skip
    return Response(json.dumps(content), mimetype="application/manifest+json")


def _static_url(name: str) -> str:
    return str(current_app.jinja_env.globals["static_url"](name))  # type: ignore[operator]
