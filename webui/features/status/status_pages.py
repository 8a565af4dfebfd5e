"""The page for help by telephone, which says whether the filter is the cause. Any person may read it aloud.

It shows whether the requesting device is filtered, and how many sites and services were blocked lately. It
shows no site, no rule and no other person.
"""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from webui.accounts.session import anyone
from webui.daemon import daemon, source_address
from webui.features.activity.block_text import blocks_of

blueprint = Blueprint("status", __name__)

PLAIN = frozenset({"home", "adult"})


@blueprint.get("/status")
@anyone
def show() -> ResponseReturnValue:
    home, here = daemon().home(), daemon().here(source_address())
    own = blocks_of(here)
    return render_template(
        "status.html",
        home=home,
        known=bool(here.profile),
        filtered=bool(here.profile) and here.profile not in PLAIN,
        refused=None if own.shared else len({view.block.target or view.block.host for view in own.found}),
    )
