"""Requests of the script that turns messages on and off in a browser (Web Push): parents', and children's.

A child's is for the device of the request; no message can name another one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, current_app, jsonify
from flask.typing import ResponseReturnValue

from gateway.control.client import Unreachable
from gateway.control.contract.notifications import ALERTS, ENDPOINT_LIMIT, PUSH_OFF, PUSH_ON
from gateway.core.errors import ControlError
from gateway.core.optional_packages import is_installed
from webui.accounts import session
from webui.accounts.passkeys import sent
from webui.accounts.session import anyone, guardians_only
from webui.daemon import daemon, source_address
from webui.features.notifications.alert_text import not_sent
from webui.front import why_untrusted
from webui.language import refusals
from webui.language.i18n import gettext as _
from webui.language.i18n import language
from webui.messages import notifier
from webui.messages.unsent import NotSent

blueprint = Blueprint("push", __name__)

KEY_LIMIT = 100  # characters


def why_not() -> str:
    """Return the reason, as a word, why this page cannot turn on messages to a browser; empty if it can.

    ``uninstalled``: the package cryptography is missing. For other words see `why_untrusted`.
    """
    return why_untrusted() if is_installed("cryptography") else "uninstalled"


@blueprint.post("/push/look")
@anyone
def look() -> ResponseReturnValue:
    """Return as JSON the key to subscribe with, and whether the browser of this endpoint gets messages.

    503 with a message if the gateway cannot make or store its key.
    """
    endpoint = _text(sent(), "endpoint", ENDPOINT_LIMIT)
    try:
        key = notifier.of(current_app).push.public_key()
    except NotSent as error:
        return _no(not_sent(error), 503)
    on = bool(endpoint) and any(to.endpoint == endpoint for to in daemon().client.ask(ALERTS).push)
    return jsonify(key=key, on=on)


@blueprint.post("/push/off")
@anyone
def off() -> ResponseReturnValue:
    """End messages to the browser with the sent endpoint, which only that browser knows."""
    if endpoint := _text(sent(), "endpoint", ENDPOINT_LIMIT):
        daemon().client.ask(PUSH_OFF, endpoint=endpoint)
    return jsonify(on=False)


@blueprint.post("/parent/alerts/push")
@guardians_only
def on() -> ResponseReturnValue:
    if session.belongs_to_child():
        return _no(_("This device belongs to a child. Turn messages on in a browser of your own."), 403)
    return _subscribe(by=session.guardian() or "")


@blueprint.post("/my/push")
@anyone
def on_child() -> ResponseReturnValue:
    here = daemon().here(source_address())
    if daemon().home().child(here.profile) is None or not here.mac:
        return _no(_("This is not a device of a child."), 409)
    return _subscribe(device=here.mac)


def _subscribe(**owner: str) -> ResponseReturnValue:
    message = sent()
    values = {name: _text(message, name, KEY_LIMIT) for name in ("p256dh", "auth")}
    values["endpoint"] = _text(message, "endpoint", ENDPOINT_LIMIT)
    try:
        daemon().client.ask(PUSH_ON, **values, **owner, language=language(), origin=source_address())
    except Unreachable:
        raise
    except ControlError as error:
        return _no(refusals.sentence(error), 422)
    return jsonify(on=True)


def _text(message: Mapping[str, Any], name: str, most: int) -> str:
    value = message.get(name)
    return value if isinstance(value, str) and len(value) <= most else ""


def _no(sentence: str, status: int) -> ResponseReturnValue:
    return jsonify(problem=sentence), status
