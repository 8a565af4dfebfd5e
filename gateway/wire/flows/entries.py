"""The entries of the flow table: one for each 4-tuple, grouped by device, within global limits."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from gateway.policy.values import Observation
from gateway.wire.flows.actions import HOLD
from gateway.wire.flows.limits import Limits
from gateway.wire.flows.tcp import TcpFlow
from gateway.wire.flows.udp import UdpFlow

Key = tuple[int, int, bytes, int, bytes, int]  # zone, protocol, LAN address and port, remote address and port


class FlowEntry:
    """One 4-tuple: a flow until it is decided, then only its ruling."""

    __slots__ = ("another", "asks_since", "flow", "judged", "queue", "ruling", "size", "until", "work")

    def __init__(self, flow: TcpFlow | UdpFlow, queue: EntryQueue) -> None:
        self.flow: TcpFlow | UdpFlow | None = flow
        self.another: UdpFlow | None = None  # QUIC that begins where other UDP already passes
        self.ruling = HOLD
        self.judged: tuple[Observation, ...] = ()
        self.size = 0  # bytes counted so far
        self.work = 0  # steps counted so far
        self.until = 0.0
        self.asks_since = 0.0  # when ASKS was first returned; 0 if never
        self.queue = queue

    @property
    def is_open_http(self) -> bool:
        """Whether its connection may stay silent for an unlimited time."""
        return isinstance(self.flow, TcpFlow) and self.flow.is_open_http

    @property
    def has_begun(self) -> bool:
        """Whether it is undecided, and later packets would be misread without its data."""
        flow = self.flow
        return flow is not None and (flow.half_read if isinstance(flow, TcpFlow) else flow.has_hellos)

    @property
    def half_read(self) -> bool:
        """Whether its data would look new without it: undecided, or part of another hello."""
        return self.has_begun or (self.another is not None and self.another.half_read)


EntryQueue = OrderedDict[Key, FlowEntry]  # least recently used first


class _Zone:
    """The entries of one device, grouped by how they expire."""

    __slots__ = ("buffered", "entries", "idle_open", "open", "passing")

    def __init__(self) -> None:
        self.entries: dict[Key, FlowEntry] = {}
        self.passing: EntryQueue = OrderedDict()  # these expire
        self.open: EntryQueue = OrderedDict()  # open HTTP: the connection may live for any time
        self.idle_open: EntryQueue = OrderedDict()  # open HTTP that was idle for a while: without buffers
        self.buffered = 0  # bytes


def _entries_of(zone: _Zone) -> int:
    return len(zone.entries)


def _bytes_of(zone: _Zone) -> int:
    return zone.buffered


def _oldest_size(queue: EntryQueue) -> int:
    return next(iter(queue.values())).size


class FlowEntries:
    """A bounded set. If it is full, the device with most entries or bytes loses one: the flood of one device
    evicts no flow of another. ``forgotten``: see FlowTable.
    """

    def __init__(self, limits: Limits, forgotten: Callable[[Key], None] | None) -> None:
        self._limits = limits
        self._forgotten = forgotten
        self._zones: dict[int, _Zone] = {}
        self.count = 0
        self.buffered = 0  # bytes
        self.evicted = 0  # undecided flows that were evicted
        self.expired = 0  # undecided flows that were idle for too long

    def find(self, key: Key) -> FlowEntry | None:
        """Return the entry, and mark it as used."""
        zone = self._zones.get(key[0])
        entry = zone.entries.get(key) if zone is not None else None
        if entry is not None:
            entry.queue.move_to_end(key)
        return entry

    def add(self, key: Key, flow: TcpFlow | UdpFlow, now: float) -> FlowEntry:
        """Add an entry for a new key. Each call also removes up to two expired entries of that device."""
        zone = self._zones.setdefault(key[0], _Zone())
        for _ in range(2):
            oldest = next(iter(zone.passing), None)
            if oldest is None or zone.passing[oldest].until >= now:
                break
            self.expired += zone.passing[oldest].flow is not None
            # Half a hello next to an allowed flow is now too old for any server to continue with it.
            self._forget(oldest, refuse=zone.passing[oldest].has_begun)
        if zone.open:
            self._free_idle(zone, now)
        if self.count >= self._limits.flows:
            self._evict(max(self._zones.values(), key=_entries_of), len)
        entry = zone.entries[key] = zone.passing[key] = FlowEntry(flow, zone.passing)
        self.count += 1
        return entry

    def keep_open(self, key: Key, entry: FlowEntry) -> None:
        """Move ``entry`` of open HTTP to those that lose their buffers when idle."""
        self._put(key, entry, self._zones[key[0]].open)

    def settle(self, key: Key, entry: FlowEntry, until: float) -> None:
        """Record that ``entry`` is decided, and stored until the time ``until``."""
        self._put(key, entry, self._zones[key[0]].passing)
        entry.until = until
        self.account(key, entry, 0 if entry.another is None else entry.another.size)

    def _free_idle(self, zone: _Zone, now: float) -> None:
        """Free the buffers of idle open HTTP: a download or a long poll may take hours."""
        for _ in range(2):
            oldest = next(iter(zone.open), None)
            if oldest is None or zone.open[oldest].until >= now:
                return
            entry = zone.open[oldest]
            self._put(oldest, entry, zone.idle_open)
            if isinstance(entry.flow, TcpFlow):
                entry.flow.free_buffers()
                self.account(oldest, entry, entry.flow.size)

    @staticmethod
    def _put(key: Key, entry: FlowEntry, queue: EntryQueue) -> None:
        if entry.queue is not queue:
            del entry.queue[key]
            queue[key] = entry
            entry.queue = queue

    def account(self, key: Key, entry: FlowEntry, size: int) -> None:
        """Record that ``entry`` now has ``size`` bytes. It may be evicted itself, if it is the largest."""
        more = size - entry.size
        if not more:
            return
        zone = self._zones[key[0]]
        zone.buffered += more
        self.buffered += more
        entry.size = size
        while self.buffered > self._limits.table_bytes and self.count > 1:
            self._evict(max(self._zones.values(), key=_bytes_of), _oldest_size, sparing=key)

    def remove(self, key: Key) -> None:
        zone = self._zones[key[0]]
        entry = zone.entries.pop(key)
        del entry.queue[key]
        zone.buffered -= entry.size
        self.buffered -= entry.size
        self.count -= 1

    def clear(self, zone: int | None, *, settled: bool) -> int:
        """Remove all entries, or one device's, or only decided ones. Returns their number."""
        zones = self._zones.values() if zone is None else filter(None, [self._zones.get(zone)])
        keys = [
            key
            for each in zones
            for key, entry in each.entries.items()
            if not (settled and (entry.flow is not None or entry.half_read))
        ]
        for key in keys:
            self.remove(key)
        return len(keys)

    def _evict(self, zone: _Zone, most: Callable[[EntryQueue], int], sparing: Key | None = None) -> None:
        """Evict the oldest entry of open HTTP or of the others, whichever is larger by ``most``."""
        queues = [queue for queue in (zone.passing, zone.idle_open or zone.open) if queue]
        others = [queue for queue in queues if next(iter(queue)) != sparing]
        queue = max(others or queues, key=most)
        oldest = next(iter(queue))
        self.evicted += queue[oldest].flow is not None
        self._forget(oldest, refuse=queue[oldest].half_read)

    def _forget(self, key: Key, *, refuse: bool) -> None:
        self.remove(key)
        if refuse and self._forgotten is not None:
            self._forgotten(key)
