"""Decoys on a TCP flow, one by one."""

from __future__ import annotations

import pytest

from gateway.policy.values import Fault
from gateway.wire.flows.actions import FlowAction
from gateway.wire.flows.table import FlowTable
from gateway.wire.ip.packet import FIN, SYN
from tests.wire.flow_forge import (
    ALLOWED,
    DECOY,
    HTTP_OK,
    REFUSED,
    RETRY,
    SERVER_HELLO,
    Talk,
    names_only,
)
from tests.wire.flow_said import CONNECT, ESTABLISHED, get, hello
from tests.wire.http2_forge import START, Client


def test_a_hello_elsewhere_is_not_what_the_server_has_answered() -> None:
    """It lies at numbers that the server never acknowledged in a row with its answer."""
    for at in (-10_000, 10_000):
        talk = Talk(names_only)
        talk.client(hello(ALLOWED), at=at, decoy=True)
        talk.client(b"\x00 unreadable to us, a hello to the server", at=0)
        assert talk.server(SERVER_HELLO).action is FlowAction.REFUSED


def test_segments_that_servers_ignore_go_no_further() -> None:
    md5 = bytes([19, 18]) + bytes(16)
    talk = Talk()
    assert talk.client(hello(DECOY), at=0, decoy=True, options=md5).action is FlowAction.DROP
    assert talk.client(hello(DECOY), at=0, decoy=True, flags=0).action is FlowAction.DROP
    assert talk.client(b"junk", at=0, decoy=True, flags=FIN).action is FlowAction.DROP
    talk.client(hello(ALLOWED), at=0)
    assert talk.server(SERVER_HELLO).action is FlowAction.PASSES
    assert Talk().client(hello(REFUSED), at=0, options=md5).action is FlowAction.REFUSED
    assert Talk().client(hello(REFUSED), at=0, flags=0).action is FlowAction.REFUSED


def test_what_the_server_has_is_not_read_again() -> None:
    talk = Talk(names_only)
    talk.client(hello(ALLOWED))
    talk.server(RETRY)
    for turn in range(100):
        assert talk.client(bytes([turn]) * 50, at=0, decoy=True).action is FlowAction.DROP
    assert talk.client(hello(ALLOWED), at=0).action is FlowAction.HOLD
    talk.client(hello(ALLOWED))
    assert talk.server(SERVER_HELLO).action is FlowAction.PASSES


@pytest.mark.parametrize("shown", ["syn", "answer"])
def test_bytes_left_of_the_window_are_cut_off_where_the_handshake_is_shown(shown: str) -> None:
    talk = Talk(names_only, dport=80, table=FlowTable(handshakes=True))
    if shown == "syn":
        talk.raw(talk.segment(b"", -1, flags=SYN))
    else:
        talk.raw(talk.server_segment(b"", 0), from_lan=False)
    request = get(REFUSED).replace(b"HTTP", b"http")  # which is looked for at the start alone
    assert talk.client(bytes(50) + request, at=-50).action is FlowAction.REFUSED
    # In front of the queue it is not; there, the answer tells that something went unread.
    talk = Talk(names_only, dport=80)
    assert talk.client(bytes(50) + request, at=-50).action is FlowAction.HOLD
    assert talk.server(HTTP_OK).action is FlowAction.REFUSED


def test_a_fault_counts_beside_a_name_unless_it_may_be_a_mixture() -> None:
    nameless = b"GET / HTTP/1.0\r\n\r\n"
    talk = Talk(dport=80)
    assert talk.client(get(ALLOWED) + nameless).action is FlowAction.REFUSED
    assert talk.bench.heard[-1].fault is Fault.NO_NAME
    talk = Talk(dport=80)
    assert talk.client(get(ALLOWED) + b"\x00\x01\x02\r\n").action is FlowAction.REFUSED
    assert talk.bench.heard[-1].fault is Fault.MALFORMED
    talk = Talk(dport=80)
    talk.client(get(ALLOWED))
    assert talk.client(nameless, at=0, decoy=True).action is FlowAction.HOLD
    assert talk.server(HTTP_OK).action is FlowAction.ASKS


@pytest.mark.parametrize("dport", [80, 443])
def test_that_nothing_is_named_counts_beside_a_decoy(dport: int) -> None:
    if dport == 443:
        decoy, answer = hello(ALLOWED), SERVER_HELLO
        room = len(decoy) - len(hello(None)) - 4
        sent = hello(None, after=b"\x00\x15" + room.to_bytes(2, "big") + bytes(room))
    else:
        decoy, answer = get(ALLOWED), HTTP_OK
        sent = b"GET / HTTP/1.0\r\nX-aa: " + b"y" * len(ALLOWED) + b"\r\n\r\n"
    assert len(sent) == len(decoy)
    for order in ([decoy, sent], [sent, decoy]):
        talk = Talk(dport=dport)
        for one in order:
            talk.client(one, at=0)
        talk.server(answer)
        assert talk.actions[-1] is FlowAction.REFUSED
        talk = Talk(names_only, dport=dport)
        for one in order:
            talk.client(one, at=0)
        assert talk.server(answer).action in (FlowAction.PASSES, FlowAction.ASKS)


def test_a_name_in_an_odd_decoy_is_judged() -> None:
    """On a segment that servers ignore, too."""
    odd = hello(REFUSED, after=b"\xfe\x0d\x00\x00")
    for how in ({"flags": 0}, {"options": bytes([19, 18]) + bytes(16)}):
        talk = Talk(names_only)
        assert talk.client(odd, at=0, decoy=True, **how).action is FlowAction.REFUSED
        assert talk.bench.hosts == [REFUSED]


def test_http2_without_a_name_is_read_on_where_that_may() -> None:
    talk, client = Talk(names_only, dport=80), Client()
    talk.client(START + client.headers([(":method", "GET"), (":path", "/")]))
    step = talk.server(b"\x00\x00\x00\x04\x00\x00\x00\x00\x00")
    assert step.action is FlowAction.ASKS
    assert step.observation is not None
    assert step.observation.fault is Fault.NO_NAME
    assert talk.client(client.request(REFUSED)).action is FlowAction.REFUSED


def test_a_hello_in_a_tunnel_waits_for_the_server_hello() -> None:
    for sent in (hello(ALLOWED), hello(ALLOWED)[:50]):
        talk = Talk(names_only, dport=3128)
        talk.client(CONNECT)
        talk.server(ESTABLISHED)
        talk.client(sent)
        assert talk.server(SERVER_HELLO[:20]).action is FlowAction.HOLD


def test_places_to_try_are_bounded_over_all_readings() -> None:
    talk = Talk(names_only)
    talk.client(bytes(10) + b"\x16\x03\x01\x00\xff\x01" * 5)
    for at in range(4):
        talk.client(b"\x01", at=at, decoy=True)
        if talk.actions[-1] is FlowAction.REFUSED:
            break
    assert talk.actions[-1] is FlowAction.REFUSED
    assert talk.bench.heard[-1].fault is Fault.OVERFLOW
