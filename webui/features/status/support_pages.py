"""The page of the provider's support: the gateway's health, without children, devices or names."""

from __future__ import annotations

import json

from flask import Blueprint, Response, render_template
from flask.typing import ResponseReturnValue

from gateway.control.contract.health import SUPPORT
from gateway.control.schema import to_json
from gateway.policy.accounts.people import PersonRole
from webui import charts
from webui.accounts import session
from webui.accounts.session import seen_by
from webui.daemon import daemon
from webui.features.status.health_text import PLACES, HealthView, of_support, process_memory

blueprint = Blueprint("support", __name__, url_prefix="/support")

FILE = "qalqan-support.json"


@blueprint.get("/")
@seen_by(PersonRole.SUPPORT, PersonRole.GUARDIAN)
def show() -> ResponseReturnValue:
    return render_template(
        "support.html",
        health=HealthView(of_support(daemon().client.ask(SUPPORT))),
        me=session.signed_in(),
        pages_memory=process_memory(),
        line=charts.line,
        places=PLACES,
    )


@blueprint.get("/support.json")
@seen_by(PersonRole.SUPPORT, PersonRole.GUARDIAN)
def file() -> Response:
    """Return the support report, which has no personal data, as a JSON file for download."""
    text = json.dumps(to_json(daemon().client.ask(SUPPORT)), indent=1, ensure_ascii=False)
    headers = {"Content-Disposition": f'attachment; filename="{FILE}"'}
    return Response(f"{text}\n", mimetype="application/json", headers=headers)
