"""API operations for the caller's notifications. Each guardian sets their own; browsers only on the page.

Whoever knows a topic's address can read its messages. No response contains the address, and only a browser
session can set another one. A stolen token could otherwise forward a family's news even after its revocation.
"""

from __future__ import annotations

from typing import Annotated, Literal

from flask import current_app

from gateway.control.contract.notifications import ALERTS, SET_ALERTS, GuardianAlerts
from gateway.control.schema import Text, record
from gateway.policy.alerts.notifications import ADDRESS_LIMIT
from webui.api.operations import Noun
from webui.api.problems import Problem
from webui.api.who import Caller
from webui.features.notifications.alert_text import alerts_of, not_sent, server_of
from webui.language.i18n import language
from webui.messages import notifier
from webui.messages.unsent import NotSent, SendFailure

noun = Noun("alerts")

AlertKind = Literal["request", "device", "way", "filter", "people", "sign_in", "week"]
Address = Annotated[str, Text(8, ADDRESS_LIMIT, r"https?://[!-~]+")]
Language = Annotated[str, Text(2, 10, r"[A-Za-z-]+")]


@record
class AlertsNow:
    on: bool
    server: str  # of the address, which is never returned
    kinds: tuple[str, ...]
    at_night: tuple[str, ...]
    names: bool
    inside: bool
    language: str
    trouble: str  # why the last message was not sent; empty: no error


@record
class AlertsWanted:
    kinds: tuple[AlertKind, ...]
    at_night: tuple[AlertKind, ...] = ()
    names: bool = False
    inside: bool = False  # the server is in the home
    language: Language | None = None  # None: the language of this request
    address: Address | None = None  # None: keep the stored one


@noun.declare("GET", "/alerts", answer=AlertsNow)
def read(me: Caller) -> object:
    """Return the caller's notification settings, and why the last message was not sent."""
    return _shown(me, _mine(me))


@noun.declare("PUT", "/alerts", body=AlertsWanted, answer=AlertsNow)
def save(me: Caller, body: AlertsWanted) -> object:
    """Set the caller's kinds of notifications, and the address to which they are sent."""
    if body.address is not None and not me.session:
        raise Problem(403, "session_only", pointer="/address")
    values: dict[str, object] = {} if body.address is None else {"address": body.address}
    me.change(
        SET_ALERTS,
        kinds=list(body.kinds),
        at_night=list(body.at_night),
        names=body.names,
        inside=body.inside,
        language=body.language or language(),
        **values,
    )
    return _shown(me, _mine(me))


@noun.declare("DELETE", "/alerts")
def stop(me: Caller) -> object:
    """Turn the caller's notifications off and delete the address."""
    return me.change(SET_ALERTS)


@noun.declare("POST", "/alerts/test")
def test(me: Caller) -> None:
    """Send a test message to the caller's address now, also at night."""
    book = me.ask(ALERTS)
    if alerts_of(book, me.name) is None:
        raise Problem(422, "no_address")
    try:
        notifier.of(current_app).test(book, me.name)
    except NotSent as error:
        if error.why is SendFailure.JUST_NOW:
            headers = {"Retry-After": f"{notifier.TEST_PACE:.0f}"}
            raise Problem(429, "slow_down", not_sent(error), headers) from None
        values = {"why": error.why.value, **({"status": error.status} if error.status else {})}
        raise Problem(422, "not_sent", not_sent(error), values=values) from None


def _mine(me: Caller) -> GuardianAlerts | None:
    return alerts_of(me.ask(ALERTS), me.name)


def _shown(me: Caller, mine: GuardianAlerts | None) -> AlertsNow:
    trouble = notifier.of(current_app).trouble(me.name)
    why = "" if trouble is None else trouble.why.value
    if mine is None:
        return AlertsNow(False, "", (), (), False, False, "", "")
    return AlertsNow(
        True, server_of(mine), mine.kinds, mine.at_night, mine.names, mine.inside, mine.language, why
    )
