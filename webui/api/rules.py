"""A child's rules as the child sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.control.contract.rules import LastChange
from gateway.control.schema import record
from webui.api.operations import Noun
from webui.api.who import Caller

noun = Noun("rules")


@record
class Summary:
    id: str
    name: str
    band: str
    mode: str
    log_level: int
    set: LastChange | None
    bedtime: tuple[Mapping[str, Any], ...]
    windows: tuple[Mapping[str, Any], ...]
    limits: tuple[Mapping[str, Any], ...]
    days: tuple[Mapping[str, Any], ...]  # upcoming dates that differ from their weekday
    day_starts: str  # time of day at which the day of limits starts
    counted: tuple[Mapping[str, Any], ...]  # categories that use the play limit
    uncounted: tuple[Mapping[str, Any], ...]  # categories that do not use the internet limit
    refused: tuple[Mapping[str, Any], ...]
    allowed: tuple[Mapping[str, Any], ...]
    approved: bool  # sites of the package are allowed where others need approval
    opened: tuple[Mapping[str, Any], ...]  # allowed temporarily


@noun.declare("GET", "/children/{child}/summary", answer=Summary)
def summary(me: Caller, child: str) -> object:
    """Return the rules in effect, each with who decided it, as the child sees them."""
    return me.ask("profile", id=child)["profile"]
