"""`/metrics`: the gateway's counters for a Prometheus server that has a token. docs/providers/metrics.md."""

from __future__ import annotations

from flask import Blueprint, Response, request

from gateway.control.contract.health import METRICS, MetricsFormat
from gateway.core.errors import ControlError
from webui.accounts.session import anyone
from webui.api import error_response, who
from webui.api.problems import Problem
from webui.daemon import daemon

blueprint = Blueprint("metrics", __name__)

OPENMETRICS = "application/openmetrics-text"
TYPES = {
    MetricsFormat.OPENMETRICS: f"{OPENMETRICS}; version=1.0.0; charset=utf-8",
    MetricsFormat.PROMETHEUS: "text/plain; version=0.0.4; charset=utf-8",
}


@blueprint.get("/metrics")
@anyone
def metrics() -> Response:
    """Return the counters as text for any account's API token or the provider's token.

    The provider's counts only while a guardian allows it. Cookies do not count. The ``Accept`` header chooses
    between OpenMetrics, the default, and plain text.
    """
    wanted = request.headers.get("Accept", "")
    # Without a wish it is OpenMetrics; browsers and old scrapers ask for plain text.
    plain = "text/" in wanted and OPENMETRICS not in wanted
    form = MetricsFormat.PROMETHEUS if plain else MetricsFormat.OPENMETRICS
    try:
        found = who.with_token(
            request.headers.get("Authorization", ""),
            lambda token: daemon().client.ask(METRICS, token=token, format=form),
        )
    except (Problem, ControlError) as error:
        return error_response(error)
    return Response(found.text, content_type=TYPES[form])
