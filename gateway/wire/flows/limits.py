"""Limits the memory of undecided flows, and the work that one device can cause. Each limit is just above what
a correct client needs.
"""

from __future__ import annotations

from dataclasses import dataclass

# Ports of web servers. A web server always answers, so a flow to one of these ports is never allowed because
# it got no answer. The last nine are the other ports on which Cloudflare serves every site.
WEB_PORTS = frozenset(
    (80, 443, 8080, 8443, 2052, 2053, 2082, 2083, 2086, 2087, 2095, 2096, 8880)
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one FlowTable, in bytes, packets, seconds or counts. Defaults are for a 128 MB router."""

    flows: int = 4096  # a household has tens of undecided flows; refused UDP and open plain HTTP stay longer
    # Flows that the kernel decides by the server's answer, 5 kB each. They are stored for a resent hello and
    # for other answers: a busy household opens tens a second, and servers answer within a second.
    answerable: int = 256
    table_bytes: int = 8 << 20  # all buffers; above it, an old flow of the device with most starts again
    stream_bytes: int = 32 << 10  # one direction: the first requests of a client, the greeting of a server
    # One direction that begins with a TLS record: the longest hello, and a record of early data. A hundred
    # such flows fill the table, and only those of the device that opens them then start again.
    hello_bytes: int = 80 << 10
    readings_bytes: int = 128 << 10  # several readings of one direction: 64 of a 2 kB hello
    readings: int = 64  # six overlaps that differ: tools send one fake hello, and the real one in six pieces
    pieces: int = 512  # separate pieces of one direction: a 2 kB hello in 5-byte segments, in any order
    urgent_bytes: int = 2  # urgent pointers of one flow; browsers send none, evasion tools 1
    candidates: int = 32  # places in one stream where a hello or request may begin; pipelining reaches a few
    unanswered: int = 16  # packets with payload in one direction, no answer, no known protocol
    quic_unopened: int = 16  # Initials of one flow that do not decrypt: strays, and fakes sent first
    quic_datagrams: int = 64  # of one flow before the server's hello: a large hello takes 2 to 8, plus resent
    # Counted for each Initial that decrypts: it can claim 32 KiB, none does.
    quic_initial_bytes: int = 8 << 10
    # Segments of a client after which a dialogue is no longer held for TLS: clients start it by the third.
    dialogue: int = 8
    dialogue_bytes: int = 16 << 10  # of the server before that: half of what is stored of a direction
    http_history: int = 16 << 10  # request bytes stored to compare with resent ones; servers limit heads
    # The same before the first answer. Where the server begins to read is unknown then, and it reads nothing
    # beyond its first window, 64 kB: a lost decoy may be as long, and other bytes may follow for its numbers.
    first_history: int = 80 << 10
    foreign_bytes: int = 24 << 10  # of an unknown protocol, before old bytes are dropped
    foreign_stored: int = 8 << 10  # bytes that then remain: a hello may still follow
    http_frames: int = 1024  # heads and chunk lines stored to compare: a megabyte of 1 kB chunks
    # Steps a second for one device, about a fifth of a PC's core; 400 hellos take 19,000.
    work_rate: int = 50_000
    work_burst: int = 100_000  # steps in a burst: a page that opens 100 connections in the worst legal form
    age: float = 60.0  # undecided and idle: servers give up on a handshake after 10 to 60 s
    # Plain HTTP without its first answer is refused if it continues after this time. After the first answer,
    # only its buffers are freed: a download or a long poll may take hours.
    open_http_age: float = 300.0
    udp_age: float = 120.0  # a decided UDP flow in the table: conntrack's timeout for answered flows
    # Bytes in a request's body are a request to servers that do not read that body. Only a replay, which
    # blocks nothing, may trust the body's length.
    bodies: bool = True
    # A kernel may forward the rest of a body of this length, if so many of its bytes contain no HTTP version:
    # a server that reads the body as requests has answered by then. The longest head of known servers is that
    # of Go's net/http, 1 MB.
    long_body: int = 4 << 20
    clean_body: int = 17 << 16
    body_tail: int = 1 << 16  # the end of a body stays queued; longer merged segments are queued anyway
    forwarded: int = 1 << 30  # bytes of a body that the kernel forwards in one go; less than half the numbers
    acks: int = 256 << 10  # bytes of a body before the answer, of which acknowledgements are queued
    settled_age: float = 2.0  # for packets that were queued before their flow was decided


SHARES = 16  # devices of a shared zone that have a share of its limit each
SHARE_IDLE = 60.0  # seconds without traffic, after which another device may take a share


class Effort:
    """Limits the work that one device can cause, so that crafted packets cannot stall the filter.

    A token bucket for each device (conntrack zone), stored as debt. A step of work is one record, line or
    packet read: 2 to 5 microseconds on a PC. The undecided packets of a device over its limit are dropped for
    a moment. TCP resends them, so only that device waits.

    Guests have one zone. While it is over its limit, each of 16 devices in it may still cause a sixteenth of
    that work: the flood of one guest does not silence the others. A device cannot take the share of another
    that was active in the last minute, so a flood of invented addresses gives no further shares.
    """

    __slots__ = ("_burst", "_debts", "_rate", "_shares")

    def __init__(self, limits: Limits) -> None:
        self._rate = limits.work_rate
        self._burst = limits.work_burst
        self._debts: dict[int, tuple[float, float]] = {}  # zone to steps owed, and the time of that count
        self._shares: dict[tuple[int, bytes], tuple[float, float]] = {}  # the same by device of a shared zone

    def allows(self, zone: int, now: float, beyond: int = 0, device: bytes | None = None) -> bool:
        """Return whether the device (``zone``) may cause more work at ``now`` (seconds).

        ``beyond`` adds steps to the burst, for work that has already begun. ``device``: the packed address of
        a device in a zone of several devices; None: the zone is one device.
        """
        owed, since = self._debts.get(zone, (0.0, now))
        if owed - (now - since) * self._rate < self._burst + beyond:
            return True
        return device is not None and self._has_share((zone, device), now)

    def _has_share(self, key: tuple[int, bytes], now: float) -> bool:
        share = self._shares.get(key)
        if share is None:
            return len(self._shares) < SHARES or self._idle_share(now) is not None
        owed, since = share
        return owed * SHARES - (now - since) * self._rate < self._burst

    def _idle_share(self, now: float) -> tuple[int, bytes] | None:
        """Return a device that has not used its share for a minute, so that another may take it; or None."""
        for key, (owed, since) in self._shares.items():
            if now - since >= SHARE_IDLE and owed * SHARES <= (now - since) * self._rate:
                return key
        return None

    def forget(self, zone: int) -> None:
        """Forget the work that a device (``zone``) has caused: it may then cause a full burst."""
        self._debts.pop(zone, None)
        for key in [key for key in self._shares if key[0] == zone]:
            del self._shares[key]

    def spend(self, zone: int, steps: int, now: float, device: bytes | None = None) -> None:
        """Charge ``steps`` of work to a device (``zone``) at ``now`` (seconds).

        ``device``: as for `allows`.
        """
        owed, since = self._debts.get(zone, (0.0, now))
        owed = max(0.0, owed - (now - since) * self._rate) + steps
        if device is not None:
            owed = min(owed, 2.0 * self._burst)  # shares go on after that, and must not postpone its end
            self._charge_share((zone, device), steps, now)
        self._debts[zone] = (owed, now)

    def _charge_share(self, key: tuple[int, bytes], steps: int, now: float) -> None:
        if key not in self._shares and len(self._shares) >= SHARES:
            idle = self._idle_share(now)
            if idle is None:
                return
            del self._shares[idle]
        owed, since = self._shares.get(key, (0.0, now))
        owed = max(0.0, owed - (now - since) * self._rate / SHARES) + steps
        # A device that used much before the zone was full has its share again after two bursts.
        self._shares[key] = (min(owed, 2.0 * self._burst / SHARES), now)
