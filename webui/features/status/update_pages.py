"""The page about updates: the running version, its changes, and how to update. It downloads nothing."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from webui.accounts.session import guardian, guardians_only
from webui.daemon import daemon
from webui.upkeep import installed, whatsnew

blueprint = Blueprint("update", __name__, url_prefix="/parent/health/update")

FIRST = 6  # entries that are shown; the others are folded


@blueprint.get("/")
@guardians_only
def show() -> ResponseReturnValue:
    home = daemon().home()
    return render_template(
        "update.html",
        home=home,
        guardian=guardian(),
        news=whatsnew.read_news(home.status.version),
        first=FIRST,
        how=installed.installed(),
    )
