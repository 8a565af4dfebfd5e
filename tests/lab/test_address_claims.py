"""Claims of the gateway's addresses by a child's device, in ARP and neighbour discovery, with real frames."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.lab import names
from tests.lab.claims import ARP, NEIGHBOUR
from tests.lab.daemon import Daemon
from tests.lab.filtering import PROFILES, fresh, until
from tests.lab.home import ROOT, Home
from tests.lab.netns import Namespace
from tests.lab.onearm import ARM, OneArmedHome
from tests.pace import longest, within

pytestmark = pytest.mark.lab

SETTLES = 0.5  # seconds until a received frame is in the victim's neighbour table
LINK = "fe80::ff:fe00:1"  # the gateway's, made from its MAC address
EACH = [
    *((names.GATEWAY_IPV4, names.PARENT.ipv4, how) for how in ARP),
    *((ip, names.PARENT.ipv6, how) for ip in (names.GATEWAY_IPV6, LINK) for how in NEIGHBOUR),
]
_SPEAK = """
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
with socket.socket(family, socket.SOCK_DGRAM) as sock:
    sock.connect(socket.getaddrinfo(sys.argv[1], 9, type=socket.SOCK_DGRAM)[0][4])
    sock.send(b"x")
"""


class Attack:
    """The daughter's tablet claims ``ip``, for Mum's phone."""

    def __init__(self, home: Home, ip: str, victim_ip: str) -> None:
        self.ip = ip
        self._devices = home.devices.values()
        self.victim = home.devices[names.PARENT.key]
        for setting in ("ipv4.neigh.eth0.locktime=0", "ipv4.conf.eth0.arp_accept=1"):
            self.victim.run(["sysctl", "-qw", f"net.{setting}"], check=True)
        tablet = home.devices[names.TABLET.key]
        argv = [sys.executable, "-m", "tests.lab.claims", ip, names.PARENT.mac, victim_ip]
        self._sender = subprocess.Popen(
            tablet.command(argv), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )

    def believed(self, how: str, wait: Callable[..., object] = until) -> str:
        """Send one kind of frame; return the MAC address that the victim then has for the gateway.

        ``wait``: `within` where the frame shall change nothing.
        """
        self.victim.run(["ip", "neigh", "flush", "dev", "eth0"], check=True)
        zone = "%eth0" if self.ip.startswith("fe80") else ""
        self.victim.run([sys.executable, "-c", _SPEAK, self.ip + zone], check=True)
        assert until(lambda: self.known() == names.GATEWAY_MAC, 3.0) is not None
        self.send(how)
        wait(lambda: self.known() != names.GATEWAY_MAC, SETTLES)
        return self.known()

    def send(self, how: str) -> None:
        assert self._sender.stdin is not None
        assert self._sender.stdout is not None
        self._sender.stdin.write(f"{how}\n")
        self._sender.stdin.flush()
        assert self._sender.stdout.readline() == "sent\n"

    def known(self) -> str:
        words = self.victim.run(["ip", "neigh", "show", self.ip, "dev", "eth0"]).stdout.split()
        return words[words.index("lladdr") + 1] if "lladdr" in words else ""

    def close(self) -> None:
        assert self._sender.stdin is not None
        assert self._sender.stdout is not None
        self._sender.stdin.close()
        self._sender.wait(longest(10.0))
        self._sender.stdout.close()
        # A device that knew the gateway believes a frame to all devices: it then finds no gateway for 8 s.
        for device in self._devices:
            device.run(["ip", "neigh", "flush", "dev", "eth0"], check=True)


@contextmanager
def attack(home: Home, ip: str, victim_ip: str) -> Iterator[Attack]:
    made = Attack(home, ip, victim_ip)
    try:
        yield made
    finally:
        made.close()


def believed(home: Home, wait: Callable[..., object] = until) -> dict[tuple[str, str], str]:
    """Send each frame; return what the victim believes after it, by address and kind of frame."""
    found = {}
    for ip, victim_ip in dict.fromkeys((ip, victim_ip) for ip, victim_ip, _ in EACH):
        with attack(home, ip, victim_ip) as attacker:
            for how in [how for own, _, how in EACH if own == ip]:
                found[ip, how] = attacker.believed(how, wait)
    return found


def owner(daemon: Daemon, ip: str) -> str | None:
    found: str | None = daemon.client.call("device", ip=ip)["mac"]
    return found


def problems(daemon: Daemon) -> list[str]:
    shown: list[str] = daemon.client.call("status")["problems"]
    return [line for line in shown if "claims the gateway's address" in line]


def tables(home: Home) -> str:
    return home.gateway.run(["nft", "list", "tables"], check=True).stdout


def guarded(home: Home, *words: str) -> bool:
    """Whether the table for bridges soon has all of these words."""

    def has() -> bool:
        listed = home.gateway.run(["nft", "list", "table", "bridge", "qalqan"]).stdout
        return bool(listed) and all(word in listed for word in words)

    return until(has, 5.0) is not None


def test_without_the_daemon_each_frame_takes_the_gateways_place(home: Home) -> None:
    """Otherwise the next test would prove nothing."""
    assert set(believed(home).values()) == {names.TABLET.mac}


def test_on_a_bridge_the_victim_keeps_the_gateway_and_the_claim_is_reported(home: Home) -> None:
    with fresh(home, PROFILES) as daemon:
        assert guarded(home, names.GATEWAY_IPV4, names.GATEWAY_IPV6)
        assert until(lambda: LINK in home.gateway.run(["nft", "list", "ruleset"]).stdout, 3.0) is not None
        assert problems(daemon) == []
        assert set(believed(home, within).values()) == {names.GATEWAY_MAC}
        assert until(lambda: len(problems(daemon)) > 0, 15.0) is not None, "also of frames to one device"
        (line,) = [line for line in problems(daemon) if names.TABLET.mac in line]
        assert "of Daughter" in line
        _shows_others(home)
        _follows_addresses(home)
        _is_repaired(home)
    assert "bridge" not in tables(home), "removed on a clean stop"


def _shows_others(home: Home) -> None:
    """Devices still find each other, and take over addresses that are not the gateway's."""
    with attack(home, names.PHONE.ipv4, names.PARENT.ipv4) as attacker:
        attacker.victim.run([sys.executable, "-c", _SPEAK, names.PHONE.ipv4], check=True)
        assert until(lambda: attacker.known() == names.PHONE.mac, 3.0) is not None
        attacker.send("announcement")
        assert until(lambda: attacker.known() == names.TABLET.mac, 3.0) is not None


