"""Pages on which a guardian tests bypass methods against a child's rules, and sees the results."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from gateway.control.contract.filter_tests import BYPASS_TEST
from webui import notices
from webui.accounts.session import guardian, guardians_only
from webui.daemon import daemon, source_address
from webui.features.filter_tests.bypass_test_text import BypassTestView
from webui.whom import child_of

blueprint = Blueprint("trial", __name__, url_prefix="/parent/child/<profile>/around")


@blueprint.get("/")
@guardians_only
def show(profile: str) -> ResponseReturnValue:
    return _page(profile, "trial.html")


@blueprint.get("/now")
@guardians_only
def now(profile: str) -> ResponseReturnValue:
    """Return the results of the bypass test as an HTML fragment, for the script that updates the page."""
    return _page(profile, "trial_now.html")


@blueprint.post("/")
@guardians_only
def start(profile: str) -> ResponseReturnValue:
    child = child_of(daemon().home(), profile)
    with notices.refusals_to(notices.said):
        daemon().change(
            BYPASS_TEST, action="start", id=child.id, by=guardian() or "", origin=source_address()
        )
        notices.forget()
    return redirect(url_for("trial.show", profile=child.id), 303)


def _page(profile: str, template: str) -> ResponseReturnValue:
    home = daemon().home()
    child = child_of(home, profile)
    return render_template(
        template,
        home=home,
        child=child,
        guardian=guardian(),
        notice=notices.current(home),
        trial=BypassTestView(daemon().client.ask(BYPASS_TEST, action="look", id=child.id)),
    )
