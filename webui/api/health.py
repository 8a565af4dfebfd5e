"""How the gateway is: no child, no device, no name."""

from __future__ import annotations

from webui.api.operations import GUARDIAN, SUPPORT, Noun
from webui.api.records import record
from webui.api.who import Caller
from webui.values.shapes import Answer

noun = Noun("health")

MEGABYTE = 1 << 20


@record
class HealthNow:
    version: str
    minutes_up: int
    internet: str
    off: bool
    clock_known: bool
    problems: int  # how many; their sentences may name somebody's file
    waiting: int
    dropped: int
    resident: int  # MB


@noun.declare("GET", "/health", GUARDIAN, SUPPORT, answer=HealthNow)
def now(me: Caller) -> object:
    """Figures alone."""
    answer = Answer(me.ask("status"))
    clock, memory, queues = answer.entry("clock"), answer.entry("memory"), answer.entry("queue")
    figures = [Answer(one) for one in queues.values.values()] if queues else []
    return {
        "version": answer.text("version"),
        "minutes_up": answer.whole("uptime") // 60,
        "internet": answer.text("internet", "unknown"),
        "off": answer.text("mode") == "off",
        "clock_known": clock is None or clock.flag("known"),
        "problems": len(answer.texts("problems")),
        "waiting": sum(one.whole("waiting") for one in figures),
        "dropped": sum(one.whole("dropped") for one in figures),
        "resident": memory.whole("resident") // MEGABYTE if memory else 0,
    }
