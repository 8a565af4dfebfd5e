"""Run in a namespace: open TLS connections at a fixed rate, or answer them, with little work.

``serve PORT``: answers each whole hello with a ServerHello.
``open ADDRESS PORT RATE SECONDS``: connects, sends a hello, and resets the connection at the first byte of
the answer; prints a JSON object (`Opened`).
``flood INTERFACE DEVICE ADDRESS PORT NUMBER``: sends so many SYNs with data (RFC 7413), each of another
connection; prints how many a second.
"""

from __future__ import annotations

import contextlib
import json
import selectors
import socket
import struct
import sys
import time
from dataclasses import asdict, dataclass, field

from gateway.dataplane.capacity import sample_hello
from tests.lab.names import GATEWAY_MAC
from tests.lab.rawpackets import SYN, TCP, Ends, Wire, ip, tcp
from tests.wire.flow_forge import SERVER_HELLO

PATIENCE = 20.0  # seconds for the last answers
BACKLOG = 1024
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close sends a reset, and leaves no port in TIME_WAIT


@dataclass(slots=True)
class Opened:
    """What became of the connections of a device."""

    answered: int = 0
    failed: int = 0
    ms: list[float] = field(default_factory=list)  # from the SYN to the first byte of the answer, of each
    took: float = 0.0  # seconds from the first SYN to the last

    def percentile(self, share: float) -> float:
        ordered = sorted(self.ms)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def serve(port: int) -> None:
    waiting = selectors.DefaultSelector()
    every = ("::", port)
    with socket.create_server(every, family=socket.AF_INET6, backlog=BACKLOG, dualstack_ipv6=True) as all_:
        all_.setblocking(False)
        waiting.register(all_, selectors.EVENT_READ)
        received: dict[socket.socket, bytes] = {}
        while True:
            for key, _ in waiting.select():
                end = key.fileobj
                assert isinstance(end, socket.socket)
                if end is all_:
                    with contextlib.suppress(OSError):
                        peer, _ = all_.accept()
                        peer.setblocking(False)
                        waiting.register(peer, selectors.EVENT_READ)
                        received[peer] = b""
                elif not _answer(end, received):
                    waiting.unregister(end)
                    del received[end]
                    end.close()


def _answer(end: socket.socket, received: dict[socket.socket, bytes]) -> bool:
    """Read from a client, and answer its hello once it is whole. Return whether the connection continues."""
    try:
        data = end.recv(1 << 16)
    except BlockingIOError:
        return True
    except OSError:
        return False
    whole = received[end] + data
    received[end] = whole
    if len(whole) >= 5 and len(whole) == 5 + int.from_bytes(whole[3:5], "big"):
        with contextlib.suppress(OSError):
            end.send(SERVER_HELLO)
    return bool(data)


def open_many(address: str, port: int, rate: float, seconds: float) -> Opened:
    opened, hello = Opened(), sample_hello()
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    waiting = selectors.DefaultSelector()
    since: dict[socket.socket, float] = {}
    count, number = 0, round(rate * seconds)
    start = time.monotonic()
    while count < number or since:
        now = time.monotonic()
        if now - start > seconds + PATIENCE:
            break
        while count < number and start + count / rate <= now:
            end = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            end.connect_ex((address, port))
            since[end] = time.monotonic()
            waiting.register(end, selectors.EVENT_WRITE)
            count += 1
            opened.took = now - start
        due = start + count / rate - now if count < number else 0.1
        for key, mask in waiting.select(max(0.0, min(due, 0.1))):
            peer = key.fileobj
            assert isinstance(peer, socket.socket)
            try:
                if mask & selectors.EVENT_WRITE:
                    peer.send(hello)
                    waiting.modify(peer, selectors.EVENT_READ)
                    continue
                peer.recv(1 << 16)
            except OSError:
                opened.failed += 1
            else:
                opened.answered += 1
                opened.ms.append((time.monotonic() - since[peer]) * 1000)
            waiting.unregister(peer)
            del since[peer]
            peer.close()
    opened.failed += len(since)
    return opened


def flood(interface: str, device: str, address: str, port: int, number: int) -> int:
    """Send SYNs with data as fast as this program can; return how many a second."""
    version = 6 if ":" in address else 4
    family = socket.AF_INET6 if version == 6 else socket.AF_INET
    src, dst = socket.inet_pton(family, device), socket.inet_pton(family, address)
    packets = []
    for count in range(number):
        ends = Ends(version, src, dst, 1024 + count % 60_000, port)
        packets += ip(ends, TCP, tcp(ends, count, 0, SYN, b"\x16\x03\x01"))
    wire = Wire(interface, GATEWAY_MAC)
    start = time.monotonic()
    for packet in packets:
        wire.send(packet)
    took = time.monotonic() - start
    wire.close()
    return round(number / took)


def main(mode: str, *more: str) -> None:
    if mode == "serve":
        serve(int(more[0]))
    elif mode == "open":
        json.dump(asdict(open_many(more[0], int(more[1]), float(more[2]), float(more[3]))), sys.stdout)
    else:
        print(flood(more[0], more[1], more[2], int(more[3]), int(more[4])))


if __name__ == "__main__":
    main(*sys.argv[1:])
