"""An HTTP/3 client whose first datagrams go out in odd ways: on a device, as root for raw packets.

Standard input is a JSON list of tries {case, host, decoy, address, version}; the output a JSON list of
{case, data, how, ms}, where ``data`` is how many bytes of an answer came back.
"""

from __future__ import annotations

import ipaddress
import json
import os
import random
import socket
import ssl
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import ConnectionTerminated, HandshakeCompleted
from aioquic.quic.packet import QuicProtocolVersion

from tests.lab import names
from tests.lab.rawpackets import UDP, Ends, Oddity, Wire, ip, udp

_AT_ONCE = 4  # tries; most of the time of a refused one is waiting
_PORT = 443
_HOPS = {4: (socket.IPPROTO_IP, socket.IP_TTL), 6: (socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS)}
_BEFORE_THE_SERVER = 2  # hops: past the gateway, and not as far as the pretended internet


class Path:
    """A client's socket to one server, and the raw wire beside it."""

    def __init__(self, version: int, address: str) -> None:
        self.version = version
        self._where = (address, _PORT)
        self.sock = socket.socket(socket.AF_INET if version == 4 else socket.AF_INET6, socket.SOCK_DGRAM)
        self.sock.connect(self._where)
        own = names.TABLET.ipv4 if version == 4 else names.TABLET.ipv6
        src, dst = (ipaddress.ip_address(text).packed for text in (own, address))
        self._ends = Ends(version, src, dst, self.sock.getsockname()[1], _PORT)

    def send(self, data: bytes, hops: int = 64) -> None:
        level, option = _HOPS[self.version]
        self.sock.setsockopt(level, option, hops)
        try:
            self.sock.send(data)
        except OSError:
            return  # an answer to an earlier datagram said no; an evader goes on

    def send_in_fragments(self, data: bytes, odd: Oddity) -> None:
        wire = Wire("eth0", names.GATEWAY_MAC)
        for packet in ip(self._ends, UDP, udp(self._ends, data), odd, random.getrandbits(15) | 1):
            wire.send(packet)
        wire.close()

    def receive(self, timeout: float) -> bytes | None:
        self.sock.settimeout(max(0.001, timeout))
        try:
            return self.sock.recv(65535)
        except OSError:
            return None


Send = Callable[[Path, list[bytes], list[bytes]], None]
"""Sends the first flight; the last argument is that of a decoy."""


@dataclass(frozen=True, slots=True)
class Case:
    send: Send
    ordinary: bool = True
    large: int = 0  # bytes by which the hello is longer
    quic: QuicProtocolVersion = QuicProtocolVersion.VERSION_1
    same_id: bool = False  # the decoy uses the real one's connection id


def in_order(path: Path, real: list[bytes], decoy: list[bytes]) -> None:
    for data in real:
        path.send(data)


def backwards(path: Path, real: list[bytes], decoy: list[bytes]) -> None:
    in_order(path, real[::-1], decoy)


def shuffled_twice(path: Path, real: list[bytes], decoy: list[bytes]) -> None:
    both = real + real
    random.shuffle(both)
    in_order(path, both, decoy)


def after(*first: bytes) -> Send:
    def send(path: Path, real: list[bytes], decoy: list[bytes]) -> None:
        for data in first:
            path.send(data)
        in_order(path, real, decoy)

    return send


def after_a_decoy(hops: int) -> Send:
    def send(path: Path, real: list[bytes], decoy: list[bytes]) -> None:
        for data in decoy:
            path.send(data, hops)
        in_order(path, real, decoy)

    return send


def after_an_answered_decoy(path: Path, real: list[bytes], decoy: list[bytes]) -> None:
    """Two connections on the same addresses and ports, told apart by their ids alone (RFC 9000 5.2)."""
    in_order(path, decoy, [])
    path.receive(0.5)
    time.sleep(0.05)
    in_order(path, real, decoy)


def after_a_broken_tag(path: Path, real: list[bytes], decoy: list[bytes]) -> None:
    broken = bytearray(decoy[0])
    broken[100] ^= 1  # well inside of the packet: behind its end, a datagram may have padding
    path.send(bytes(broken))
    in_order(path, real, decoy)


def between_decoys(path: Path, real: list[bytes], decoy: list[bytes]) -> None:
    for data in real:
        path.send(decoy[0], _BEFORE_THE_SERVER)
        path.send(data)


def fragments(*, back: bool) -> Send:
    def send(path: Path, real: list[bytes], decoy: list[bytes]) -> None:
        for data in real:
            path.send_in_fragments(data, Oddity(fragments=256, backwards=back))

    return send


