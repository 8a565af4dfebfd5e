"""What a server's bytes say about whether it has answered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.flows.limits import Limits
from gateway.wire.flows.server_side import ServerProtocol, ServerSide
from tests.wire.flow_forge import HTTP_OK, RETRY, SERVER_HELLO
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
        assert said(SERVER_HELLO[:size]).protocol in (ServerProtocol.UNCLEAR, ServerProtocol.TLS)
    for size in range(len(SERVER_HELLO)):
        server = said(SERVER_HELLO[:size], SERVER_HELLO[size:] + bytes([23, 3, 3, 0, 50]))
        assert [hello.hello_retry for hello in server.hellos] == [False]
        assert server.protocol is ServerProtocol.TLS


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
        (b"HTTP/1.1 200 OK\r\n", ServerProtocol.HTTP),
        (b"HTT", ServerProtocol.UNCLEAR),
        (b"SSH-2.0", ServerProtocol.OTHER),
        (b"S", ServerProtocol.OTHER),
        (b"\x16", ServerProtocol.UNCLEAR),
        (WARNING_ALERT, ServerProtocol.TLS),
        (record(b"\x0b\x00\x00\x00"), ServerProtocol.OTHER),  # no hello first
    ],
)
def test_the_protocol_of_the_first_bytes(data: bytes, speaks: ServerProtocol) -> None:
    assert said(data).protocol is speaks


def test_a_switch_of_protocols() -> None:
    switch = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
    assert said(switch).switched
    assert not said(switch[:-1]).switched
    assert not said(switch.replace(b"101", b"200")).switched
    assert not said(switch.replace(b"websocket", b"H2C")).switched


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"", None),
        (b"HTTP/1.1 2", None),
        (b"HTTP/1.1 200", 200),
        (b"HTTP/1.0\t404 Not Found", 404),
        (b"ICY 200 OK\r\n", 200),
        (b"HTTP/1.1 100 Continue\r\n", None),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\nLink: x\n\nHTTP/1.1 407 x", 407),
        (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n", None),
        (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n", 101),
        (b"HTTP/1.1 OK", None),
        (b"HTTP/1.1 OK" + b" " * 60, 0),
        (b"SSH-2.0-x" * 9, 0),
    ],
)
def test_the_status_of_the_first_answer(data: bytes, status: int | None) -> None:
    assert said(data).status == status
    assert said(*[data[at : at + 1] for at in range(len(data))]).status == status


@pytest.mark.parametrize(
    ("data", "connected"),
    [
        (b"HTTP/1.1 200 Connection established\r\n\r\n", True),
        (b"HTTP/1.1 407 x\r\nContent-Length: 2\r\n\r\nno", False),
        (b"HTTP/1.1 407 x\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 x\r\n\r\n", True),
        (b"HTTP/1.1 405 x\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 x\r\n\r\n", False),
    ],
)
def test_whether_a_proxy_has_connected(data: bytes, connected: bool) -> None:
    assert said(data).connected is connected


SETTINGS = b"\x00\x00\x12\x04\x00\x00\x00\x00\x00"


@pytest.mark.parametrize(
    ("data", "speaks"),
    [
        (b"", None),
        (SETTINGS[:8], None),
        (SETTINGS, True),
        (SETTINGS + bytes(18), True),
        (SETTINGS[:2] + b"\x11" + SETTINGS[3:], False),
        (SETTINGS[:3] + b"\x00" + SETTINGS[4:], False),
        (SETTINGS[:8] + b"\x01", False),
        (HTTP_OK, False),
        (b"H", False),
    ],
)
def test_the_first_frame_of_http2(data: bytes, speaks: bool | None) -> None:
    assert said(data).speaks_http2 is speaks


def test_a_flood_of_hellos_that_are_none_is_bounded_and_charged() -> None:
    fakes = b"\x16\x03\x03\x00\x01\x02" * 3000
    server = said(fakes)
    assert server.hellos == []
    assert server.work > 32
    assert server.size > len(fakes)


@given(st.lists(st.binary(max_size=50), max_size=6))
def test_any_bytes_at_all(parts: list[bytes]) -> None:
    assert said(*parts).protocol in ServerProtocol
