"""Lists of addresses in the table, beside names; networks that no list may take."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import pytest

from gateway.core.errors import ListError, PolicyError
from gateway.lists.build import BuildSource, build_table
from gateway.lists.canaries import Canaries, SharedNetworks, parse_shared_networks
from gateway.lists.formats import Format
from gateway.lists.public_suffixes import public_suffix_check
from gateway.policy.names.domain_table import DomainTable
from gateway.policy.names.networks import keys

BUILT = "2026-11-24T06:00:00Z"
INNOCENT = """
canaries: {news: [www.example.org]}
addresses:
  Big: [198.51.100.0/25, 198.51.102.0/23, "2001:db8:c::/48"]
  Other: [203.0.113.0/24]
"""
TOR = b"192.0.2.7\n192.0.2.9\n2001:db8::7\n203.0.113.128/31\n192.168.1.1\n"
DOH = (
    b"192.0.2.7 # doh.example\n192.0.3.0/24\n2001:db8:5::/64\n198.51.100.5\n198.51.103.0/24\n2001:db8:c::1\n"
)


@pytest.fixture
def canaries() -> Canaries:
    return Canaries(["www.example.org"], parse_shared_networks(INNOCENT, "canaries.yaml"))


def source(
    folder: Path, name: str, category: str, data: bytes, form: Format, *, skip: bool = True
) -> BuildSource:
    path = folder / name
    path.write_bytes(data)
    return BuildSource(name, category, path, form, skip)


def entries(table: DomainTable, text: str) -> set[str]:
    own, prefix = keys(ip_address(text).packed)
    return set(table.entry(own) | table.entry(prefix))


def test_addresses_and_names_are_in_one_table(tmp_path: Path, canaries: Canaries) -> None:
    target = tmp_path / "categories.table"
    info, reports = build_table(
        [
            source(tmp_path, "tor", "tor", TOR, Format.ADDRESSES),
            source(tmp_path, "doh", "proxy_vpn_doh", DOH, Format.ADDRESSES),
            source(tmp_path, "names", "proxy_vpn_doh", b"vpn.example\n", Format.DOMAINS),
        ],
        target,
        built=BUILT,
        canaries=canaries,
        is_public_suffix=public_suffix_check(),
    )
    table = DomainTable(target.read_bytes())
    for text, found in [
        ("192.0.2.7", {"tor", "proxy_vpn_doh"}),
        ("192.0.2.8", set()),
        ("192.0.2.9", {"tor"}),
        ("2001:db8::7", {"tor"}),
        ("192.0.3.200", {"proxy_vpn_doh"}),
        ("192.0.4.1", set()),
        ("2001:db8:5::abcd", {"proxy_vpn_doh"}),
        ("2001:db8:5:1::abcd", set()),
        ("198.51.100.5", set()),  # of Big
        ("198.51.103.9", set()),
        ("2001:db8:c::1", set()),
        ("203.0.113.128", set()),  # of Other
        ("192.168.1.1", set()),
    ]:
        assert entries(table, text) == found, text
    assert table.categories("www.vpn.example") == {"proxy_vpn_doh"}
    assert table.categories("2001:db8::7") == table.categories("192.0.2.9") == {"tor"}
    assert info.count == len(table) == 6
    doh, names, tor = sorted(reports, key=lambda one: one.id)
    assert (doh.canaries, names.canaries) == (("198.51.100.5", "198.51.103.0/24", "2001:db8:c::1"), ())
    assert (tor.domains, tor.odd_lines) == (5, 1)


def test_a_list_that_takes_a_networks_addresses_is_not_used(tmp_path: Path, canaries: Canaries) -> None:
    one = source(tmp_path, "doh", "proxy_vpn_doh", DOH, Format.ADDRESSES, skip=False)
    with pytest.raises(ListError, match=r"doh: it lists 198.51.100.5, and so blocks Big, a well-known site"):
        build_table(
            [one],
            tmp_path / "categories.table",
            built=BUILT,
            canaries=canaries,
            is_public_suffix=lambda name: False,
        )


@pytest.mark.parametrize(
    ("entry", "whose"),
    [
        ("198.51.100.0", "Big"),
        ("198.51.100.127", "Big"),
        ("198.51.100.128", None),
        ("198.51.99.255", None),
        ("198.51.100.0/24", "Big"),  # half of it
        ("198.51.101.0/24", None),
        ("198.51.103.255", "Big"),
        ("198.51.104.0", None),
        ("203.0.113.9", "Other"),
        ("2001:db8:c:5::/64", "Big"),
        ("2001:db8:d::1", None),
        ("0.0.0.0", None),
        ("ffff::", None),
    ],
)
def test_whose_an_entry_is(entry: str, whose: str | None) -> None:
    assert parse_shared_networks(INNOCENT, "canaries.yaml").hit(entry) == whose
    assert SharedNetworks({}).hit(entry) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (INNOCENT.replace("203.0.113.0/24", "198.51.100.0/26"), ":5: addresses.Other[1]: '198.51.100.0/26'"),
        (INNOCENT.replace("203.0.113.0/24", "example.com"), "'example.com' is not a prefix"),
        (INNOCENT.replace("203.0.113.0/24", "203.0.113.1/24"), "is not a prefix"),
        ("canaries: {}", "has no 'addresses'"),
    ],
)  # fmt: skip
def test_innocent_networks_that_are_refused(text: str, says: str) -> None:
    with pytest.raises(PolicyError, match="; ") as refused:
        parse_shared_networks(text, "canaries.yaml")
    assert says in str(refused.value)
