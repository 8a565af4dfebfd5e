"""The weekly digest for parents, as a page. Nothing is sent."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from gateway.control.contract.rules import OWN_CHANGES, FamilyChange
from gateway.policy.profile.log_levels import KINDS_LEVEL
from webui.accounts.session import guardian, guardians_only
from webui.daemon import daemon
from webui.language import kinds
from webui.language.changes import who
from webui.pages.digest_week import new_names, week_of
from webui.rules.edited import Known, Line, lines
from webui.rules.steps import step_sentence
from webui.values.answers import Child, Home
from webui.values.history import WEEK

blueprint = Blueprint("digest", __name__, url_prefix="/parent/digest")


@blueprint.get("/")
@guardians_only
def show() -> ResponseReturnValue:
    home = daemon().home()
    first = home.day - timedelta(days=WEEK - 1)
    asked = daemon().requests()
    return render_template(
        "digest.html",
        home=home,
        guardian=guardian(),
        first=first,
        weeks=[
            week_of(
                child,
                daemon().history(child.id, first, home.day) if child.log_level >= KINDS_LEVEL else None,
                asked,
                _changes(child, home),
                home.now,
            )
            for child in home.children
        ],
        new=new_names(daemon().devices(), home.now),
        kind=kinds.title,
        step=step_sentence,
        who=who,
    )


def _changes(child: Child, home: Home) -> list[tuple[FamilyChange, tuple[Line, ...]]]:
    """Return the changes of a child's rules, as the child sees them."""
    found = daemon().client.ask(OWN_CHANGES, id=child.id).changes
    if not found:
        return []
    known = Known(daemon().catalogue(), {}, home.now)
    return [(change, lines(change, known)) for change in found]
