"""From which side a packet comes, where the interface tells and where it does not (one arm)."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from gateway.dataplane import packets
from gateway.dataplane.packets import AGE, PacketSides
from tests.kernel.home import Namespace

pytestmark = pytest.mark.lab

DEVICE, SITE = "192.168.77.10", "198.51.100.1"
DEVICE6, SITE6 = "2001:db8:77::10", "2001:db8:1::1"


def packet(source: str, to: str) -> bytes:
    if ":" in source:
        return b"\x60" + bytes(7) + b"".join(socket.inet_pton(socket.AF_INET6, one) for one in (source, to))
    return b"\x45" + bytes(11) + socket.inet_aton(source) + socket.inet_aton(to)


@pytest.fixture
def space() -> Iterator[Namespace]:
    made = Namespace()
    made.ip(
        "link add name eth0 type veth peer name far0",
        "link add name wan type veth peer name far1",
        *(f"link set {name} up" for name in ("eth0", "far0", "wan", "far1")),
        "address add 192.168.77.1/24 dev eth0",
        "address add 2001:db8:77::1/64 dev eth0 nodad",
        "address add 203.0.113.2/30 dev wan",
    )
    with made.inside():
        yield made
    made.close()


def test_with_two_arms_the_interface_tells_whatever_the_addresses(space: Namespace) -> None:
    space.ip("route add default via 203.0.113.1")
    both = PacketSides(("eth0",))
    home, out = socket.if_nametoindex("eth0"), socket.if_nametoindex("wan")
    for way in ((DEVICE, SITE), (SITE, DEVICE)):
        assert both.from_home(home, packet(*way))
        assert not both.from_home(out, packet(*way))
    assert not both.from_home(9999, packet(DEVICE, SITE)), "an interface that is gone"
    both.face(("wan",))
    assert not both.from_home(home, packet(DEVICE, SITE))
    assert both.from_home(out, packet(SITE, DEVICE))


@pytest.mark.parametrize("routed", [True, False], ids=["routed", "before there is a route"])
def test_with_one_arm_what_does_not_go_home_comes_from_there(space: Namespace, routed: bool) -> None:
    if routed:
        space.ip("route add default via 192.168.77.254")
    arm, index = PacketSides(("eth0",)), socket.if_nametoindex("eth0")
    for device, site in ((DEVICE, SITE), (DEVICE6, SITE6)):
        assert arm.from_home(index, packet(device, site))
        assert not arm.from_home(index, packet(site, device))
    assert arm.from_home(index, packet("10.9.9.9", SITE)), "whatever address it writes"


def test_a_network_that_comes_later_is_known_after_a_while(
    space: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    space.ip("route add default via 192.168.77.254")
    arm, index, now = PacketSides(("eth0",)), socket.if_nametoindex("eth0"), 1000.0
    monkeypatch.setattr(packets, "clock_gettime", lambda _: now)
    back = packet(SITE6, "2001:db8:99::10")
    assert arm.from_home(index, back), "nothing of it opens"
    space.ip("address add 2001:db8:99::1/64 dev eth0 nodad")
    now += AGE
    assert not arm.from_home(index, back)
