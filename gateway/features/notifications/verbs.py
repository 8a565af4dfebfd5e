"""The verbs `alerts`, `set_alerts`, `channel_on`, `channel_off`, `push_on`, `push_off`: messages to phones.

They only store settings. The web process sends the messages: it has the translations, and no packet waits
for it.
"""

from __future__ import annotations

from dataclasses import replace

from gateway.control.contract.notifications import (
    ALERTS,
    CHANNEL_OFF,
    CHANNEL_ON,
    PUSH_OFF,
    PUSH_ON,
    SET_ALERTS,
    AlertChannel,
    AlertsResponse,
    ChannelOffRequest,
    ChannelOnRequest,
    GuardianAlerts,
    PushOffRequest,
    PushOnRequest,
    PushTarget,
    SetAlertsRequest,
)
from gateway.control.protocol import Call, ControlRequest
from gateway.control.router import Router
from gateway.control.verbs import NoValues
from gateway.core.errors import ControlError
from gateway.core.public_addresses import NotOutside, check_url
from gateway.core.reason_codes import Code
from gateway.features.accounts.access import Access
from gateway.household.context import HomeContext
from gateway.household.members import Family
from gateway.policy.alerts.channels import MOST_CHANNELS, MessageChannel, channel_id, is_ntfy, service_name
from gateway.policy.alerts.notifications import (
    DEFAULT_AT_NIGHT,
    DEFAULT_KINDS,
    KINDS,
    LANGUAGE_LIMIT,
    Alerts,
)
from gateway.policy.alerts.push_subscriptions import PushSubscription
from gateway.policy.identity.macs import parse_mac
from gateway.policy.time.time_text import TimeTextError, clock_span
from gateway.store.tables.alerts import AlertTable
from gateway.store.tables.audit import RecordAudit
from gateway.store.tables.push_subscriptions import PushTable
from gateway.web.push_endpoint import BadSubscription, checked

WEB_PUSH = "Web Push"  # the name of messages to browsers, for the audit log


