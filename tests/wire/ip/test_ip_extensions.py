"""The chain of IPv6 extension headers ends at the transport header, or is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import WireError
from gateway.wire.ip.packet import (
    AH,
    DESTINATION,
    FRAGMENT,
    HOP_BY_HOP,
    MAX_EXTENSION_HEADERS,
    ROUTING,
    Transport,
    check_ipv4_options,
    walk_ipv6_extensions,
)

TCP = 6
FIXED = bytes(40)


def header(following: int, length: int = 0, rest: bytes = bytes(6)) -> bytes:
    return bytes((following, length)) + rest


def walk(first: int, chain: bytes) -> Transport:
    return walk_ipv6_extensions(FIXED + chain, first, 40 + len(chain))


def fragment(following: int, offset: int, more: bool) -> bytes:
    return header(following, 0, (offset << 3 | more).to_bytes(2, "big") + bytes(4))


@pytest.mark.parametrize(
    ("first", "chain", "offset"),
    [
        (TCP, b"", 40),
        (HOP_BY_HOP, header(TCP), 48),
        (DESTINATION, header(TCP, 1, bytes(14)), 56),
        (ROUTING, header(TCP), 48),
        (FRAGMENT, fragment(TCP, 0, False), 48),
        (AH, header(TCP, 4, bytes(22)), 64),  # counts words of four bytes, less two
        (HOP_BY_HOP, header(DESTINATION) + header(ROUTING) + header(AH) + header(TCP, 1, bytes(10)), 76),
    ],
)
def test_the_chain_is_followed_to_the_transport_header(first: int, chain: bytes, offset: int) -> None:
    assert walk(first, chain) == Transport(TCP, offset, False, False)
    for cut in range(len(chain)):
        with pytest.raises(WireError):
            walk(first, chain[:cut])


@pytest.mark.parametrize("proto", [50, 58, 59, 135, 4, 41, 139])
def test_headers_behind_which_no_port_is_read_end_the_chain(proto: int) -> None:
    assert walk(DESTINATION, header(proto)) == Transport(proto, 48, False, False)


def test_a_later_fragment_ends_the_chain() -> None:
    assert walk(FRAGMENT, fragment(DESTINATION, 1, True)) == Transport(DESTINATION, 48, True, True)
    assert walk(FRAGMENT, fragment(TCP, 185, False)) == Transport(TCP, 48, True, False)


def test_a_first_fragment_that_does_not_hold_the_whole_chain_is_a_fragment() -> None:
    whole = fragment(DESTINATION, 0, True) + header(TCP, 1, bytes(14))
    assert walk(FRAGMENT, whole) == Transport(TCP, 64, False, True)
    for cut in range(8, len(whole)):
        assert walk(FRAGMENT, whole[:cut]) == Transport(DESTINATION, 48, True, True)


def test_a_route_that_goes_on_is_refused() -> None:
    with pytest.raises(WireError, match="segments left"):
        walk(ROUTING, header(TCP, 0, b"\x02\x01" + bytes(4)))


def test_hop_by_hop_stands_first_or_not_at_all() -> None:
    with pytest.raises(WireError, match="hop-by-hop"):
        walk(DESTINATION, header(HOP_BY_HOP) + header(TCP))


def test_the_chain_is_bounded() -> None:
    full = header(DESTINATION) * (MAX_EXTENSION_HEADERS - 1)
    assert walk(DESTINATION, full + header(TCP)).offset == 40 + 8 * MAX_EXTENSION_HEADERS
    with pytest.raises(WireError, match="more than"):
        walk(DESTINATION, full + header(DESTINATION) + header(TCP))


@given(st.integers(0, 255), st.binary(max_size=120))
def test_any_chain_raises_only_wire_errors(first: int, chain: bytes) -> None:
    try:
        end = walk(first, chain)
    except WireError:
        return
    assert 40 <= end.offset <= 40 + len(chain)


@given(st.binary(max_size=40))
def test_any_ipv4_options_raise_only_wire_errors(options: bytes) -> None:
    try:
        check_ipv4_options(bytes(20) + options, 20 + len(options))
    except WireError:
        pass


def test_ipv4_options_end_where_they_say() -> None:
    check_ipv4_options(bytes(20) + b"\x01\x94\x04\x00\x00\x00\x83", 27)
