"""The weekly digest for parents, as a page. A weekly notification may link to it."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from gateway.control.contract.activity import HISTORY
from gateway.control.contract.devices import DEVICES
from gateway.control.contract.requests import REQUESTS
from gateway.control.contract.rules import OWN_CHANGES, FamilyChange
from gateway.policy.profile.rules import KINDS_LEVEL
from webui.accounts.session import guardian, guardians_only
from webui.daemon import daemon
from webui.features.activity.activity_text import WEEK, HistoryView
from webui.features.activity.digest_text import new_names, week_of
from webui.features.activity.target_names import title
from webui.features.status.home_text import ChildView, HomeView
from webui.language.words import who
from webui.rules.edited import RuleLine, SentenceNames, lines
from webui.rules.steps import step_sentence

blueprint = Blueprint("digest", __name__, url_prefix="/parent/digest")


@blueprint.get("/")
@guardians_only
def show() -> ResponseReturnValue:
    home = daemon().home()
    first = home.day - timedelta(days=WEEK - 1)
    asked = daemon().client.ask(REQUESTS).requests
    return render_template(
        "digest.html",
        home=home,
        guardian=guardian(),
        first=first,
        weeks=[
            week_of(
                child,
                _week(child, home) if child.log_level >= KINDS_LEVEL else None,
                asked,
                _changes(child, home),
                home.now,
            )
            for child in home.children
        ],
        new=new_names(daemon().client.ask(DEVICES, brief=True).devices, home.now),
        kind=title,
        step=step_sentence,
        who=who,
    )


def _week(child: ChildView, home: HomeView) -> HistoryView:
    first = home.day - timedelta(days=WEEK - 1)
    return HistoryView(daemon().client.ask(HISTORY, id=child.id, **{"from": first, "to": home.day}))


def _changes(child: ChildView, home: HomeView) -> list[tuple[FamilyChange, tuple[RuleLine, ...]]]:
    """Return the recent changes of a child's rules, each with sentences about its edits.

    They are those that the child sees.
    """
    found = daemon().client.ask(OWN_CHANGES, id=child.id).changes
    if not found:
        return []
    known = SentenceNames(daemon().catalogue(), {}, home.now)
    return [(change, lines(change, known)) for change in found]
