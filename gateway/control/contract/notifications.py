"""Verbs that read and change which notifications are sent to guardians' phones."""

from __future__ import annotations

from gateway.control.schema import OneLine, record
from gateway.control.verbs import BY_GUARDIANS, BY_PAGES, NoValues, Verb


@record
class GuardianAlerts:
    """The notifications of one guardian. The address is secret: everyone who knows it can read along."""

    guardian: str
    address: str  # of the ntfy topic
    kinds: tuple[str, ...]
    at_night: tuple[str, ...] = ()  # subset of ``kinds``; the others wait for the morning
    names: bool = False  # include names of children, devices and sites in the text
    inside: bool = False  # the server is in the household's own network
    language: str = ""


@record
class AlertsResponse:
    alerts: tuple[GuardianAlerts, ...]
    timezone: str


@record
class SetAlertsRequest:
    """Changes the notifications of a guardian.

    Without ``address`` and ``kinds``, they are turned off. Without ``address``, the stored one stays.
    """

    address: OneLine | None = None
    kinds: tuple[str, ...] | None = None
    at_night: tuple[str, ...] = ()
    names: bool = False
    inside: bool = False
    language: OneLine | None = None


ALERTS = Verb("alerts", NoValues, AlertsResponse, senders=BY_PAGES)
SET_ALERTS = Verb("set_alerts", SetAlertsRequest, NoValues, senders=BY_GUARDIANS)
