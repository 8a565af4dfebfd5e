"""A long download over HTTP/3, on a device: prints its bytes so far a few times a second, and how it ended.

Each line is one JSON object; ``at`` is time.monotonic(), which all processes of a machine share.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl
import time
from typing import Any

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, QuicEvent

_TELL_EVERY_S = 0.05
_SLOWDOWN_S = 0.002  # of the whole client after each event: the server shares two processors with all else


class _Film(QuicConnectionProtocol):
    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._http = H3Connection(self._quic)
        self.received = 0
        self.over = asyncio.Event()

    def begin(self, host: str, path: str) -> None:
        fields = {":method": "GET", ":scheme": "https", ":authority": host, ":path": path}
        headers = [(name.encode(), value.encode()) for name, value in fields.items()]
        self._http.send_headers(self._quic.get_next_available_stream_id(), headers, end_stream=True)
        self.transmit()

    def quic_event_received(self, event: QuicEvent) -> None:
        if isinstance(event, ConnectionTerminated):
            self.over.set()
        for happening in self._http.handle_event(event):
            if isinstance(happening, DataReceived):
                self.received += len(happening.data)
                time.sleep(_SLOWDOWN_S)


async def _watch(host: str, address: str, seconds: float) -> None:
    configuration = QuicConfiguration(
        alpn_protocols=H3_ALPN, is_client=True, verify_mode=ssl.CERT_NONE, server_name=host
    )
    print(json.dumps({"at": time.monotonic(), "bytes": 0}), flush=True)  # it begins to knock
    async with connect(address, 443, configuration=configuration, create_protocol=_Film) as client:
        assert isinstance(client, _Film)
        client.begin(host, "/bytes/64M")
        ends = time.monotonic() + seconds
        told = 0
        while time.monotonic() < ends and not client.over.is_set():
            await asyncio.sleep(_TELL_EVERY_S)
            if client.received != told:
                told = client.received
                print(json.dumps({"at": time.monotonic(), "bytes": told}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("host")
    parser.add_argument("address")
    parser.add_argument("--seconds", type=float, default=30.0)
    chosen = parser.parse_args()
    asyncio.run(_watch(chosen.host, chosen.address, chosen.seconds))


if __name__ == "__main__":
    main()
