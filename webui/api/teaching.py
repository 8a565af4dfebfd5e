"""Fix a broken site: for five minutes, record which names its pages need."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from gateway.control.schema import record
from webui.api.operations import Host, Mac, Noun
from webui.api.who import Caller

noun = Noun("teaching")


@record
class Teach:
    host: Host
    device: Mac | None = None


@record
class LessonBegun:
    host: str
    until: datetime | None
    devices: tuple[str, ...]


@record
class Lesson:
    state: str
    host: str
    until: datetime | None
    by: str
    devices: tuple[str, ...]
    names: tuple[Any, ...]
    left_out: int


@record
class Keep:
    keep: tuple[Host, ...] = ()


@record
class Kept:
    kept: int
    entries: tuple[str, ...]
    undo: int | None
    revision: int | None


@noun.declare("POST", "/children/{child}/lesson", body=Teach, answer=LessonBegun)
def begin(me: Caller, child: str, body: Teach) -> object:
    """Start a lesson."""
    return me.change("teach", id=child, host=body.host, **({"device": body.device} if body.device else {}))


@noun.declare("GET", "/children/{child}/lesson", answer=Lesson)
def read(me: Caller, child: str) -> object:
    """Return its state, and the requested names."""
    return me.ask("lesson", id=child)


@noun.declare("POST", "/children/{child}/lesson/end", body=Keep, answer=Kept)
def end(me: Caller, child: str, body: Keep) -> object:
    """End it and keep these names."""
    return me.change("teach_end", id=child, **({"keep": list(body.keep)} if body.keep else {}))