def _follows_addresses(home: Home) -> None:
    """A second address of the gateway is guarded as long as it has it; so is a port that joins."""
    extra = ["192.168.78.1/24", "dev", names.LAN]
    home.gateway.run(["ip", "addr", "add", *extra], check=True)
    assert guarded(home, "192.168.78.1")
    home.gateway.run(["ip", "addr", "del", *extra], check=True)
    assert until(lambda: "192.168.78.1" not in home.gateway.run(["nft", "list", "ruleset"]).stdout, 5.0)
    home.gateway.run(["ip", "link", "add", "wlan7", "type", "veth", "peer", "name", "wlan8"], check=True)
    try:
        home.gateway.run(["ip", "link", "set", "wlan7", "master", names.LAN], check=True)
        assert guarded(home, '"wlan7"')
    finally:
        home.gateway.run(["ip", "link", "del", "wlan7"], check=True)


def _is_repaired(home: Home) -> None:
    home.gateway.run(["nft", "delete", "table", "bridge", "qalqan"], check=True)
    assert guarded(home, names.GATEWAY_IPV4)


def test_without_a_bridge_a_claim_to_all_devices_is_reported() -> None:
    """The switch is another machine's here: what goes from port to port never reaches the gateway."""
    with OneArmedHome() as home, fresh(home, PROFILES, lan=[ARM]) as daemon:
        assert daemon.client.call("guardian", action="add", name="Mum")
        assert "bridge" not in tables(home)
        with attack(home, names.GATEWAY_IPV4, names.PARENT.ipv4) as attacker:
            assert attacker.believed("reply") == names.TABLET.mac, "it cannot be dropped there"
            assert attacker.believed("reply-to-all") == names.TABLET.mac
        assert until(lambda: len(problems(daemon)) == 1, 3.0) is not None
        assert names.TABLET.mac in problems(daemon)[0]
        with attack(home, names.GATEWAY_IPV6, names.PARENT.ipv6) as attacker:
            attacker.believed("advertisement-to-all")
        assert daemon.log.read_text().count("claims an address of the gateway") == 1, "once a day"


