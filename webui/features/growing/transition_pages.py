"""Pages of a child's transition to the next age group: its changes, and a parent's answer.

A parent accepts or postpones it. The child sees it too.
"""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.control.client import Unreachable
from gateway.control.contract.growing import (
    POSTPONE_TRANSITION,
    TAKE_TRANSITION,
    TRANSITION,
    TransitionPreview,
)
from gateway.core.errors import ControlError
from gateway.policy.profile.age_transitions import read_month
from webui import notices
from webui.accounts.session import anyone, guardian, guardians_only
from webui.daemon import daemon, source_address
from webui.features.growing import transition_text
from webui.features.growing.rule_changes import changes, stays
from webui.features.growing.transition_text import is_final
from webui.language import refusals
from webui.language.i18n import gettext as _
from webui.language.levels import level_of
from webui.language.words import month, plain
from webui.rules.editing import NOTHING, FormProblem, FormResult, Page, opened, render
from webui.rules.steps import step_sentence

blueprint = Blueprint("growing", __name__)


@blueprint.get("/parent/child/<profile>/step/")
@guardians_only
def show(profile: str) -> ResponseReturnValue:
    return _show(opened(profile), NOTHING)


@blueprint.post("/parent/child/<profile>/step/take")
@guardians_only
def take(profile: str) -> ResponseReturnValue:
    """Accept the child's change to the next age group, and redirect to the child's rules.

    The change to adulthood ends the rules, deletes the stored activity, and redirects to Home. It
    cannot be undone: unless its box is ticked, return the form with status 422.
    """
    page = opened(profile)
    growth = daemon().client.ask(TRANSITION, id=page.child.id)
    if is_final(growth.then) and request.form.get("sure") != "yes":
        return _show(
            page, FormResult(FormProblem(_("Tick the box first: this cannot be undone."), "sure"))
        ), 422
    if growth.step is not None and growth.step.stage == "taken":  # sent twice: keep the undo of the first
        return redirect(url_for("rules.show", profile=page.child.id), 303)
    try:
        taken = daemon().change(
            TAKE_TRANSITION, id=page.child.id, by=guardian() or "", origin=source_address()
        )
    except Unreachable:
        raise
    except ControlError as error:
        return _show(page, FormResult(FormProblem(refusals.sentence(error)))), 422
    name = plain(page.child.name)
    if is_final(growth.then):
        notices.said(_("The rules of %(name)s have ended, and the stored activity is deleted.", name=name))
        return redirect(url_for("home.show"), 303)
    sentence = _("%(name)s has the %(band)s rules now.", name=name, band=growth.then)
    notices.edited(page.child.id, taken, sentence)
    return redirect(url_for("rules.show", profile=page.child.id), 303)


@blueprint.post("/parent/child/<profile>/step/later")
@guardians_only
def later(profile: str) -> ResponseReturnValue:
    """Postpone the child's transition to the next age group once, with a reason that the child reads.

    Responds with 422 without a valid reason or if the daemon refuses, and with 400 for an invalid
    month.
    """
    page = opened(profile)
    until, reason = request.form.get("until", "")[:20], " ".join(request.form.get("reason", "").split())
    found = read_month(until)
    if found is None:
        abort(400)
    if not reason or len(reason) > transition_text.REASON_LIMIT:
        most = transition_text.REASON_LIMIT
        sentence = _("Write a reason of at most %(most)d letters. The child reads it.", most=most)
        return _show(page, FormResult(FormProblem(sentence, "reason"))), 422
    step = daemon().client.ask(TRANSITION, id=page.child.id).step
    if step is not None and (step.stage, step.until, step.reason) == ("postponed", until, reason):
        return redirect(url_for("growing.show", profile=page.child.id), 303)  # sent twice
    try:
        daemon().change(
            POSTPONE_TRANSITION,
            id=page.child.id,
            until=until,
            reason=reason,
            by=guardian() or "",
            origin=source_address(),
        )
    except Unreachable:
        raise
    except ControlError as error:
        return _show(page, FormResult(FormProblem(refusals.sentence(error)))), 422
    notices.said(_("It is put off to %(month)s. The child reads why.", month=month(found)))
    return redirect(url_for("growing.show", profile=page.child.id), 303)


def _show(page: Page, outcome: FormResult) -> str:
    growth = daemon().client.ask(TRANSITION, id=page.child.id)
    step = growth.step
    months = () if step is None else step.later
    return render(
        "child_step.html",
        page,
        outcome,
        growth=growth,
        is_final=is_final(growth.then),
        step=step,
        step_text=transition_text.to_parents(step, page.home.now)
        if step
        else step_sentence(growth.month or "", growth.band),
        changes=changes(growth.rules, growth.after or {}, page.names, page.book.state.name),
        stays=() if is_final(growth.then) else stays(page.book, growth.after or {}, page.names),
        months=[(item, month(found)) for item in months if (found := read_month(item)) is not None],
        put_off_to=_put_off_to(growth),
    )


def _put_off_to(growth: TransitionPreview) -> str:
    found = read_month(growth.step.until) if growth.step and growth.step.until else None
    return "" if found is None else month(found)


@blueprint.get("/my/step")
@anyone
def mine() -> ResponseReturnValue:
    """Show the child of the requesting device its transition to the next age group.

    The page has its date, what changes, and who postponed it and why. Another device is redirected.
    """
    here, home = daemon().here(source_address()), daemon().home()
    child = home.child(here.profile)
    if child is None:
        return redirect(url_for("door.arrive"), 303)
    growth = daemon().client.ask(TRANSITION, id=child.id)
    names, book = daemon().catalogue(), daemon().ruleset(child.id)
    step = growth.step
    return render_template(
        "my_step.html",
        home=home,
        here=here,
        child=child,
        level=level_of(child.band).value,
        growth=growth,
        is_final=is_final(growth.then),
        step=step,
        step_text=transition_text.to_child(step, home.now)
        if step
        else step_sentence(growth.month or "", growth.band),
        changes=changes(growth.rules, growth.after or {}, names, book.state.name),
        stays=() if is_final(growth.then) else stays(book, growth.after or {}, names),
        put_off_to=_put_off_to(growth),
        help_lines=daemon().help_lines(),
    )
