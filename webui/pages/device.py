"""One device: what is known of it, its name, whose it is, who shares it, and that it is forgotten."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.codes import Code
from gateway.control.client import Unreachable
from gateway.errors import ControlError
from webui import clues, notices
from webui.daemon import daemon, source_address
from webui.devices import PLACES, Device, Devices, Learnt, told_place
from webui.forms import one_of
from webui.i18n import gettext as _
from webui.session import guardian, guardians_only
from webui.shapes import Answer
from webui.words import plain

blueprint = Blueprint("device", __name__, url_prefix="/parent/device")

MAC_LIMIT = 17  # characters
LABEL_LIMIT = 40  # characters, as the daemon takes them
SITES_LIMIT = 8  # names of one school's or firm's tunnel
SITE_LIMIT = 253  # characters of a host name
WAS_LIMIT = 600  # characters of what an undo says; a longer one is not offered


@blueprint.get("/<mac>")
@guardians_only
def show(mac: str) -> ResponseReturnValue:
    return _page(mac, "device.html")


@blueprint.get("/<mac>/now")
@guardians_only
def now(mac: str) -> ResponseReturnValue:
    return _page(mac, "device_now.html")


def _page(mac: str, template: str) -> ResponseReturnValue:
    devices, device, learnt = _learnt(mac)
    home = daemon().home()
    return render_template(
        template,
        home=home,
        guardian=guardian(),
        notice=notices.current(home),
        devices=devices,
        device=device,
        learnt=learnt,
        child=home.child(device.profile),
        places=PLACES,
        clues=clues,
        label_limit=LABEL_LIMIT,
    )


def _known(mac: str) -> tuple[Devices, Device]:
    return _learnt(mac)[:2]


def _learnt(mac: str) -> tuple[Devices, Device, Learnt]:
    """The one alone: a home may have hundreds, most of them invented."""
    if len(mac) > MAC_LIMIT:
        abort(404)
    try:
        devices, learnt = daemon().learnt(mac)
    except Unreachable:
        raise
    except ControlError as error:
        if error.code in (Code.NO_DEVICE, Code.INVALID):
            abort(404)
        raise
    if not devices.found or learnt is None:
        abort(404)
    return devices, devices.found[0], learnt


# ---------------------------------------------------------------------------------------- whose it is


@blueprint.post("/assign")
@guardians_only
def assign() -> ResponseReturnValue:
    devices, device = _known(request.form.get("mac", ""))
    profile = one_of("profile", {*PLACES, *(one.id for one in devices.people)})
    _assign(device, profile, devices)
    return _back_to(device)


@blueprint.post("/assign/back")
@guardians_only
def assign_back() -> ResponseReturnValue:
    mac, was = _was(2)
    devices, device = _known(mac)
    if was not in PLACES and devices.person(was) is None:
        abort(400)
    _assign(device, was, devices)
    return _back_to(device)


def _assign(device: Device, profile: str, devices: Devices) -> None:
    with notices.refusals_to(notices.said):
        answer = Answer(_change("assign", mac=device.mac, profile=profile))
        sentence = told_place(plain(device.called), profile, devices.person(profile))
        was = answer.text("was")
        if was in PLACES or devices.person(was) is not None:
            notices.did_back("assigned", f"{device.mac} {was}", sentence)
        else:
            notices.said(sentence)


# ---------------------------------------------------------------------------------------- its name


@blueprint.post("/name")
@guardians_only
def name() -> ResponseReturnValue:
    _devices, device = _known(request.form.get("mac", ""))
    _name(device, request.form.get("name", ""))
    return redirect(url_for("device.show", mac=device.mac), 303)


@blueprint.post("/name/back")
@guardians_only
def name_back() -> ResponseReturnValue:
    mac, was = _was(2)
    _devices, device = _known(mac)
    _name(device, was)
    return redirect(url_for("device.show", mac=device.mac), 303)


def _name(device: Device, said: str) -> None:
    """An empty name is none: it is called as it calls itself."""
    label = plain(" ".join(plain(said, len(said)).split()), LABEL_LIMIT)
    with notices.refusals_to(notices.said):
        answer = Answer(_change("name_device", mac=device.mac, name=label or None))
        called = plain(answer.text("name") or device.mac)
        sentence = _("It is called %(name)s now.", name=called)
        notices.did_back("named", f"{device.mac} {plain(answer.text('was'))}", sentence)


# ---------------------------------------------------------------------------------------- in the files


@blueprint.post("/share")
@guardians_only
def share() -> ResponseReturnValue:
    """Several people's, or nobody's in particular any more."""
    devices, device = _known(request.form.get("mac", ""))
    people = [one.id for one in devices.people if one.id in request.form.getlist("people")]
    if len(people) == 1:
        notices.said(_("One person alone shares nothing. Say that it is theirs, or choose two."))
        return _back_to(device)
    _share(device, people, devices)
    return _back_to(device)


@blueprint.post("/share/back")
@guardians_only
def share_back() -> ResponseReturnValue:
    mac, place, *people = _was(None)
    devices, device = _known(mac)
    _share(device, [one for one in people if devices.person(one)], devices, place)
    return _back_to(device)


def _share(device: Device, people: list[str], devices: Devices, place: str = "") -> None:
    """``place``: whose it was before it was shared."""
    was = " ".join((device.mac, "home" if device.shared else device.profile, *device.shared))
    with notices.refusals_to(notices.said):
        if people:
            _share_between(device, people, devices)
        else:
            _set(f"shared/{device.mac}", None)
            if place in PLACES or devices.person(place) is not None:
                _change("assign", mac=device.mac, profile=place)
        notices.did_back("shared", was, _told_shared(device, people, devices))


def _share_between(device: Device, people: list[str], devices: Devices) -> None:
    """A device of one person's cannot be shared as well, so it is taken out of that person's file first, and
    put back where the second step is refused.
    """
    owned = not device.shared and devices.person(device.profile) is not None
    if owned:
        _change("assign", mac=device.mac, profile="home")
    try:
        _set(f"shared/{device.mac}", {"people": people})
    except ControlError:
        if owned:
            _change("assign", mac=device.mac, profile=device.profile)
        raise


def _told_shared(device: Device, people: list[str], devices: Devices) -> str:
    name = plain(device.called)
    if not people:
        return _("%(device)s is shared no more. Say whose it is now.", device=name)
    told = ", ".join(plain(one) for one in devices.names_of(people))
    return _("%(device)s is shared by %(people)s now.", device=name, people=told)


@blueprint.post("/managed")
@guardians_only
def manage() -> ResponseReturnValue:
    """Names of a school's or firm's tunnel, which stay open for this device."""
    _devices, device = _known(request.form.get("mac", ""))
    _manage(device, request.form.get("names", "")[: SITES_LIMIT * SITE_LIMIT].replace(",", " ").split())
    return _back_to(device)


@blueprint.post("/managed/back")
@guardians_only
def manage_back() -> ResponseReturnValue:
    mac, *names = _was(None)
    _devices, device = _known(mac)
    _manage(device, names)
    return _back_to(device)


def _manage(device: Device, names: list[str]) -> None:
    named = plain(device.called)
    with notices.refusals_to(notices.said):
        _set(f"managed/{device.mac}", [one.lower() for one in names[:SITES_LIMIT]] or None)
        sentence = (
            _("The tunnel stays open for %(device)s.", device=named)
            if names
            else _("No tunnel is kept open for %(device)s.", device=named)
        )
        was = " ".join((device.mac, *device.managed))
        if len(was) <= WAS_LIMIT:
            notices.did_back("managed", was, sentence)
        else:
            notices.said(sentence)


# ---------------------------------------------------------------------------------------- its mark


@blueprint.post("/mark")
@guardians_only
def mark() -> ResponseReturnValue:
    _devices, device = _known(request.form.get("mac", ""))
    _mark(device, one_of("mark", {"yes", "no"}))
    return _back_to(device)


@blueprint.post("/mark/back")
@guardians_only
def mark_back() -> ResponseReturnValue:
    mac, was = _was(2)
    if was not in ("yes", "no"):
        abort(400)
    _devices, device = _known(mac)
    _mark(device, was)
    return _back_to(device)


def _mark(device: Device, said: str) -> None:
    name = plain(device.called)
    with notices.refusals_to(notices.said):
        _change("device_mark", mac=device.mac, no_mobile_data=said == "yes")
        sentence = (
            _("%(device)s has no mobile data: when it is shut, it shows why.", device=name)
            if said == "yes"
            else _("%(device)s may have mobile data: it shows that the Wi-Fi works.", device=name)
        )
        notices.did_back("marked", f"{device.mac} {device.mark or 'no'}", sentence)


# ---------------------------------------------------------------------------------------- forget


@blueprint.post("/forget")
@guardians_only
def forget() -> ResponseReturnValue:
    _devices, device = _known(request.form.get("mac", ""))
    with notices.refusals_to(notices.said):
        _change("forget", mac=device.mac)
        name = plain(device.called)
        notices.said(_("%(device)s is forgotten. If it comes again, it is a new device.", device=name))
    return redirect(url_for("devices.show"), 303)


def _change(do: str, **values: object) -> dict[str, Any]:
    return daemon().change(do, by=guardian() or "", origin=source_address(), **values)


def _set(key: str, value: object) -> None:
    _change("edit_family", set={key: value})


def _was(count: int | None) -> list[str]:
    """What an undo of ours carries: a device, and what it was."""
    text = request.form.get("was", "")
    parts = text.split(" ") if count is None else text.split(" ", count - 1)
    if len(text) > WAS_LIMIT or not parts[0] or (count is not None and len(parts) != count):
        abort(400)
    return [one for one in parts if one] if count is None else parts


def _back_to(device: Device) -> ResponseReturnValue:
    """To the page that the form was on."""
    if request.form.get("from") == "devices":
        return redirect(url_for("devices.show", _anchor=f"device-{device.mac}"), 303)
    return redirect(url_for("device.show", mac=device.mac), 303)
