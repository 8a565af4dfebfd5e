"""A guardian tests bypass methods against a child's rules."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from webui.api.operations import Noun
from webui.api.records import record
from webui.api.who import Caller

noun = Noun("trial")

Found = Literal["open", "closed", "passes", "refused", "cannot be told", "absent"]


@record
class Tried:
    id: str
    must_pass: bool
    setting: str | None  # that blocks it, as in the files
    fault: bool  # differs from the rules
    ipv4: Found
    ipv6: Found


@record
class TrialNow:
    running: bool
    busy: bool  # for any child's rules
    ended: datetime | None
    problem: str
    checks: tuple[Tried, ...]


@noun.declare("GET", "/children/{child}/trial", answer=TrialNow)
def read(me: Caller, child: str) -> object:
    """Return the result of each bypass method, and of the traffic that must pass."""
    return me.ask("trial", action="look", id=child)


@noun.declare("POST", "/children/{child}/trial", answer=TrialNow, status=202)
def start(me: Caller, child: str) -> object:
    """Start the test; it takes at most a minute."""
    return me.change("trial", action="start", id=child)
