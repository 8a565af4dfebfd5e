"""The verbs `alerts` and `set_alerts`: the messages that each guardian receives on a phone.

The web process sends them: it has the translations, and no packet waits for it.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.control.protocol import Request
from gateway.control.router import Router
from gateway.core.public_addresses import NotOutside, check_url
from gateway.core.reason_codes import Code
from gateway.features.accounts.access import Access
from gateway.household.context import HomeContext
from gateway.policy.alerts.notifications import ADDRESS_LIMIT, KINDS, LANGUAGE_LIMIT, Alerts
from gateway.store.tables.alerts import AlertBook
from gateway.store.tables.pauses import RecordAudit


class AlertVerbs:
    """Shows and sets the messages of guardians."""

    def __init__(self, home: HomeContext, book: AlertBook, audit: RecordAudit, access: Access) -> None:
        self._home = home
        self._book = book
        self._audit = audit
        self._access = access

    def register(self, router: Router) -> None:
        router.add("alerts", self.alerts)
        router.add("set_alerts", self.set_alerts)

    def alerts(self, _request: Request) -> Mapping[str, object]:
        """Return the messages that each guardian has chosen."""
        found = self._book.all()
        return {
            "alerts": [{"guardian": name, **one.plain()} for name, one in found.items()],
            "timezone": self._home.rules.household.config.timezone,
        }

    def set_alerts(self, request: Request) -> Mapping[str, object]:
        """Set the messages of the guardian who asks; without ``address`` and ``kinds``, turn them off."""
        by = self._access.guardian(request)
        if request.has("address") or request.has("kinds"):
            alerts = self._read(request, self._book.all().get(by))
            self._book.put(by, alerts)
            detail = ", ".join(kind for kind in KINDS if kind in alerts.kinds) or "nothing"
        else:
            self._book.put(by, None)
            detail = "off"
        origin, now = request.text("origin", ""), self._home.local_now()
        self._audit("alerts", detail, by=by, at=now, origin=origin)
        self._home.publish("alerts", by=by)
        return {}

    def _read(self, request: Request, before: Alerts | None) -> Alerts:
        """Return the messages that a request sets. Without ``address``, the stored address stays."""
        address = request.text("address", before.address if before else None)
        try:
            check_url(address)
        except NotOutside:
            request.refuse("address", "is no web address", Code.BAD_ADDRESS)
        if len(address) > ADDRESS_LIMIT:
            request.refuse("address", f"has more than {ADDRESS_LIMIT} characters", Code.BAD_ADDRESS)
        kinds, at_night = (frozenset(request.texts(key)) for key in ("kinds", "at_night"))
        if not kinds | at_night <= frozenset(KINDS):
            request.refuse("kinds", f"are of: {', '.join(KINDS)}")
        return Alerts(
            address,
            kinds,
            at_night & kinds,
            request.values.get("names") is True,
            request.values.get("inside") is True,
            request.text("language", "")[:LANGUAGE_LIMIT] if request.has("language") else "",
        )
