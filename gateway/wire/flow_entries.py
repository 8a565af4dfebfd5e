"""What the flow table holds: an entry for each 4-tuple, by device, within the limits of all."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from gateway.policy.values import Observation
from gateway.wire.actions import HOLD
from gateway.wire.flow_tcp import TcpFlow
from gateway.wire.flow_udp import UdpFlow
from gateway.wire.limits import Limits

Key = tuple[int, int, bytes, int, bytes, int]  # zone, protocol, LAN address and port, the other's


class Entry:
    """One 4-tuple: a flow until it is decided, then its ruling alone."""

    __slots__ = ("another", "asks_since", "flow", "heard", "ruling", "size", "until", "work")

    def __init__(self, flow: TcpFlow | UdpFlow) -> None:
        self.flow: TcpFlow | UdpFlow | None = flow
        self.another: UdpFlow | None = None  # QUIC that begins where other UDP passes already
        self.ruling = HOLD
        self.heard: tuple[Observation, ...] = ()
        self.size = 0  # bytes accounted for
        self.work = 0  # steps accounted for
        self.until = 0.0
        self.asks_since = 0.0  # when ASKS was first said; 0: it was not

    @property
    def has_begun(self) -> bool:
        """Whether something was said on it while it is undecided."""
        flow = self.flow
        return flow is not None and (flow.has_begun if isinstance(flow, TcpFlow) else flow.has_hellos)

    @property
    def half_read(self) -> bool:
        """Whether what was said would look new without it: undecided, or another hello's first part."""
        return self.has_begun or (self.another is not None and self.another.half_read)


class _Zone:
    """The entries of one device, least recently used first."""

    __slots__ = ("buffered", "entries")

    def __init__(self) -> None:
        self.entries: OrderedDict[Key, Entry] = OrderedDict()
        self.buffered = 0  # bytes held by them


def _entries_of(zone: _Zone) -> int:
    return len(zone.entries)


def _bytes_of(zone: _Zone) -> int:
    return zone.buffered


class Entries:
    """Bounded. Where there is no room, the device that holds most gives it: one device's flood forgets none
    of another's flows. ``forgotten``: see FlowTable.
    """

    def __init__(self, limits: Limits, forgotten: Callable[[Key], None] | None) -> None:
        self._limits = limits
        self._forgotten = forgotten
        self._zones: dict[int, _Zone] = {}
        self.count = 0
        self.buffered = 0  # bytes
        self.evicted = 0  # undecided flows that had to make room
        self.expired = 0  # undecided flows that were idle for too long

    def find(self, key: Key) -> Entry | None:
        """It counts as used then."""
        zone = self._zones.get(key[0])
        entry = zone.entries.get(key) if zone is not None else None
        if zone is not None and entry is not None:
            zone.entries.move_to_end(key)
        return entry

    def add(self, key: Key, flow: TcpFlow | UdpFlow, now: float) -> Entry:
        """Of a key that is not there. Some of that device's idle ones go with each that comes."""
        zone = self._zones.setdefault(key[0], _Zone())
        for _ in range(2):
            oldest = next(iter(zone.entries), None)
            if oldest is None or zone.entries[oldest].until >= now:
                break
            self.expired += zone.entries[oldest].flow is not None
            # Half a hello beside a flow that passes is too old by now for any server to go on with it.
            self._forget(oldest, refuse=zone.entries[oldest].has_begun)
        if self.count >= self._limits.flows:
            self._evict(max(self._zones.values(), key=_entries_of))
        entry = zone.entries[key] = Entry(flow)
        self.count += 1
        return entry

    def account(self, key: Key, entry: Entry, size: int) -> None:
        """``entry`` holds ``size`` bytes now."""
        more = size - entry.size
        if not more:
            return
        zone = self._zones[key[0]]
        zone.buffered += more
        self.buffered += more
        entry.size = size
        while self.buffered > self._limits.table_bytes and self.count > 1:
            self._evict(max(self._zones.values(), key=_bytes_of))

    def remove(self, key: Key) -> None:
        zone = self._zones[key[0]]
        size = zone.entries.pop(key).size
        zone.buffered -= size
        self.buffered -= size
        self.count -= 1

    def clear(self, zone: int | None, *, settled: bool) -> int:
        """All entries, or one device's, or only those that are decided; how many there were."""
        zones = self._zones.values() if zone is None else filter(None, [self._zones.get(zone)])
        keys = [
            key
            for one in zones
            for key, entry in one.entries.items()
            if not (settled and (entry.flow is not None or entry.half_read))
        ]
        for key in keys:
            self.remove(key)
        return len(keys)

    def _evict(self, zone: _Zone) -> None:
        oldest = next(iter(zone.entries))
        self.evicted += zone.entries[oldest].flow is not None
        self._forget(oldest, refuse=zone.entries[oldest].half_read)

    def _forget(self, key: Key, *, refuse: bool) -> None:
        self.remove(key)
        if refuse and self._forgotten is not None:
            self._forgotten(key)
