"""The home as a whole: state, `off` and `on`."""

from __future__ import annotations

from datetime import date, datetime

from gateway.control.contract.time import OFF, ON, SwitchEnd
from gateway.control.schema import record
from webui.api.operations import Minutes, Noun
from webui.api.who import Caller

noun = Noun("home")


@record
class Announcement:
    told: str
    name: str
    device: str
    at: datetime | None


@record
class HomeNow:
    version: str
    now: datetime
    day: date
    mode: str
    off_until: datetime | None
    internet: str
    internet_since: datetime | None
    country: str
    language: str
    new_devices: int
    requests: int
    questions: int
    cards: int
    problems: tuple[str, ...]
    announced: tuple[Announcement, ...]


@record
class Off:
    minutes: Minutes | None = None


@noun.declare("GET", "/home", answer=HomeNow)
def now(me: Caller) -> object:
    """Return the state of the home."""
    return me.ask("status")


@noun.declare("POST", "/home/off", body=Off, answer=SwitchEnd)
def off(me: Caller, body: Off) -> object:
    """Suspend time rules and categories for every person, for some minutes or until `on`."""
    return me.change(OFF, **({"minutes": body.minutes} if body.minutes else {}))


@noun.declare("POST", "/home/on")
def on(me: Caller) -> object:
    """Resume them."""
    return me.change(ON)
