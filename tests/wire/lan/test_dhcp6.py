from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import WireError
from gateway.wire.lan.dhcp import parse_dhcp6
from tests.wire.dhcp_forge import option6, solicit


def test_a_laptop_says_who_it_is() -> None:
    read = parse_dhcp6(solicit("Laptop"))
    assert read is not None
    assert (read.version, read.message, read.hardware) == (6, 1, "")
    assert (read.host_name, read.vendor_class, read.options) == ("Laptop", "MSFT 5.0", (23, 24, 39, 31))
    assert read.client_id == bytes.fromhex("00030001020000000000")


def test_scapy_builds_the_same() -> None:
    from scapy.layers.dhcp6 import DHCP6_Solicit, DHCP6OptClientFQDN, DHCP6OptOptReq

    read = parse_dhcp6(
        bytes(DHCP6_Solicit() / DHCP6OptOptReq(reqopts=[23, 24]) / DHCP6OptClientFQDN(fqdn="pc.home"))
    )
    assert read is not None
    assert (read.host_name, read.options) == ("pc", (23, 24))


@pytest.mark.parametrize("message", [0, 2, 7, 10, 12, 13, 255])
def test_servers_and_relays_are_no_clients(message: int) -> None:
    assert parse_dhcp6(bytes((message,)) + solicit()[1:]) is None


def test_the_first_of_two_counts_and_an_odd_list_is_read_as_far_as_it_goes() -> None:
    read = parse_dhcp6(b"\x01\0\0\0" + option6(6, b"\0\x17\0") + option6(6, b"\0\x18") + option6(39, b"\0"))
    assert read is not None
    assert (read.options, read.host_name) == ((23,), "")


def test_of_two_names_the_first_that_is_one_counts() -> None:
    """As busybox sends them."""
    names = (b"\0\0", b"\1\5Lilly", b"\1\5other")
    read = parse_dhcp6(b"\x01\0\0\0" + b"".join(option6(39, name) for name in names))
    assert read is not None
    assert read.host_name == "Lilly"


@pytest.mark.parametrize(
    "data",
    [b"", b"\x01\0\0", b"\x01\0\0\0\0", b"\x01\0\0\0" + struct.pack("!HH", 39, 5) + b"abcd",
     b"\x01\0\0\0" + option6(16, b"\0\0\0\1\0\x09abc")],
)  # fmt: skip
def test_what_is_cut(data: bytes) -> None:
    with pytest.raises(WireError):
        parse_dhcp6(data)


@given(st.binary(max_size=300))
def test_any_bytes(tail: bytes) -> None:
    for data in (tail, b"\x01\0\0\0" + tail, solicit("x", tail)):
        try:
            parse_dhcp6(data)
        except WireError:
            continue
