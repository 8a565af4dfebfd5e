"""Verbs that read and change which notifications are sent to guardians' phones."""

from __future__ import annotations

from typing import Annotated

from gateway.control.schema import OneLine, Text, record
from gateway.control.verbs import BY_CHILDREN, BY_GUARDIANS, BY_PAGES, Danger, NoValues, Verb
from gateway.policy.alerts.channels import CHANNEL_LIMIT
from gateway.policy.alerts.notifications import DEFAULT_QUIET

ENDPOINT_LIMIT = 1000  # characters; the longest in use, of Windows, have about 600

Endpoint = Annotated[str, Text(1, ENDPOINT_LIMIT, r"[\x21-\x7e]+")]
ChannelAddress = Annotated[str, Text(1, CHANNEL_LIMIT, r"[\x21-\x7e]+")]


@record
class AlertChannel:
    """A secret address for a guardian's notifications: a topic of ntfy, or a service of Apprise."""

    address: str
    inside: bool = False  # the server is in the household's own network


@record
class GuardianAlerts:
    """A guardian's notification settings: which kinds, at night too, in which language, and where to."""

    guardian: str
    kinds: tuple[str, ...]
    at_night: tuple[str, ...] = ()  # subset of ``kinds``; the others wait for the end of ``quiet``
    names: bool = False  # include names of children, devices and sites in the text
    language: str = ""
    channels: tuple[AlertChannel, ...] = ()
    quiet: str = DEFAULT_QUIET  # quiet hours, a span of time


@record
class PushTarget:
    """A browser subscribed to Web Push: a guardian's, or a child's on its own device. Secret."""

    endpoint: str
    p256dh: str
    auth: str
    language: str
    guardian: str  # empty: a child's
    profile: str


@record
class AlertsResponse:
    alerts: tuple[GuardianAlerts, ...]
    timezone: str
    push: tuple[PushTarget, ...] = ()


@record
class SetAlertsRequest:
    """Request to change which kinds of notifications a guardian gets.

    Without ``kinds``, all settings, channels and browsers of the guardian are removed. Without ``quiet``,
    the stored hours stay.
    """

    kinds: tuple[str, ...] | None = None
    at_night: tuple[str, ...] = ()
    names: bool = False
    language: OneLine | None = None
    quiet: OneLine | None = None


@record
class ChannelOnRequest:
    """Request to send a guardian's notifications also to this address from now on.

    ``replaces``: id of a channel that is removed in exchange.
    """

    address: ChannelAddress
    inside: bool = False
    language: OneLine | None = None
    replaces: OneLine | None = None


@record
class ChannelOffRequest:
    """Request to send a guardian's notifications no longer to a channel or browser.

    ``channel``: the `channel_id` of its address.
    """

    channel: OneLine


@record
class PushOnRequest:
    """Request to send Web Push notifications to a browser: a guardian's, or a child's on its device.

    The guardian is in ``by``; the child is that of ``device``.
    """

    endpoint: Endpoint
    p256dh: OneLine
    auth: OneLine
    language: OneLine | None = None
    device: OneLine | None = None


@record
class PushOffRequest:
    """Request to send no more Web Push notifications to a browser, which is named by its endpoint.

    Only the browser and the pages know the endpoint.
    """

    endpoint: Endpoint


ALERTS = Verb("alerts", NoValues, AlertsResponse, senders=BY_PAGES)
SET_ALERTS = Verb("set_alerts", SetAlertsRequest, NoValues, senders=BY_GUARDIANS)
CHANNEL_ON = Verb(
    "channel_on",
    ChannelOnRequest,
    NoValues,
    senders=BY_GUARDIANS,
    danger=Danger("sending notifications to a new address or service", lambda _: True),
)
CHANNEL_OFF = Verb("channel_off", ChannelOffRequest, NoValues, senders=BY_GUARDIANS)
PUSH_ON = Verb("push_on", PushOnRequest, NoValues, senders=BY_GUARDIANS | BY_CHILDREN)
PUSH_OFF = Verb("push_off", PushOffRequest, NoValues, senders=BY_PAGES)
