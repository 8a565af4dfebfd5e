"""Pages of children's requests, on which a guardian answers them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.age.bands import AgeBand
from gateway.control.contract.lists import LIST_REPORT
from gateway.control.contract.requests import ANSWER, MAX_ID, REQUESTS, RequestView
from gateway.policy.profile.rules import NAMES_LEVEL
from gateway.policy.requests.requests import SITE_ONCE, Answer, RequestTopic
from webui import notices
from webui.accounts.session import guardian, guardians_only
from webui.daemon import daemon, source_address
from webui.features.requests.requests_text import RequestEntry, answered
from webui.forms import one_of, reason, whole
from webui.language.i18n import gettext as _

blueprint = Blueprint("requests", __name__, url_prefix="/parent")

ANSWERS = {
    RequestTopic.TIME: (Answer.ONCE, Answer.NO),
    RequestTopic.LEDGER: (Answer.ONCE, Answer.NO),
    RequestTopic.SITE: tuple(Answer),
}
MINUTES = (5, 10, 15, 30, 45, 60, 90, 120, 180, 240)  # choices of an answer
USUAL = (15, 30, 60)  # of the one-tap answers
ANSWERED_SHOWN = 10
ASK_FIRST = (AgeBand.AGE_0_5.value, AgeBand.AGE_6_9.value)  # bands in which uncategorised sites need approval


@blueprint.get("/requests")
@guardians_only
def show() -> ResponseReturnValue:
    return render_template("requests.html", **_lists())


@blueprint.get("/requests/now")
@guardians_only
def now() -> ResponseReturnValue:
    """Return the requests as an HTML fragment, for the script that updates the page."""
    return render_template("requests_now.html", **_lists())


@blueprint.post("/requests")
@guardians_only
def answer() -> ResponseReturnValue:
    number = whole("id", 1, MAX_ID)
    found = next((asked for asked in _all() if asked.id == number), None)
    if found is None:
        abort(404)
    choice, minutes, because = _chosen(found)
    values: dict[str, object] = {"id": number, "answer": choice}
    if choice is Answer.ONCE:
        values["minutes"] = minutes
    if because:
        values["because"] = because
    with notices.refusals_to(notices.said):
        if request.form.get("wrong") and found.topic is RequestTopic.SITE:
            daemon().change(
                LIST_REPORT, by=guardian() or "", origin=source_address(), host=found.thing or "", open=[]
            )
        done = daemon().change(ANSWER, by=guardian() or "", origin=source_address(), **values)
        now = daemon().home().now
        notices.gave(done.grant, answered(found, choice, done, now), done.until, child=found.profile)
    return redirect(url_for("requests.show"), 303)


def _all() -> tuple[RequestView, ...]:
    return daemon().client.ask(REQUESTS).requests


def _chosen(found: RequestView) -> tuple[Answer, int, str]:
    """Return the answer that a form has, its minutes (0 unless time is given), and the guardian's reason."""
    minutes = {str(choice) for choice in choices(found)}
    if "give" in request.form:
        return Answer.ONCE, int(one_of("give", minutes)), ""
    if "say" in request.form:
        return Answer.NO, 0, ready_refusals()[one_of("say", ready_refusals())]
    if request.form.get("wrong") and found.topic is RequestTopic.SITE:
        return Answer.ALWAYS, 0, ""
    choice = Answer(one_of("answer", ANSWERS[found.topic]))
    return choice, int(one_of("minutes", minutes)) if choice is Answer.ONCE else 0, reason("because")


def ready_refusals() -> dict[str, str]:
    """Return ready reasons for a no, by id. The child reads them unchanged, in the language of the parent."""
    return {
        "homework": _("Homework first"),
        "late": _("It is late now"),
        "enough": _("Enough for today"),
        "person": _("Let us talk about it"),
    }


def offered(asked: RequestView) -> list[int]:
    """Return the minutes of the one-tap answers: the usual ones and those requested.

    For a dispute these are only the disputed minutes, as a refund.
    """
    if asked.topic is RequestTopic.LEDGER:
        return [asked.minutes or 0]
    return sorted({*USUAL, asked.minutes or USUAL[0]})


def choices(asked: RequestView) -> list[int]:
    """Return the minutes from which a guardian chooses for an answer, including the requested ones."""
    return sorted({*MINUTES, asked.minutes or SITE_ONCE})


def _was_today(entry: RequestEntry, now: datetime) -> bool:
    at = entry.request.answered or entry.request.at
    return at.astimezone(now.tzinfo).date() == now.date()


def _ask_first(waiting: Iterable[RequestEntry]) -> frozenset[str]:
    """Return the ids of children with a pending site request who need approval for uncategorised sites.

    The page offers to fix a broken site for them.
    """
    who = {entry.request.profile for entry in waiting if entry.is_site and not entry.is_service}
    found = {profile: daemon().rules(profile) for profile in sorted(who)}
    return frozenset(
        child for child, rules in found.items() if rules.allow_list or rules.profile.band in ASK_FIRST
    )


def _lists() -> dict[str, object]:
    home = daemon().home()
    found = [RequestEntry(asked) for asked in _all()]
    waiting = [entry for entry in found if entry.request.waits]
    done = [entry for entry in found if not entry.request.waits][:ANSWERED_SHOWN]
    return {
        "home": home,
        "waiting": waiting,
        "taught": _ask_first(waiting),
        "today": [entry for entry in done if _was_today(entry, home.now)],
        "before": [entry for entry in done if not _was_today(entry, home.now)],
        "choices": choices,
        "offered": offered,
        "ready_refusals": ready_refusals(),
        "site_once": SITE_ONCE,
        "names_level": NAMES_LEVEL,
        "guardian": guardian(),
        "notice": notices.current(home),
    }
