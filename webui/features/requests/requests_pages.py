"""Pages of children's requests, on which a guardian answers them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.age.bands import AgeBand
from gateway.control.contract.lists import LIST_REPORT
from gateway.control.contract.requests import ANSWER, MAX_ID, REQUESTS, RequestView
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.policy.profile.rules import CATEGORY, NAMES_LEVEL
from gateway.policy.requests.requests import SITE_ONCE, Answer, RequestTopic
from webui import notices
from webui.accounts.session import guardian, guardians_only
from webui.child_lookup import child_of
from webui.daemon import daemon, source_address
from webui.features.requests.requests_text import RequestEntry, answered, is_target, of_children, offered
from webui.forms import BACK_FIELDS, back_to, one_of, reason, whole
from webui.language import refusals, things
from webui.language.i18n import gettext as _

blueprint = Blueprint("requests", __name__, url_prefix="/parent")

ANSWERS = {
    RequestTopic.TIME: (Answer.ONCE, Answer.NO),
    RequestTopic.LEDGER: (Answer.ONCE, Answer.NO),
    RequestTopic.SITE: tuple(Answer),
}
MINUTES = (5, 10, 15, 30, 45, 60, 90, 120, 180, 240)  # choices of an answer
ANSWERED_SHOWN = 10
ENTRY_LIMIT = 260  # characters of a host name or `service:x`
KEPT_FIELDS = ("id", "who", "site", "because", *BACK_FIELDS)  # of a form that has to be confirmed
NOT_ON_A_LIST = frozenset({Code.NOT_LISTED, Code.ON_REGISTER})
ASK_FIRST = (AgeBand.AGE_0_5.value, AgeBand.AGE_6_9.value)  # bands in which uncategorised sites need approval


@blueprint.get("/requests")
@guardians_only
def show() -> ResponseReturnValue:
    return render_template("requests.html", **_lists())


@blueprint.get("/requests/now")
@guardians_only
def now() -> ResponseReturnValue:
    """Return an HTML fragment with the children's open requests and the latest answered ones.

    A script inserts it to update the page.
    """
    return render_template("requests_now.html", **_lists())


@blueprint.post("/requests")
@guardians_only
def answer() -> ResponseReturnValue:
    """Send the guardian's answer to a request, or about a blocked site without one.

    Redirect to the form's page. The daemon wants some permanent answers confirmed: then return the page that
    asks for it.
    """
    meant = _meant()
    if meant is None:
        notices.said(refusals.sentence(ControlError.of(Code.ANSWERED_BEFORE)))
        return redirect(back_to(url_for("requests.show")), 303)
    choice, minutes, because = _chosen(meant.topic, meant.minutes)
    values: dict[str, object] = {**meant.about, "answer": choice}
    if choice is Answer.ONCE:
        values["minutes"] = minutes
    if because:
        values["because"] = because
    if request.form.get("confirmed"):
        values["confirmed"] = True
    with notices.refusals_to(notices.said):
        try:
            done = daemon().change(ANSWER, by=guardian() or "", origin=source_address(), **values)
        except ControlError as error:
            if error.code != Code.CONFIRM_NEEDED:
                raise
            return _confirmation(meant, error)
        if request.form.get("wrong") and meant.topic is RequestTopic.SITE:
            _report(meant.host)
        now = daemon().home().now
        sentence = answered(meant.name, choice, done, now)
        if done.undo is not None:
            notices.edited(meant.child, done, sentence)
        else:
            notices.gave(done.grant, sentence, done.until, child=meant.child)
    return redirect(back_to(url_for("requests.show")), 303)


@dataclass(frozen=True, slots=True)
class AnswerSubject:
    """What a guardian's answer is about: a child's request, or a blocked site without a request."""

    about: Mapping[str, object]  # as the daemon's verb names it
    topic: RequestTopic
    child: str  # id
    name: str  # of the child
    host: str  # the blocked host, else as `RequestView.thing`; empty: time for no service in particular
    names_host: bool
    minutes: int | None  # requested


def _meant() -> AnswerSubject | None:
    """Return what the form's answer is about; None if it names a request that the daemon does not list.

    At log level 0 the daemon lists no request that was answered. Other values give 400 or 404.
    """
    form = request.form
    if "id" in form:
        number = whole("id", 1, MAX_ID)
        found = next((asked for asked in _all() if asked.id == number), None)
        if found is None:
            return None
        host = found.host or found.thing or ""
        return AnswerSubject(
            {"id": number},
            found.topic,
            found.profile,
            found.name,
            host,
            RequestEntry(found).names_host,
            found.minutes,
        )
    who, site = form.get("who", ""), form.get("site", "")[:ENTRY_LIMIT]
    if not who or not site:
        abort(400)
    child = child_of(daemon().home(), who)
    about = {"who": child.id, "site": site}
    return AnswerSubject(about, RequestTopic.SITE, child.id, child.name, site, not is_target(site), None)


def _confirmation(meant: AnswerSubject, error: ControlError) -> str:
    """Return the page on which a guardian confirms that a category, or a site of one, is always allowed.

    ``error``: the daemon's, with the names of the category and the site.
    """
    category = str(error.values.get("category", ""))
    return render_template(
        "confirm_always.html",
        guardian=guardian(),
        home=daemon().home(),
        child_name=meant.name,
        thing_name=str(error.values.get("name", "")),
        category=things.categories().get(category, category.replace("_", " ")),
        listed=meant.names_host,
        whole=str(error.values.get("entry", "")).startswith(CATEGORY),
        fields={key: value for key, value in request.form.items() if key in KEPT_FIELDS},
        wrong=bool(request.form.get("wrong")),
        site_once=SITE_ONCE,
        here=back_to(url_for("requests.show")),
    )


def _report(host: str) -> None:
    """Record that a list has the site by mistake. A site that is on no list, or on a register, is ignored."""
    try:
        daemon().change(LIST_REPORT, by=guardian() or "", origin=source_address(), host=host, open=[])
    except ControlError as error:
        if error.code not in NOT_ON_A_LIST:
            raise


def _all() -> tuple[RequestView, ...]:
    return daemon().client.ask(REQUESTS).requests


def _chosen(topic: RequestTopic, asked: int | None) -> tuple[Answer, int, str]:
    """Return the answer in the form, its minutes (0 unless it is for once), and the guardian's reason.

    ``asked``: the requested minutes, which are also allowed. ``wrong`` without ``answer`` (the site is
    on a list by mistake) means always. Other values give 400.
    """
    minutes = {str(choice) for choice in choices(asked)}
    if "give" in request.form:
        return Answer.ONCE, int(one_of("give", minutes)), ""
    if "say" in request.form:
        return Answer.NO, 0, ready_refusals()[one_of("say", ready_refusals())]
    if request.form.get("wrong") and "answer" not in request.form and topic is RequestTopic.SITE:
        return Answer.ALWAYS, 0, reason("because")
    choice = Answer(one_of("answer", ANSWERS[topic]))
    return choice, int(one_of("minutes", minutes)) if choice is Answer.ONCE else 0, reason("because")


def ready_refusals() -> dict[str, str]:
    """Return ready-made reasons for refusing a request, by id, in the parent's language.

    The child reads them.
    """
    return {
        "homework": _("Homework first"),
        "late": _("It is late now"),
        "enough": _("Enough for today"),
        "person": _("Let us talk about it"),
    }


def choices(asked: int | None) -> list[int]:
    """Return the minutes that a guardian can choose for an answer, including the requested ones."""
    return sorted({*MINUTES, asked or SITE_ONCE})


def _was_today(entry: RequestEntry, now: datetime) -> bool:
    at = entry.request.answered or entry.request.at
    return at.astimezone(now.tzinfo).date() == now.date()


def _ask_first(waiting: Iterable[RequestEntry]) -> frozenset[str]:
    """Return the ids of children with a pending site request, for whom uncategorised sites need approval.

    The page offers to fix a broken site for them.
    """
    who = {entry.request.profile for entry in waiting if entry.names_host}
    found = {profile: daemon().rules(profile) for profile in sorted(who)}
    return frozenset(
        child for child, rules in found.items() if rules.allow_list or rules.profile.band in ASK_FIRST
    )


def _lists() -> dict[str, object]:
    home = daemon().home()
    found = of_children(_all(), home)
    waiting = [entry for entry in found if entry.request.waits]
    done = [entry for entry in found if not entry.request.waits][:ANSWERED_SHOWN]
    return {
        "home": home,
        "waiting": waiting,
        "repairable": _ask_first(waiting),
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
