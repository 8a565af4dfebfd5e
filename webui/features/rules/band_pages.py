"""The page that chooses a child's age group, which supplies the defaults, with a preview of the changes."""

from __future__ import annotations

from flask import Blueprint, abort, request
from flask.typing import ResponseReturnValue

from gateway.control.contract.rules import COUNTRY
from webui.accounts.session import guardians_only
from webui.daemon import daemon
from webui.forms import one_of
from webui.language.i18n import gettext as _
from webui.language.words import plain
from webui.rules.bands import differences, falls, marks
from webui.rules.editing import NOTHING, FormResult, Page, change, opened, render, rules_or_home

blueprint = Blueprint("band", __name__, url_prefix="/parent/child/<profile>/band")


@blueprint.get("/")
@guardians_only
def show(profile: str) -> ResponseReturnValue:
    page = opened(profile)
    to = request.args.get("to", "")
    if to and to not in page.names.bands:
        abort(404)
    return _show(page, NOTHING, to)


@blueprint.post("/")
@guardians_only
def save(profile: str) -> ResponseReturnValue:
    page = opened(profile)
    to = one_of("band", page.names.bands)
    changes: dict[str, object] = {} if to == page.book.state.band else {"band": to}
    sentence = _("%(name)s has the %(band)s rules now.", name=plain(page.child.name), band=to)
    back = rules_or_home(page.child.id, to)
    return change(page, changes, sentence, back, lambda page, outcome: _show(page, outcome, to))


def _show(page: Page, outcome: FormResult, to: str) -> str:
    ratings = daemon().client.ask(COUNTRY).ratings
    return render(
        "child_band.html",
        page,
        outcome,
        to=to,
        marks=lambda band: marks(ratings, band),
        differences=differences(page.book, page.names, to) if to and to != page.book.state.band else (),
        step_goes=bool(page.book.next_step),
        falls=bool(to) and falls(page.book, page.names, to),
        kept=sum(key not in ("name", "band", "devices", "next_step") for key in page.book.state.own),
    )
