"""A child's actions on its own device: ask for time or a site, finish a game, redeem a code."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.control.client import Unreachable
from gateway.control.contract.requests import REQUEST
from gateway.control.contract.time import LANDING, REDEEM
from gateway.core.errors import ControlError
from gateway.policy.profile.rules import SERVICE
from gateway.policy.requests.requests import RequestState
from webui import notices
from webui.accounts.locks import child_only
from webui.accounts.session import anyone
from webui.daemon import daemon, source_address
from webui.features.requests.requests_text import RequestEntry, askable_name, waiting_time
from webui.features.status.home_text import Here, HomeView
from webui.features.time.grant_text import to_child
from webui.features.time.sheets import CODE_LIMIT, normalize_code
from webui.forms import one_of, reason
from webui.language import refusals
from webui.language.i18n import gettext as _
from webui.language.words import plain

blueprint = Blueprint("asks", __name__, url_prefix="/my")

MINUTES = (15, 30, 60)
REFUSED = 409


@blueprint.get("/ask")
@anyone
def ask() -> ResponseReturnValue:
    return _with_child(_ask_form)


@blueprint.post("/ask")
@anyone
def ask_for_time() -> ResponseReturnValue:
    return _with_child(_ask_for_time)


@blueprint.post("/ask/site")
@anyone
def ask_for_site() -> ResponseReturnValue:
    return _with_child(_ask_for_site)


@blueprint.post("/landing")
@anyone
def land() -> ResponseReturnValue:
    return _with_child(_land)


@blueprint.get("/asked")
@child_only
@anyone
def before() -> ResponseReturnValue:
    """Show all requests of the child to whom the requesting device belongs, and the answers.

    Another device is redirected to the start page.
    """
    return _with_child(_all_asked)


@blueprint.get("/code")
@anyone
def code() -> ResponseReturnValue:
    return _with_child(_code_form)


@blueprint.post("/code")
@anyone
def redeem() -> ResponseReturnValue:
    return _with_child(_redeem)


def _with_child(act: Callable[[Here, HomeView], ResponseReturnValue]) -> ResponseReturnValue:
    """Return the result of ``act`` for the requesting device; redirect to ``/`` if it is not a child's.

    The device is known by its source address; a form cannot name another.
    """
    here = daemon().here(source_address())
    home = daemon().home()
    if home.child(here.profile) is None or not here.mac:
        return redirect(url_for("door.arrive"), 303)
    return act(here, home)


def _ask_for_time(here: Here, home: HomeView) -> ResponseReturnValue:
    values: dict[str, object] = {"minutes": int(one_of("minutes", {str(minute) for minute in MINUTES}))}
    service = request.form.get("service", "")
    if service:
        if service not in {use.target for use in here.time.used if use.target.startswith(SERVICE)}:
            abort(400)
        values["service"] = service
    because = reason("reason")
    if because:
        values["reason"] = because
    try:
        done = daemon().client.ask(REQUEST, device=here.mac, origin=source_address(), **values)
    except Unreachable:
        raise
    except ControlError as error:
        return _ask_form(here, home, refusals.sentence(error)), REFUSED
    if done.state is RequestState.AUTO:
        notices.notify_child(_("You have it. No parent had to be asked."))
    else:
        notices.notify_child(_("You asked. Your parents see it, and the answer is here."))
    return redirect(url_for("child.show"), 303)


def _ask_for_site(here: Here, _home: HomeView) -> ResponseReturnValue:
    """Send the child's request for a site, service or category, and redirect to the child's page.

    Form fields: ``host`` (or ``service:ID``, ``category:ID``), ``wrong`` (it was blocked by
    mistake), and ``stay``: redirect to the page of this blocked host, which waits for the answer.
    Responds with 409 if the child may not ask for it.
    """
    host = request.form.get("host", "")
    name = plain(askable_name(here, host), 80)
    if not name:
        sentence = _("More than ten minutes have passed. Open the site again, and then ask.")
        return render_template("problem.html", code=REFUSED, sentence=sentence), REFUSED
    values = {"wrong": True} if request.form.get("wrong") else {}
    with notices.refusals_to(notices.notify_child):
        daemon().client.ask(REQUEST, device=here.mac, origin=source_address(), site=host, **values)
        if blocked := request.form.get("stay"):
            return redirect(url_for("refused.show", host=blocked), 303)
        notices.notify_child(
            _("You asked for %(name)s. Your parents see it, and the answer is here.", name=name)
        )
    return redirect(url_for("child.show"), 303)


def _land(here: Here, home: HomeView) -> ResponseReturnValue:
    with notices.refusals_to(notices.notify_child):
        given = daemon().client.ask(LANDING, device=here.mac, origin=source_address())
        notices.notify_child(to_child(given, home.now))
    return redirect(url_for("child.show"), 303)


def _redeem(here: Here, home: HomeView) -> ResponseReturnValue:
    entered = request.form.get("code", "")[:CODE_LIMIT]
    text = normalize_code(entered)
    if not text:
        return _code_form(here, home, _("Type the letters and numbers from the paper.")), REFUSED
    try:
        given = daemon().client.ask(REDEEM, device=here.mac, code=text, origin=source_address())
    except Unreachable:
        raise
    except ControlError as error:
        return _code_form(here, home, refusals.sentence(error), plain(entered)), REFUSED
    notices.notify_child(to_child(given, home.now))
    return redirect(url_for("child.show"), 303)


def _all_asked(here: Here, home: HomeView) -> ResponseReturnValue:
    return render_template(
        "my_asked.html",
        home=home,
        asked=[RequestEntry(found) for found in daemon().requests_of_device(here)],
        help_lines=daemon().help_lines(),
    )


def _ask_form(here: Here, home: HomeView, sentence: str = "") -> str:
    """Return the form for extra time, with the values of the open request; after a refusal, those sent.

    ``sentence``: why the request was refused.
    """
    waiting = waiting_time(daemon().requests_of_device(here))
    minutes, because = (waiting.minutes, waiting.reason) if waiting else (None, "")
    if sentence:
        minutes, because = int(request.form["minutes"]), reason("reason")
    return render_template(
        "ask.html",
        child=home.child(here.profile),
        sentence=sentence,
        minutes_offered=MINUTES,
        services=[use for use in here.time.used if use.target.startswith(SERVICE)],
        waiting=waiting,
        chosen=minutes if minutes in MINUTES else MINUTES[0],
        service=request.form.get("service", ""),
        because=because,
    )


def _code_form(_here: Here, _home: HomeView, sentence: str = "", entered: str = "") -> str:
    return render_template("code.html", sentence=sentence, entered=entered)
