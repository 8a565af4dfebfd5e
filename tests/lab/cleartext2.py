"""HTTP/2 in clear text: a server in the simulated internet, and a client on a device.

``serve PORT`` answers by prior knowledge and after ``Upgrade: h2c``, and prints each name that it is asked
for. ``fetch ADDRESS PORT HOW HOST …`` asks for one name after another on one connection and prints how many
answers came; HOW is ``preface`` or ``upgrade``.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys

import hpack

from tests.wire.http2_forge import (
    CONTINUATION,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PREFACE,
    SETTINGS_TYPE,
    START,
    Client,
    frame,
)

_ACK = 1
_SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
_UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade, HTTP2-Settings\r\n"
    b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n"
)
_WAIT_S = 3.0  # for one answer


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        head = await reader.readuntil(b"\r\n\r\n")
        upgraded = not PREFACE.startswith(head)
        if upgraded:
            _note(head.lower().partition(b"\r\nhost: ")[2].partition(b"\r\n")[0].decode())
            writer.write(_SWITCHING)
            await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(len(b"SM\r\n\r\n"))
        encoder, decoder = hpack.Encoder(), hpack.Decoder()
        writer.write(frame(SETTINGS_TYPE))
        if upgraded:
            writer.write(_answer(encoder, 1))
        await _read_frames(reader, writer, encoder, decoder)
    writer.close()


async def _read_frames(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, encoder: hpack.Encoder, decoder: hpack.Decoder
) -> None:
    block = b""
    while True:
        header = await reader.readexactly(9)
        payload = await reader.readexactly(int.from_bytes(header[:3], "big"))
        kind, flags, stream = header[3], header[4], int.from_bytes(header[5:], "big")
        if kind == SETTINGS_TYPE and not flags & _ACK:
            writer.write(frame(SETTINGS_TYPE, flags=_ACK))
        if kind in (HEADERS, CONTINUATION):
            block += payload
            if flags & END_HEADERS:
                fields = dict(decoder.decode(block, raw=True))
                block = b""
                _note(fields.get(b":authority", b"").decode())
                writer.write(_answer(encoder, stream))


def _answer(encoder: hpack.Encoder, stream: int) -> bytes:
    block = bytes(encoder.encode([(":status", "200")]))
    return frame(HEADERS, block, flags=END_HEADERS | END_STREAM, stream=stream)


def _note(name: str) -> None:
    print(name.partition(":")[0], flush=True)


async def _run(port: int) -> None:
    servers = [await asyncio.start_server(_serve, address, port) for address in ("0.0.0.0", "::")]
    print("ready", flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


class _Answers:
    """Reads what the server sends."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._received = b""

    def take(self, size: int) -> bytes:
        while len(self._received) < size:
            piece = self._sock.recv(4096)
            if not piece:
                raise ConnectionResetError
            self._received += piece
        taken, self._received = self._received[:size], self._received[size:]
        return taken

    def head(self) -> None:
        """Read the answer to an upgrade."""
        line = b""
        while not line.endswith(b"\r\n\r\n"):
            line += self.take(1)

    def answer(self) -> None:
        """Read up to the HEADERS of an answer."""
        kind = -1
        while kind != HEADERS:
            header = self.take(9)
            kind = header[3]
            self.take(int.from_bytes(header[:3], "big"))


def _fetch(address: str, port: int, how: str, hosts: list[str]) -> int:
    """Return the number of answers to requests for ``hosts``, one after the other."""
    count = 0
    with contextlib.suppress(OSError), socket.create_connection((address, port), _WAIT_S) as sock:
        answers, client = _Answers(sock), Client(first=3 if how == "upgrade" else 1)
        if how == "upgrade":
            sock.sendall(_UPGRADE % hosts.pop(0).encode())
            answers.head()
        sock.sendall(START)
        if how == "upgrade":
            answers.answer()
            count += 1
        for host in hosts:
            sock.sendall(client.request(host))
            answers.answer()
            count += 1
    return count


def main() -> None:
    what, *arguments = sys.argv[1:]
    if what == "serve":
        asyncio.run(_run(int(arguments[0])))
    address, port, how, *hosts = arguments
    print(_fetch(address, int(port), how, hosts))


if __name__ == "__main__":
    main()
