"""Pages that add a channel for a guardian's messages, and end one."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.control.client import Unreachable
from gateway.control.contract.notifications import CHANNEL_OFF, CHANNEL_ON
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from webui import notices
from webui.accounts.session import author, guardian, guardians_only
from webui.brand import shown
from webui.daemon import daemon, source_address
from webui.features.notifications.alert_text import not_sent
from webui.features.notifications.channel_forms import FIELD_LIMIT, ChannelForm, FormError, forms
from webui.language import refusals
from webui.language.i18n import gettext as _
from webui.language.i18n import language
from webui.messages import channels
from webui.messages.unsent import NotSent

blueprint = Blueprint("channels", __name__, url_prefix="/parent/alerts")


@blueprint.get("/add/<service>")
@guardians_only
def show(service: str) -> ResponseReturnValue:
    return _show(service, _form(service))


@blueprint.post("/add/<service>")
@guardians_only
def add(service: str) -> ResponseReturnValue:
    form = _form(service)
    values = {field.key: request.form.get(field.key, "").strip()[: FIELD_LIMIT + 1] for field in form.fields}
    try:
        address = form.address(values)
        if form.apprise:
            channels.check_service(address, shown().brand.name)
        daemon().change(
            CHANNEL_ON,
            address=address,
            inside="inside" in request.form,
            language=language(),
            **author(),
        )
    except FormError as error:
        return _show(service, form, str(error)), 422
    except NotSent as error:
        return _show(service, form, not_sent(error)), 422
    except Unreachable:
        raise
    except ControlError as error:
        if error.code == Code.PROOF_NEEDED:
            raise
        return _show(service, form, refusals.sentence(error)), 422
    notices.said(_("Saved. Send a test message to check that it arrives."))
    return redirect(url_for("alerts.show"), 303)


@blueprint.post("/off")
@guardians_only
def off() -> ResponseReturnValue:
    """End the guardian's messages to one channel or browser, and delete its address. The others stay."""
    channel = request.form.get("channel", "")[:FIELD_LIMIT]
    daemon().change(CHANNEL_OFF, channel=channel, by=guardian() or "", origin=source_address())
    notices.said(_("No messages go there any more. Its address is deleted."))
    return redirect(url_for("alerts.show"), 303)


def _form(service: str) -> ChannelForm:
    form = forms().get(service)
    if form is None or (form.apprise and not channels.has_services()):
        abort(404)
    return form


def _show(service: str, form: ChannelForm, problem: str = "") -> str:
    """Return the page with a form that adds a channel. It keeps what was typed, except for secrets.

    ``problem``: an error message for it.
    """
    home = daemon().home()
    return render_template(
        "alert_channel.html",
        home=home,
        guardian=guardian(),
        notice=notices.current(home),
        service=service,
        form=form,
        typed=request.form,
        inside="inside" in request.form if problem else form.usually_inside,
        problem=problem,
        field_limit=FIELD_LIMIT,
    )
