"""The form of a schedule by day, painted or typed: allowed hours of a target, or bedtime."""

from __future__ import annotations

from flask import Blueprint, abort, request, url_for
from flask.typing import ResponseReturnValue

from gateway.policy.time.time_text import DAYS, WEEKDAYS
from webui import charts
from webui.accounts.session import guardians_only
from webui.language.i18n import gettext as _
from webui.language.words import days, plain, short_weekdays
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
from webui.rules.hours import Unreadable, drawn
from webui.rules.overview import rule, sentences
from webui.rules.weekform import (
    NONE,
    SAME,
    TIMES,
    NoHoursError,
    ScheduleRow,
    axis,
    hours_of,
    rows,
    same,
    sleeping,
    typed_rows,
    value_of,
)

blueprint = Blueprint("week", __name__, url_prefix="/parent/child/<profile>/week")

BEDTIME = "bedtime"
HOWS = ("times", "never", "none", "same")


@blueprint.get("/")
@guardians_only
def choose(profile: str) -> ResponseReturnValue:
    """Show the targets (internet, play, services, categories, groups) for which allowed hours can be set.

    Redirect to the form of the schedule if the query names a target.
    """
    return chosen_target(profile, "week", "week.show", _("Set allowed hours"))


@blueprint.get("/<target>")
@guardians_only
def show(profile: str, target: str) -> ResponseReturnValue:
    return _show(opened(profile), target, NOTHING)


@blueprint.post("/<target>")
@guardians_only
def save(profile: str, target: str) -> ResponseReturnValue:
    page, night = opened(profile), target == BEDTIME
    key = _key(page, target)

    def again(page: Page, outcome: FormResult) -> str:
        return _show(page, target, outcome)

    try:
        value: object = value_of(_sent(_held(page, key), night=night), night=night, painted=_painted())
    except NoHoursError as error:
        sentence = _("%(days)s: enter a start and an end from 00:00 to 23:59.", days=days(error.day))
        return refused(page, FormProblem(sentence, error.day), again)
    band = page.book.band_says(key)
    if same(value, {} if band is None else band, night=night):
        value = None
    name, what = plain(page.child.name), _title(page, target)
    sentence = _("%(what)s: the allowed hours of %(name)s are changed.", what=what, name=name)
    back = url_for("rules.show", profile=page.child.id)
    return change(page, {key: value}, sentence, back, again)


def _key(page: Page, target: str) -> str:
    if target == BEDTIME:
        return BEDTIME
    if not page.names.knows(target):
        abort(404)
    return f"windows/{target}"


def _title(page: Page, target: str) -> str:
    return _("Bedtime") if target == BEDTIME else plain(page.names.called(target))


def _held(page: Page, key: str) -> tuple[ScheduleRow, ...]:
    """Return the form rows of the schedule in effect, one for each day type and weekday.

    Empty if the file has a form that these pages cannot show, which the template then explains.
    """
    held = page.book.holds(key)
    try:
        return rows({} if held is None else held, night=key == BEDTIME)
    except Unreadable:
        return ()


def _sent(held: tuple[ScheduleRow, ...], *, night: bool) -> tuple[ScheduleRow, ...]:
    if any(request.form.get(f"{day}-how") not in (*HOWS, None) for day in DAYS):
        abort(400)
    return typed_rows(request.form.get, request.form.getlist, held, night=night)


def _painted() -> list[str]:
    """Return the weekdays with hours that were painted in the grid of the sent form."""
    return [day for day in request.form.get("painted", "").split() if day in WEEKDAYS]


def _sleeping(page: Page) -> tuple[tuple[bool, ...], ...]:
    """Return which half hours of each weekday are bedtime, for the grid of allowed hours.

    Empty if these pages cannot show the bedtime.
    """
    try:
        return sleeping(page.book.holds(BEDTIME))
    except Unreadable:
        return ()


def _advice(page: Page) -> tuple[str, ...]:
    """Return the bedtime that the age group suggests, as sentences.

    Empty if it suggests none, or if the family has set one.
    """
    advised = page.names.suggested.get(page.book.state.band, {}).get(BEDTIME)
    if not advised or page.book.owns(BEDTIME):
        return ()
    return sentences(BEDTIME, advised, page.names, page.book.state.name)


def _show(page: Page, target: str, outcome: FormResult) -> str:
    key, night = _key(page, target), target == BEDTIME
    start, found = axis(night=night), _held(page, key)
    if request.method == "POST" and found:
        found = _sent(found, night=night)
    return render(
        "child_week.html",
        page,
        outcome,
        target=target,
        night=night,
        title=_title(page, target),
        rule=None if page.book.holds(key) is None else rule(page.book, page.names, key),
        advice=_advice(page) if night else (),
        rows=found,
        start=start,
        scale=hours_of(start),
        weekdays=short_weekdays(),
        sleeps=() if night else _sleeping(page),
        legend=[(_("Bedtime"), "on night"), (_("No bedtime"), "")]
        if night
        else [(_("Allowed"), "on"), (_("Blocked"), ""), (_("Bedtime"), "sleeps")],
        painted=" ".join(_painted()),
        picture=lambda row: charts.strip(drawn(row.spans, start), start),
        hows={
            TIMES: _("At these times"),
            "never": _("Not at all"),
            NONE: _("At any time"),
            SAME: _("Same as other days"),
        },
        night_hows={TIMES: _("At these times"), NONE: _("No bedtime"), SAME: _("Same as other days")},
    )
