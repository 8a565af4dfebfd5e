"""The verbs `traffic` and `traffic_watch`: read live traffic, and start it for a young child's device."""

from __future__ import annotations

import socket
from collections.abc import Callable, Collection
from datetime import datetime

from gateway.control.contract.activity import (
    TRAFFIC,
    TRAFFIC_WATCH,
    TrafficDevice,
    TrafficLine,
    TrafficLines,
    TrafficRequest,
    TrafficWatch,
    TrafficWatchRequest,
)
from gateway.control.protocol import Call, ControlRequest
from gateway.control.router import Router
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.features.accounts.access import Access
from gateway.features.activity.traffic import CHILD_MINUTES, LiveTraffic, TrafficEntry
from gateway.features.activity.traffic_access import TrafficRight
from gateway.household.context import HomeContext
from gateway.household.members import Family
from gateway.household.presence import SeenDevices
from gateway.policy.accounts.tokens import split_origin
from gateway.policy.identity.macs import parse_mac
from gateway.store.tables.audit import RecordAudit

WATCHED = "traffic"  # lines of the audit log, which the child sees


class TrafficVerbs:
    """Shows guardians the live traffic of their own devices, of children's, and of some appliances.

    Children's only up to the age of nine, after a start (`watch`). Appliances: such as televisions,
    if they are not filtered. ``macs``: returns the MAC addresses of the known devices.
    """

    def __init__(
        self,
        home: HomeContext,
        family: Family,
        traffic: LiveTraffic,
        access: Access,
        here: SeenDevices,
        macs: Callable[[], Collection[str]],
        audit: RecordAudit,
    ) -> None:
        self._home = home
        self._family = family
        self._traffic = traffic
        self._access = access
        self._here = here
        self._macs = macs
        self._audit = audit

    def register(self, router: Router) -> None:
        router.serve(TRAFFIC, self.read)
        router.serve(TRAFFIC_WATCH, self.watch)

    def read(self, call: Call[TrafficRequest]) -> TrafficLines:
        """Return the latest decisions that a guardian may see now, and the devices that may be shown.

        Only decisions with a number above ``after`` are returned, the oldest first. Those about a young
        child's device need a running `watch` of the same guardian; the device is listed without it too.
        Unless ``paused``, the call also starts or continues the recording, for READ_EACH seconds.
        """
        by, own = self._access.guardian(call), _own_device(call)
        entries = self._traffic.read(by, own, call.args.after, goes_on=not call.args.paused)
        return TrafficLines(tuple(map(self._line, entries)), tuple(self._devices(by, own)))

    def _devices(self, by: str, own: str) -> list[TrafficDevice]:
        found = []
        for mac in sorted(self._macs()):
            right = self._traffic.right(mac, own)
            if right is TrafficRight.NEVER:
                continue
            watch = self._traffic.watch_of(mac)
            until = None if watch is None else self._traffic.until(watch)
            found.append(
                TrafficDevice(
                    mac=mac,
                    name=self._here.name_of(mac) or mac,
                    owner=self._owner(mac),
                    child=right is TrafficRight.STARTED,
                    by="" if watch is None else watch.by,
                    until=until,
                    shown=self._traffic.may_read(mac, by, own),
                )
            )
        return found

    def _owner(self, mac: str) -> str:
        member = self._family.member_of(mac)
        return "" if member is None or not member.profile.is_child else member.profile.name

    @staticmethod
    def _line(entry: TrafficEntry) -> TrafficLine:
        seen, decision = entry.seen, entry.decision
        return TrafficLine(
            number=entry.number,
            at=entry.at,
            mac=entry.mac,
            proto=seen.proto,
            host=seen.host or "",
            address=_text(seen.dst),
            port=seen.dport,
            verdict=decision.verdict,
            reason=decision.reason,
            rule=decision.rule,
        )

    def watch(self, call: Call[TrafficWatchRequest]) -> TrafficWatch:
        """Start a guardian's view of a young child's live traffic, for CHILD_MINUTES, or end it.

        ``action`` says which. The device's own page shows it while it runs. Any guardian may end it;
        the audit log gets a line at the start only. A start while the guardian's own view runs returns
        that view: its end and the log stay as they are. Raises ControlError for an unknown device, and
        at the start for one of no young child, or if another guardian's view of the device runs.
        """
        by, mac = self._access.guardian(call), parse_mac(call.args.mac)
        if mac is None or mac not in self._macs():
            raise ControlError.of(Code.NO_DEVICE)
        if call.args.action == "end":
            self._traffic.end(mac)
            return TrafficWatch(mac, None)
        member = self._family.member_of(mac)
        if member is None or self._traffic.right(mac, "") is not TrafficRight.STARTED:
            raise ControlError.of(Code.TRAFFIC_PRIVATE)
        before = self._traffic.watch_of(mac)
        watch = self._traffic.start(by, mac, member.profile)
        until: datetime = self._traffic.until(watch)
        if watch is not before:
            detail = f"{watch.profile} {CHILD_MINUTES} min {mac}"
            self._audit("traffic", detail, by=by, at=watch.since, origin=call.text("origin", ""))
        return TrafficWatch(mac, until)


def _own_device(call: ControlRequest) -> str:
    """Return the MAC address of the device that a guardian uses now; empty if it is unknown.

    `Origins.recorded` has written it into the request, by the sender's address.
    """
    _token, place = split_origin(call.text("origin", ""))
    words = place.split(" ")
    return (parse_mac(words[1]) or "") if len(words) > 1 else ""


def _text(address: bytes) -> str:
    if not address:
        return ""
    return socket.inet_ntop(socket.AF_INET if len(address) == 4 else socket.AF_INET6, address)
