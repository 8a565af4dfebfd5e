"""What the provider's support sees: how the gateway is. No child, no device, no name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from gateway.policy.people import PersonRole
from webui import session
from webui.daemon import daemon
from webui.session import seen_by
from webui.shapes import Answer

blueprint = Blueprint("support", __name__, url_prefix="/support")

MEGABYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Health:
    version: str
    minutes_up: int
    internet: str
    off: bool
    clock_known: bool
    problems: int  # how many; their sentences may name somebody's file
    waiting: int  # packets in the queues
    dropped: int
    resident: int  # MB


def parse_health(values: Mapping[str, Any]) -> Health:
    """These figures alone leave the daemon's answer."""
    answer = Answer(values)
    clock, memory, queues = answer.entry("clock"), answer.entry("memory"), answer.entry("queue")
    figures = [Answer(one) for one in queues.values.values()] if queues else []
    return Health(
        answer.text("version"),
        answer.whole("uptime") // 60,
        answer.text("internet", "unknown"),
        answer.text("mode") == "off",
        clock is None or clock.flag("known"),
        len(answer.texts("problems")),
        sum(one.whole("waiting") for one in figures),
        sum(one.whole("dropped") for one in figures),
        memory.whole("resident") // MEGABYTE if memory else 0,
    )


@blueprint.get("/")
@seen_by(PersonRole.SUPPORT, PersonRole.GUARDIAN)
def show() -> ResponseReturnValue:
    health = parse_health(daemon().client.call("status"))
    return render_template("support.html", health=health, me=session.signed_in())
