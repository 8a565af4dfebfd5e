"""The other things that answer out there: echoes, a server that speaks first, a tunnel's far end."""

from __future__ import annotations

import asyncio
import os

from tests.lab.internet.journal import Journal
from tests.lab.internet.udp import Peer, UdpPort

ECHO_PORT = 7
BANNER_PORT = 22
WIREGUARD_PORT = 51820
BANNER = b"SSH-2.0-pretended\r\n"
_INITIATION, _RESPONSE = b"\x01\x00\x00\x00", b"\x02\x00\x00\x00"


def serve_udp_echo() -> None:
    """Every datagram comes back."""
    port = UdpPort(ECHO_PORT, lambda data, peer: port.sendto(data, peer))


def serve_wireguard(journal: Journal) -> None:
    """A handshake initiation (148 bytes) gets a response (92 bytes), as from a tunnel's far end."""

    def receive(data: bytes, peer: Peer) -> None:
        journal.note("udp", "wireguard", peer[0], f"{len(data)} bytes")
        if data[:4] == _INITIATION and len(data) == 148:
            port.sendto(_RESPONSE + os.urandom(88), peer)

    port = UdpPort(WIREGUARD_PORT, receive)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Every byte comes back."""
    await _return_all(reader, writer)


async def banner(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The server speaks first, then every byte comes back."""
    writer.write(BANNER)
    await _return_all(reader, writer)


async def _return_all(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        return
    finally:
        writer.close()
