"""HTTP/3 on UDP 443 of every address. Imported only where aioquic is installed."""

from __future__ import annotations

from asyncio import DatagramTransport
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import QuicServer
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import H3Event, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ProtocolNegotiated, QuicEvent

from tests.lab.internet.http import page, size
from tests.lab.internet.journal import Journal
from tests.lab.internet.udp import Peer, UdpPort
from tests.lab.internet.walks import FILE, Walk

_LARGEST = 64 << 20  # a whole body is handed to the connection at once


class _Site(QuicConnectionProtocol):
    """One client's connection."""

    def __init__(self, *args: Any, journal: Journal, walk: Walk, **named: Any) -> None:
        super().__init__(*args, **named)
        self._walk = walk
        self._journal = journal
        self._http: H3Connection | None = None

    def quic_event_received(self, event: QuicEvent) -> None:
        if isinstance(event, ProtocolNegotiated) and event.alpn_protocol in H3_ALPN:
            self._http = H3Connection(self._quic)
        if self._http is not None:
            for happening in self._http.handle_event(event):
                self._http_event(self._http, happening)

    def _http_event(self, http: H3Connection, event: H3Event) -> None:
        if not isinstance(event, HeadersReceived):
            return
        headers = {name.decode(): value.decode() for name, value in event.headers}
        host, target = headers.get(":authority", ""), headers.get(":path", "/")
        client = self._quic._network_paths[0].addr[0]
        self._journal.note("h3", host, client, f"{headers.get(':method', '')} {target}")
        body = page(host, target)
        if target.startswith("/bytes/"):
            body = bytes(min(size(target.removeprefix("/bytes/")), _LARGEST))
        kind = "text/html"
        found = self._walk.answer(target)
        if found is not None:
            body, kind = found
        answer = [
            (b":status", b"200"),
            (b"content-length", str(len(body)).encode()),
            (b"content-type", kind.encode()),
            (b"access-control-allow-origin", b"*"),
        ]
        http.send_headers(event.stream_id, answer)
        http.send_data(event.stream_id, body, end_stream=True)
        self.transmit()


class _Transport(DatagramTransport):
    """As much of a datagram transport as aioquic's server uses; its addresses carry our own one with them."""

    def __init__(self, send: Callable[[bytes, Peer], None]) -> None:
        super().__init__()
        self._send = send

    def sendto(self, data: Any, addr: Any = None) -> None:
        self._send(data, addr)

    def close(self) -> None:
        return


def serve(folder: Path, journal: Journal) -> None:
    """Answer QUIC v1 and v2 with one certificate, whatever the name; clients here do not check it."""
    walk = Walk(folder / FILE)
    configuration = QuicConfiguration(alpn_protocols=H3_ALPN, is_client=False)
    configuration.load_cert_chain(folder / "leaf.pem", folder / "leaf.key")

    def protocol(*args: Any, **named: Any) -> _Site:
        return _Site(*args, journal=journal, walk=walk, **named)

    server = QuicServer(configuration=configuration, create_protocol=protocol)
    port = UdpPort(443, server.datagram_received)
    server.connection_made(_Transport(port.sendto))
