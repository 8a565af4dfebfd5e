"""What the guardian who asks is told on a phone, by ntfy: each for himself alone.

Who knows a topic's address reads along. So no answer has it, and another one is set in a browser alone: a
token that somebody found would else send a family's news to a stranger after its end too.
"""

from __future__ import annotations

from typing import Annotated, Literal

from flask import current_app

from gateway.policy.alerts.notifications import ADDRESS_LIMIT
from webui.api.kinds import Text
from webui.api.operations import Noun
from webui.api.problems import Problem
from webui.api.records import record
from webui.api.who import Caller
from webui.language.i18n import language
from webui.messages import notifier
from webui.messages.alerts import Alerts, not_sent, parse_alerts
from webui.messages.unsent import NotSent, Why

noun = Noun("alerts")

AlertKind = Literal["request", "device", "way", "filter", "people"]
Address = Annotated[str, Text(8, ADDRESS_LIMIT, r"https?://[!-~]+")]
Language = Annotated[str, Text(2, 10, r"[A-Za-z-]+")]


@record
class AlertsNow:
    on: bool
    server: str  # of the address, which is told nobody
    kinds: tuple[str, ...]
    at_night: tuple[str, ...]
    names: bool
    inside: bool
    language: str
    trouble: str  # why the last message was not sent; empty: none, or it was


@record
class AlertsWanted:
    kinds: tuple[AlertKind, ...]
    at_night: tuple[AlertKind, ...] = ()
    names: bool = False
    inside: bool = False  # the server stands in the home
    language: Language | None = None  # none: the one in which this is asked
    address: Address | None = None  # none: the one that is kept


@noun.declare("GET", "/alerts", answer=AlertsNow)
def read(me: Caller) -> object:
    """Of what one is told, and whether the last message went."""
    return _told(me, _mine(me))


@noun.declare("PUT", "/alerts", body=AlertsWanted, answer=AlertsNow)
def save(me: Caller, body: AlertsWanted) -> object:
    """Say of what one is told, and where."""
    if body.address is not None and not me.session:
        raise Problem(403, "session_only", pointer="/address")
    values: dict[str, object] = {} if body.address is None else {"address": body.address}
    me.change(
        "set_alerts",
        kinds=list(body.kinds),
        at_night=list(body.at_night),
        names=body.names,
        inside=body.inside,
        language=body.language or language(),
        **values,
    )
    return _told(me, _mine(me))


@noun.declare("DELETE", "/alerts")
def stop(me: Caller) -> object:
    """Nothing is sent any more, and the address is forgotten."""
    return me.change("set_alerts")


@noun.declare("POST", "/alerts/test")
def test(me: Caller) -> None:
    """A message at once, whatever the hour."""
    mine = _mine(me)
    if mine is None:
        raise Problem(422, "no_address")
    try:
        notifier.of(current_app).test(mine)
    except NotSent as error:
        if error.why is Why.JUST_NOW:
            headers = {"Retry-After": f"{notifier.TEST_PACE:.0f}"}
            raise Problem(429, "slow_down", not_sent(error), headers) from None
        values = {"why": error.why.value, **({"status": error.status} if error.status else {})}
        raise Problem(422, "not_sent", not_sent(error), values=values) from None


def _mine(me: Caller) -> Alerts | None:
    return parse_alerts(me.ask("alerts")).of(me.name)


def _told(me: Caller, mine: Alerts | None) -> AlertsNow:
    trouble = notifier.of(current_app).trouble(me.name)
    why = "" if trouble is None else trouble.why.value
    if mine is None:
        return AlertsNow(False, "", (), (), False, False, "", "")
    return AlertsNow(
        True, mine.server, mine.kinds, mine.at_night, mine.names, mine.inside, mine.language, why
    )
