"""A guardian unlocks a device for an adult for a limited time, from another device, or locks it again."""

from __future__ import annotations

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from gateway.control.contract.sharing import ADULT_PROOF
from webui import notices
from webui.accounts.session import guardians_only
from webui.features.devices.device_pages import back_to, change, known
from webui.features.devices.device_text import called
from webui.features.sharing.adult_proof_text import lengths
from webui.forms import one_of
from webui.language.i18n import gettext as _
from webui.language.words import plain

blueprint = Blueprint("device_open", __name__, url_prefix="/parent/device")


@blueprint.post("/open")
@guardians_only
def open_it() -> ResponseReturnValue:
    """Unlock a device for an adult for the chosen time.

    It is for devices on which no password can be typed, such as a television.
    """
    _devices, device = known(request.form.get("mac", ""))
    length = one_of("length", lengths())
    with notices.refusals_to(notices.said):
        change(ADULT_PROOF, action="open", device=device.mac, length=length)
        notices.said(_("%(device)s is unlocked for an adult now.", device=plain(called(device))))
    return back_to(device)


@blueprint.post("/close")
@guardians_only
def close() -> ResponseReturnValue:
    _devices, device = known(request.form.get("mac", ""))
    with notices.refusals_to(notices.said):
        change(ADULT_PROOF, action="end", device=device.mac)
        notices.said(_("%(device)s has its own rules again.", device=plain(called(device))))
    return back_to(device)
