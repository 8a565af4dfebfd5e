"""What a server's bytes say about whether it has answered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.limits import Limits
from gateway.wire.server_side import ServerSide, Speaks
from tests.wire.flow_forge import RETRY, SERVER_HELLO
from tests.wire.tls_forge import CHANGE_CIPHER_SPEC, WARNING_ALERT, record, records, server_hello


def said(*parts: bytes) -> ServerSide:
    server = ServerSide(Limits())
    seq = 0
    for part in parts:
        server.add(seq, part)
        seq += len(part)
    return server


def test_a_server_hello_is_found_when_it_is_complete() -> None:
    for size in range(len(SERVER_HELLO)):
        assert said(SERVER_HELLO[:size]).hellos == []
        assert said(SERVER_HELLO[:size]).speaks in (Speaks.UNCLEAR, Speaks.TLS)
    for size in range(len(SERVER_HELLO)):
        server = said(SERVER_HELLO[:size], SERVER_HELLO[size:] + bytes([23, 3, 3, 0, 50]))
        assert [hello.hello_retry for hello in server.hellos] == [False]
        assert server.speaks is Speaks.TLS


@pytest.mark.parametrize(
    "before",
    [WARNING_ALERT, b"220 ready\r\n", b"HTTP/1.1 200 Connection established\r\n\r\n", b"\x16\x03\x01"],
)
def test_a_server_hello_after_other_bytes(before: bytes) -> None:
    assert len(said(before, SERVER_HELLO).hellos) == 1


def test_a_retry_and_the_hello_after_it() -> None:
    server = said(RETRY + CHANGE_CIPHER_SPEC)
    assert [hello.hello_retry for hello in server.hellos] == [True]
    server.add(len(RETRY + CHANGE_CIPHER_SPEC), SERVER_HELLO)
    assert [hello.hello_retry for hello in server.hellos] == [True, False]


def test_a_server_hello_in_small_records() -> None:
    assert len(said(records(server_hello(), 1)).hellos) == 1


@pytest.mark.parametrize(
    ("data", "speaks"),
    [
        (b"HTTP/1.1 200 OK\r\n", Speaks.HTTP),
        (b"HTT", Speaks.UNCLEAR),
        (b"SSH-2.0", Speaks.OTHER),
        (b"S", Speaks.OTHER),
        (b"\x16", Speaks.UNCLEAR),
        (WARNING_ALERT, Speaks.TLS),
        (record(b"\x0b\x00\x00\x00"), Speaks.OTHER),  # no hello first
    ],
)
def test_the_protocol_of_the_first_bytes(data: bytes, speaks: Speaks) -> None:
    assert said(data).speaks is speaks


def test_a_switch_of_protocols() -> None:
    switch = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
    assert said(switch).switched
    assert not said(switch[:-1]).switched
    assert not said(switch.replace(b"101", b"200")).switched
    assert not said(switch.replace(b"websocket", b"H2C")).switched


@given(st.lists(st.binary(max_size=50), max_size=6))
def test_any_bytes_at_all(parts: list[bytes]) -> None:
    assert said(*parts).speaks in Speaks
