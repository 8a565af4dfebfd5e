"""What clients of DHCP say, byte by byte; and that scapy, which builds them by itself, agrees."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import WireError
from gateway.wire.lan.dhcp import MAX_OPTIONS, MAX_TEXT, MAX_VALUE, Dhcp, parse_dhcp
from tests.wire.dhcp_forge import ANDROID, MAC, dhcp4, discover, option


def parsed(data: bytes) -> Dhcp:
    read = parse_dhcp(data)
    assert read is not None
    return read


def test_a_phone_says_who_it_is() -> None:
    assert parsed(discover()) == Dhcp(
        version=4,
        message=1,
        hardware=MAC,
        host_name="Galaxy-S21",
        vendor_class="android-dhcp-14",
        options=ANDROID,
        client_id=b"\x01\x02\0\0\0\0\x0a",
        max_size=1500,
    )


def test_the_address_that_is_asked_for_and_the_user_class() -> None:
    read = parsed(dhcp4(option(53, b"\x03"), option(50, bytes((192, 168, 1, 20))), option(77, b"iPXE")))
    assert (read.message, read.requested, read.user_class) == (3, bytes((192, 168, 1, 20)), "iPXE")
    assert parsed(dhcp4(option(50, b"\1\2\3"))).requested == b""


def test_scapy_builds_the_same() -> None:
    from scapy.layers.dhcp import BOOTP, DHCP

    built = BOOTP(chaddr=bytes.fromhex("02000000000a"), xid=7) / DHCP(
        options=[
            ("message-type", "discover"),
            ("hostname", "ps5"),
            ("vendor_class_id", "PS5"),
            ("param_req_list", [1, 3, 15, 6]),
            "end",
        ]
    )
    read = parsed(bytes(built))
    assert (read.hardware, read.host_name, read.vendor_class, read.options) == (
        MAC,
        "ps5",
        "PS5",
        (1, 3, 15, 6),
    )


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (b"\x00\0\0laptop.home.example", "laptop"),  # ASCII, the older form
        (b"\x05\0\0\x06laptop\x04home\0", "laptop"),
        (b"\x05\0\0\x06laptop", "laptop"),  # a partial name has no end (RFC 4702 2.3.1)
        (b"\x04\0\0\x07laptop", ""),
        (b"\x04\0\0\xc0\x0c", ""),
        (b"\x04\0\0\0", ""),
        (b"\x04\0\0", ""),
        (b"", ""),
    ],
)
def test_a_name_in_option_81(value: bytes, name: str) -> None:
    assert parsed(dhcp4(option(81, value))).host_name == name
    assert parsed(dhcp4(option(81, value), option(12, b"own"))).host_name == "own"


@pytest.mark.parametrize(
    ("overload", "name", "vendor"),
    [(0, "", ""), (1, "infile", ""), (2, "", "insname"), (3, "infile", "insname")],
)
def test_options_go_on_in_the_fields_for_file_and_server(overload: int, name: str, vendor: str) -> None:
    data = dhcp4(
        option(52, bytes((overload,))),
        file=option(12, b"infile") + b"\xff",
        sname=option(60, b"insname") + b"\xff",
    )
    assert (parsed(data).host_name, parsed(data).vendor_class) == (name, vendor)


def test_parts_of_one_option_are_put_together_across_fields() -> None:
    data = dhcp4(
        option(60, b"one "),
        option(52, b"\x03"),
        file=option(60, b"two ") + b"\xff",
        sname=option(60, b"three"),
    )
    assert parsed(data).vendor_class == "one two three"


def test_no_option_grows_without_end() -> None:
    data = dhcp4(*[option(55, bytes(range(1, 256)))] * 40, *[option(12, b"x" * 255)] * 40)
    assert len(parsed(data).options) == MAX_OPTIONS
    assert len(parsed(data).host_name) == MAX_TEXT
    assert MAX_OPTIONS < MAX_VALUE


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"tablet\0\0", "tablet"),
        ("Әмина-планшеті".encode(), "Әмина-планшеті"),
        (b"\x1b[2Jx\x07", "[2Jx"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"a.b.c", "a"),
        (b"  ", ""),
    ],
)
def test_names_are_made_printable(raw: bytes, name: str) -> None:
    assert parsed(dhcp4(option(12, raw))).host_name == name


def test_pads_an_end_in_the_middle_and_none_at_all() -> None:
    assert parsed(dhcp4(b"\0\0", option(12, b"a"), b"\xff", option(12, b"b"))).host_name == "a"
    assert parsed(dhcp4(option(12, b"a"), end=b"")).host_name == "a"
    assert parsed(dhcp4(end=b"")).message == 0


@pytest.mark.parametrize("other", [{"op": 2}, {"hardware_type": 6}, {"length": 16}])
def test_what_is_of_no_client_with_ethernet(other: dict[str, int]) -> None:
    assert parse_dhcp(dhcp4(op=other.get("op", 1), hardware_type=other.get("hardware_type", 1),
                            length=other.get("length", 6))) is None  # fmt: skip


def test_every_cut_is_an_error_or_a_shorter_message() -> None:
    whole = discover()
    for end in range(len(whole)):
        try:
            read = parse_dhcp(whole[:end])
        except WireError:
            continue
        assert read is not None
        assert end >= 240


@pytest.mark.parametrize("tail", [b"\x0c", b"\x0c\x05abcd"])
def test_an_option_that_is_cut(tail: bytes) -> None:
    with pytest.raises(WireError, match="option 12 is cut"):
        parse_dhcp(dhcp4(tail, end=b""))


def test_plain_bootp_has_no_cookie() -> None:
    data = bytearray(dhcp4())
    data[236:240] = bytes(4)
    with pytest.raises(WireError, match="cookie"):
        parse_dhcp(bytes(data))


@given(st.binary(max_size=700))
def test_any_bytes(tail: bytes) -> None:
    for data in (
        tail,
        dhcp4()[:240] + tail,
        dhcp4(option(52, b"\x03"), file=tail[:128], sname=tail[128:192]),
    ):
        try:
            read = parse_dhcp(data)
        except WireError:
            continue
        if read is not None:
            assert read.host_name.isprintable()
            assert struct.calcsize("!6B") * 3 - 1 == len(read.hardware)
