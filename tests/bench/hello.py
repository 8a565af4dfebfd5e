"""Run on the gateway: how long the daemon's handler takes for a ClientHello, after a pause and in a loop.

It first captures the packet of a real hello that a device sends. The handler is the one that a queue calls,
with all parts of a daemon that was built from the configuration and the rules: parser, flow table, judge, log
of decisions, store. Only the event loop does not run, and the kernel does not get the verdicts. Each try is a
new connection: its source port differs, and nothing else. Prints microseconds as JSON.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from pathlib import Path

from gateway.app.daemon import Daemon
from gateway.core.process_memory import settle
from gateway.dataplane.packets import go_first
from gateway.kernel.marks import FlowState, QueueKind, decode_verdict, queue_number, slot_code
from gateway.kernel.queue import FORWARD, Handler
from gateway.wire.ip.packet import TCP, parse_ip
from gateway.wire.quic.crypto import warm_up
from tests.lab.names import LAN, TABLET

_IPV4 = 0x0800
_OUTGOING = 4  # sockaddr_ll.sll_pkttype PACKET_OUTGOING
_FIRST_PORT = 20_000


def captured(interface: str) -> bytes:
    """Return the IP packet of the first TLS hello that arrives at ``interface``.

    The device leaves its checksum to the network card, as the kernel hands such packets to the queue too. The
    unfinished checksum does not cover the ports.
    """
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_IPV4)) as sock:
        sock.bind((interface, _IPV4))
        print("ready", flush=True)
        while True:
            data, where = sock.recvfrom(65535)
            if where[2] != _OUTGOING and data[9] == TCP and bytes(parse_ip(data).payload[:1]) == b"\x16":
                return data


class Tries:
    """Calls a daemon's handler with the same hello on ever new connections."""

    def __init__(self, daemon: Daemon, hello: bytes) -> None:
        packets, slot = daemon.packets, daemon.family.slot_of(TABLET.mac, LAN)
        (closed,) = (each.closed for each in daemon.table.snapshot.slots if each.number == slot)
        kind = QueueKind.CLOSED_TCP if closed else QueueKind.OPEN_TCP
        number = queue_number(daemon.rules.household.config.queue_base, slot, kind)
        self._handler: Handler = packets.queues[number]._handler
        self._shift = packets.layout.packet_shift
        self._mark = slot_code(slot) << self._shift
        self._indev = socket.if_nametoindex(LAN)
        self._at = parse_ip(hello).l4
        self._hello = bytearray(hello)
        self._port = _FIRST_PORT

    def run(self, count: int, pause: float) -> list[float]:
        """Return the microseconds of each call, ``pause`` seconds after the one before."""
        taken = []
        for _ in range(count):
            self._port += 1
            self._hello[self._at : self._at + 2] = self._port.to_bytes(2, "big")
            packet = bytes(self._hello)
            time.sleep(pause)
            began = time.perf_counter()
            answer = self._handler(packet, self._mark, FORWARD, self._indev)
            taken.append((time.perf_counter() - began) * 1e6)
            if (
                not isinstance(answer, int)
                or decode_verdict(answer >> self._shift)[0] is not FlowState.ANSWERABLE
            ):
                raise SystemExit(f"the hello was not allowed: {answer}")
        return taken


def main(config: str, count: int, pause: float) -> None:
    hello = captured(LAN)
    daemon = Daemon(Path(config))
    try:
        warm_up()
        settle()
        go_first()
        tries = Tries(daemon, hello)
        tries.run(count, 0.0)
        print(
            json.dumps({"bytes": len(hello), "idle": tries.run(count, pause), "loop": tries.run(count, 0.0)})
        )
    finally:
        daemon.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
