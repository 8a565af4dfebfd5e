"""Ways around: a guardian has each of them tried against a child's rules."""

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
    setting: str | None  # that closes it, as in the files
    fault: bool  # not as the rules say
    ipv4: Found
    ipv6: Found


@record
class TrialNow:
    running: bool
    busy: bool  # of some child's rules
    ended: datetime | None
    problem: str
    checks: tuple[Tried, ...]


@noun.declare("GET", "/children/{child}/trial", answer=TrialNow)
def read(me: Caller, child: str) -> object:
    """How each way around went, and what has to pass."""
    return me.ask("trial", action="look", id=child)


@noun.declare("POST", "/children/{child}/trial", answer=TrialNow, status=202)
def start(me: Caller, child: str) -> object:
    """Try them; a minute at most."""
    return me.change("trial", action="start", id=child)
