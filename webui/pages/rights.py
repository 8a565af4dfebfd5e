"""The page of bodies outside of this home that take complaints about a rule or this gateway.

The page is open to every device, and visits are not recorded. It works without the daemon.
"""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from webui.accounts.session import anyone
from webui.daemon import daemon

blueprint = Blueprint("rights", __name__)

REPORTS = frozenset({"csam_hotline", "image_removal", "report"})


@blueprint.get("/rights")
@anyone
def show() -> ResponseReturnValue:
    help_lines = daemon().help_lines()
    return render_template(
        "rights.html",
        rights=daemon().rights(),
        reports=[line for line in help_lines if line.kind in REPORTS],
        help_lines=help_lines,
    )
