"""What the ways past filters are made of: hellos, requests, and how their bytes are sent."""

from __future__ import annotations

from collections.abc import Callable

from tests.wire.flow_forge import Talk, with_ttl
from tests.wire.tls_forge import (
    client_hello,
    records,
)

Case = Callable[[Talk, str], None]

MD5_OPTION = bytes([19, 18]) + bytes(16)
OLD_TIMESTAMP = b"\x01\x01\x08\x0a" + bytes(8)


def tls(name: str | None, **how: object) -> bytes:
    return records(client_hello(name, **how))  # type: ignore[arg-type]


def tls_padding(count: int) -> bytes:
    return b"\x00\x15" + count.to_bytes(2, "big") + bytes(count)


def middle_of(data: bytes, name: str) -> int:
    return data.index(name.encode()) + len(name) // 2


def in_order(talk: Talk, data: bytes, *cuts: int) -> None:
    for start, end in zip((0, *cuts), (*cuts, len(data)), strict=True):
        talk.client(data[start:end])


def reversed_order(talk: Talk, data: bytes, *cuts: int) -> None:
    for start, end in reversed(list(zip((0, *cuts), (*cuts, len(data)), strict=True))):
        talk.client(data[start:end], at=start)


def sized(data: bytes, size: int) -> tuple[int, ...]:
    return tuple(range(size, len(data), size))


def fake(talk: Talk, data: bytes, at: int = 0, *, ttl: int = 3, **how: int | bytes) -> None:
    """A segment that dies on the way to the server."""
    talk.raw(with_ttl(talk.segment(data, at, **how), ttl))  # type: ignore[arg-type]


def get(name: str, host: str = "Host: {}", before: str = "", eol: str = "\r\n", method: str = "GET") -> bytes:
    lines = [f"{method} / HTTP/1.1", *([before] if before else []), host.format(name), "Accept: */*", "", ""]
    return eol.join(lines).encode()
