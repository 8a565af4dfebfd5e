"""A way from this machine to the gateway's pages that passes through one device of the virtual home.

Runs inside the device's namespace; the listening socket was made outside it, and comes as a descriptor.
"""

from __future__ import annotations

import asyncio
import socket
import sys

_PIECE = 64 << 10
_CONNECT_S = 10.0
_ABSENT = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
    b"This device cannot reach the gateway's pages. A new phone joins the Wi-Fi with the key n.\n"
)


async def relay(listener: socket.socket, host: str, port: int) -> None:
    """Carry every connection on ``listener`` to ``host``:``port``, for ever."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            connecting = asyncio.open_connection(host, port)
            there, back = await asyncio.wait_for(connecting, _CONNECT_S)
        except OSError:
            writer.write(_ABSENT)
            writer.close()
            return
        await asyncio.gather(_copy(reader, back), _copy(there, writer))

    server = await asyncio.start_server(carry, sock=listener)
    await server.serve_forever()


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(_PIECE):
            sink.write(data)
            await sink.drain()
    except OSError:
        return
    finally:
        sink.close()


def main() -> None:
    descriptor, host, port = sys.argv[1:]
    asyncio.run(relay(socket.socket(fileno=int(descriptor)), host, int(port)))


if __name__ == "__main__":
    main()
