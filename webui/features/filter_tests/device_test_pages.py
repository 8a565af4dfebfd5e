"""Pages of the filter test. A parent starts it, a child's device runs it, and both see the results."""

from __future__ import annotations

from flask import Blueprint, abort, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.control.client import Unreachable
from gateway.control.contract.filter_tests import DEVICE_TEST, DeviceTestResponse
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.policy.names.hosts import MAX_HOST
from webui import notices
from webui.accounts.session import anyone, guardian, guardians_only
from webui.charts import qr
from webui.daemon import daemon, source_address
from webui.features.filter_tests.device_test_text import DeviceTestView, connect_sources
from webui.forms import one_of
from webui.guard import policy
from webui.language.i18n import gettext as _
from webui.language.words import plain
from webui.settings import OWN_NAME
from webui.whom import child_of

blueprint = Blueprint("proof", __name__)

ADDRESS = f"http://{OWN_NAME}/proof"
RESULTS = 16  # in one form; a test has seven lines


# --------------------------------------------------------------------------------------------- for parents


@blueprint.get("/parent/child/<profile>/proof/")
@guardians_only
def show(profile: str) -> ResponseReturnValue:
    return _page(profile, "proof.html")


@blueprint.get("/parent/child/<profile>/proof/now")
@guardians_only
def now(profile: str) -> ResponseReturnValue:
    """Return the state of the test as an HTML fragment, for the script that updates the parent's page."""
    return _page(profile, "proof_now.html")


@blueprint.post("/parent/child/<profile>/proof/")
@guardians_only
def start(profile: str) -> ResponseReturnValue:
    child = child_of(daemon().home(), profile)
    mac = one_of("device", {device.mac for device in child.devices})
    with notices.refusals_to(notices.said):
        by, origin = guardian() or "", source_address()
        daemon().change(DEVICE_TEST, action="start", id=child.id, device=mac, by=by, origin=origin)
        notices.forget()
    if request.form.get("then") == "setup":
        return redirect(url_for("setup.summary", _anchor=f"test-{child.id}"), 303)
    return redirect(url_for("proof.show", profile=child.id), 303)


@blueprint.post("/parent/child/<profile>/proof/end")
@guardians_only
def end(profile: str) -> ResponseReturnValue:
    child = child_of(daemon().home(), profile)
    with notices.refusals_to(notices.said):
        daemon().change(DEVICE_TEST, action="end", id=child.id, by=guardian() or "", origin=source_address())
    return redirect(url_for("proof.show", profile=child.id), 303)


def _page(profile: str, template: str) -> ResponseReturnValue:
    home = daemon().home()
    child = child_of(home, profile)
    return render_template(
        template,
        home=home,
        child=child,
        guardian=guardian(),
        notice=notices.current(home),
        proof=test_of(child.id),
        **on_the_device(),
    )


def test_of(profile: str) -> DeviceTestView | None:
    """Return the running or last test of a child; None without one of the last ten minutes."""
    return _view(daemon().client.ask(DEVICE_TEST, action="look", id=profile))


def on_the_device() -> dict[str, object]:
    """Return the address that the child's device opens, and its QR code, for a template."""
    return {"address": ADDRESS, "code": qr.svg(ADDRESS, _("QR code of %(address)s", address=ADDRESS))}


# ---------------------------------------------------------------------------------------- on the device


@blueprint.get("/proof")
@anyone
def mine() -> ResponseReturnValue:
    """Show the test on the child's device.

    Only this page may connect to other sites, and only to those of its own test.
    """
    found = _of_this_device("look")
    response = make_response(render_template("my_proof.html", proof=found, home=daemon().home()))
    if found is not None and found.hosts:
        response.headers["Content-Security-Policy"] = policy(connect_sources(found.hosts))
    return response


@blueprint.post("/proof")
@anyone
def tell() -> ResponseReturnValue:
    """Send the browser's results to the daemon: all of them by the script, or each line by a tap."""
    results = {}
    for said in request.form.getlist("result")[:RESULTS]:
        result, _space, host = said.partition(" ")
        if result not in ("opened", "failed") or not 0 < len(host) <= MAX_HOST or not host.isprintable():
            abort(400)
        results[host] = result
    if not results:
        abort(400)
    _of_this_device("tell", results=results)
    return redirect(url_for("proof.mine"), 303)


@blueprint.post("/proof/again")
@anyone
def again() -> ResponseReturnValue:
    _of_this_device("again")
    return redirect(url_for("proof.mine"), 303)


def _of_this_device(action: str, **values: object) -> DeviceTestView | None:
    """Send an action of the filter test for the requesting device and return the test.

    None for a device without a child, or if no parent has started a test.
    """
    here = daemon().here(source_address())
    if not here.mac:
        return None
    try:
        return _view(daemon().client.ask(DEVICE_TEST, action=action, device=plain(here.mac), **values))
    except Unreachable:
        raise
    except ControlError as error:
        if error.code == Code.NO_DEVICE_OF_A_CHILD:
            return None
        raise


def _view(found: DeviceTestResponse) -> DeviceTestView | None:
    return None if found.proof is None else DeviceTestView(found.proof)
