"""Whole packets out of the router, without a table: what arrives, and what does not leave.

That they are not tracked is the table's doing, and tested with it in test_traffic_dns.py.
"""

from __future__ import annotations

import socket

import pytest

from gateway.kernel.rawsend import RawSender
from tests.kernel.forge import datagram
from tests.kernel.home import CHILD4, CHILD6, SITE4, SITE6, Home

pytestmark = pytest.mark.lab


@pytest.mark.parametrize(("site", "device"), [(SITE4, CHILD4), (SITE6, CHILD6)], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("by_route", [True, False], ids=["by_route", "by_interface"])
def test_packet_arrives_from_the_address_it_names(
    home: Home, sender: RawSender, site: str, device: str, by_route: bool
) -> None:
    with home.child.open(socket.AF_INET6 if ":" in site else socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.bind((device, 4000))
        assert sender.send(datagram(site, device, 53, 4000, b"forged"), 0 if by_route else home.lan_index)
        payload, origin = client.recvfrom(100)
    assert payload == b"forged"
    assert origin[:2] == (site, 53)


@pytest.mark.parametrize(
    "packet",
    [
        datagram("192.0.2.1", "203.0.113.1", 53, 4000, b"no route"),
        datagram("192.0.2.1", CHILD4, 53, 4000, b"x" * 3000),
        datagram(SITE6, CHILD6, 53, 4000, b"x" * 3000),
        datagram("fe80::1", "fe80::2", 53, 4000, b"no such interface"),
    ],
    ids=["no_route", "long4", "long6", "no_interface"],
)
def test_what_cannot_be_sent_is_counted_and_forgotten(home: Home, sender: RawSender, packet: bytes) -> None:
    assert not sender.send(packet, 9999 if packet[8:10] == b"\xfe\x80" else 0)
    assert sender.failed == 1
    assert sender.send(datagram(SITE4, CHILD4, 53, 4000, b"fine"), 0)
