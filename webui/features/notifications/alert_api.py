"""API operations for the caller's notifications. Each guardian sets their own; only the page adds browsers.

A person who knows a channel's address can read its messages, and the address may contain a password. No
response contains it, and only a browser session can set one. A stolen token could otherwise forward a
family's notifications even after its revocation.
"""

from __future__ import annotations

from typing import Annotated, Literal

from flask import current_app

from gateway.control.contract.notifications import (
    ALERTS,
    CHANNEL_OFF,
    CHANNEL_ON,
    SET_ALERTS,
    AlertChannel,
    AlertsResponse,
    GuardianAlerts,
)
from gateway.control.schema import Text, record
from gateway.policy.alerts.channels import CHANNEL_LIMIT, channel_id, is_ntfy, service_name
from gateway.policy.alerts.notifications import DEFAULT_QUIET
from gateway.policy.time.time_text import TimeTextError, clock_span
from webui.api.operations import Noun
from webui.api.problems import Problem
from webui.api.who import Caller
from webui.brand import shown
from webui.features.notifications.alert_text import alerts_of, not_sent, server_of
from webui.language.i18n import language
from webui.messages import channels, notifier
from webui.messages.recipients import Recipient, recipients_of
from webui.messages.unsent import NotSent

noun = Noun("alerts")

AlertKind = Literal["request", "device", "way", "filter", "people", "sign_in", "week"]
Address = Annotated[str, Text(8, 200, r"https?://[!-~]+")]
Language = Annotated[str, Text(2, 10, r"[A-Za-z-]+")]


@record
class ChannelNow:
    id: str
    service: str  # "Web Push": a browser
    server: str  # as far as it may be shown; empty: that of the service's maker
    inside: bool  # the server is in the home


@record
class AlertsNow:
    on: bool
    server: str  # of the first ntfy topic; the topic's address is never returned
    kinds: tuple[str, ...]
    at_night: tuple[str, ...]
    names: bool
    inside: bool  # that server is in the home
    language: str
    trouble: str  # why the last message was not sent; empty: no error
    channels: tuple[ChannelNow, ...] = ()
    quiet: str = DEFAULT_QUIET  # quiet hours, in which only ``at_night`` is sent


@record
class NewChannel:
    address: Annotated[str, Text(8, CHANNEL_LIMIT, r"[a-z0-9]+://[!-~]+")]  # of ntfy or of Apprise
    inside: bool = False  # the server is in the home


@record
class AlertsWanted:
    kinds: tuple[AlertKind, ...]
    at_night: tuple[AlertKind, ...] = ()
    names: bool = False
    inside: bool = False  # the server is in the home
    language: Language | None = None  # None: the language of this request
    address: Address | None = None  # None: keep the stored one
    quiet: Annotated[str, Text(11, 11, r"\d\d:\d\d-\d\d:\d\d")] | None = None  # None: keep the stored hours


@noun.declare("GET", "/alerts", answer=AlertsNow)
def read(me: Caller) -> object:
    """Return the caller's notification settings, and why the last message was not sent."""
    return _now(me)


@noun.declare("PUT", "/alerts", body=AlertsWanted, answer=AlertsNow)
def save(me: Caller, body: AlertsWanted) -> object:
    """Set which kinds of notifications the caller gets, and when. ``address``: replace the ntfy topic."""
    if body.address is not None and not me.session:
        raise Problem(403, "session_only", pointer="/address")
    if body.quiet is not None:  # checked first: a refused request must not replace the topic
        try:
            clock_span(body.quiet)
        except TimeTextError as error:
            raise Problem(422, "invalid", str(error), pointer="/quiet") from None
    topic = _topic(alerts_of(me.ask(ALERTS), me.name))
    if body.address is not None or (topic is not None and topic.inside != body.inside):
        values = {} if topic is None else {"replaces": channel_id(topic.address)}
        address = body.address or (topic.address if topic is not None else "")
        me.change(CHANNEL_ON, address=address, inside=body.inside, **values)
    me.change(
        SET_ALERTS,
        kinds=list(body.kinds),
        at_night=list(body.at_night),
        names=body.names,
        language=body.language or language(),
        **({} if body.quiet is None else {"quiet": body.quiet}),
    )
    return _now(me)


@noun.declare("DELETE", "/alerts")
def stop(me: Caller) -> object:
    """Turn the caller's notifications off: all channels and browsers."""
    return me.change(SET_ALERTS)


@noun.declare("POST", "/alerts/channels", body=NewChannel, answer=AlertsNow, by_session=True)
def add(me: Caller, body: NewChannel) -> object:
    """Send the caller's notifications also to an ntfy topic, or to a service by its Apprise address."""
    if service_name(body.address) and not is_ntfy(body.address):  # the daemon refuses other services
        try:
            channels.check_service(body.address, shown().brand.name)
        except NotSent as error:
            raise _problem(error) from None
    me.change(CHANNEL_ON, address=body.address, inside=body.inside, language=language())
    return _now(me)


@noun.declare("DELETE", "/alerts/channels/{channel}")
def end(me: Caller, channel: str) -> object:
    """End the caller's notifications to one channel or browser, and delete its address."""
    return me.change(CHANNEL_OFF, channel=channel)


@noun.declare("POST", "/alerts/test")
def test(me: Caller) -> None:
    """Send a test message to the caller's channels and browsers now, also at night."""
    book = me.ask(ALERTS)
    if not recipients_of(book, me.name):
        raise Problem(422, "no_address")
    try:
        failed = notifier.of(current_app).test(book, me.name)
    except NotSent as error:
        headers = {"Retry-After": f"{notifier.TEST_PACE:.0f}"}
        raise Problem(429, "slow_down", not_sent(error), headers) from None
    if failed:
        raise _problem(failed[0][1])


def _problem(error: NotSent) -> Problem:
    values = {"why": error.why.value, **({"status": error.status} if error.status else {})}
    return Problem(422, "not_sent", not_sent(error), values=values)


def _topic(mine: GuardianAlerts | None) -> AlertChannel | None:
    """Return a guardian's first ntfy topic, the only channel that this API once had; None without one."""
    own = () if mine is None else mine.channels
    return next((channel for channel in own if is_ntfy(channel.address)), None)


def _now(me: Caller) -> AlertsNow:
    book: AlertsResponse = me.ask(ALERTS)
    own, mine = recipients_of(book, me.name), alerts_of(book, me.name)
    trouble = next((error.why.value for _to, error in notifier.of(current_app).troubles(me.name)), "")
    if mine is None:
        return AlertsNow(False, "", (), (), False, False, "", "")
    topic = _topic(mine)
    server, inside = ("", False) if topic is None else (server_of(topic.address), topic.inside)
    return AlertsNow(
        bool(own), server, mine.kinds, mine.at_night, mine.names, inside, mine.language, trouble,
        tuple(map(_channel, own)), mine.quiet,
    )  # fmt: skip


def _channel(to: Recipient) -> ChannelNow:
    if to.push is not None:
        return ChannelNow(channel_id(to.push.endpoint), "Web Push", "", False)
    return ChannelNow(channel_id(to.address), service_name(to.address), server_of(to.address), to.inside)
