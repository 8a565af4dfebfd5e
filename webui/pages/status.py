"""Whether it is the filter, for somebody who helps by telephone: what anybody in the home may read aloud.

Of the device that asks it is told whether it is filtered and how often it was refused something lately; of
no site, no rule and nobody else.
"""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from webui.accounts.session import anyone
from webui.daemon import daemon, source_address

blueprint = Blueprint("status", __name__)

PLAIN = frozenset({"home", "adult"})


@blueprint.get("/status")
@anyone
def show() -> ResponseReturnValue:
    home, here = daemon().home(), daemon().here(source_address())
    own = daemon().refusals_of_device(here)
    return render_template(
        "status.html",
        home=home,
        known=bool(here.profile),
        filtered=bool(here.profile) and here.profile not in PLAIN,
        refused=None if own.shared else len({one.host for one in own.found}),
    )