class AlertVerbs:
    """Control-socket verbs that return and set which messages guardians and children get, and where."""

    def __init__(
        self,
        home: HomeContext,
        book: AlertTable,
        push: PushTable,
        audit: RecordAudit,
        access: Access,
        family: Family,
    ) -> None:
        self._home = home
        self._book = book
        self._push = push
        self._audit = audit
        self._access = access
        self._family = family

    def register(self, router: Router) -> None:
        router.serve(ALERTS, self.alerts)
        router.serve(SET_ALERTS, self.set_alerts)
        router.serve(CHANNEL_ON, self.channel_on)
        router.serve(CHANNEL_OFF, self.channel_off)
        router.serve(PUSH_ON, self.push_on)
        router.serve(PUSH_OFF, self.push_off)

    def alerts(self, _call: Call[NoValues]) -> AlertsResponse:
        """Return each guardian's message settings, the time zone, and the browsers that get Web Push.

        Subscriptions of devices that are no longer the same child's, or that guardians are asked about, are
        left out.
        """
        found = (_describe(name, alerts) for name, alerts in self._book.all().items())
        push = (_target(found) for found in self._push.all() if self._is_current(found))
        return AlertsResponse(tuple(found), self._home.rules.household.config.timezone, tuple(push))

    def _is_current(self, found: PushSubscription) -> bool:
        """Return whether a browser's subscription is a guardian's, or of a device still of the same child.

        False for a device with an open question to the guardians.
        """
        if found.guardian:
            return True
        member = self._family.member_of(found.device)
        return member is not None and member.profile.id == found.profile and not member.asked

    def push_on(self, call: Call[PushOnRequest]) -> NoValues:
        """Send messages to a browser from now on, of the guardian ``by`` or of a child's ``device``.

        A guardian who has chosen no kinds gets the usual ones. Raises ControlError for an unusable
        subscription.
        """
        args = call.args
        try:
            new = checked(args.endpoint, args.p256dh, args.auth)
        except BadSubscription:
            raise ControlError.of(Code.BAD_ADDRESS) from None
        new = replace(new, language=(args.language or "")[:LANGUAGE_LIMIT])
        if args.device is not None:
            member = self._access.child(call)
            self._push.put(replace(new, profile=member.profile.id, device=parse_mac(args.device) or ""))
            self._home.publish("alerts", by="")
            return NoValues()
        by = self._access.guardian(call)
        if by not in self._book.all():
            self._book.put(by, self._alerts_of(by, new.language))
        self._push.put(replace(new, guardian=by))
        self._changed(call, by, "channel on", WEB_PUSH)
        return NoValues()

    def push_off(self, call: Call[PushOffRequest]) -> NoValues:
        """End the Web Push messages to the browser with this endpoint. Does nothing if there are none."""
        if self._push.drop_where(lambda found: found.endpoint == call.args.endpoint):
            self._home.publish("alerts", by="")
        return NoValues()

    def channel_on(self, call: Call[ChannelOnRequest]) -> NoValues:
        """Add an address to which the requesting guardian's messages go, or replace one.

        Raises ControlError for an address that cannot be used, or if there are MOST_CHANNELS
        already.
        """
        by, args = self._access.guardian(call), call.args
        if is_ntfy(args.address):
            try:
                check_url(args.address)
            except NotOutside:
                raise ControlError.of(Code.BAD_ADDRESS) from None
        elif service_name(args.address) == "":
            raise ControlError.of(Code.BAD_CHANNEL)
        alerts = self._alerts_of(by, args.language or "")
        gone = (channel_id(args.address), args.replaces)
        kept = [channel for channel in alerts.channels if channel_id(channel.address) not in gone]
        if len(kept) >= MOST_CHANNELS:
            raise ControlError.of(Code.NO_ROOM)
        new = MessageChannel(args.address, args.inside)
        self._book.put(by, replace(alerts, channels=(*kept, new)))
        self._changed(call, by, "channel on", service_name(args.address))
        return NoValues()

    def channel_off(self, call: Call[ChannelOffRequest]) -> NoValues:
        """Delete one address or browser to which messages of the requesting guardian go, by its id.

        Does nothing for an unknown id.
        """
        by, gone = self._access.guardian(call), call.args.channel
        alerts = self._book.all().get(by, Alerts(frozenset()))
        found = [channel for channel in alerts.channels if channel_id(channel.address) == gone]
        for channel in found:
            kept = tuple(other for other in alerts.channels if other != channel)
            self._book.put(by, replace(alerts, channels=kept))
            self._changed(call, by, "channel off", service_name(channel.address))
        if self._push.drop_where(lambda has: has.guardian == by and channel_id(has.endpoint) == gone):
            self._changed(call, by, "channel off", WEB_PUSH)
        return NoValues()

    def set_alerts(self, call: Call[SetAlertsRequest]) -> NoValues:
        """Set which kinds of messages the requesting guardian gets, which of them at night, and quiet hours.

        Also set their language, and whether they have names. Without ``quiet``, the quiet hours stay.
        Without ``kinds``, delete all settings, addresses and browsers of the guardian. Raises
        ControlError for invalid values.
        """
        by, args = self._access.guardian(call), call.args
        if args.kinds is None:
            self._book.put(by, None)
            self._push.drop_where(lambda found: found.guardian == by)
            self._changed(call, by, "alerts", "off")
            return NoValues()
        kinds, at_night = frozenset(args.kinds), frozenset(args.at_night)
        if not kinds | at_night <= frozenset(KINDS):
            call.refuse("kinds", f"are of: {', '.join(KINDS)}")
        before, language = self._alerts_of(by, ""), (args.language or "")[:LANGUAGE_LIMIT]
        quiet = args.quiet or before.quiet
        try:
            clock_span(quiet)
        except TimeTextError as error:
            call.refuse("quiet", str(error))
        self._book.put(by, Alerts(kinds, at_night & kinds, args.names, language, before.channels, quiet))
        detail = ", ".join(kind for kind in KINDS if kind in kinds) or "nothing"
        self._changed(call, by, "alerts", detail)
        return NoValues()

    def _alerts_of(self, guardian: str, language: str) -> Alerts:
        """Return the message settings of a guardian; the default ones if the guardian has chosen none yet."""
        found = self._book.all().get(guardian)
        return found or Alerts(DEFAULT_KINDS, DEFAULT_AT_NIGHT, language=language[:LANGUAGE_LIMIT])

    def _changed(self, call: ControlRequest, by: str, what: str, detail: str) -> None:
        """Write an audit line and publish an ``alerts`` event. ``detail`` has no address."""
        origin, now = call.text("origin", ""), self._home.local_now()
        self._audit(what, detail, by=by, at=now, origin=origin)
        self._home.publish("alerts", by=by)


def _describe(guardian: str, alerts: Alerts) -> GuardianAlerts:
    return GuardianAlerts(
        guardian=guardian,
        kinds=tuple(kind for kind in KINDS if kind in alerts.kinds),
        at_night=tuple(kind for kind in KINDS if kind in alerts.at_night),
        names=alerts.names,
        language=alerts.language,
        channels=tuple(AlertChannel(channel.address, channel.inside) for channel in alerts.channels),
        quiet=alerts.quiet,
    )


def _target(found: PushSubscription) -> PushTarget:
    return PushTarget(found.endpoint, found.p256dh, found.auth, found.language, found.guardian, found.profile)
