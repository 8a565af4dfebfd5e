"""The verbs `alerts`, `set_alerts`, `push_on` and `push_off`: which messages go to phones.

The web process sends them: it has the translations, and no packet waits for it.
"""

from __future__ import annotations

from dataclasses import replace

from gateway.control.contract.notifications import (
    ALERTS,
    PUSH_OFF,
    PUSH_ON,
    SET_ALERTS,
    AlertsResponse,
    GuardianAlerts,
    PushOffRequest,
    PushOnRequest,
    PushTarget,
    SetAlertsRequest,
)
from gateway.control.protocol import Call
from gateway.control.router import Router
from gateway.control.verbs import NoValues
from gateway.core.public_addresses import NotOutside, check_url
from gateway.core.reason_codes import Code
from gateway.features.accounts.access import Access
from gateway.household.context import HomeContext
from gateway.household.members import Family
from gateway.policy.alerts.notifications import (
    ADDRESS_LIMIT,
    DEFAULT_AT_NIGHT,
    DEFAULT_KINDS,
    KINDS,
    LANGUAGE_LIMIT,
    Alerts,
)
from gateway.policy.alerts.push_subscriptions import PushSubscription
from gateway.policy.identity.macs import parse_mac
from gateway.store.tables.alerts import AlertTable
from gateway.store.tables.pauses import RecordAudit
from gateway.store.tables.push_subscriptions import PushTable
from gateway.web.push_endpoint import BadSubscription, checked


class AlertVerbs:
    """Returns and sets which messages guardians and children receive, and where."""

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
        router.serve(PUSH_ON, self.push_on)
        router.serve(PUSH_OFF, self.push_off)

    def alerts(self, _call: Call[NoValues]) -> AlertsResponse:
        """Return the settings of each guardian, and the browsers that get messages by Web Push."""
        found = (_describe(name, alerts) for name, alerts in self._book.all().items())
        push = (_target(found) for found in self._push.all() if self._is_current(found))
        return AlertsResponse(tuple(found), self._home.rules.household.config.timezone, tuple(push))

    def _is_current(self, found: PushSubscription) -> bool:
        """Return whether a subscription is a guardian's, or of a device that is still the same child's."""
        if found.guardian:
            return True
        member = self._family.member_of(found.device)
        return member is not None and member.profile.id == found.profile and not member.asked

    def push_on(self, call: Call[PushOnRequest]) -> NoValues:
        """Send messages to a browser from now on. A guardian who has chosen no kinds gets the usual ones."""
        args = call.args
        try:
            new = checked(args.endpoint, args.p256dh, args.auth)
        except BadSubscription as error:
            call.refuse("endpoint", f"cannot be used: {error}", Code.BAD_ADDRESS)
        new = replace(new, language=(args.language or "")[:LANGUAGE_LIMIT])
        if args.device is not None:
            member = self._access.child(call)
            self._push.put(replace(new, profile=member.profile.id, device=parse_mac(args.device) or ""))
            self._home.publish("alerts", by="")
            return NoValues()
        by = self._access.guardian(call)
        if by not in self._book.all():
            self._book.put(by, Alerts("", DEFAULT_KINDS, DEFAULT_AT_NIGHT, language=new.language))
        self._push.put(replace(new, guardian=by))
        origin, now = call.text("origin", ""), self._home.local_now()
        self._audit("alerts", "push", by=by, at=now, origin=origin)
        self._home.publish("alerts", by=by)
        return NoValues()

    def push_off(self, call: Call[PushOffRequest]) -> NoValues:
        """End messages to a browser."""
        if self._push.drop_where(lambda found: found.endpoint == call.args.endpoint):
            self._home.publish("alerts", by="")
        return NoValues()

    def set_alerts(self, call: Call[SetAlertsRequest]) -> NoValues:
        """Set the requesting guardian's messages.

        Without ``address`` and ``kinds``, turn them off, in browsers too.
        """
        by = self._access.guardian(call)
        if call.args.address is not None or call.args.kinds is not None:
            alerts = self._read(call, self._book.all().get(by))
            self._book.put(by, alerts)
            detail = ", ".join(kind for kind in KINDS if kind in alerts.kinds) or "nothing"
        else:
            self._book.put(by, None)
            self._push.drop_where(lambda found: found.guardian == by)
            detail = "off"
        origin, now = call.text("origin", ""), self._home.local_now()
        self._audit("alerts", detail, by=by, at=now, origin=origin)
        self._home.publish("alerts", by=by)
        return NoValues()

    def _read(self, call: Call[SetAlertsRequest], before: Alerts | None) -> Alerts:
        """Return the settings in a request. Without ``address``, the address in ``before`` stays."""
        args = call.args
        address = args.address or (before.address if before else None)
        if address is None:
            call.refuse("address", "is missing")
        try:
            if address:  # empty: messages go to browsers only
                check_url(address)
        except NotOutside:
            call.refuse("address", "is no web address", Code.BAD_ADDRESS)
        if len(address) > ADDRESS_LIMIT:
            call.refuse("address", f"has more than {ADDRESS_LIMIT} characters", Code.BAD_ADDRESS)
        kinds, at_night = frozenset(args.kinds or ()), frozenset(args.at_night)
        if not kinds | at_night <= frozenset(KINDS):
            call.refuse("kinds", f"are of: {', '.join(KINDS)}")
        return Alerts(
            address,
            kinds,
            at_night & kinds,
            args.names,
            args.inside,
            (args.language or "")[:LANGUAGE_LIMIT],
        )


def _describe(guardian: str, alerts: Alerts) -> GuardianAlerts:
    return GuardianAlerts(
        guardian=guardian,
        address=alerts.address,
        kinds=tuple(kind for kind in KINDS if kind in alerts.kinds),
        at_night=tuple(kind for kind in KINDS if kind in alerts.at_night),
        names=alerts.names,
        inside=alerts.inside,
        language=alerts.language,
    )


def _target(found: PushSubscription) -> PushTarget:
    return PushTarget(found.endpoint, found.p256dh, found.auth, found.language, found.guardian, found.profile)
