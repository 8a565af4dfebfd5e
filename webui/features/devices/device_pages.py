"""Pages about one device: its details, name and owner, and how to forget it."""

from __future__ import annotations

from typing import Any, TypeVar

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.control.client import Unreachable
from gateway.control.contract.devices import ASSIGN, DEVICES, FORGET, NAME_DEVICE, DeviceDetails
from gateway.control.verbs import Verb
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from webui import notices
from webui.accounts.session import author, guardian, guardians_only
from webui.daemon import daemon
from webui.features.devices.device_text import PLACES, DevicesView, called, describe_place
from webui.features.sharing.adult_proof_text import lengths
from webui.forms import back, one_of
from webui.language import clues
from webui.language.i18n import gettext as _
from webui.language.words import plain

blueprint = Blueprint("device", __name__, url_prefix="/parent/device")

ResponseT = TypeVar("ResponseT")

MAC_LIMIT = 17  # characters
LABEL_LIMIT = 40  # characters; the daemon's limit
WAS_LIMIT = 600  # characters of an undo's data; above that no undo is offered


@blueprint.get("/<mac>")
@guardians_only
def show(mac: str) -> ResponseReturnValue:
    return _page(mac, "device.html")


@blueprint.get("/<mac>/now")
@guardians_only
def now(mac: str) -> ResponseReturnValue:
    return _page(mac, "device_now.html")


def _page(mac: str, template: str) -> ResponseReturnValue:
    devices, device = known(mac)
    home = daemon().home()
    return render_template(
        template,
        home=home,
        guardian=guardian(),
        notice=notices.current(home),
        devices=devices,
        device=device,
        child=home.child(device.profile),
        places=PLACES,
        clues=clues,
        label_limit=LABEL_LIMIT,
        lengths=lengths(),
    )


def known(mac: str) -> tuple[DevicesView, DeviceDetails]:
    """Return a `DevicesView` of one device and all people, and the details of that device.

    Responds with 404 for an unknown MAC address. Only this device is requested from the daemon: the
    list of all may have hundreds, most of them invented.
    """
    if len(mac) > MAC_LIMIT:
        abort(404)
    try:
        devices = DevicesView(daemon().client.ask(DEVICES, mac=mac))
    except Unreachable:
        raise
    except ControlError as error:
        if error.code in (Code.NO_DEVICE, Code.INVALID):
            abort(404)
        raise
    if not devices.state.devices:
        abort(404)
    return devices, devices.state.devices[0]


# ------------------------------------------------------------------------------------------------- owner


@blueprint.post("/assign")
@guardians_only
def assign() -> ResponseReturnValue:
    devices, device = known(request.form.get("mac", ""))
    profile = one_of("profile", {*PLACES, *(person.id for person in devices.state.people)})
    _assign(device, profile, devices)
    return back_to(device)


@blueprint.post("/assign/back")
@guardians_only
def assign_back() -> ResponseReturnValue:
    mac, was = undo_fields(2)
    devices, device = known(mac)
    if was in PLACES or devices.person(was) is not None:
        _assign(device, was, devices)
    else:
        notices.said(_("This person is no longer here."))
    return back_to(device)


def _assign(device: DeviceDetails, profile: str, devices: DevicesView) -> None:
    with notices.refusals_to(notices.said):
        was = change(ASSIGN, mac=device.mac, profile=profile).was
        sentence = describe_place(plain(called(device)), profile, devices.person(profile))
        assigned(device.mac, was, sentence, devices)


def assigned(mac: str, was: str, sentence: str, devices: DevicesView) -> None:
    """Store ``sentence``, which says who uses a device now, as the next page's notice, with an undo.

    ``was``: the owner's id or the place before; there is no undo if it is neither.
    """
    if was in PLACES or devices.person(was) is not None:
        notices.did_back("assigned", f"{mac} {was}", sentence)
    else:
        notices.said(sentence)


# -------------------------------------------------------------------------------------------------- name


@blueprint.post("/name")
@guardians_only
def name() -> ResponseReturnValue:
    _devices, device = known(request.form.get("mac", ""))
    _name(device, request.form.get("name", ""))
    return redirect(url_for("device.show", mac=device.mac), 303)


@blueprint.post("/name/back")
@guardians_only
def name_back() -> ResponseReturnValue:
    mac, was = undo_fields(2)
    _devices, device = known(mac)
    _name(device, was)
    return redirect(url_for("device.show", mac=device.mac), 303)


def _name(device: DeviceDetails, said: str) -> None:
    """Set the family's name for a device, and store a notice with an undo.

    An empty name restores the device's own name.
    """
    label = plain(" ".join(plain(said, len(said)).split()), LABEL_LIMIT)
    with notices.refusals_to(notices.said):
        answer = change(NAME_DEVICE, mac=device.mac, name=label or None)
        sentence = _("It is called %(name)s now.", name=plain(answer.name or device.mac))
        notices.did_back("named", f"{device.mac} {plain(answer.was)}", sentence)


# ------------------------------------------------------------------------------------------------ forget


@blueprint.post("/forget")
@guardians_only
def forget() -> ResponseReturnValue:
    _devices, device = known(request.form.get("mac", ""))
    with notices.refusals_to(notices.said):
        change(FORGET, mac=device.mac)
        name = plain(called(device))
        notices.said(_("%(device)s is forgotten. If it comes again, it is a new device.", device=name))
    return redirect(url_for("devices.show"), 303)


def change(verb: Verb[Any, ResponseT], **values: object) -> ResponseT:
    """Send a change to the daemon in the signed-in guardian's name, and return the daemon's response.

    Raises ControlError.
    """
    return daemon().change(verb, **author() | values)


def undo_fields(count: int | None) -> list[str]:
    """Return the parts of an undo form's field ``was``: a device's MAC address, and its values before.

    ``count``: their number, the last with the rest of the text; None: any number. Other values give 400.
    """
    text = request.form.get("was", "")
    parts = text.split(" ") if count is None else text.split(" ", count - 1)
    if len(text) > WAS_LIMIT or not parts[0] or (count is not None and len(parts) != count):
        abort(400)
    return [part for part in parts if part] if count is None else parts


def back_to(device: DeviceDetails) -> ResponseReturnValue:
    """Redirect to the page that the form names, as Activity or the list of devices, or that of ``device``."""
    if there := back(""):
        return redirect(there, 303)
    if request.form.get("from") == "devices":
        return redirect(url_for("devices.show", _anchor=f"device-{device.mac}"), 303)
    return redirect(url_for("device.show", mac=device.mac), 303)
