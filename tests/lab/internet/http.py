"""HTTP/1.1 for any host: keep-alive, pipelining, downloads of any size, streams that never end.

``/bytes/100M`` that many bytes · ``/stream?rate=1M`` bytes a second for ever · ``/slow`` a byte every half
second · ``/dns-query`` DNS over HTTPS (RFC 8484, POST) · ``/generate_204`` · ``/hsts`` a small page of a site
that wants HTTPS only (RFC 6797) · anything else a small page.
A host with files of its own (`documents.py`) serves only these.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import html
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from tests.lab.internet import calls
from tests.lab.internet.dns import StreamHandler, Zone
from tests.lab.internet.documents import Documents
from tests.lab.internet.journal import Journal
from tests.lab.internet.walks import Walk

_CHUNK = bytes(64 << 10)
_TICK_S = 0.02
_SUFFIX = {"k": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_WEBSOCKET = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 1.3
_IDLE_S = 300.0
_HOLD_S = 0.5  # between two looks whether an answer still has to wait
# A request's body is thrown away in pieces; this is only the size of one piece.
_PIECE = 64 << 10


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    target: str
    host: str
    length: int
    close: bool
    websocket: str = ""  # the client's key, of a handshake of RFC 6455


def size(text: str) -> int:
    """``100M`` → 104857600."""
    return int(text[:-1]) * _SUFFIX[text[-1]] if text and text[-1] in _SUFFIX else int(text)


def handler(scheme: str, zone: Zone, journal: Journal, walk: Walk, documents: Documents) -> StreamHandler:
    """The connection handler for one scheme."""
    boxes = calls.Calls()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = writer.get_extra_info("peername")[0]
        try:
            while (request := await _request(reader)) is not None:
                journal.note(scheme, request.host, client, f"{request.method} {request.target}")
                if request.websocket:
                    await _greet(writer, request)
                    return
                if request.target.startswith(calls.PREFIX):
                    body = await reader.readexactly(min(request.length, _PIECE))
                    found = boxes.answer(request.method, request.target, body)
                    status = "200 OK" if found else "204 No Content"
                    await _plain(writer, request, *(found or (b"", "text/plain")), status=status)
                elif documents.has(request.host):
                    await _discard(reader, request.length)
                    while documents.is_held(request.host, request.target):
                        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")  # the client knows that we live
                        await asyncio.sleep(_HOLD_S)
                    file = documents.body(request.host, request.target)
                    status = "404 Not Found" if file is None else "200 OK"
                    await _plain(writer, request, file or b"", "application/octet-stream", status=status)
                elif (found := walk.answer(request.target)) is not None:
                    await _discard(reader, request.length)
                    await _plain(writer, request, *found)
                else:
                    await _respond(request, zone, client, reader, writer)
                if request.close:
                    return
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError, ValueError):
            return
        finally:
            writer.close()

    return serve


async def _request(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _IDLE_S)
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, version = first.split(" ", 2)
    split = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in split}
    close = headers.get("connection", "").lower() == "close" or version == "HTTP/1.0"
    host = headers.get("host", "")
    parts = urlsplit(target)
    if parts.netloc:
        host, target = parts.netloc, parts.path or "/"
    length, key = int(headers.get("content-length", "0")), headers.get("sec-websocket-key", "")
    return Request(method, target, host, length, close, key)


async def _greet(writer: asyncio.StreamWriter, request: Request) -> None:
    """Agree to a websocket, say one word in it (RFC 6455 4.2.2, 5.2), and end."""
    accept = base64.b64encode(hashlib.sha1((request.websocket + _WEBSOCKET).encode()).digest()).decode()
    head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    writer.write(f"{head}Sec-WebSocket-Accept: {accept}\r\n\r\n".encode() + b"\x81\x02hi\x88\x02\x03\xe8")
    await writer.drain()
    await asyncio.sleep(1.0)  # until the client has read it


async def _respond(
    request: Request, zone: Zone, client: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    parts = urlsplit(request.target)
    if parts.path == "/dns-query":
        body = zone.answer(await reader.readexactly(request.length), client, stream=True)
        return await _plain(writer, request, body or b"", "application/dns-message")
    received = await _discard(reader, request.length)
    if parts.path == "/generate_204":
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        return await writer.drain()
    if parts.path.startswith("/bytes/"):
        return await _bytes(writer, request, size(parts.path.removeprefix("/bytes/")))
    if parts.path == "/hsts":
        body = page(request.host, request.target)
        framing = f"Content-Length: {len(body)}\r\nStrict-Transport-Security: max-age=31536000"
        writer.write(_head(framing, "text/html; charset=utf-8") + body)
        return await writer.drain()
    if parts.path == "/stream":
        rate = size(parse_qs(parts.query).get("rate", ["1M"])[0])
        return await _endless(writer, request, _at_rate(rate))
    if parts.path == "/slow":
        return await _endless(writer, request, _drip())
    return await _plain(
        writer, request, page(request.host, request.target, received), "text/html; charset=utf-8"
    )


def page(host: str, target: str, received: int = 0) -> bytes:
    """What every site of the pretended internet shows."""
    name = html.escape(host)
    more = f"<p>{received} bytes came with the request.</p>" if received else ""
    return (
        f"<!doctype html><html lang=en><title>{name}</title><h1>{name}</h1>"
        f"<p>A page of the pretended internet: {html.escape(target)}</p>{more}\n"
    ).encode()


async def _discard(reader: asyncio.StreamReader, length: int) -> int:
    left = length
    while left:
        left -= len(await reader.readexactly(min(left, _PIECE)))
    return length


async def _plain(
    writer: asyncio.StreamWriter, request: Request, body: bytes, kind: str, status: str = "200 OK"
) -> None:
    head = _head(f"Content-Length: {len(body)}", kind, status)
    writer.write(head + (b"" if request.method == "HEAD" else body))
    await writer.drain()


async def _bytes(writer: asyncio.StreamWriter, request: Request, count: int) -> None:
    writer.write(_head(f"Content-Length: {count}", "application/octet-stream"))
    left = 0 if request.method == "HEAD" else count
    while left:
        piece = min(left, len(_CHUNK))
        writer.write(_CHUNK if piece == len(_CHUNK) else bytes(piece))
        left -= piece
        await writer.drain()


async def _endless(writer: asyncio.StreamWriter, request: Request, pieces: AsyncIterator[bytes]) -> None:
    writer.write(_head("Transfer-Encoding: chunked", "application/octet-stream"))
    if request.method == "HEAD":
        return
    async for piece in pieces:
        writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        await writer.drain()


async def _at_rate(rate: int) -> AsyncIterator[bytes]:
    piece = bytes(max(1, int(rate * _TICK_S)))
    while True:
        yield piece
        await asyncio.sleep(_TICK_S)


async def _drip() -> AsyncIterator[bytes]:
    while True:
        yield b"."
        await asyncio.sleep(0.5)


def _head(framing: str, kind: str, status: str = "200 OK") -> bytes:
    return (
        f"HTTP/1.1 {status}\r\nServer: pretended\r\nContent-Type: {kind}\r\n"
        f"Cache-Control: no-store\r\nAccess-Control-Allow-Origin: *\r\n{framing}\r\n\r\n"
    ).encode()
