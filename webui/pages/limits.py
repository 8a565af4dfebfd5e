"""Minutes a day: of the internet, of play, of a service, a kind or a group."""

from __future__ import annotations

from flask import Blueprint, abort, request, url_for
from flask.typing import ResponseReturnValue

from gateway.policy.time.grammar import DAYS, WEEKDAYS
from webui.accounts.session import guardians_only
from webui.language.i18n import gettext as _
from webui.language.words import days, plain
from webui.rules.editing import (
    NOTHING,
    Outcome,
    Page,
    Problem,
    change,
    chosen_target,
    opened,
    refused,
    render,
)
from webui.rules.hours import (
    DAY,
    FREE,
    SCHOOL,
    Unreadable,
    read_minutes,
    read_plan,
    write_minutes,
    write_plan,
)
from webui.rules.overview import rule

blueprint = Blueprint("limits", __name__, url_prefix="/parent/child/<profile>/limits")

STEPS = (0, 15, 30, 45, 60, 90, 120, 150, 180, 240)  # minutes that are offered


@blueprint.get("/")
@guardians_only
def show(profile: str) -> ResponseReturnValue:
    """What a new limit is to be about."""
    return chosen_target(profile, "limits", "limits.one", _("Minutes for what"))


@blueprint.get("/<target>")
@guardians_only
def one(profile: str, target: str) -> ResponseReturnValue:
    return _show(opened(profile), target, NOTHING)


@blueprint.post("/<target>")
@guardians_only
def save(profile: str, target: str) -> ResponseReturnValue:
    page = opened(profile)
    key = _key(page, target)

    def again(page: Page, outcome: Outcome) -> str:
        return _show(page, target, outcome)

    plan: dict[str, int | None] = {}
    for day in DAYS:
        text = request.form.get(day, "").strip()
        if text and not (text.isascii() and text.isdigit() and len(text) <= 4 and int(text) <= DAY):
            told = _("%(days)s: write minutes, from 0 to 1440.", days=days(day))
            return refused(page, Problem(told, day), again)
        if text or day in (SCHOOL, FREE):
            plan[day] = int(text) if text else None
    name, what = plain(page.child.name), plain(page.names.called(target))
    told = _("%(what)s: the minutes of %(name)s are changed.", what=what, name=name)
    back = url_for("rules.show", profile=page.child.id)
    return change(page, {key: _value(page, key, plan)}, told, back, again)


def _value(page: Page, key: str, plan: dict[str, int | None]) -> object:
    """None where that is what the band says, or nothing at all."""
    band = page.book.band_says(key)
    if plan == read_plan({} if band is None else band, read_minutes):
        return None
    return write_plan(plan, write_minutes)


def _key(page: Page, target: str) -> str:
    if not page.names.knows(target):
        abort(404)
    return f"limits/{target}"


def _show(page: Page, target: str, outcome: Outcome) -> str:
    key = _key(page, target)
    held = page.book.holds(key)
    try:
        plan = read_plan({} if held is None else held, read_minutes)
    except Unreadable:
        plan = {}
    readable = bool(plan) and all(plan[day] is not None for day in WEEKDAYS if day in plan)
    typed = {day: "" if plan.get(day) is None else str(plan[day]) for day in DAYS}
    if request.method == "POST":
        typed = {day: request.form.get(day, "")[:8] for day in DAYS}
    return render(
        "child_limit.html",
        page,
        outcome,
        target=target,
        title=plain(page.names.called(target)),
        rule=rule(page.book, page.names, key) if held is not None else None,
        typed=typed,
        readable=readable,
        steps=STEPS,
        weekdays=WEEKDAYS,
        weekdays_said=any(typed[day] for day in WEEKDAYS),
    )
