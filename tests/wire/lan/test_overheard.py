from __future__ import annotations

from socket import inet_aton

import pytest

from gateway.core.errors import WireError
from gateway.wire.lan.overheard import Overheard, overhear
from tests.wire.dhcp_forge import discover, solicit, syn, udp4, udp6
from tests.wire.lan.test_mdns import said

ANSWER = said(("tablet.local.", 120, "A", "192.168.77.10"))
LINK = b"\xfe\x80" + bytes(13) + b"\1"


def test_dhcp_of_both_families() -> None:
    heard = overhear(udp4(discover("tablet"), 67))
    assert heard is not None
    assert (heard.address, heard.dhcp and heard.dhcp.host_name, heard.hop_limit) == (b"", "tablet", 0)
    heard = overhear(udp6(solicit("laptop"), 547))
    assert heard is not None
    assert (heard.address, heard.dhcp and heard.dhcp.host_name) == (LINK, "laptop")


def test_multicast_dns_of_both_families() -> None:
    heard = overhear(udp4(ANSWER, 5353, src="192.168.77.10", dst="224.0.0.251"))
    assert heard is not None
    assert (heard.address, heard.mdns and heard.mdns.hosts[0][0]) == (inet_aton("192.168.77.10"), "tablet")
    heard = overhear(udp6(ANSWER, 5353, dst="ff02::fb"))
    assert heard is not None
    assert heard.address == LINK


@pytest.mark.parametrize("ttl", [64, 128, 255])
def test_the_hop_limit_of_a_connection(ttl: int) -> None:
    assert overhear(syn(ttl=ttl)) == Overheard(inet_aton("192.168.77.10"), ttl)


@pytest.mark.parametrize("ttl", [0, 1, 63, 127, 254])
def test_what_a_device_passes_on_for_a_machine_behind_it_is_not_its_own(ttl: int) -> None:
    """A Linux in a virtual machine on a parent's Windows: 63, where its own is 128."""
    assert overhear(syn(ttl=ttl)) == Overheard(inet_aton("192.168.77.10"), 0)


@pytest.mark.parametrize(
    "packet",
    [
        udp4(discover(), 68),
        udp4(solicit(), 547),  # DHCPv6 over IPv4
        udp6(discover(), 67),
        udp4(b"x", 53),
        syn()[:33] + b"\x12" + syn()[34:],  # SYN and ACK
        syn()[:9] + b"\x01" + syn()[10:],  # ICMP
        udp4(discover(), 67)[:6] + b"\x20\0" + udp4(discover(), 67)[8:],  # a first fragment
    ],
)
def test_what_says_nothing(packet: bytes) -> None:
    assert overhear(packet) is None


def test_every_cut_is_an_error() -> None:
    for whole in (udp4(discover(), 67), udp6(solicit(), 547), syn()):
        for end in range(len(whole)):
            with pytest.raises(WireError):
                overhear(whole[:end])
