"""DTLS records by hand: hellos of version 1.3, and forms that OpenSSL does not send."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from tests.wire.tls_forge import client_hello, counted, server_hello

DTLS_1_2, DTLS_1_3 = 0xFEFD, 0xFEFC


def dtls_hello(name: str | None, *, cookie: bytes = b"", before: bytes = b"", random: bytes = b"") -> bytes:
    """The body of a ClientHello of DTLS 1.3 (RFC 9147 5.3), without a header."""
    body = client_hello(name, post_quantum=True, before=before)[4:]
    at = 35 + body[34]
    random = random or body[2:34]
    return DTLS_1_2.to_bytes(2, "big") + random + body[34:at] + counted(cookie, 1) + body[at:]


def fragment(
    kind: int,
    body: bytes,
    start: int = 0,
    end: int | None = None,
    *,
    number: int = 0,
    size: int | None = None,
) -> bytes:
    """A handshake fragment with bytes ``start`` to ``end`` of a message's body."""
    part = body[start:end]
    head = bytes((kind,)) + (len(body) if size is None else size).to_bytes(3, "big")
    return head + number.to_bytes(2, "big") + start.to_bytes(3, "big") + counted(part, 3)


def dtls_record(
    payload: bytes, *, kind: int = 22, version: int = DTLS_1_2, epoch: int = 0, number: int = 0
) -> bytes:
    head = bytes((kind,)) + version.to_bytes(2, "big") + epoch.to_bytes(2, "big") + number.to_bytes(6, "big")
    return head + counted(payload, 2)


def client_records(body: bytes, cuts: Sequence[int] = (), *, number: int = 0) -> list[bytes]:
    """A ClientHello in one record, or in one for each part between ``cuts``."""
    ends = [0, *cuts, len(body)]
    return [dtls_record(fragment(1, body, start, end, number=number)) for start, end in pairwise(ends)]


SERVER_HELLO = dtls_record(fragment(2, b"\xfe\xfd" + server_hello()[6:]))
RETRY = dtls_record(fragment(2, b"\xfe\xfd" + server_hello(hrr=True)[6:]))
VERIFY = dtls_record(fragment(3, b"\xfe\xff\x08a cookie"))
