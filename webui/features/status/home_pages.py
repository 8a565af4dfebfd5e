"""The parents' home page: one card for each child, with actions that apply immediately."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.control.contract.bypass_alerts import BYPASS_CARDS
from gateway.control.contract.devices import DEVICES, QUESTIONS, ListedDevice
from gateway.control.contract.requests import REQUESTS
from gateway.control.contract.time import GRANT, ON, PAUSE, RESUME, REVOKE
from gateway.control.verbs import Verb
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.policy.identity.macs import parse_mac
from gateway.policy.requests.requests import SITE_ONCE
from webui import charts, menu, notices
from webui.accounts.session import guardian, guardians_only, signed_in, without_home
from webui.daemon import daemon, source_address
from webui.features.activity.target_names import title
from webui.features.bypass_alerts.card_text import SHOWN, CardsView
from webui.features.devices.device_text import (
    GUEST,
    HOME,
    QUESTIONS_SHOWN,
    DevicesView,
    called,
)
from webui.features.requests.requests_text import RequestEntry, of_children, offered
from webui.features.status.home_text import ChildView, HomeView
from webui.features.status.minutes_text import Dial, first_to_close
from webui.features.time.grant_text import to_parent
from webui.first_run import known_people, sharers
from webui.forms import NUMBER_LIMIT, back, one_of, whole
from webui.language.i18n import gettext as _
from webui.language.words import plain

blueprint = Blueprint("home", __name__, url_prefix="/parent")

PAUSES = (15, 30, 60)  # minutes
EXTRAS = (15, 30, 60)  # minutes
NOT_A_CHILD = frozenset({Code.NO_PROFILE, Code.NO_CHILD})  # the form named no child, or a removed one
# Number of children from which cards are folded, each to a quarter of a phone's screen. The actions then
# need one more tap.
FOLDED_FROM = 4
REQUESTS_SHOWN = 3
NAME_SHOWN = 40  # characters of a device's name in a heading


@dataclass(frozen=True, slots=True)
class ChildCard:
    child: ChildView
    dial: Dial | None  # what ends first, while it is allowed
    in_use: tuple[str, ...]  # names of services and categories


@dataclass(frozen=True, slots=True)
class UndecidedDevices:
    """Devices that were here at the first run, and for which no guardian has chosen who uses them.

    ``place``: how they are treated until then.
    """

    place: str  # `home` (not filtered) or `guest`
    devices: tuple[ListedDevice, ...]  # those that the page shows
    count: int
    shareable: bool  # several people can share them

    @property
    def names(self) -> list[str]:
        """The names of the devices that the page shows, and an ellipsis if there are more."""
        found = [plain(called(device), NAME_SHOWN) for device in self.devices]
        return found if self.count == len(found) else [*found, "…"]


@blueprint.get("/")
@guardians_only
def show() -> ResponseReturnValue:
    return render_template("home.html", **_cards())


@blueprint.get("/cards")
@guardians_only
def cards() -> ResponseReturnValue:
    """Return the changing parts of the parents' home page, such as the children's cards, as HTML.

    A script inserts them to update the page.
    """
    return render_template("home_cards.html", **_cards())


@blueprint.post("/pause")
@guardians_only
@without_home
def pause() -> ResponseReturnValue:
    minutes = request.form.get("minutes", "")
    if minutes and minutes not in {str(choice) for choice in PAUSES}:
        abort(400)
    return _change(PAUSE, **({"minutes": int(minutes)} if minutes else {}))


@blueprint.post("/resume")
@guardians_only
@without_home
def resume() -> ResponseReturnValue:
    return _change(RESUME)


@blueprint.post("/grant")
@guardians_only
def grant() -> ResponseReturnValue:
    """Give a child extra time, and store a notice with an undo.

    Form fields: ``who`` (the child), ``minutes``.
    """
    minutes = int(one_of("minutes", {str(choice) for choice in EXTRAS}))
    home = daemon().home()
    child = home.child(request.form.get("who", ""))
    if child is None:
        abort(400)
    with notices.refusals_to(notices.said):
        done = daemon().change(
            GRANT, who=child.id, minutes=minutes, by=guardian() or "", origin=source_address()
        )
        (given,) = done.given
        sentence = to_parent(given, child.name, home.now)
        notices.gave(done.grant, sentence, given.until, child=child.id)
    return redirect(url_for("home.show"), 303)


@blueprint.post("/undo")
@guardians_only
@without_home
def undo() -> ResponseReturnValue:
    """Withdraw extra time by the number of its grant, from the undo form of a notice, and redirect."""
    number = whole("grant", 1, NUMBER_LIMIT)
    with notices.refusals_to(notices.said):
        daemon().change(REVOKE, grant=number, by=guardian() or "", origin=source_address())
        notices.said(_("The change is undone."))
    return _back()


@blueprint.post("/on")
@guardians_only
@without_home
def turn_on() -> ResponseReturnValue:
    daemon().change(ON, by=guardian() or "", origin=source_address())
    return _back()


@blueprint.get("/more")
@guardians_only
def more() -> ResponseReturnValue:
    return render_template(
        "more.html", home=daemon().home(), groups=menu.groups(signed_in()), guardian=guardian()
    )


def _back() -> ResponseReturnValue:
    """Redirect to the page that the form was on."""
    return redirect(back(url_for("home.show")), 303)


def _cards() -> dict[str, object]:
    home = daemon().home()
    return {
        "home": home,
        "questions": daemon().client.ask(QUESTIONS, limit=QUESTIONS_SHOWN) if home.status.questions else None,
        "undecided": _undecided() if home.status.undecided_devices else (),
        "way_cards": CardsView(daemon().client.ask(BYPASS_CARDS, limit=SHOWN)) if home.status.cards else None,
        "cards": [_card(child) for child in home.children],
        "requests": _waiting(home) if home.status.requests else (),
        "offered": offered,
        "site_once": SITE_ONCE,
        "pauses_offered": PAUSES,
        "extras_offered": EXTRAS,
        "folded": len(home.children) >= FOLDED_FROM,
        "ring": charts.ring,
        "guardian": guardian(),
        "notice": notices.current(home),
    }


def _waiting(home: HomeView) -> list[RequestEntry]:
    """Return the pending requests of all children, oldest first, at most REQUESTS_SHOWN."""
    found = daemon().client.ask(REQUESTS, pending=True).requests
    return of_children(reversed(found), home)[:REQUESTS_SHOWN]


def _undecided() -> tuple[UndecidedDevices, ...]:
    """Return the devices of the first run without a chosen user: those without a filter, and guests."""
    found = DevicesView(daemon().client.ask(DEVICES, brief=True))
    waiting = [device for device in found.state.devices if device.waits_for_owner]
    sharing = sharers(known_people(found.state.people, daemon().home().children))
    groups = ((place, [device for device in waiting if device.profile == place]) for place in (HOME, GUEST))
    return tuple(
        UndecidedDevices(place, tuple(devices[:QUESTIONS_SHOWN]), len(devices), bool(sharing))
        for place, devices in groups
        if devices
    )


def _card(child: ChildView) -> ChildCard:
    lively = child.now.open and bool(child.devices)
    here = child.online or child.quiet
    used = child.status.in_use if lively and here else ()
    in_use = tuple(title(use.target, use.name) for use in used)
    return ChildCard(child, first_to_close(child.time) if lively else None, in_use)


def _change(verb: Verb[Any, Any], **values: object) -> ResponseReturnValue:
    """Send a pause or resume of one child or all, and redirect to the page that the form was on.

    The next pages show a notice of a pause, with an undo. A resume ends the earlier notice: it has no
    undo. Responds with 400 if the form names no child.
    """
    who = request.form.get("who", "")
    if not who or parse_mac(who) is not None:  # the daemon also pauses devices, this page does not
        abort(400)
    with notices.refusals_to(notices.said):
        try:
            daemon().change(verb, who=who, by=guardian() or "", origin=source_address(), **values)
        except ControlError as error:
            if error.code in NOT_A_CHILD:
                abort(400)
            raise
        notices.paused(who) if verb is PAUSE else notices.forget()
    return _back()
