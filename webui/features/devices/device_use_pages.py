"""Settings of one device's use: shared by several people, a school's or firm's VPN, no mobile data."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, abort, request
from flask.typing import ResponseReturnValue

from gateway.control.contract.devices import ASSIGN, DEVICE_MARK, DeviceDetails, ListedDevice
from gateway.control.contract.rules import EDIT_FAMILY
from gateway.core.errors import ControlError
from gateway.policy.names.hosts import MAX_HOST
from webui import notices
from webui.accounts.session import guardian, guardians_only
from webui.daemon import daemon, source_address
from webui.features.devices.device_pages import WAS_LIMIT, back_to, change, known, undo_fields
from webui.features.devices.device_text import (
    GUEST,
    PLACES,
    QUARANTINE,
    DevicesView,
    called,
    describe_place,
    mobile_data_field,
)
from webui.forms import one_of
from webui.language.i18n import gettext as _
from webui.language.words import plain

blueprint = Blueprint("device_use", __name__, url_prefix="/parent/device")

SITES_LIMIT = 8  # names of one VPN


@blueprint.post("/share")
@guardians_only
def share() -> ResponseReturnValue:
    """Share a device between the ticked people, or end the sharing if none is ticked.

    With only one ticked, nothing changes and the page shows a message.
    """
    devices, device = known(request.form.get("mac", ""))
    people = [person.id for person in devices.state.people if person.id in request.form.getlist("people")]
    if len(people) == 1:
        notices.said(_("Choose at least two people, or give the device to one."))
        return back_to(device)
    _share(device, people, devices)
    return back_to(device)


@blueprint.post("/share/back")
@guardians_only
def share_back() -> ResponseReturnValue:
    mac, *was = undo_fields(None)
    if not was:
        abort(400)
    place, *people = was
    devices, device = known(mac)
    # With people, the place in the form is ``home``, which is not filtered. It must not apply if all of them
    # are removed by now.
    _share(
        device,
        [person for person in people if devices.person(person)],
        devices,
        "" if people else place,
    )
    return back_to(device)


def _share(device: DeviceDetails, people: list[str], devices: DevicesView, place: str = "") -> None:
    """Share the device between ``people``, with an undo. Without people, end the sharing.

    ``place``: the owner or group that the device then gets; empty: none is set.
    """
    was = " ".join((device.mac, "home" if device.shared else device.profile, *device.shared))
    sentence = _shared_sentence(device, people, devices)
    with notices.refusals_to(notices.said):
        if people:
            share_between(device, people)
        else:
            end_sharing(device.mac)
            if place in PLACES or devices.person(place) is not None:
                change(ASSIGN, mac=device.mac, profile=place)
                sentence = describe_place(plain(called(device)), place, devices.person(place))
        notices.did_back("shared", was, sentence)


def share_between(device: ListedDevice, people: Sequence[str]) -> None:
    """Share a device between people, given by their ids. Raises ControlError.

    An owned device cannot be shared, so it first becomes a guest's: it is removed from its owner's file. If
    the second step fails, it is restored there.
    """
    owned = not device.shared and device.profile not in (*PLACES, QUARANTINE)
    if owned:
        change(ASSIGN, mac=device.mac, profile=GUEST)
    try:
        _set(f"shared/{device.mac}", {"people": list(people)})
    except ControlError:
        if owned:
            change(ASSIGN, mac=device.mac, profile=device.profile)
        raise


def end_sharing(mac: str) -> None:
    """End the sharing of a device: it is again in the group that it was in. Raises: ControlError.

    A device that a person owned before is a guest's then, and the page asks who uses it: `share_between` does
    not store its owner.
    """
    _set(f"shared/{mac}", None)


def _shared_sentence(device: DeviceDetails, people: list[str], devices: DevicesView) -> str:
    name = plain(called(device))
    if not people:
        return _("%(device)s is no longer shared. Choose who uses it now.", device=name)
    names = ", ".join(plain(person) for person in devices.names_of(people))
    return _("%(device)s is shared by %(people)s now.", device=name, people=names)


@blueprint.post("/managed")
@guardians_only
def manage() -> ResponseReturnValue:
    """Set the host names of a school's or firm's VPN that this device may use.

    Form fields: ``mac``, ``names``.
    """
    _devices, device = known(request.form.get("mac", ""))
    _manage(device, request.form.get("names", "")[: SITES_LIMIT * MAX_HOST].replace(",", " ").split())
    return back_to(device)


@blueprint.post("/managed/back")
@guardians_only
def manage_back() -> ResponseReturnValue:
    mac, *names = undo_fields(None)
    _devices, device = known(mac)
    _manage(device, names)
    return back_to(device)


def _manage(device: DeviceDetails, names: list[str]) -> None:
    named = plain(called(device))
    with notices.refusals_to(notices.said):
        _set(f"managed/{device.mac}", [name.lower() for name in names[:SITES_LIMIT]] or None)
        sentence = (
            _("The tunnel is allowed for %(device)s.", device=named)
            if names
            else _("No tunnel is allowed for %(device)s.", device=named)
        )
        was = " ".join((device.mac, *device.managed))
        if len(was) <= WAS_LIMIT:
            notices.did_back("managed", was, sentence)
        else:
            notices.said(sentence)


# ----------------------------------------------------------------------------------- no mobile data mark


@blueprint.post("/mark")
@guardians_only
def mark() -> ResponseReturnValue:
    _devices, device = known(request.form.get("mac", ""))
    _mark(device, one_of("mark", {"yes", "no"}))
    return back_to(device)


@blueprint.post("/mark/back")
@guardians_only
def mark_back() -> ResponseReturnValue:
    mac, was = undo_fields(2)
    if was not in ("yes", "no"):
        abort(400)
    _devices, device = known(mac)
    _mark(device, was)
    return back_to(device)


def mark_as_answered(mac: str) -> None:
    """Store that a device given to a person has no mobile data, if the form says so.

    An unticked box leaves an earlier mark. Raises: ControlError.
    """
    if request.form.get(mobile_data_field(mac)):
        change(DEVICE_MARK, mac=mac, no_mobile_data=True)


def _mark(device: DeviceDetails, said: str) -> None:
    name = plain(called(device))
    with notices.refusals_to(notices.said):
        change(DEVICE_MARK, mac=device.mac, no_mobile_data=said == "yes")
        sentence = (
            _("%(device)s has no mobile data. When it is blocked, it shows why.", device=name)
            if said == "yes"
            else _("%(device)s may have mobile data. It shows that the Wi-Fi works.", device=name)
        )
        notices.did_back("marked", f"{device.mac} {'yes' if device.no_mobile_data else 'no'}", sentence)


def _set(key: str, value: object) -> None:
    daemon().change(EDIT_FAMILY, by=guardian() or "", origin=source_address(), set={key: value})
