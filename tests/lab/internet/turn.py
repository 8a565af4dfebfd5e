"""A STUN and TURN server (RFC 8489, RFC 8656) over UDP and TCP, as much of it as browsers ask for.

Run by itself in the pretended internet: ``python -m tests.lab.internet.turn`` says ``ready``.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import os
import socket
import struct
from collections.abc import Callable

from tests.lab.internet.udp import Peer, UdpPort
from tests.lab.names import PROVIDER_IPV4

UDP_PORT = TCP_PORT = 3478
USER, PASSWORD, REALM = "family", "secret", "call.example"
KEY = hashlib.md5(f"{USER}:{REALM}:{PASSWORD}".encode()).digest()  # RFC 8489 9.2.2
_COOKIE = 0x2112A442
_BINDING, _ALLOCATE, _REFRESH, _SEND, _DATA, _PERMISSION, _CHANNEL = 1, 3, 4, 6, 7, 8, 9
_SUCCESS, _ERROR, _INDICATION = 0x100, 0x110, 0x010
_INTEGRITY, _ERROR_CODE, _CHANNEL_NUMBER, _LIFETIME = 0x08, 0x09, 0x0C, 0x0D
_XOR_PEER, _PAYLOAD, _REALM, _NONCE, _XOR_RELAYED, _XOR_MAPPED = 0x12, 0x13, 0x14, 0x15, 0x16, 0x20
_HEAD = struct.Struct("!HHI12s")
_SECONDS = struct.pack("!I", 600)
Address = tuple[str, int]


def xor_address(address: Address, tid: bytes) -> bytes:
    host = ipaddress.ip_address(address[0])
    family, mask = (
        (1, struct.pack("!I", _COOKIE)) if host.version == 4 else (2, struct.pack("!I", _COOKIE) + tid)
    )
    packed = bytes(one ^ other for one, other in zip(host.packed, mask, strict=True))
    return struct.pack("!BBH", 0, family, address[1] ^ (_COOKIE >> 16)) + packed


def read_address(value: bytes) -> Address:
    """Of a peer, which is always one of IPv4 here."""
    port = struct.unpack_from("!H", value, 2)[0] ^ (_COOKIE >> 16)
    number = struct.unpack_from("!I", value, 4)[0] ^ _COOKIE
    return str(ipaddress.IPv4Address(number)), port


def attributes(message: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at = 20
    while at + 4 <= len(message):
        kind, size = struct.unpack_from("!HH", message, at)
        found.setdefault(kind, message[at + 4 : at + 4 + size])
        at += 4 + size + -size % 4
    return found


def build(kind: int, tid: bytes, values: list[tuple[int, bytes]], *, signed: bool = False) -> bytes:
    body = b"".join(struct.pack("!HH", one, len(v)) + v + bytes(-len(v) % 4) for one, v in values)
    if not signed:
        return _HEAD.pack(kind, len(body), _COOKIE, tid) + body
    head = _HEAD.pack(kind, len(body) + 24, _COOKIE, tid)
    digest = hmac.new(KEY, head + body, hashlib.sha1).digest()
    return head + body + struct.pack("!HH", _INTEGRITY, 20) + digest


class Client:
    """One client's connection or pair of ports, and its relayed address once it has one."""

    def __init__(self, address: Address, send: Callable[[bytes], None], *, stream: bool) -> None:
        self._address = address
        self._send = send
        self._stream = stream
        self._relay: socket.socket | None = None
        self._channels: dict[Address, int] = {}
        self._peers: dict[int, Address] = {}

    def receive(self, message: bytes) -> None:
        first = message[0] >> 6
        if first == 1:
            number, size = struct.unpack_from("!HH", message)
            self._onward(message[4 : 4 + size], self._peers.get(number))
        elif first == 0 and len(message) >= 20:
            kind, _, cookie, tid = _HEAD.unpack_from(message)
            if cookie == _COOKIE:
                self._asked(kind, tid, attributes(message))

    def _asked(self, kind: int, tid: bytes, given: dict[int, bytes]) -> None:
        mapped = (_XOR_MAPPED, xor_address(self._address, tid))
        if kind == _BINDING:
            self._send(build(kind | _SUCCESS, tid, [mapped]))
        elif kind == _SEND | _INDICATION:
            self._onward(given[_PAYLOAD], read_address(given[_XOR_PEER]))
        elif kind in (_ALLOCATE, _REFRESH, _PERMISSION, _CHANNEL) and _INTEGRITY not in given:
            code = (_ERROR_CODE, b"\0\0\4\1Unauthorized")
            self._send(build(kind | _ERROR, tid, [code, (_REALM, REALM.encode()), (_NONCE, b"nonce")]))
        elif kind == _ALLOCATE:
            relayed = (_XOR_RELAYED, xor_address(self._allocate(), tid))
            self._send(build(kind | _SUCCESS, tid, [relayed, (_LIFETIME, _SECONDS), mapped], signed=True))
        elif kind == _CHANNEL:
            (number,) = struct.unpack_from("!H", given[_CHANNEL_NUMBER])
            peer = read_address(given[_XOR_PEER])
            self._channels[peer], self._peers[number] = number, peer
            self._send(build(kind | _SUCCESS, tid, [], signed=True))
        elif kind in (_REFRESH, _PERMISSION):
            values = [(_LIFETIME, given.get(_LIFETIME, _SECONDS))] if kind == _REFRESH else []
            self._send(build(kind | _SUCCESS, tid, values, signed=True))

    def _allocate(self) -> Address:
        if self._relay is None:
            self._relay = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._relay.setblocking(False)
            self._relay.bind((PROVIDER_IPV4, 0))
            asyncio.get_running_loop().add_reader(self._relay, self._back)
        where: Address = self._relay.getsockname()
        return where

    def _onward(self, data: bytes, peer: Address | None) -> None:
        if self._relay is not None and peer is not None:
            try:
                self._relay.sendto(data, peer)
            except OSError:
                return  # a lost datagram, as anywhere

    def _back(self) -> None:
        assert self._relay is not None
        try:
            data, peer = self._relay.recvfrom(65535)
        except OSError:
            return
        number = self._channels.get(peer)
        if number is None:
            tid = os.urandom(12)
            values = [(_XOR_PEER, xor_address(peer, tid)), (_PAYLOAD, data)]
            self._send(build(_DATA | _INDICATION, tid, values))
        else:
            padding = bytes(-len(data) % 4) if self._stream else b""
            self._send(struct.pack("!HH", number, len(data)) + data + padding)

    def close(self) -> None:
        if self._relay is not None:
            asyncio.get_running_loop().remove_reader(self._relay)
            self._relay.close()


async def on_stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    host, port = writer.get_extra_info("peername")[:2]
    client = Client((host, port), writer.write, stream=True)
    try:
        while True:
            head = await reader.readexactly(4)
            size = struct.unpack_from("!H", head, 2)[0]
            is_channel = head[0] >> 6 == 1
            client.receive(head + await reader.readexactly(size + -size % 4 if is_channel else size + 16))
    except (asyncio.IncompleteReadError, OSError):
        return
    finally:
        client.close()
        writer.close()


async def serve() -> None:
    clients: dict[Peer, Client] = {}

    def receive(data: bytes, peer: Peer) -> None:
        if data and peer not in clients:
            clients[peer] = Client(peer[:2], lambda reply: udp.sendto(reply, peer), stream=False)
        if data:
            clients[peer].receive(data)

    udp = UdpPort(UDP_PORT, receive)
    for address in ("0.0.0.0", "::"):
        await asyncio.start_server(on_stream, address, TCP_PORT)
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve())
