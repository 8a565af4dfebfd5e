from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.names import networks as nets


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        ("1.1.1.1", ["1.1.1.1"]),
        ("1.1.1.1/32", ["1.1.1.1"]),
        ("1.1.1.0/24", ["1.1.1.0/24"]),
        ("1.1.1.8/30", ["1.1.1.8", "1.1.1.9", "1.1.1.10", "1.1.1.11"]),
        ("2620:FE:0::FE", ["2620:fe::fe"]),
        ("2a07:a8c0::/64", ["2a07:a8c0::/64"]),
        ("2620:fe::10/127", ["2620:fe::10", "2620:fe::11"]),
    ],
)
def test_entries(text: str, entries: list[str]) -> None:
    assert list(nets.spread(nets.network(text))) == entries


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is no address"),
        ("example.com", "is no address"),
        ("01.2.3.4", "is no address"),  # octal to some, decimal to others
        ("1.1.1.1/24", "is no address"),
        ("2606:4700::1%eth0", "is no address"),
        ("1.1.0.0/23", "cannot be looked up; write /24 or longer"),
        ("0.0.0.0/0", "reserved"),
        ("2606:4700::/32", "cannot be looked up; write /64, or /120 and longer"),
        ("2606:4700::/112", "cannot be looked up"),
        ("10.1.2.3", "at home"),
        ("172.31.255.0/24", "at home"),
        ("192.168.1.1", "at home"),
        ("100.64.0.1", "at home"),
        ("127.0.0.1", "at home"),
        ("169.254.1.1", "at home"),
        ("224.0.0.251", "at home"),
        ("255.255.255.255", "reserved"),
        ("::1", "reserved"),
        ("::ffff:1.1.1.1", "reserved"),
        ("fd00::1", "at home"),
        ("fe80::1", "at home"),
        ("ff02::fb", "at home"),
    ],
)
def test_what_is_no_entry(text: str, says: str) -> None:
    with pytest.raises(nets.NetError) as refused:
        nets.network(text)
    assert says in str(refused.value)


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_an_address_is_found_by_its_own_text_and_its_prefixs(one: object) -> None:
    address = ip_address(str(one))
    own, prefix = nets.keys(address.packed)
    if address.packed[:12] not in (bytes.fromhex("0064ff9b") + bytes(8), bytes(10) + b"\xff\xff"):
        assert own == str(address)
    length = nets.PREFIX_LENGTHS[4 if "." in own else 6]
    assert prefix.endswith(f"/{length}")


@pytest.mark.parametrize("text", ["64:ff9b::8.8.4.4", "::ffff:8.8.4.4"])
def test_of_an_ipv4_address_in_ipv6_the_ipv4_address_is_found(text: str) -> None:
    assert nets.keys(ip_address(text).packed) == ("8.8.4.4", "8.8.4.0/24")


@pytest.mark.parametrize(
    ("text", "packed"),
    [
        ("8.8.8.8", bytes([8, 8, 8, 8])),
        ("2001:4860:4860:0::8888", bytes.fromhex("20014860486000000000000000008888")),
        ("dns.google", None),
        ("8.8.8", None),
        ("fe80::1%eth0", None),
    ],
)
def test_what_is_an_address(text: str, packed: bytes | None) -> None:
    assert nets.address(text) == packed


def test_a_map_of_prefixes_finds_the_longest() -> None:
    prefixes = {
        "91.108.4.0/22": "wide",
        "91.108.4.0/24": "narrow",
        "2001:db8:1::/48": "six",
        "9.9.9.9": "one",
    }
    table = nets.PrefixMap((nets.public_prefix(text), value) for text, value in prefixes.items())

    def found(text: str) -> str | None:
        return table.get(ip_address(text).packed)

    assert [found(text) for text in ("91.108.4.9", "91.108.5.9", "91.108.8.0")] == ["narrow", "wide", None]
    assert [found(text) for text in ("2001:db8:1::7", "2001:db8:2::7", "9.9.9.9")] == ["six", None, "one"]
    assert [found(text) for text in ("64:ff9b::91.108.4.9", "::ffff:9.9.9.9")] == ["narrow", "one"]
    assert table.get(b"") is None
    assert nets.PrefixMap[str]([]).get(bytes(4)) is None


@pytest.mark.parametrize("text", ["10.0.0.0/8", "192.168.4.0/22", "0.0.0.0/0", "fd00::/8", "1.2.3.4/8", "x"])
def test_prefixes_that_no_service_can_have(text: str) -> None:
    with pytest.raises(nets.NetError):
        nets.public_prefix(text)
