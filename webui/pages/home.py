"""The parents' home: one card a child, and the taps that change something at once."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue

from gateway.control.client import Unreachable
from gateway.errors import ControlError
from webui.answers import Child, Home, Refusal
from webui.daemon import daemon, source_address
from webui.i18n import gettext as _
from webui.session import guardian, guardians_only
from webui.words import clock, plain

blueprint = Blueprint("home", __name__, url_prefix="/parent")

PAUSES = (15, 30, 60)  # minutes
REFUSALS_SHOWN = 5
NAMES_LEVEL = 2  # the log level from which a guardian sees names of refused sites
EVERYONE = "all"


@dataclass(frozen=True, slots=True)
class Card:
    child: Child
    refusals: tuple[Refusal, ...]
    names_shown: bool


@blueprint.get("/")
@guardians_only
def show() -> ResponseReturnValue:
    return render_template("home.html", **_cards())


@blueprint.get("/cards")
@guardians_only
def cards() -> ResponseReturnValue:
    """The part of the page that changes, for the script that keeps it fresh."""
    return render_template("home_cards.html", **_cards())


@blueprint.post("/pause")
@guardians_only
def pause() -> ResponseReturnValue:
    minutes = request.form.get("minutes", "")
    if minutes and minutes not in {str(choice) for choice in PAUSES}:
        abort(400)
    return _change("pause", **({"minutes": int(minutes)} if minutes else {}))


@blueprint.post("/resume")
@guardians_only
def resume() -> ResponseReturnValue:
    return _change("resume")


@blueprint.post("/on")
@guardians_only
def turn_on() -> ResponseReturnValue:
    daemon().change("on", by=guardian() or "", origin=source_address())
    return redirect(url_for("home.show"), 303)


def _cards() -> dict[str, object]:
    home = daemon().home()
    return {
        "home": home,
        "cards": [_card(child) for child in home.children],
        "pauses_offered": PAUSES,
        "guardian": guardian(),
        "notice": _notice(home),
    }


def _card(child: Child) -> Card:
    shown = child.log_level >= NAMES_LEVEL
    return Card(child, daemon().refusals_of_child(child.id, REFUSALS_SHOWN) if shown else (), shown)


def _change(do: str, **values: object) -> ResponseReturnValue:
    """Do it, and remember what was done in the cookie: its undo stays until the next change."""
    who = request.form.get("who", "")
    by, home = guardian() or "", daemon().home()
    if who != EVERYONE and home.child(who) is None:
        abort(400)
    try:
        daemon().change(do, who=who, by=by, origin=source_address(), **values)
        cookie["done"] = [do, who]
    except Unreachable:
        raise
    except ControlError as error:
        cookie["done"] = ["error", str(error)[:200]]
    return redirect(url_for("home.show"), 303)


def _notice(home: Home) -> dict[str, str] | None:
    """What was done last, while it still holds: its sentence, and who can be resumed by `undo`."""
    done = cookie.get("done")
    if not (isinstance(done, list) and len(done) == 2):
        return None
    do, who = done
    if do == "error":
        return {"sentence": who, "undo": ""}
    if who == EVERYONE:
        everyone_paused = bool(home.children) and all(child.paused for child in home.children)
        if do == "pause" and everyone_paused:
            return {"sentence": _("Every child is paused."), "undo": EVERYONE}
        return None
    child = home.child(who)
    if do != "pause" or child is None or not child.paused:
        return None
    if child.now.until is None:
        return {"sentence": _("%(name)s is paused until you resume.", name=plain(child.name)), "undo": who}
    until = clock(child.now.until, home.now)
    return {
        "sentence": _("%(name)s is paused until %(until)s.", name=plain(child.name), until=until),
        "undo": who,
    }
