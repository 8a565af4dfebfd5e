"""Measures how many packets this machine judges, and derives the limits of one device.

The measurement is taken once, at the start of the daemon. It counts processor time, so other processes hardly
change it, and it leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from time import process_time_ns

from gateway.kernel.snapshot import Rates
from gateway.path.flows import FlowPath, PacketVerdict
from gateway.path.live_flows import LiveFlows
from gateway.path.subject import Subject
from gateway.policy.values import Decision, Reason, Verdict
from gateway.wire.flows.limits import Limits
from gateway.wire.flows.table import FlowTable
from gateway.wire.ip.build import tcp_segment
from gateway.wire.ip.packet import ACK, PSH
from gateway.wire.tls.build import client_hello, records

BUDGET = 10_000_000  # nanoseconds of processor time; the last round may begin just before its end
SEGMENT = 1400  # bytes of payload
CONNECTIONS = 2  # in a round, of two packets each: 5 ms on a router that judges 800 packets a second

_SHARE = 8  # an eighth of the capacity for one device: with queue and kernel, that is 3/8 of the processor
_UPLOAD_SHARE = 2  # a packet of an upload costs less than half of a hello's
_LEAST, _MOST = Rates(), Rates(tcp=4000, dns=2000, http=16_000)
_STEPS = 50  # of work (`Effort`) allowed for each packet: a hello in two segments takes 60 in total
_LEAST_WORK = 20_000  # steps a second: 200 plain HTTP requests with 100 lines each

_DEVICE, _SERVER = bytes((192, 168, 1, 2)), bytes((192, 0, 2, 1))
_PORT, _HTTPS = 1024, 443
_SLOT = 1


def packets_per_second() -> int:
    """Return how many packets of new TLS connections this machine judges per second of processor time.

    The fastest round counts: the first ones, and those that other processes disturb, are slower.
    """
    table = FlowTable()
    handle, packets = packet_handler(table), sample_packets(CONNECTIONS)
    best = 0
    end = process_time_ns() + BUDGET
    while (began := process_time_ns()) < end:
        for packet in packets:
            handle(packet)
        took = process_time_ns() - began
        table.forget(_SLOT)
        if took > 0:  # some kernels count processor time in whole ticks
            best = max(best, len(packets) * 1_000_000_000 // took)
    return best


def device_rates(capacity: int) -> Rates:
    """Return the packet rate limits of one device (TCP, DNS, plain HTTP), in packets a second.

    ``capacity``: how many packets a second this machine judges. Each limit is at least the default of
    `Rates`, and has a maximum.
    """
    share = capacity // _SHARE
    return Rates(
        tcp=min(max(share, _LEAST.tcp), _MOST.tcp),
        dns=min(max(share, _LEAST.dns), _MOST.dns),
        http=min(max(capacity // _UPLOAD_SHARE, _LEAST.http), _MOST.http),
    )


def work_limits(limited: Rates) -> Limits:
    """Return the limits of the flow table for devices with the packet rates ``limited``.

    One device may cause the work of the packets that it may send.
    """
    return Limits(work_rate=max(_STEPS * limited.tcp, _LEAST_WORK))


def packet_handler(table: FlowTable) -> Callable[[bytes], PacketVerdict]:
    """Return a function that judges a packet, as of a device for which everything is allowed.

    It returns the verdict. ``table`` gets the device's flows. For measurements only.
    """
    path = FlowPath(
        table, LiveFlows(), sink=_ignore, refused_page=lambda _seen, _decision: "", reads_answers=lambda: True
    )
    subject, at = Subject(_SLOT, "", _allow, lambda _gates: 1), datetime.fromtimestamp(0, UTC)
    return partial(path.packet, subject=subject, from_lan=True, now=0.0, at=at)


def _allow(_seen: object, _at: object) -> Decision:
    return Decision(Verdict.ALLOW, Reason.OPEN, "", "", gates=frozenset({"device"}))


def _ignore(*_decided: object) -> None:
    pass


def sample_packets(connections: int, segment: int = SEGMENT) -> list[bytes]:
    """Return the packets of new connections, with a hello in segments of at most ``segment`` bytes each."""
    hello = sample_hello()
    return [
        tcp_segment(
            _DEVICE,
            _SERVER,
            _PORT + number,
            _HTTPS,
            seq=1 + first,
            ack=1,
            flags=ACK | PSH,
            payload=hello[first : first + segment],
        )
        for number in range(connections)
        for first in range(0, len(hello), segment)
    ]


def sample_hello() -> bytes:
    """Return a TLS record with a ClientHello of the usual size."""
    return records(client_hello(b"www.example.org", (b"h2", b"http/1.1"), random=bytes, large=True))
