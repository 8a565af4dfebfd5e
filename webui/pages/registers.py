"""The switch of each state's register, in *Settings*.

Off applies immediately; on first downloads the list.
"""

from __future__ import annotations

from flask import Blueprint, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from webui import notices
from webui.accounts.session import guardian, guardians_only
from webui.daemon import daemon, source_address
from webui.forms import one_of
from webui.language.i18n import gettext as _
from webui.values.shapes import Answer

blueprint = Blueprint("registers", __name__, url_prefix="/parent/settings/registers")


@blueprint.post("/")
@guardians_only
def switch() -> ResponseReturnValue:
    on = one_of("on", {"yes", "no"})
    known = {register.country: register for register in daemon().registers()}
    one = known.get(request.form.get("country", ""))
    if one is None:
        abort(404)
    if one.on is (on == "yes"):  # sent twice: keep the notice of the first, with its undo
        return redirect(url_for("family.show", _anchor="registers"), 303)
    with notices.refusals_to(notices.said):
        done = daemon().change(
            "register", country=one.country, on=on, by=guardian() or "", origin=source_address()
        )
        sentence = (
            _("%(register)s is on for everyone in the home once its names are fetched.", register=one.name)
            if on == "yes"
            else _(
                "%(register)s is off. What it closed is open again as the other rules say.", register=one.name
            )
        )
        notices.did_back("family", notices.way_back(Answer(done)), sentence)
    return redirect(url_for("family.show", _anchor="registers"), 303)
