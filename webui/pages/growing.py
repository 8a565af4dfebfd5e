"""The move to the next age group: shows its changes, and a parent accepts or postpones it.

The child sees it too.
"""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.control.client import Unreachable
from gateway.core.errors import ControlError
from gateway.policy.profile.next_step import read_month
from webui import notices
from webui.accounts.session import anyone, guardian, guardians_only
from webui.daemon import daemon, source_address
from webui.language import growing as words_of
from webui.language import refusals
from webui.language.i18n import gettext as _
from webui.language.levels import level_of
from webui.language.words import month, plain
from webui.rules.editing import NOTHING, Outcome, Page, Problem, opened, render
from webui.rules.growing import changes, stays
from webui.rules.steps import step_sentence
from webui.values.shapes import Answer

blueprint = Blueprint("growing", __name__)


@blueprint.get("/parent/child/<profile>/step/")
@guardians_only
def show(profile: str) -> ResponseReturnValue:
    return _show(opened(profile), NOTHING)


@blueprint.post("/parent/child/<profile>/step/take")
@guardians_only
def take(profile: str) -> ResponseReturnValue:
    """Accept the transition. The one into adulthood cannot be undone, so its form has a box to tick."""
    page = opened(profile)
    growth = daemon().growth(page.child.id)
    if growth.is_final and request.form.get("sure") != "yes":
        return _show(page, Outcome(Problem(_("Tick the box first: this cannot be undone."), "sure"))), 422
    if growth.step is not None and growth.step.stage == "taken":  # sent twice: keep the undo of the first
        return redirect(url_for("rules.show", profile=page.child.id), 303)
    try:
        answer = Answer(
            daemon().change("take_step", id=page.child.id, by=guardian() or "", origin=source_address())
        )
    except Unreachable:
        raise
    except ControlError as error:
        return _show(page, Outcome(Problem(refusals.sentence(error)))), 422
    name = plain(page.child.name)
    if growth.is_final:
        notices.said(_("The rules of %(name)s have ended, and what was written down is deleted.", name=name))
        return redirect(url_for("home.show"), 303)
    sentence = _("%(name)s has the %(band)s rules now.", name=name, band=growth.then)
    notices.edited(page.child.id, answer, sentence)
    return redirect(url_for("rules.show", profile=page.child.id), 303)


@blueprint.post("/parent/child/<profile>/step/later")
@guardians_only
def later(profile: str) -> ResponseReturnValue:
    """Postpone the transition once, with a reason that the child reads."""
    page = opened(profile)
    until, reason = request.form.get("until", "")[:20], " ".join(request.form.get("reason", "").split())
    found = read_month(until)
    if found is None:
        abort(400)
    if not reason or len(reason) > words_of.REASON_LIMIT:
        sentence = _(
            "Write a reason of at most %(most)d letters. The child reads it.", most=words_of.REASON_LIMIT
        )
        return _show(page, Outcome(Problem(sentence, "reason"))), 422
    step = daemon().growth(page.child.id).step
    if step is not None and (step.stage, step.until, step.reason) == ("postponed", until, reason):
        return redirect(url_for("growing.show", profile=page.child.id), 303)  # sent twice
    try:
        daemon().change(
            "postpone_step",
            id=page.child.id,
            until=until,
            reason=reason,
            by=guardian() or "",
            origin=source_address(),
        )
    except Unreachable:
        raise
    except ControlError as error:
        return _show(page, Outcome(Problem(refusals.sentence(error)))), 422
    notices.said(_("It is put off to %(month)s. The child reads why.", month=month(found)))
    return redirect(url_for("growing.show", profile=page.child.id), 303)


def _show(page: Page, outcome: Outcome) -> str:
    growth = daemon().growth(page.child.id)
    step = growth.step
    months = () if step is None else step.later
    return render(
        "child_step.html",
        page,
        outcome,
        growth=growth,
        step=step,
        step_text=words_of.to_parents(step, page.home.now)
        if step
        else step_sentence(growth.month, growth.band),
        changes=changes(growth.rules, growth.after, page.names, page.book.state.name),
        stays=() if growth.is_final else stays(page.book, growth.after, page.names),
        months=[(item, month(found)) for item in months if (found := read_month(item)) is not None],
        put_off_to=month(found) if step and (found := read_month(step.until)) else "",
    )


@blueprint.get("/my/step")
@anyone
def mine() -> ResponseReturnValue:
    """Show the device's child when the transition happens, what changes, and who postponed it and why."""
    here, home = daemon().here(source_address()), daemon().home()
    child = home.child(here.profile)
    if child is None:
        return redirect(url_for("door.arrive"), 303)
    growth, names, book = daemon().growth(child.id), daemon().catalogue(), daemon().ruleset(child.id)
    step = growth.step
    return render_template(
        "my_step.html",
        home=home,
        here=here,
        child=child,
        level=level_of(child.band).value,
        growth=growth,
        step=step,
        step_text=words_of.to_child(step, home.now) if step else step_sentence(growth.month, growth.band),
        changes=changes(growth.rules, growth.after, names, book.state.name),
        stays=() if growth.is_final else stays(book, growth.after, names),
        put_off_to=month(found) if step and (found := read_month(step.until)) else "",
        help_lines=daemon().help_lines(),
    )
