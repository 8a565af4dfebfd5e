"""An HTTP/3 client on aioquic, which takes its time-out from the caller."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, QuicEvent
from aioquic.quic.packet import QuicProtocolVersion

_VERSIONS = {1: QuicProtocolVersion.VERSION_1, 2: QuicProtocolVersion.VERSION_2}


class _Client(QuicConnectionProtocol):
    """One request; ``answer`` becomes (status, body length)."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._http = H3Connection(self._quic)
        self._status = ""
        self._length = 0
        self.answer: asyncio.Future[tuple[str, int]] = asyncio.get_running_loop().create_future()

    def request(self, host: str, path: str) -> None:
        stream = self._quic.get_next_available_stream_id()
        fields = {":method": "GET", ":scheme": "https", ":authority": host, ":path": path}
        headers = [(name.encode(), value.encode()) for name, value in fields.items()]
        self._http.send_headers(stream, headers, end_stream=True)
        self.transmit()

    def quic_event_received(self, event: QuicEvent) -> None:
        if isinstance(event, ConnectionTerminated) and not self.answer.done():
            self.answer.set_exception(ConnectionResetError(event.reason_phrase))
        for happening in self._http.handle_event(event):
            if isinstance(happening, HeadersReceived):
                self._status = dict(happening.headers).get(b":status", b"").decode()
            elif isinstance(happening, DataReceived):
                self._length += len(happening.data)
                if happening.stream_ended and not self.answer.done():
                    self.answer.set_result((self._status, self._length))


async def get(host: str, address: str, port: int, timeout: float, version: int) -> dict[str, Any]:
    """GET / of ``host`` at ``address``, with QUIC v1 or v2 from the first packet on."""
    configuration = QuicConfiguration(
        alpn_protocols=H3_ALPN,
        is_client=True,
        verify_mode=ssl.CERT_NONE,
        server_name=host or None,
        original_version=_VERSIONS[version],
        supported_versions=[_VERSIONS[version]],
    )
    try:
        async with asyncio.timeout(timeout):
            async with connect(
                address, port, configuration=configuration, create_protocol=_Client, wait_connected=True
            ) as client:
                assert isinstance(client, _Client)
                client.request(host, "/")
                status, length = await client.answer
                return {"reached": status == "200", "how": f"{length} bytes"}
    except TimeoutError:
        return {"reached": False, "how": "timed out"}
    except ConnectionError as error:
        return {"reached": False, "how": f"closed: {error}" if str(error) else "closed"}
