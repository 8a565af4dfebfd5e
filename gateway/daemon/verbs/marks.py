"""The verb `device_mark`: what a guardian notes about a device."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gateway.control.protocol import Request, Verb
from gateway.daemon.verbs.whom import Whom
from gateway.policy.macs import parse_mac

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon


class MarkVerbs:
    def __init__(self, daemon: Daemon, whom: Whom) -> None:
        self._daemon = daemon
        self._whom = whom

    def table(self) -> Mapping[str, Verb]:
        return {"device_mark": self.mark}

    def mark(self, request: Request) -> Mapping[str, object]:
        """Its probes lead to the page while its time rules or a pause shut it, or they are answered again."""
        by, mac = self._whom.guardian(request), parse_mac(request.text("mac"))
        if mac is None:
            request.refuse("mac", "is no MAC address such as 02:00:00:00:00:0a")
        self._whom.noting(request)
        wanted = request.values.get("no_mobile_data")
        if not isinstance(wanted, bool):
            request.refuse("no_mobile_data", "must be true or false")
        daemon = self._daemon
        at, origin = daemon.local_now(), request.text("origin", "")
        daemon.store.marks.mark(mac, no_mobile_data=wanted, by=by, at=at, origin=origin)
        daemon.enforcer.sync()
        daemon.enforcer.rejudge()
        return {"mac": mac, "no_mobile_data": wanted}
