"""The page that lists the three tests of the filter for a child, each with its last result."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from gateway.control.contract.filter_tests import BYPASS_TEST, DEVICE_TEST
from webui import notices
from webui.accounts.session import guardian, guardians_only
from webui.daemon import daemon
from webui.features.filter_tests.bypass_test_text import BypassTestView
from webui.features.filter_tests.device_test_text import DeviceTestView
from webui.whom import child_of

blueprint = Blueprint("tests", __name__, url_prefix="/parent/child/<profile>/tests")


@blueprint.get("/")
@guardians_only
def show(profile: str) -> ResponseReturnValue:
    home = daemon().home()
    child = child_of(home, profile)
    device_test = daemon().client.ask(DEVICE_TEST, action="look", id=child.id).proof
    return render_template(
        "child_tests.html",
        home=home,
        child=child,
        guardian=guardian(),
        notice=notices.current(home),
        proof=None if device_test is None else DeviceTestView(device_test),
        trial=BypassTestView(daemon().client.ask(BYPASS_TEST, action="look", id=child.id)),
    )
