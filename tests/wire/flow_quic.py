"""QUIC as the tests of flows say it."""

from __future__ import annotations

from tests.wire.quic_forge import (
    ack,
    crypto,
    encrypt_initial,
)
from tests.wire.tls_forge import client_hello, server_hello

DCID = bytes.fromhex("0102030405060708")
SERVER_ID = bytes.fromhex("a1a2a3a4a5a6a7a8")
SHORT = b"\x41" + bytes(range(100, 160))
STUN = b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12)


def initial(name: str | None, dcid: bytes = DCID, **how: object) -> bytes:
    return encrypt_initial(crypto(0, client_hello(name)), dcid=dcid, **how)  # type: ignore[arg-type]


def answer(key_dcid: bytes = DCID, *, hrr: bool = False, frames: bytes | None = None, **how: object) -> bytes:
    frames = ack() + crypto(0, server_hello(hrr=hrr)) if frames is None else frames
    how = {"dcid": b"", "scid": SERVER_ID, "key_dcid": key_dcid, "server": True} | how
    return encrypt_initial(frames, **how)  # type: ignore[arg-type]
