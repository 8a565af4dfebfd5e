"""What clients say at the start of a flow."""

from __future__ import annotations

from gateway.wire.flows.actions import FlowAction, Judge
from gateway.wire.flows.table import FlowTable
from tests.wire.flow_forge import (
    ALLOWED,
    HTTP_OK,
    REFUSED,
    Talk,
    careful,
)
from tests.wire.quic_forge import crypto, encrypt_initial
from tests.wire.tls_forge import client_hello, records


def hello(name: str | bytes | None, **how: object) -> bytes:
    return records(client_hello(name, **how))  # type: ignore[arg-type]


def get(name: str, more: bytes = b"") -> bytes:
    return b"GET / HTTP/1.1\r\nHost: " + name.encode() + b"\r\n" + more + b"\r\n"


CONNECT = b"CONNECT " + ALLOWED.encode() + b":443 HTTP/1.1\r\n\r\n"
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


HELLO = hello(ALLOWED)
BAD_HELLO = hello(REFUSED)
GET = get(ALLOWED)


def initial(name: str) -> bytes:
    return encrypt_initial(crypto(0, client_hello(name)), dcid=b"12345678")


def open_http(judge: Judge = careful, *, table: FlowTable | None = None, sport: int = 40000) -> Talk:
    talk = Talk(judge, dport=80, table=table, sport=sport)
    talk.asks = False
    talk.client(GET)
    assert talk.server(HTTP_OK).action is FlowAction.ASKS
    return talk
