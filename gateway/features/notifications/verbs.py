"""The verbs `alerts` and `set_alerts`: which push messages each guardian receives on a phone.

The web process sends them: it has the translations, and no packet waits for it.
"""

from __future__ import annotations

from gateway.control.contract.notifications import (
    ALERTS,
    SET_ALERTS,
    AlertsResponse,
    GuardianAlerts,
    SetAlertsRequest,
)
from gateway.control.protocol import Call
from gateway.control.router import Router
from gateway.control.verbs import NoValues
from gateway.core.public_addresses import NotOutside, check_url
from gateway.core.reason_codes import Code
from gateway.features.accounts.access import Access
from gateway.household.context import HomeContext
from gateway.policy.alerts.notifications import ADDRESS_LIMIT, KINDS, LANGUAGE_LIMIT, Alerts
from gateway.store.tables.alerts import AlertTable
from gateway.store.tables.pauses import RecordAudit


class AlertVerbs:
    """Returns and sets which push messages guardians receive, and where."""

    def __init__(self, home: HomeContext, book: AlertTable, audit: RecordAudit, access: Access) -> None:
        self._home = home
        self._book = book
        self._audit = audit
        self._access = access

    def register(self, router: Router) -> None:
        router.serve(ALERTS, self.alerts)
        router.serve(SET_ALERTS, self.set_alerts)

    def alerts(self, _call: Call[NoValues]) -> AlertsResponse:
        """Return the push settings of each guardian: address, kinds of messages, and language."""
        found = (_describe(name, alerts) for name, alerts in self._book.all().items())
        return AlertsResponse(tuple(found), self._home.rules.household.config.timezone)

    def set_alerts(self, call: Call[SetAlertsRequest]) -> NoValues:
        """Set the requesting guardian's push settings.

        Without ``address`` and ``kinds``, turn messages off.
        """
        by = self._access.guardian(call)
        if call.args.address is not None or call.args.kinds is not None:
            alerts = self._read(call, self._book.all().get(by))
            self._book.put(by, alerts)
            detail = ", ".join(kind for kind in KINDS if kind in alerts.kinds) or "nothing"
        else:
            self._book.put(by, None)
            detail = "off"
        origin, now = call.text("origin", ""), self._home.local_now()
        self._audit("alerts", detail, by=by, at=now, origin=origin)
        self._home.publish("alerts", by=by)
        return NoValues()

    def _read(self, call: Call[SetAlertsRequest], before: Alerts | None) -> Alerts:
        """Return the push settings in a request. Without ``address``, the address in ``before`` stays."""
        args = call.args
        address = args.address or (before.address if before else None)
        if address is None:
            call.refuse("address", "is missing")
        try:
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