def a_version_nobody_speaks(path: Path, real: list[bytes], decoy: list[bytes]) -> None:
    first = bytearray(real[0])
    first[1:5] = b"\x1a\x2a\x3a\x4a"
    path.send(bytes(first))
    in_order(path, real, decoy)


CASES = {
    "plain": Case(in_order),
    "version 2": Case(in_order, quic=QuicProtocolVersion.VERSION_2),
    "2 datagrams": Case(in_order, large=1200),
    "2 datagrams, backwards": Case(backwards, large=1200),
    "5 datagrams, backwards": Case(backwards, large=4400),
    "5 datagrams twice, shuffled": Case(shuffled_twice, large=4400),
    "zeros first": Case(after(bytes(64))),
    "a tunnel's handshake first": Case(after(b"\x01\0\0\0" + bytes(144)), ordinary=False),  # refused as such
    "a fake with a broken tag": Case(after_a_broken_tag),
    "a fake that dies on the way": Case(after_a_decoy(_BEFORE_THE_SERVER)),
    "a fake with the same id": Case(after_a_decoy(_BEFORE_THE_SERVER), ordinary=False, same_id=True),
    "an answered fake": Case(after_an_answered_decoy),
    "fakes between, 2 datagrams": Case(between_decoys, large=1200),
    "a version that nobody speaks": Case(a_version_nobody_speaks),
    "IP fragments": Case(fragments(back=False)),
    "IP fragments, backwards": Case(fragments(back=True)),
}


def client(host: str, case: Case, connection_id: bytes | None = None) -> QuicConnection:
    configuration = QuicConfiguration(
        is_client=True,
        alpn_protocols=[*H3_ALPN, *(["x" * 200] * (case.large // 201))],
        server_name=host,
        verify_mode=ssl.CERT_NONE,
        original_version=case.quic,
        supported_versions=[case.quic],
    )
    made = QuicConnection(configuration=configuration)
    if connection_id is not None:
        made._peer_cid.cid = made._original_destination_connection_id = connection_id
    return made


def first_flight(connection: QuicConnection, now: float) -> list[bytes]:
    connection.connect(("server", _PORT), now)
    return [data for data, _ in connection.datagrams_to_send(now)]


def attempt(chosen: dict[str, str]) -> tuple[int, str]:
    case = CASES[chosen["case"]]
    path = Path(int(chosen["version"]), chosen["address"])
    now = time.monotonic()
    connection = client(chosen["host"], case)
    real = first_flight(connection, now)
    known = connection._peer_cid.cid if case.same_id else None
    case.send(path, real, first_flight(client(chosen["decoy"], case, known), now))
    web = H3Connection(connection)
    received = bytearray()
    ends = now + float(chosen["patience"])
    while (now := time.monotonic()) < ends:
        data = path.receive(0.02)
        if data is not None:
            connection.receive_datagram(data, ("server", _PORT), now)
        if (timer := connection.get_timer()) is not None and timer <= now:
            connection.handle_timer(now)
        while (event := connection.next_event()) is not None:
            if isinstance(event, ConnectionTerminated):
                return 0, event.reason_phrase or "closed"
            if isinstance(event, HandshakeCompleted):
                _ask(connection, web, chosen["host"])
            for happening in web.handle_event(event):
                if isinstance(happening, DataReceived):
                    received += happening.data
        for datagram, _ in connection.datagrams_to_send(now):
            path.send(datagram)
        if b"pretended internet" in received:
            connection.close()
            for datagram, _ in connection.datagrams_to_send(now):
                path.send(datagram)
            return len(received), "answered"
    return 0, "silence"


def _ask(connection: QuicConnection, web: H3Connection, host: str) -> None:
    fields = {":method": "GET", ":scheme": "https", ":authority": host, ":path": "/raw"}
    headers = [(name.encode(), value.encode()) for name, value in fields.items()]
    web.send_headers(connection.get_next_available_stream_id(), headers, end_stream=True)


def main() -> None:
    random.seed(os.urandom(8))
    with ThreadPoolExecutor(_AT_ONCE) as several:
        print(json.dumps(list(several.map(_timed, json.load(sys.stdin)))))


def _timed(chosen: dict[str, str]) -> dict[str, object]:
    began = time.monotonic()
    data, how = attempt(chosen)
    ms = round((time.monotonic() - began) * 1000)
    return {"case": chosen["case"], "data": data, "how": how, "ms": ms}


if __name__ == "__main__":
    main()
