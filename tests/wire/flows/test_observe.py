"""Claims in a client's bytes, from the start on and from places inside."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import WireError
from gateway.policy.values import Fault, Proto
from gateway.wire.flows.limits import Limits
from gateway.wire.flows.observe import Observer
from tests.wire.flow_forge import ALLOWED, REFUSED
from tests.wire.tls_forge import client_hello, ech, record, records

HELLO = records(client_hello(ALLOWED))
REQUEST = b"GET / HTTP/1.1\r\nHost: " + ALLOWED.encode() + b"\r\n\r\n"


def observer(candidates: int = 8) -> Observer:
    return Observer(bytes(4), 443, frozenset({"cover.example"}), Limits(candidates=candidates))


@pytest.mark.parametrize(("data", "proto"), [(HELLO, Proto.TLS), (REQUEST, Proto.HTTP)])
def test_each_prefix_is_pending_or_unclear_and_the_whole_is_a_claim(data: bytes, proto: Proto) -> None:
    for size in range(len(data)):
        sight = observer().look(data[:size])
        assert sight.claims == []
        assert sight.pending or sight.unclear
    (claim,) = observer().look(data).claims
    assert (claim.proto, claim.position, claim.complete, claim.broken) == (proto, 0, 1, False)
    assert [seen.host for seen in claim.asked] == [ALLOWED]


@pytest.mark.parametrize("data", [HELLO, REQUEST])
def test_a_start_after_other_bytes_is_found(data: bytes) -> None:
    for size in (1, 2, 100, 1000):
        (claim,) = observer().look(bytes(size) + data).claims
        assert claim.position == size
        assert [seen.host for seen in claim.asked] == [ALLOWED]


def test_what_is_complete_before_something_malformed_is_kept() -> None:
    for data in (HELLO, REQUEST):
        (claim,) = observer().look(data + b"\x7f\x7f\x7f\x7f\x7f\x7f").claims
        assert claim.complete == 1
        assert claim.broken
        assert claim.asked[0].host == ALLOWED


def test_pipelined_requests_are_one_claim_and_places_inside_are_told_apart() -> None:
    post = (
        b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: " + str(len(REQUEST)).encode() + b"\r\n\r\n"
    )
    sight = observer().look(REQUEST + post + REQUEST + REQUEST)
    outer, inner = sight.claims
    assert outer.complete == 3
    assert [seen.host for seen in outer.asked] == [ALLOWED, "a.example", ALLOWED]
    assert inner.position == len(REQUEST + post)  # in the body
    assert len(REQUEST) in outer.starts
    assert inner.position not in outer.starts
    assert sight.tried == 1


def test_an_encrypted_hello_is_told_by_its_outer_name() -> None:
    for name, fault in (("cover.example", Fault.ECH), (REFUSED, None)):
        (claim,) = observer().look(records(client_hello(name, after=ech()))).claims
        assert (claim.asked[0].host, claim.asked[0].fault) == (name, fault)


def test_other_protocols_make_no_claim() -> None:
    for data in (
        b"\x00\x01\x02",
        b"SSH-2.0-x\r\n",
        b"EHLO x\r\n",
        record(b"\x02\x00\x00\x00")[5:],
        bytes(5000),
    ):
        sight = observer().look(data)
        assert (sight.claims, sight.pending, sight.unclear) == ([], False, False)


def test_places_to_try_are_bounded() -> None:
    with pytest.raises(WireError):
        observer().look(b"\0" + b"\x16\x03\x01\x00\xff\x01" * 9)


@given(
    st.lists(
        st.sampled_from(
            [HELLO, REQUEST, HELLO[:7], b"\x16\x03", b" HTTP/1.1\r\n", b"GET ", b"\r\n\r\n", b"\0"]
        )
    )
)
def test_nothing_but_wire_errors(parts: list[bytes]) -> None:
    try:
        observer().look(b"".join(parts))
    except WireError:
        return
