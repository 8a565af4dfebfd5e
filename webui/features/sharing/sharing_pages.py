"""A child's pages for shared devices: says that it uses this device or a screen, and sets its PIN.

A person can also mark a new device as used by an adult.
"""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.control.client import Unreachable
from gateway.control.contract.sharing import (
    ADULT,
    CLAIM,
    LEAVE,
    PIN,
    USE,
    OwnPinState,
    SharedDevice,
    SharingPerson,
)
from gateway.core.errors import ControlError
from webui import notices
from webui.accounts import locks
from webui.accounts.session import anyone
from webui.daemon import daemon, source_address
from webui.features.sharing.sharing_text import find_device, find_person, is_handed, label
from webui.features.status.home_text import Here
from webui.language import refusals
from webui.language.i18n import gettext as _
from webui.language.words import plain

blueprint = Blueprint("sharing", __name__, url_prefix="/my")

REFUSED = 409
PIN_TYPED = 12  # characters: six digits, with room for spaces


@blueprint.get("/sharing")
@anyone
def now() -> str:
    """Return who uses the shared device as an HTML fragment, for the script that updates the child's page."""
    here, home = daemon().here(source_address()), daemon().home()
    return render_template("parts/sharing_now.html", here=here, home=home)


@blueprint.get("/use")
@anyone
def people() -> ResponseReturnValue:
    """Show the children who may use this shared device; 404 if it is not shared."""
    here, shared = _shared()
    return _page("use.html", here, shared=shared)


@blueprint.get("/use/<who>")
@anyone
def person(who: str) -> ResponseReturnValue:
    """Show the page on which one user of this shared device enters the PIN. ``who``: the user's id.

    404 if the device is not shared by this user.
    """
    here, shared = _shared()
    return _page("use_pin.html", here, shared=shared, person=_person(shared, who))


@blueprint.post("/use/<who>")
@anyone
def use(who: str) -> ResponseReturnValue:
    here, shared = _shared()
    chosen = _person(shared, who)
    values = {"pin": typed_pin("pin")} if chosen.pin else {}
    problem = refused(lambda: daemon().client.ask(USE, device=here.mac, who=chosen.id, **values))
    if problem:
        return _page("use_pin.html", here, problem, shared=shared, person=chosen), REFUSED
    locks.lock()
    notices.notify_child(_("%(name)s's rules apply here now.", name=plain(chosen.name)))
    return redirect(url_for("child.show"), 303)


@blueprint.post("/leave")
@anyone
def leave() -> ResponseReturnValue:
    """End the child's use of this shared device, or of a screen such as a television (form field ``screen``).

    The youngest child's rules apply again. Responds with 400 for a screen that the child may not claim.
    """
    here = daemon().here(source_address())
    screen = request.form.get("screen", "")
    if not here.mac or (screen and find_device(here.own.screens, screen) is None):
        abort(400)
    values = {"screen": screen} if screen else {}
    problem = refused(lambda: daemon().client.ask(LEAVE, device=here.mac, **values))
    if not screen:
        locks.lock()
    notices.notify_child(problem or _("Done. The youngest's rules apply again."))
    return redirect(url_for("sharing.screens" if screen else "child.show"), 303)


@blueprint.get("/screens")
@anyone
def screens() -> ResponseReturnValue:
    here = daemon().here(source_address())
    if not here.own.screens:
        return redirect(url_for("child.show"), 303)
    return _page("screens.html", here)


@blueprint.post("/screens")
@anyone
def claim() -> ResponseReturnValue:
    here = daemon().here(source_address())
    screen = find_device(here.own.screens, request.form.get("screen", ""))
    if screen is None:
        abort(400)
    problem = refused(lambda: daemon().client.ask(CLAIM, device=here.mac, screen=screen.device))
    if problem:
        return _page("screens.html", here, problem), REFUSED
    notices.notify_child(_("You are on %(screen)s now.", screen=plain(label(screen))))
    return redirect(url_for("sharing.screens"), 303)


@blueprint.get("/pin")
@anyone
def pin() -> ResponseReturnValue:
    """Show the page on which the child types or sets its PIN, and that says for what it needs one.

    404 for a device without a child.
    """
    here, _own = _with_pin()
    return _page("pin.html", here)


@blueprint.post("/pin")
@anyone
def unlock() -> ResponseReturnValue:
    here, own = _with_pin()
    problem = refused(lambda: daemon().client.ask(PIN, action="check", device=here.mac, pin=typed_pin("pin")))
    if problem:
        return _page("pin.html", here, problem), REFUSED
    locks.unlock(here.profile, own)
    return redirect(url_for("time.mine"), 303)


@blueprint.post("/pin/set")
@anyone
def set_pin() -> ResponseReturnValue:
    """Set the PIN of the child on its own device, typed twice, and redirect to the child's page.

    Replacing a PIN needs the old one. A wrong or easy PIN shows the page with a message. Responds with 400 on
    a device that is not the child's alone.
    """
    here, own = _with_pin()
    if not own.may_set:
        abort(400)
    entered = typed_pin("pin")
    if entered != typed_pin("again"):
        return _page(
            "pin.html", here, _("The two are not the same. Enter them again."), setting=True
        ), REFUSED
    old = {"old": typed_pin("old")} if own.pin_set else {}
    problem = refused(
        lambda: daemon().client.ask(
            PIN, action="set", device=here.mac, pin=entered, origin=source_address(), **old
        )
    )
    if problem:
        return _page("pin.html", here, problem, setting=True), REFUSED
    notices.notify_child(_("Your PIN is set. Your parents can see that you set one, but not the PIN."))
    return redirect(url_for("child.show"), 303)


@blueprint.post("/adult")
@anyone
def adult() -> ResponseReturnValue:
    here = daemon().here(source_address())
    if not here.mac:
        return redirect(url_for("door.arrive"), 303)
    problem = refused(lambda: daemon().client.ask(ADULT, device=here.mac))
    if problem:
        notices.notify_child(problem)
    return redirect(url_for("door.arrive"), 303)


def _shared() -> tuple[Here, SharedDevice]:
    here = daemon().here(source_address())
    if here.own.sharing is None or is_handed(here.own):
        abort(404)
    return here, here.own.sharing


def _with_pin() -> tuple[Here, OwnPinState]:
    here = daemon().here(source_address())
    if here.own.pin is None:
        abort(404)
    return here, here.own.pin


def _person(shared: SharedDevice, who: str) -> SharingPerson:
    found = find_person(shared.people, who)
    if found is None:
        abort(404)
    return found


def typed_pin(key: str) -> str:
    """Return the PIN in the form field ``key``, cut at 12 characters.

    ``-`` if it is empty: the daemon would treat an empty text as a missing argument.
    """
    return request.form.get(key, "").strip()[:PIN_TYPED] or "-"


def refused(ask: Callable[[], object]) -> str:
    """Call ``ask``, a request to the daemon, and return its error as a sentence; empty without an error.

    Raises: Unreachable.
    """
    try:
        ask()
    except Unreachable:
        raise
    except ControlError as error:
        return refusals.sentence(error)
    return ""


def _page(template: str, here: Here, problem: str = "", **values: object) -> str:
    home = daemon().home()
    return render_template(
        template,
        home=home,
        here=here,
        child=home.child(here.profile),
        problem=problem,
        message=notices.child_notice(),
        **values,
    )
