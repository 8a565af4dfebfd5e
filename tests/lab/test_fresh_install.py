"""What leaves a gateway that was just installed: what docs/privacy.md declares, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

from gateway.household.loading import load_product
from gateway.household.rule_book import RuleBook
from gateway.lists.sources import parse_sources
from gateway.path.nat64 import IPV4_ONLY
from profiles import DATA
from tests.lab import clients, names
from tests.lab.daemon import Daemon
from tests.lab.home import Home
from tests.lab.names import PARENT
from tests.lab.recorder import Recorder
from tests.test_declared_hosts import declared_hosts

pytestmark = [pytest.mark.lab, pytest.mark.needs("dumpcap", "tshark")]

AWAKE = 25.0  # seconds: sealed and other lists are looked for after 20, anything else before
FIELDS = (
    "frame.protocols", "ip.src", "ipv6.src", "ip.dst", "ipv6.dst", "udp.dstport", "tcp.dstport",
    "dns.qry.name", "tls.handshake.extensions_server_name", "http.host",
)  # fmt: skip
OURS = (names.WAN_IPV4, names.WAN_IPV6)
LINK = ("icmpv6", "igmp", "arp")  # the kernel's own, with its neighbours on the wire: neighbours, groups


class Sent(NamedTuple):
    """One packet that left. Several of a field stand between commas."""

    protocols: str
    to: str
    udp: str
    tcp: str
    asked: str  # a DNS question's name, in small letters
    named: str  # of a TLS hello or an HTTP request

    @property
    def is_the_links(self) -> bool:
        return any(one in self.protocols.split(":") for one in LINK)


@pytest.fixture
def fresh() -> Iterator[Home]:
    """A parent's telephone is on the Wi-Fi and does nothing by itself."""
    others = [seat.key for seat in names.SEATS if seat.key != PARENT.key]
    with Home(absent=others, quic=False) as home:
        yield home


def sent(path: Path) -> list[Sent]:
    fields = [word for one in FIELDS for word in ("-e", one)]
    done = subprocess.run(
        ["tshark", "-r", str(path), "-T", "fields", "-E", "separator=|", *fields],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = []
    for line in done.stdout.splitlines():
        protocols, ip, ip6, to, to6, udp, tcp, asked, sni, host = line.split("|")
        if any(one in OURS for one in (ip, ip6)) or ip6.startswith("fe80:"):
            found.append(Sent(protocols, to or to6, udp, tcp, asked.lower(), sni or host))
    return [one for one in found if not one.is_the_links]


def own_names(daemon: Daemon) -> set[str]:
    """What the code asks its own resolver for: help lines, safe modes of search engines, NAT64."""
    rules = RuleBook(daemon.config)
    return {*rules.help_names, *rules.safe_names, IPV4_ONLY}


def default_hosts() -> set[str]:
    """Of the lists that are fetched without one being chosen."""
    known, data = load_product().categories, DATA.joinpath("sources.yaml").read_bytes()
    lists = parse_sources(data, "sources.yaml", known).values()
    return {
        urlsplit(url).hostname or ""
        for one in lists
        if one.tier is not None
        for place in one.places
        for url in place
    }


def test_a_fresh_install_asks_for_names_of_help_and_safe_search_and_sends_nothing_else(fresh: Home) -> None:
    """Daemon and pages run with nothing set, and somebody looks at the first page. Without a child's profile
    no list is fetched either.
    """
    path = fresh.folder / "fresh.pcapng"
    daily = {"lists": {"update": "daily"}}  # the default; other virtual homes switch it off
    with (
        Recorder(fresh.gateway, names.WAN, path),
        Daemon(fresh, {}, settings=daily, web=True) as daemon,
    ):
        first = clients.curl(fresh.devices[PARENT.key], f"http://{names.GATEWAY_IPV4}:8080/")
        assert first.reached
        time.sleep(AWAKE)
        declared = own_names(daemon)
    packets = sent(path)
    assert packets, "it asks for the names of help, so that these are open when all else is closed"
    others = [one for one in packets if one.udp != "53" or one.to != names.RESOLVER_IPV4]
    assert others == [], "no connection, no time, no telemetry"
    assert {one.asked for one in packets} <= declared


def test_it_looks_for_lists_at_the_hosts_that_are_declared_once_somebody_wants_them(fresh: Home) -> None:
    """By the command that *Update now* runs as well. It connects to none: the lab's addresses are those of
    documentation, which `gateway/core/public_addresses.py` takes for no internet.
    """
    path = fresh.folder / "lists.pcapng"
    with Recorder(fresh.gateway, names.WAN, path), Daemon(fresh, {}) as daemon:
        argv = [sys.executable, "-m", "gateway", "lists", "update", "--config", str(daemon.config)]
        fresh.gateway.run(argv, timeout=120.0)
        own = own_names(daemon)
    packets = sent(path)
    assert [one for one in packets if one.udp != "53" or one.to != names.RESOLVER_IPV4] == []
    assert {one.asked for one in packets} - own == default_hosts()
    assert default_hosts() <= declared_hosts(), "docs/privacy.md names them"
