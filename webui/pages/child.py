"""The child's page: by the device that asks, without a sign-in, and about nobody else."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from webui.daemon import daemon, source_address

blueprint = Blueprint("child", __name__)


@blueprint.get("/my")
def show() -> ResponseReturnValue:
    """What is open now, what is refused and why, who set it, what is written down, and help."""
    return _render("child.html")


@blueprint.get("/my/now")
def now() -> ResponseReturnValue:
    """The part of the page that changes, for the script that keeps it fresh."""
    return _render("child_now.html")


@blueprint.get("/why")
def why() -> ResponseReturnValue:
    """This device's own last refusals: ten, ten minutes, kept in the daemon's memory alone."""
    here = daemon().here(source_address())
    home = daemon().home()
    return render_template(
        "why.html",
        home=home,
        child=home.child(here.profile),
        refusals=daemon().refusals_of_device(here),
        help_lines=daemon().help_lines(),
    )


def _render(template: str) -> ResponseReturnValue:
    here = daemon().here(source_address())
    home = daemon().home()
    child = home.child(here.profile)
    if child is None:
        return redirect(url_for("door.arrive"), 303)
    return render_template(
        template,
        home=home,
        child=child,
        state=here.now or child.now,
        here=here,
        rules=daemon().rules(child.id),
        help_lines=daemon().help_lines(),
    )
