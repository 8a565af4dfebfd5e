"""Pages of the filter tests. A parent starts them, a child's device runs its own, both see the results."""

from __future__ import annotations

from flask import Blueprint, abort, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.control.client import Unreachable
from gateway.control.contract.filter_tests import FILTER_TEST, FILTER_TEST_SITE
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.policy.names.hosts import MAX_HOST
from webui import notices
from webui.accounts.session import anyone, author, guardians_only
from webui.charts import qr
from webui.child_lookup import child_of
from webui.daemon import daemon, source_address
from webui.features.filter_tests.filter_tests_text import FilterTestsView, FilterTestView, connect_sources
from webui.forms import one_of
from webui.language import refusals, telling
from webui.language.i18n import gettext as _
from webui.language.words import plain
from webui.request_checks import policy
from webui.rules import typed
from webui.rules.editing import FormProblem, FormResult, moment, opened, render
from webui.settings import OWN_NAME

blueprint = Blueprint("tests", __name__)

PAGE = "/parent/child/<profile>/tests/"
ADDRESS = f"http://{OWN_NAME}/proof"
RESULTS = 16  # in one form; a test has seven lines


# --------------------------------------------------------------------------------------------- for parents


@blueprint.get(PAGE)
@guardians_only
def show(profile: str) -> ResponseReturnValue:
    return _page(profile)


@blueprint.get(f"{PAGE}now")
@guardians_only
def now(profile: str) -> ResponseReturnValue:
    """Return a child's filter tests as an HTML fragment, for the script that updates the page."""
    home = daemon().home()
    child = child_of(home, profile)
    return render_template(
        "child_tests_now.html",
        home=home,
        child=child,
        notice=notices.current(home),
        tests=tests_of(child.id),
        **on_the_device(),
    )


@blueprint.post(PAGE)
@guardians_only
def start(profile: str) -> ResponseReturnValue:
    """Start a test on one of the child's devices, or the test of bypass methods, which needs no device.

    Form fields: ``method`` (``bypass`` for the second), ``device``, and ``then``: ``setup``
    redirects to the last step of the first run, else to the child's tests.
    """
    child = child_of(daemon().home(), profile)
    values = {"method": "bypass"}
    if request.form.get("method") != "bypass":
        values = {"method": "device", "device": one_of("device", {device.mac for device in child.devices})}
    with notices.refusals_to(notices.said):
        daemon().change(FILTER_TEST, action="start", id=child.id, **values, **author())
        notices.forget()
    if request.form.get("then") == "setup":
        return redirect(url_for("setup.summary", _anchor=f"test-{child.id}"), 303)
    return redirect(url_for("tests.show", profile=child.id, _anchor=values["method"]), 303)


@blueprint.post(f"{PAGE}end")
@guardians_only
def end(profile: str) -> ResponseReturnValue:
    child = child_of(daemon().home(), profile)
    with notices.refusals_to(notices.said):
        daemon().change(FILTER_TEST, action="end", id=child.id, **author())
    return redirect(url_for("tests.show", profile=child.id), 303)


@blueprint.post(f"{PAGE}site")
@guardians_only
def site(profile: str) -> ResponseReturnValue:
    """Let the daemon decide on the typed site, at the typed day and time, and redirect to the result.

    For an invalid site, or if the daemon refuses, return the page with a message (422).
    """
    page = opened(profile)
    try:
        host = typed.site(request.form.get("host", ""))
        daemon().change(FILTER_TEST_SITE, id=page.child.id, host=host, at=moment(page.home), **author())
    except typed.UnknownTargetError as error:
        return _page(profile, FormResult(FormProblem(str(error), "host")))
    except Unreachable:
        raise
    except ControlError as error:
        return _page(profile, FormResult(FormProblem(refusals.sentence(error))))
    return redirect(url_for("tests.show", profile=page.child.id, _anchor="site"), 303)


def _page(profile: str, outcome: FormResult | None = None) -> ResponseReturnValue:
    page, outcome = opened(profile), outcome or FormResult()
    tests = tests_of(page.child.id)
    if tests.site is not None and outcome.problem is None:
        found = tests.site.state.checks[0].explanation
        outcome = FormResult(tried=None if found is None else telling.explained(found))
    shown = render("child_tests.html", page, outcome, tests=tests, **on_the_device())
    return shown, 422 if outcome.problem else 200


def tests_of(profile: str) -> FilterTestsView:
    """Return the running and last filter tests of a child."""
    return FilterTestsView(daemon().client.ask(FILTER_TEST, action="look", id=profile))


def on_the_device() -> dict[str, object]:
    """Return the address that the tested device has to open, and its QR code, as values of a template."""
    return {"address": ADDRESS, "code": qr.svg(ADDRESS, _("QR code of %(address)s", address=ADDRESS))}


# ---------------------------------------------------------------------------------------- on the device


@blueprint.get("/proof")
@anyone
def mine() -> ResponseReturnValue:
    """Show the filter test on the child's device. The page's script runs it.

    The content security policy lets only this page connect to other sites, and only to those of its test.
    """
    found = _of_this_device("look")
    response = make_response(render_template("my_proof.html", proof=found, home=daemon().home()))
    if found is not None and found.hosts:
        response.headers["Content-Security-Policy"] = policy(connect_sources(found.hosts))
    return response


@blueprint.post("/proof")
@anyone
def tell() -> ResponseReturnValue:
    """Send the results of the browser's checks to the daemon, and redirect to the test.

    The script sends all of them, or without it the child sends each by a tap. Responds with 400 if invalid.
    """
    results = {}
    for said in request.form.getlist("result")[:RESULTS]:
        result, _space, host = said.partition(" ")
        if result not in ("opened", "failed") or not 0 < len(host) <= MAX_HOST or not host.isprintable():
            abort(400)
        results[host] = result
    if not results:
        abort(400)
    _of_this_device("tell", results=results)
    return redirect(url_for("tests.mine"), 303)


@blueprint.post("/proof/again")
@anyone
def again() -> ResponseReturnValue:
    _of_this_device("again")
    return redirect(url_for("tests.mine"), 303)


def _of_this_device(action: str, **values: object) -> FilterTestView | None:
    """Send an action of the filter test for the requesting device to the daemon, and return the test.

    ``action``: ``look``, ``tell`` or ``again``. None for a device without a child, or if no test of it began
    in the last ten minutes.
    """
    here = daemon().here(source_address())
    if not here.mac:
        return None
    try:
        found = daemon().client.ask(FILTER_TEST, action=action, device=plain(here.mac), **values)
    except Unreachable:
        raise
    except ControlError as error:
        if error.code == Code.NO_DEVICE_OF_A_CHILD:
            return None
        raise
    return FilterTestsView(found).device
