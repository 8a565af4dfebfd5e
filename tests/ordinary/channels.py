"""What a talk goes through: a TCP connection, which may become TLS, or a pair of UDP ports."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Protocol

ROOM = 4 << 20  # bytes of a socket: all talks go on at once in one process
_RCVBUFFORCE = 33


class Channel(Protocol):
    """``receive`` returns as much as was said in one go, ``size`` bytes of it."""

    async def send(self, data: bytes) -> None: ...
    async def receive(self, size: int) -> bytes: ...
    async def secure(self) -> None: ...


class Mismatch(Exception):
    """Something else was heard than the other side said."""


class StreamChannel:
    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        context: ssl.SSLContext,
        host: str = "",
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._context = context
        self._host = host

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def receive(self, size: int) -> bytes:
        return await self._reader.readexactly(size)

    async def secure(self) -> None:
        await self._writer.start_tls(self._context, server_hostname=self._host or None)


class DatagramChannel(asyncio.DatagramProtocol):
    def __init__(self, send: Callable[[bytes], None] | None = None) -> None:
        self.arrived: asyncio.Queue[bytes] = asyncio.Queue()
        self._send = send

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.DatagramTransport)
        sock: socket.socket = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, _RCVBUFFORCE, ROOM)
        self._send = transport.sendto

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.arrived.put_nowait(data)

    def error_received(self, exc: Exception) -> None:
        """Refused with ICMP; what waits for an answer finds out."""

    async def send(self, data: bytes) -> None:
        assert self._send is not None
        self._send(data)

    async def receive(self, size: int) -> bytes:
        return await self.arrived.get()

    async def secure(self) -> None:
        raise Mismatch("there is no TLS over UDP here")