_CONNECT = """
import socket, time
for port in range(1024, 1124):
    with socket.socket() as sock:
        sock.setblocking(False)
        sock.connect_ex(("198.51.100.7", port))
        time.sleep(0.01)
"""


def test_who_stands_between_a_parents_phone_and_the_gateway_is_reported() -> None:
    """By a claim that the gateway never receives: what the device forwards tells."""
    with OneArmedHome() as home, fresh(home, PROFILES, lan=[ARM]) as daemon:
        phone, tablet = home.devices[names.PARENT.key], home.devices[names.TABLET.key]
        tablet.run(["sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.send_redirects=0"])
        tablet.run(["sysctl", "-qw", "net.ipv4.conf.eth0.send_redirects=0"], check=True)
        _speaks(phone)
        assert until(lambda: owner(daemon, names.PARENT.ipv4) == names.PARENT.mac, 3.0) is not None
        with attack(home, names.GATEWAY_IPV4, names.PARENT.ipv4) as attacker:
            assert attacker.believed("reply") == names.TABLET.mac
            phone.run([sys.executable, "-c", _CONNECT], check=True)
        assert problems(daemon) == [], "the claim itself was not seen"
        assert until(lambda: daemon.client.call("questions")["count"] > 0, 5.0) is not None
        shown = [
            (one["mac"], one["ask"], one["known"]) for one in daemon.client.call("questions")["questions"]
        ]
        assert (names.PARENT.mac, "address", names.TABLET.mac) in shown


def test_the_address_of_a_parents_phone_moves_to_a_childs_device(home: Home) -> None:
    """The parents are asked once the phone uses it again. The child's device is the child's all the time."""
    phone, mums = home.devices[names.PARENT.key], names.PARENT.ipv4
    with fresh(home, PROFILES) as daemon, attack(home, mums, names.GATEWAY_IPV4) as attacker:
        _speaks(phone)
        assert until(lambda: owner(daemon, mums) == names.PARENT.mac, 3.0) is not None
        attacker.send("request")
        assert until(lambda: owner(daemon, mums) == names.TABLET.mac, 3.0) is not None
        assert daemon.client.call("device", ip=mums)["profile"] == "daughter"
        assert daemon.client.call("questions")["questions"] == [], "a lease may have moved there"
        _speaks(phone)
        assert until(lambda: daemon.client.call("questions")["count"] == 1, 3.0) is not None
        (question,) = daemon.client.call("questions")["questions"]
        assert (question["mac"], question["ask"], question["known"]) == (
            names.PARENT.mac,
            "address",
            names.TABLET.mac,
        )
        assert daemon.client.call("device", ip=mums)["asked"] == "address"


def _speaks(device: Namespace) -> None:
    """The device looks for the gateway and sends to it."""
    device.run(["ip", "neigh", "flush", "dev", "eth0"], check=True)
    device.run([sys.executable, "-c", _SPEAK, names.GATEWAY_IPV4], check=True)
