"""Children's requests, and the answers to them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.age.bands import Band
from gateway.policy.profile.rules import NAMES_LEVEL
from webui import notices
from webui.accounts.session import guardian, guardians_only
from webui.daemon import daemon, source_address
from webui.forms import one_of, reason, whole
from webui.language import telling
from webui.language.i18n import gettext as _
from webui.values.asked import Asked
from webui.values.shapes import Answer

blueprint = Blueprint("requests", __name__, url_prefix="/parent")

ANSWERS = {"time": ("once", "no"), "ledger": ("once", "no"), "site": ("once", "today", "always", "no")}
MINUTES = (5, 10, 15, 30, 45, 60, 90, 120, 180, 240)  # choices of an answer
USUAL = (15, 30, 60)  # of the one-tap answers
SITE_ONCE = 60  # minutes
ANSWERED_SHOWN = 10
ASK_FIRST = (Band.AGE_0_5.value, Band.AGE_6_9.value)  # bands in which uncategorised sites need approval
ID_LIMIT = 1 << 31


@blueprint.get("/requests")
@guardians_only
def show() -> ResponseReturnValue:
    return render_template("requests.html", **_lists())


@blueprint.get("/requests/now")
@guardians_only
def now() -> ResponseReturnValue:
    """Return the changing part of the page, for the script that updates it."""
    return render_template("requests_now.html", **_lists())


@blueprint.post("/requests")
@guardians_only
def answer() -> ResponseReturnValue:
    number = whole("id", 1, ID_LIMIT)
    asked = next((request for request in daemon().requests() if request.id == number), None)
    if asked is None:
        abort(404)
    choice, minutes, because = _chosen(asked)
    values: dict[str, object] = {"id": number, "answer": choice}
    if choice == "once":
        values["minutes"] = minutes
    if because:
        values["because"] = because
    with notices.refusals_to(notices.said):
        done = daemon().change("answer", by=guardian() or "", origin=source_address(), **values)
        told_by_daemon, now = Answer(done), daemon().home().now
        notices.gave(
            told_by_daemon.whole("grant") or None,
            telling.answered(told_by_daemon, now),
            told_by_daemon.moment("until"),
            now,
        )
    return redirect(url_for("requests.show"), 303)


def _chosen(asked: Asked) -> tuple[str, int, str]:
    """Return the chosen answer: minutes, a refusal in ready words, or what was filled in."""
    minutes = {str(choice) for choice in choices(asked)}
    if "give" in request.form:
        return "once", int(one_of("give", minutes)), ""
    if "say" in request.form:
        return "no", 0, ready_refusals()[one_of("say", ready_refusals())]
    choice = one_of("answer", ANSWERS.get(asked.topic, ()))
    return choice, int(one_of("minutes", minutes)) if choice == "once" else 0, reason("because")


def ready_refusals() -> dict[str, str]:
    """Return the ready refusals. The child reads them unchanged, in the language of the parent."""
    return {
        "homework": _("Homework first"),
        "late": _("It is late now"),
        "enough": _("Enough for today"),
        "person": _("Let us talk about it"),
    }


def offered(asked: Asked) -> list[int]:
    """Return the one-tap answers: the usual minutes and those requested, or a refund of those counted."""
    if asked.is_ledger:
        return [asked.minutes]
    return sorted({*USUAL, asked.minutes or USUAL[0]})


def choices(asked: Asked) -> list[int]:
    """Return the minutes to choose from, including the requested ones."""
    return sorted({*MINUTES, asked.minutes or SITE_ONCE})


def _was_today(asked: Asked, now: datetime) -> bool:
    at = asked.answered or asked.at
    return at is not None and at.astimezone(now.tzinfo).date() == now.date()


def _ask_first(waiting: Iterable[Asked]) -> frozenset[str]:
    """Return the children for whom uncategorised sites need approval. Fixing a broken site helps them."""
    who = {
        asked.profile for asked in waiting if asked.topic == "site" and not asked.thing.startswith("service:")
    }
    found = {profile: daemon().rules(profile) for profile in sorted(who)}
    return frozenset(one for one, rules in found.items() if rules.allow_list or rules.band in ASK_FIRST)


def _lists() -> dict[str, object]:
    home = daemon().home()
    found = daemon().requests()
    done = [asked for asked in found if not asked.waits][:ANSWERED_SHOWN]
    return {
        "home": home,
        "waiting": [asked for asked in found if asked.waits],
        "taught": _ask_first(asked for asked in found if asked.waits),
        "today": [asked for asked in done if _was_today(asked, home.now)],
        "before": [asked for asked in done if not _was_today(asked, home.now)],
        "choices": choices,
        "offered": offered,
        "ready_refusals": ready_refusals(),
        "site_once": SITE_ONCE,
        "names_level": NAMES_LEVEL,
        "guardian": guardian(),
        "notice": notices.current(home),
    }
