"""The page of a child's single-value rules, bypass protection, name, and month of the next age group."""

from __future__ import annotations

from flask import Blueprint, abort, request, url_for
from flask.typing import ResponseReturnValue

from webui.accounts.session import guardians_only
from webui.language.i18n import gettext as _
from webui.language.words import plain
from webui.rules import basics
from webui.rules.editing import NOTHING, FormProblem, FormResult, Page, change, opened, refused, render
from webui.rules.overview import title
from webui.rules.steps import TYPED, NoMonthError, following, latest, typed_month

blueprint = Blueprint("basics", __name__, url_prefix="/parent/child/<profile>/basics")

NAME_LIMIT = 60  # characters; the daemon's limit


@blueprint.get("/")
@guardians_only
def show(profile: str) -> ResponseReturnValue:
    return _show(opened(profile), NOTHING)


@blueprint.post("/")
@guardians_only
def save(profile: str) -> ResponseReturnValue:
    page = opened(profile)
    try:
        changes = basics.changes(page.book, lambda key: request.form.get(key, ""))
    except KeyError:
        abort(400)
    name = plain(" ".join(request.form.get("name", "").split()), NAME_LIMIT)
    if name and name != page.book.state.name:
        changes["name"] = name
    typed = request.form.get("next_step", page.book.next_step)
    if typed != page.book.next_step:
        try:
            changes["next_step"] = typed_month(typed, page.home.day) or None
        except NoMonthError as error:
            return refused(page, FormProblem(str(error), "next_step"), _show)
    sentence = _("The rules of %(name)s are changed.", name=name or plain(page.child.name))
    return change(page, changes, sentence, url_for("rules.show", profile=page.child.id), _show)


def _show(page: Page, outcome: FormResult) -> str:
    fields = basics.fields(page.book, request.form.to_dict())
    return render(
        "child_basics.html",
        page,
        outcome,
        fields=fields,
        titles={key: title(key, page.names) for key in fields},
        name=request.form.get("name") or page.book.state.name,
        step=request.form.get("next_step", page.book.next_step)[:TYPED],
        step_to=following(page.book.state.band),
        latest=latest(page.home.day),
        most=page.book.highest_log_level,
        cards=basics.cards(),
    )
