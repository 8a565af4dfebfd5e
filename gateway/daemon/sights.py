"""What is seen of the home's devices, from what presence finds in the neighbour table and the lease file."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from gateway.control.protocol import Request
from gateway.daemon.clockverbs import PLAY
from gateway.daemon.presence import Presence, Seen
from gateway.loop import Loop
from gateway.policy.identity import Traits
from gateway.policy.macs import parse_mac

AWAY = 180.0  # seconds without a sign of life after which a device is gone: phones sleep for one or two
KEPT = 1024  # devices


class Told(Protocol):
    """Who hears of it."""

    def on_new(self, mac: str) -> None: ...

    def on_change(self, before: Traits, after: Traits, how: str) -> None: ...

    def on_gone(self, mac: str) -> None: ...

    def on_back(self, mac: str) -> None: ...


class Sights:
    def __init__(self, presence: Presence, loop: Loop, told: Callable[[], Told]) -> None:
        self._loop = loop
        self._told = told
        self._traits: dict[str, Traits] = {}
        self._leased: dict[str, str] = {}
        self._behind: dict[str, frozenset[str]] = {}
        self._last: dict[str, float] = {}  # sign of life; gone ones are not in it
        self._gone: dict[str, None] = {}
        presence.looked = self.looked

    def traits(self, mac: str) -> Traits | None:
        return self._traits.get(mac)

    def behind(self, mac: str) -> frozenset[str]:
        return self._behind.get(mac, frozenset())

    def missing(self, mac: str) -> bool:
        return mac in self._gone

    def looked(self, now: Mapping[str, Seen], came: list[str]) -> None:
        """What presence found; ``came``: never seen before."""
        for seen in now.values():
            if seen.name and seen.name != self._leased.get(seen.mac):
                self._leased[seen.mac] = seen.name
                known = self._traits.get(seen.mac) or Traits(seen.mac)
                self._change(known, replace(known, host_name=seen.name), "lease")
            if seen.online:
                self._alive(seen.mac)
        for mac in came:
            self._told().on_new(mac)
        limit = self._loop.now() - AWAY
        for mac in [mac for mac, at in self._last.items() if at < limit]:
            self._lost(mac)

    def _alive(self, mac: str) -> None:
        self._last[mac] = self._loop.now()
        if mac in self._gone:
            del self._gone[mac]
            self._told().on_back(mac)
        while len(self._last) > KEPT:
            del self._last[next(iter(self._last))]

    def _lost(self, mac: str) -> None:
        self._last.pop(mac, None)
        self._gone[mac] = None
        while len(self._gone) > KEPT:
            del self._gone[next(iter(self._gone))]
        self._told().on_gone(mac)

    def _change(self, before: Traits, after: Traits, how: str) -> None:
        self._traits[after.mac] = after
        while len(self._traits) > KEPT:
            oldest = next(iter(self._traits))
            del self._traits[oldest]
            self._leased.pop(oldest, None)
        self._told().on_change(before, after, how)

    def play(self, request: Request) -> Mapping[str, object]:
        """The verb ``sight``, in the virtual home alone: what a device would have been seen to do."""
        mac = parse_mac(request.text("mac"))
        if os.environ.get(PLAY) is None or mac is None:
            request.refuse("do", "is for the virtual home alone")
        what = request.text("what", "change")
        if what == "gone":
            self._lost(mac)
        elif what == "back":
            self._alive(mac)
        elif what == "behind":
            self._behind[mac] = frozenset(request.text("macs").split())
            known = self._traits.get(mac) or Traits(mac)
            self._change(known, known, "dhcp")
        else:
            known = self._traits.get(mac) or Traits(mac)
            after = Traits(
                mac,
                request.text("host_name", ""),
                request.text("vendor_class", ""),
                tuple(int(one) for one in request.text("options", "").split()),
                kind=request.text("kind", ""),
                hop_limit=request.whole("hop_limit", least=0, most=255, default=0),
            )
            self._change(known, after, "dhcp")
        return {}
