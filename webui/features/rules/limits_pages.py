"""Pages of a child's limits in minutes a day or period: of the internet, play, a service or a category."""

from __future__ import annotations

from flask import Blueprint, abort, request, url_for
from flask.typing import ResponseReturnValue

from gateway.policy.time.limit_periods import LONGER_PERIODS
from gateway.policy.time.time_text import LIMIT_KEYS, WEEKDAYS
from webui.accounts.session import guardians_only
from webui.language import period_text
from webui.language.i18n import gettext as _
from webui.language.words import days, duration, plain
from webui.rules.editing import (
    NOTHING,
    FormProblem,
    FormResult,
    Page,
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
    typed_minutes,
    write_minutes,
    write_plan,
)
from webui.rules.overview import rule

blueprint = Blueprint("limits", __name__, url_prefix="/parent/child/<profile>/limits")

STEPS = (0, 15, 30, 45, 60, 90, 120, 150, 180, 240)  # minutes that the form offers
TYPED = 24  # characters of a duration
MOST = {period.value: period.days * DAY for period in LONGER_PERIODS}  # minutes; for a day it is DAY


@blueprint.get("/")
@guardians_only
def show(profile: str) -> ResponseReturnValue:
    """Show the targets (internet, play, services, categories, groups) for which a time limit can be set.

    Redirect to the form of the limit if the query names a target.
    """
    return chosen_target(profile, "limits", "limits.one", _("Set a time limit"))


@blueprint.get("/<target>")
@guardians_only
def one(profile: str, target: str) -> ResponseReturnValue:
    return _show(opened(profile), target, NOTHING)


@blueprint.post("/<target>")
@guardians_only
def save(profile: str, target: str) -> ResponseReturnValue:
    page = opened(profile)
    key = _key(page, target)

    def again(page: Page, outcome: FormResult) -> str:
        return _show(page, target, outcome)

    plan: dict[str, int | None] = {}
    for day in LIMIT_KEYS:
        text, most = request.form.get(day, "").strip(), MOST.get(day, DAY)
        minutes = typed_minutes(text, most)
        if text and minutes is None:
            sentence = _(
                "%(days)s: write a time such as 1 h 30 min or 90, at most %(most)s.",
                days=days(day), most=duration(most),
            )  # fmt: skip
            return refused(page, FormProblem(sentence, day), again)
        if text or day in (SCHOOL, FREE) or (day in LONGER_PERIODS and day in _plan_of_band(page, key)):
            plan[day] = minutes
    name, what = plain(page.child.name), plain(page.names.called(target))
    sentence = _("%(what)s: the time limit of %(name)s is changed.", what=what, name=name)
    back = url_for("rules.show", profile=page.child.id)
    return change(page, {key: _value(page, key, plan)}, sentence, back, again)


def _value(page: Page, key: str, plan: dict[str, int | None]) -> object:
    """Return the limit's value for the rule file: ``{}`` for no limit, None if it equals the age group's.

    ``plan``: minutes by day type or weekday; None: no limit.
    """
    if plan == _plan_of_band(page, key):
        return None
    return write_plan(plan, write_minutes)


def _plan_of_band(page: Page, key: str) -> dict[str, int | None]:
    band = page.book.band_says(key)
    return read_plan({} if band is None else band, read_minutes)


def _key(page: Page, target: str) -> str:
    if not page.names.knows(target):
        abort(404)
    return f"limits/{target}"


def _show(page: Page, target: str, outcome: FormResult) -> str:
    key = _key(page, target)
    held = page.book.holds(key)
    try:
        plan = read_plan({} if held is None else held, read_minutes)
    except Unreadable:
        plan = {}
    readable = bool(plan) and all(plan[day] is not None for day in WEEKDAYS if day in plan)
    typed = {
        day: "" if (held_minutes := plan.get(day)) is None else duration(held_minutes) for day in LIMIT_KEYS
    }
    if request.method == "POST":
        typed = {day: request.form.get(day, "")[:TYPED] for day in LIMIT_KEYS}
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
        longer=[(period, *period_text.field(period), period_text.STEPS[period]) for period in LONGER_PERIODS],
        weekdays=WEEKDAYS,
        weekdays_said=any(typed[day] for day in WEEKDAYS),
    )
