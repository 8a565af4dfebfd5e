"""The verbs `alerts` and `set_alerts`: what each guardian is told on a phone. The pages send it: they have
the words, and no packet waits for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gateway.codes import Code
from gateway.control.protocol import Request, Verb
from gateway.daemon.verbs.whom import Whom
from gateway.outside import NotOutside, check_url
from gateway.policy.alerts import ADDRESS_LIMIT, KINDS, LANGUAGE_LIMIT, Alerts

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon


class AlertVerbs:
    def __init__(self, daemon: Daemon, whom: Whom) -> None:
        self._daemon = daemon
        self._whom = whom

    def table(self) -> Mapping[str, Verb]:
        return {"alerts": self.alerts, "set_alerts": self.set_alerts}

    def alerts(self, _request: Request) -> Mapping[str, object]:
        found = self._daemon.store.alerts.all()
        return {
            "alerts": [{"guardian": name, **one.plain()} for name, one in found.items()],
            "timezone": self._daemon.rules.household.config.timezone,
        }

    def set_alerts(self, request: Request) -> Mapping[str, object]:
        by, store = self._whom.guardian(request), self._daemon.store
        if request.has("address") or request.has("kinds"):
            one = self._read(request, store.alerts.all().get(by))
            store.alerts.put(by, one)
            told = ", ".join(kind for kind in KINDS if kind in one.kinds) or "nothing"
        else:
            store.alerts.put(by, None)
            told = "off"
        origin, now = request.text("origin", ""), self._daemon.local_now()
        store.audit("alerts", told, by=by, at=now, origin=origin)
        self._daemon.control.publish("alerts", by=by)
        return {}

    def _read(self, request: Request, before: Alerts | None) -> Alerts:
        """Without an address the one that is kept stays."""
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
