"""A client that provokes a HelloRetryRequest and then names another host: on a device, as root.

Its first hello has no key share, so the server asks for one (RFC 8446 4.1.4) and repeats the session id. In a
segment of its own, this looks like the start of a ServerHello.

Standard input is a JSON list of tries {address, version, first, second, mss, window}; mss and window are in
bytes, or 0. The output is a JSON list: the bytes that answered each second hello.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from tests.lab import clients, names
from tests.lab.rawclient import Connection, hello, without_own_resets
from tests.lab.rawpackets import Wire
from tests.wire.tls_forge import HELLO_RETRY_RANDOM, KEY_SHARE, counted, extension, record

_LOOKS_LIKE_A_SERVER_HELLO = b"\x16\x03\x03\x00\x20\x02\x00\x00\x1c\x03\x03" + bytes(8)
_BEFORE_SESSION_ID = 5 + 4 + 2 + 32 + 1  # in a HelloRetryRequest: headers, version, random and a length
_LONGEST = 200  # bytes of a HelloRetryRequest with the record behind it
_ANSWER = 60  # bytes; more is an answer to the second hello
_PAUSE_S = 0.5  # of silence, after which an answer is complete


def edited(whole: bytes, session_id: bytes, *, share: bool) -> bytes:
    """A hello with another session id, and with an empty list of key shares unless ``share``."""
    head, body = whole[9:43], whole[44 + whole[43] :]
    ciphers = 2 + int.from_bytes(body[:2], "big")
    extensions_at = ciphers + 1 + body[ciphers]
    out, left = b"", body[extensions_at + 2 :]
    while left:
        size = 4 + int.from_bytes(left[2:4], "big")
        is_share = int.from_bytes(left[:2], "big") == KEY_SHARE
        out += extension(KEY_SHARE, counted(b"", 2)) if is_share and not share else left[:size]
        left = left[size:]
    message = head + counted(session_id, 1) + body[:extensions_at] + counted(out, 2)
    return record(b"\x01" + counted(message, 3))


def attempt(wire: Wire, chosen: dict[str, Any]) -> int:
    """Return how many bytes of the server came after the second hello."""
    mss, window = int(chosen["mss"]), int(chosen["window"])
    at = (window or max(mss, 48)) - _BEFORE_SESSION_ID if mss or window else 0
    session_id = (bytes(at) + _LOOKS_LIKE_A_SERVER_HELLO).ljust(32, b"\x01")
    connection = Connection(
        wire, int(chosen["version"]), chosen["address"], 443, clients.PATIENCE_S, window=window or 65535
    )
    if not connection.open(mss=mss):
        return -1
    try:
        connection.write(edited(hello(chosen["first"]), session_id, share=False))
        _read(connection, lambda: HELLO_RETRY_RANDOM[:4] in connection.received)
        if HELLO_RETRY_RANDOM[:4] not in connection.received:
            return -2
        before = len(connection.received)
        connection.write(edited(hello(chosen["second"]), session_id, share=True))
        _read(connection, lambda: len(connection.received) > before + _ANSWER)
        return len(connection.received) - before
    finally:
        connection.end()


def _read(connection: Connection, has_answer: Callable[[], bool]) -> None:
    """Read until the answer has come and the server is silent for a while, or for the whole patience.

    What the server has not acknowledged is sent again, as any client does.
    """
    now = time.monotonic()
    heard, ends, most = now, now + clients.PATIENCE_S, len(connection.received) + _LONGEST
    while now < ends and not connection.reset and len(connection.received) < most:
        if now > heard + _PAUSE_S:
            if has_answer():
                break
            if connection.waits:
                connection.resend()
                heard = now
        seen = len(connection.received)
        connection.take(0.05)
        now = time.monotonic()
        if len(connection.received) > seen:
            heard = now


def main() -> None:
    with without_own_resets():
        wire = Wire("eth0", names.GATEWAY_MAC)
        print(json.dumps([attempt(wire, chosen) for chosen in json.load(sys.stdin)]))
        wire.close()


if __name__ == "__main__":
    main()
