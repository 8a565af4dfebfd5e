"""What is believed as a host name, and what is an address in a host name's place."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.core.errors import WireError
from gateway.wire.names import MAX_HOSTNAME, hostname, is_address

LABEL = b"a" * 63


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"www.YouTube.com", "www.youtube.com"),
        (b"example.com.", "example.com"),
        (b"localhost", "localhost"),
        (b"xn--80ak6aa92e.com", "xn--80ak6aa92e.com"),
        (b"r3---sn-ab5l6nrk.googlevideo.com", "r3---sn-ab5l6nrk.googlevideo.com"),
        (b"_dns.resolver.arpa", "_dns.resolver.arpa"),
        (b"-odd-.tumblr.com", "-odd-.tumblr.com"),
        (b"1.1.1.1.nip.io", "1.1.1.1.nip.io"),
        (b"163.com", "163.com"),
        (b"a.0xg", "a.0xg"),
        (b".".join([LABEL] * 3 + [b"b" * 61]), ".".join(["a" * 63] * 3 + ["b" * 61])),
    ],
)
def test_host_names_take_one_form(raw: bytes, name: str) -> None:
    assert hostname(raw) == name
    assert hostname(name.encode()) == name


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b".",
        b"..",
        b".com",
        b"a..b",
        b"example.com..",
        b"exa mple.com",
        b"example.com\n",
        b"example.com\0.evil.com",
        b"example.com:443",
        b"user@example.com",
        b"*.example.com",
        "пример.рф".encode(),
        b"\xff\xfe.com",
        b"a" * 64 + b".com",
        b".".join([LABEL] * 3 + [b"b" * 62]),
        b"127.0.0.1",
        b"127.0.0.1.",
        b"127.1",
        b"2130706433",
        b"0x7f.1",
        b"0x7F000001",
        b"0x",
        b"256.256.256.256",
        b"a.b.c.09",
        b"::1",
        b"[::1]",
    ],
)
def test_anything_else_is_refused(raw: bytes) -> None:
    with pytest.raises(WireError):
        hostname(raw)


@given(st.binary(max_size=300))
@example(b"a" * 254)
def test_any_bytes_give_a_believable_name_or_a_wire_error(raw: bytes) -> None:
    try:
        name = hostname(raw)
    except WireError:
        return
    assert name.encode() == raw.lower().removesuffix(b".")
    assert 0 < len(name) <= MAX_HOSTNAME
    assert all(0 < len(label) <= 63 for label in name.split("."))
    assert not is_address(name)


@given(st.text(alphabet="abcxyz0123456789-_.", max_size=60))
def test_names_of_plain_letters_are_accepted_unless_a_label_or_the_end_is_wrong(text: str) -> None:
    labels = text.removesuffix(".").split(".")
    fits = all(0 < len(label) <= 63 for label in labels) and not is_address(text)
    try:
        assert hostname(text.encode()) == text.removesuffix(".")
        assert fits
    except WireError:
        assert not fits


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_every_address_is_an_address(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    assert is_address(str(address))
    assert is_address(address.exploded)
    assert is_address(address.exploded.upper())
    if address.version == 6:
        assert is_address(f"[{address}]")
        assert is_address(f"{address}%br-lan")
    with pytest.raises(WireError):
        hostname(str(address).encode())


@given(st.text(alphabet="0123456789abcdef:.", max_size=24).filter(lambda text: ":" in text))
@example("::")
@example("::ffff:1.2.3.4")
@example("1:2:3:4:5:6:7::")
@example("1:2:3:4:5:6:7:8::")
@example("1::2::3")
@example(":::")
@example("::1.2.3")
@example("::ffff:1.2.3.04")
def test_what_has_a_colon_is_an_address_when_it_is_ipv6(text: str) -> None:
    try:
        ipaddress.IPv6Address(text)
        expected = True
    except ValueError:
        expected = False
    assert is_address(text) == expected


@pytest.mark.parametrize("text", ["127.1", "2130706433", "0x7f.1", "1.2.3.4.", "0x"])
def test_numbers_that_a_browser_takes_for_an_address(text: str) -> None:
    assert is_address(text)


@pytest.mark.parametrize("text", ["", "example.com", "1.com", "a.1a", "[example.com]", "[]", "xn--p1ai"])
def test_names_are_no_addresses(text: str) -> None:
    assert not is_address(text)
