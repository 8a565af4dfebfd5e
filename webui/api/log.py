"""The audit log of changes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from gateway.control.schema import Whole, record
from webui.api.operations import Name, Noun
from webui.api.who import Caller

noun = Noun("log")


@record
class Lines:
    who: Name | None = None
    limit: Annotated[int, Whole(1, 50)] = 50
    skip: Annotated[int, Whole(0, 20_000)] = 0


@record
class LogLine:
    at: datetime  # start of the day if `day_only` is true
    day_only: bool
    who: str
    what: str
    about: str
    detail: str
    until: datetime | None
    address: str
    device: str
    token: str


@record
class Log:
    lines: tuple[LogLine, ...]
    more: bool
    people: tuple[str, ...]


@noun.declare("GET", "/audit-log", query=Lines, answer=Log)
def read(me: Caller, query: Lines) -> object:
    """List changes, newest first. They are stored for a year."""
    who = {"who": query.who} if query.who else {}
    return me.ask("audit_log", limit=query.limit, skip=query.skip, **who)
