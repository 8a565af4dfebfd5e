"""The way in: who comes to ``/`` is shown what is theirs, and a guardian signs in by a one-time code."""

from __future__ import annotations

import contextlib
import time
from datetime import datetime
from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.control.client import Unreachable
from gateway.errors import ControlError
from webui import session
from webui.daemon import daemon, source_address
from webui.i18n import gettext as _
from webui.i18n import ngettext
from webui.limiter import Limiter

blueprint = Blueprint("door", __name__)

TIME_LIMIT = 40  # characters


@blueprint.record_once
def _make_limiter(state: object) -> None:
    state.app.extensions["qalqan-limiter"] = Limiter()  # type: ignore[attr-defined]


@blueprint.get("/")
def arrive() -> ResponseReturnValue:
    """A guardian's browser goes home, a child's device to its page, anybody else to the visitors' page."""
    if session.guardian() is not None:
        return redirect(url_for("home.show"), 303)
    status = daemon().home()
    here = daemon().here(source_address())
    if status.child(here.profile) is not None:
        return redirect(url_for("child.show"), 303)
    return render_template("visitor.html", home=status, here=here, help_lines=daemon().help_lines())


@blueprint.get("/signin")
def sign_in() -> ResponseReturnValue:
    """A link may carry the code; the tap that uses it is a form, since previews of chats open links too.

    Not so a link to this machine's loopback, which nobody else can open: it signs in at once.
    """
    code = request.args.get("code", "")[:40]
    if code and _is_loopback(urlsplit(f"//{request.host}").hostname):
        return _use(code)
    return render_template("signin.html", code=code, sentence="")


def _is_loopback(host: str | None) -> bool:
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return host == "localhost"


@blueprint.post("/signin")
def use_code() -> ResponseReturnValue:
    return _use(request.form.get("code", "")[:40])


def _use(code: str) -> ResponseReturnValue:
    limiter: Limiter = current_app.extensions["qalqan-limiter"]
    address, now = source_address(), time.monotonic()
    wait = limiter.wait(address, now)
    if wait > 0:
        seconds = int(wait) + 1
        sentence = ngettext(
            "Too many tries from this device. Try again in %(num)d second.",
            "Too many tries from this device. Try again in %(num)d seconds.",
            seconds,
        )
        return render_template("signin.html", code="", sentence=sentence), 429, {"Retry-After": str(seconds)}
    try:
        answer = daemon().client.call("guardian", action="signin", token=code)
    except Unreachable:
        raise
    except ControlError:
        limiter.failed(address, now)
        sentence = _("This code was used already, is older than 15 minutes, or has a typing mistake.")
        return render_template("signin.html", code="", sentence=sentence), 403
    name = str(answer["guardian"])
    session.sign_in(name, str(answer["stamp"]))
    _offer_time(name)
    return redirect(url_for("home.show"), 303)


def _offer_time(name: str) -> None:
    """What the phone shows: a gateway may have no other source. Signing in never fails of it."""
    text = request.form.get("at", "")[:TIME_LIMIT]
    try:
        aware = datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return
    if aware:
        with contextlib.suppress(ControlError):
            daemon().client.call("time", at=text, by=name)


@blueprint.post("/signout")
def sign_out() -> ResponseReturnValue:
    session.sign_out()
    return redirect(url_for("door.arrive"), 303)
