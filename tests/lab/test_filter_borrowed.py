"""A child's device on a cable that sends with a parent's hardware address, its first packet or all of them.

Its frames are rewritten by its own kernel as they leave; ARP and neighbour discovery stay as they are, since
that is how the answers find it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from gateway.lan.neighbours import MAX_OF_ONE
from tests.lab import clients, names
from tests.lab.daemon import Daemon
from tests.lab.dhcpserver import dhcp_server
from tests.lab.filtering import (
    ALLOWED,
    BLOCKED,
    CUT,
    DAUGHTER,
    FAMILIES,
    PROFILES,
    REFUSED,
    SON,
    Arrivals,
    QuicFilm,
    address,
    fetch,
    film,
    fresh,
    is_explained,
    module,
    python,
    until,
)
from tests.lab.home import Home
from tests.lab.netns import Namespace, stopping
from tests.pace import longest

pytestmark = pytest.mark.lab

FIRST, ALL = "meta mark 0x7", "meta l4proto { tcp, udp }"
HOW = pytest.mark.parametrize("frames", [FIRST, ALL], ids=["first", "all"])
CUT_S = 1.0
SPARE = {4: "192.168.77.99", 6: "2001:db8:77::99"}

_BORROW = """
table inet borrow {{
  chain first {{ type filter hook output priority 0; ct state new meta mark set 0x7; }}
}}
table netdev borrow {{
  chain out {{ type filter hook egress device "eth0" priority 0; {frames} ether saddr set {mac}; }}
}}
"""

_ANNOUNCE = """
import socket, sys
sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
sock.bind(("eth0", 0x0806))
own, ip = sock.getsockname()[4], socket.inet_aton(sys.argv[1])
head = b"\\xff" * 6 + own + b"\\x08\\x06" + bytes((0, 1, 8, 0, 6, 4, 0, 1))
sock.send(head + own + ip + bytes(6) + ip)
"""


_TALK = """
import socket, sys, time
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
while True:
    sock.sendto(b".", (sys.argv[1], 9))
    time.sleep(0.02)
"""

_ASK_FROM = """
import socket, sys
gateway, *own = sys.argv[1:]
question = b"\\x12\\x34\\x01\\0\\0\\1\\0\\0\\0\\0\\0\\0\\3www\\7example\\3org\\0\\0\\1\\0\\1"
answers = 0
for text in own:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.bind((text, 0))
        sock.sendto(question, (gateway, 53))
        try:
            answers += bool(sock.recv(512))
        except TimeoutError:
            pass
print(answers)
"""


@contextmanager
def borrowing(device: Namespace, mac: str, frames: str) -> Iterator[None]:
    device.run(["nft", "-f", "-"], stdin=_BORROW.format(mac=mac, frames=frames), check=True)
    try:
        yield
    finally:
        device.run(["nft", "delete table inet borrow; delete table netdev borrow"], check=True)


@contextmanager
def another_address(device: Namespace, version: int) -> Iterator[str]:
    """Of which the gateway has never heard."""
    text = f"{SPARE[version]}/{24 if version == 4 else 64}"
    device.run(["ip", "addr", "add", text, "dev", "eth0", *(["nodad"] if version == 6 else [])], check=True)
    try:
        yield SPARE[version]
    finally:
        device.run(["ip", "addr", "del", text, "dev", "eth0"], check=True)


@pytest.fixture(scope="module")
def daemon(home: Home) -> Iterator[Daemon]:
    daughter = {**DAUGHTER, "block": [*DAUGHTER["block"], "www.example.net"]}
    with fresh(home, {**PROFILES, "daughter": daughter}) as started:
        yield started


@pytest.fixture
def phone(home: Home, daemon: Daemon) -> Iterator[Namespace]:
    """The son's, whose own addresses the gateway knows."""
    son = home.devices["phone"]
    for version in (4, 6):
        assert fetch(son, f"https://{ALLOWED}/", version).reached
        assert known(home, names.PHONE.ipv4 if version == 4 else names.PHONE.ipv6)
    yield son
    _forget(home)


def known(home: Home, text: str) -> bool:
    """Whether the table soon has the address as a filtered device's."""
    return until(lambda: _in_table(home, text), CUT_S) is not None


def _in_table(home: Home, text: str) -> bool:
    name = "owner6" if ":" in text else "owner4"
    get = f'get element inet qalqan {name} {{ "{names.LAN}" . {text} }}'
    return home.gateway.run(["nft", get]).returncode == 0


def _forget(home: Home) -> None:
    """Of the spare addresses nobody knows whose they were."""
    for spare in SPARE.values():
        home.gateway.run(["ip", "neigh", "del", spare, "dev", names.LAN])


@HOW
@FAMILIES
def test_a_parents_hardware_address_opens_nothing(
    phone: Namespace, arrivals: Arrivals, version: int, frames: str
) -> None:
    with borrowing(phone, names.PARENT.mac, frames):
        assert fetch(phone, f"https://{REFUSED}/", version).how in CUT
        assert not fetch(phone, f"http://{BLOCKED}/", version, timeout=1.0).reached
        assert fetch(phone, f"https://{ALLOWED}/", version).reached
    assert not arrivals.of("https", REFUSED)
    assert not arrivals.of("http", BLOCKED)


@HOW
@FAMILIES
def test_nor_over_quic_and_in_dns(phone: Namespace, arrivals: Arrivals, version: int, frames: str) -> None:
    gateway = names.GATEWAY_IPV4 if version == 4 else names.GATEWAY_IPV6
    with borrowing(phone, names.PARENT.mac, frames):
        assert not clients.h3(phone, REFUSED, address=address(REFUSED, version), timeout=1.5).reached
        assert clients.h3(phone, ALLOWED, address=address(ALLOWED, version)).reached
        for server in (gateway, "8.8.8.8"):
            assert is_explained(clients.dig(phone, REFUSED, server=server))
    assert not arrivals.of("h3", REFUSED)


def test_nor_does_an_invented_one(phone: Namespace) -> None:
    """A guest has no family's own entries."""
    with borrowing(phone, "da:a1:19:00:00:55", FIRST):
        for version in (4, 6):
            assert fetch(phone, f"https://{BLOCKED}/", version).how in CUT


def test_nor_does_a_brothers(home: Home, daemon: Daemon) -> None:
    """Where both are filtered, the address counts: who has it gets the answers."""
    tablet = home.devices["tablet"]
    for version in (4, 6):
        assert fetch(tablet, f"https://{ALLOWED}/", version).reached
        assert known(home, names.TABLET.ipv4 if version == 4 else names.TABLET.ipv6)
        with borrowing(tablet, names.PHONE.mac, FIRST):
            assert fetch(tablet, "https://www.example.net/", version).how in CUT
            assert fetch(tablet, f"https://{ALLOWED}/", version).reached


@HOW
@FAMILIES
def test_an_address_used_for_nothing_else_lives_until_its_first_answer(
    home: Home, phone: Namespace, version: int, frames: str
) -> None:
    with another_address(phone, version) as spare, borrowing(phone, names.PARENT.mac, frames):
        began = time.monotonic()
        with film(phone, REFUSED, version, extra=("--interface", spare)) as stream:
            assert stream.death(began) is not None, "nobody has judged it"
            took = (stream.ended_at or 0.0) - began
        print(f"IPv{version}: dead {took * 1000:.0f} ms after its first packet")
        assert took <= longest(CUT_S)
        source = ("--interface", spare)
        assert fetch(phone, f"https://{REFUSED}/", version, extra=source).how in CUT
        assert fetch(phone, f"https://{ALLOWED}/", version, extra=source).reached


@FAMILIES
def test_nor_does_a_quic_connection_live_longer(home: Home, phone: Namespace, version: int) -> None:
    text = home.seats["phone"].ipv4 if version == 4 else home.seats["phone"].ipv6
    length = 24 if version == 4 else 64
    phone.run(["ip", "addr", "del", f"{text}/{length}", "dev", "eth0"], check=True)
    try:
        with another_address(phone, version) as spare, borrowing(phone, names.PARENT.mac, ALL):
            if version == 6:
                phone.run(["ip", "-6", "route", "replace", "default", "via", names.GATEWAY_IPV6])
            else:
                phone.run(["ip", "route", "replace", "default", "via", names.GATEWAY_IPV4])
            with QuicFilm(phone, REFUSED, version) as stream:
                assert until(partial(_in_table, home, spare), 3.0) is not None, "its first packet tells"
                assert until(lambda: not stream.flows(CUT_S), CUT_S) is not None
            with QuicFilm(phone, ALLOWED, version) as stream:
                assert stream.started(), "what may pass does, from this address and by this way"
    finally:
        again = ["ip", "addr", "replace", f"{text}/{length}", "dev", "eth0"]
        phone.run([*again, *(["nodad"] if version == 6 else [])], check=True)
        phone.run(["ip", "route", "replace", "default", "via", names.GATEWAY_IPV4])
        phone.run(["ip", "-6", "route", "replace", "default", "via", names.GATEWAY_IPV6])


def test_more_addresses_than_are_kept_of_a_device(home: Home, phone: Namespace) -> None:
    """The first of them, which the gateway has forgotten, is asked for anew once it is used again."""
    many = [f"2001:db8:77::77:{number:x}" for number in range(1, MAX_OF_ONE + 40)]
    batch = "\n".join(f"addr add {one}/64 dev eth0 nodad" for one in many)
    phone.run(["ip", "-6", "-batch", "-"], stdin=batch, check=True)
    try:
        assert int(python(phone, _ASK_FROM, names.GATEWAY_IPV6, *many)) > MAX_OF_ONE
        assert known(home, many[-1])
        assert not _in_table(home, many[0])
        for used in (many[0], many[-1]):
            with borrowing(phone, names.PARENT.mac, FIRST):
                began = time.monotonic()
                with film(phone, REFUSED, 6, extra=("--interface", used)) as stream:
                    assert stream.death(began) is not None
                    assert (stream.ended_at or 0.0) - began <= longest(CUT_S)
    finally:
        batch = "\n".join(f"addr del {one}/64 dev eth0" for one in many)
        phone.run(["ip", "-6", "-batch", "-"], stdin=batch, check=True)


def test_a_device_is_known_by_the_address_that_it_uses_after_a_start_too(
    home: Home, daemon: Daemon, phone: Namespace
) -> None:
    """The kernel still lists hundreds that it had."""
    old = "\n".join(
        f"neigh replace 2001:db8:77::88:{at:x} lladdr {names.PHONE.mac} dev {names.LAN} nud stale"
        for at in range(1, 200)
    )
    home.gateway.run(["ip", "-batch", "-"], stdin=old, check=True)
    daemon.stop()
    daemon.start()
    try:
        for ip in (names.PHONE.ipv4, names.PHONE.ipv6):
            # The kernel may have dropped the entry meanwhile, so create it where it is missing.
            entry = [ip, "lladdr", names.PHONE.mac, "dev", names.LAN, "nud", "stale"]
            home.gateway.run(["ip", "neigh", "replace", *entry], check=True)
            assert daemon.client.call("device", ip=ip)["mac"] == names.PHONE.mac
        for text in ("no address", "192.168.77.77", "::"):
            assert daemon.client.call("device", ip=text)["mac"] is None
    finally:
        home.gateway.run(["ip", "neigh", "flush", "dev", names.LAN, "nud", "stale"])


@FAMILIES
def test_a_parents_running_download_is_not_disturbed(home: Home, phone: Namespace, version: int) -> None:
    """Her device says something now and then, or the switch would send her answers to the son's cable."""
    mum = home.devices["parent"]
    talk = mum.popen([sys.executable, "-c", _TALK, names.GATEWAY_IPV4])
    with stopping(talk), film(mum, REFUSED, version, rate="500k") as mums:
        assert mums.started()
        for frames in (FIRST, ALL):
            with borrowing(phone, names.PARENT.mac, frames):
                assert fetch(phone, f"https://{REFUSED}/", version).how in CUT
            assert mums.flows()
        with another_address(phone, version) as spare:
            assert fetch(phone, f"https://{ALLOWED}/", version, extra=("--interface", spare)).reached
        received = mums.received
        assert until(lambda: mums.received > received + 200_000, 3.0) is not None
        assert mums.runs


def test_after_a_restart_and_without_a_daemon(home: Home, daemon: Daemon) -> None:
    son, tablet = home.devices["phone"], home.devices["tablet"]
    for device in (son, tablet):
        assert fetch(device, f"https://{ALLOWED}/", 4).reached
    daemon.stop()
    daemon.start()
    with borrowing(son, names.PARENT.mac, FIRST):
        assert fetch(son, f"https://{REFUSED}/", 4).how in CUT
    with borrowing(tablet, names.PARENT.mac, FIRST):
        assert fetch(tablet, f"https://{REFUSED}/", 4).how in CUT
        daemon.kill()
        try:
            assert not fetch(tablet, f"https://{REFUSED}/", 4, timeout=1.0).reached, "it fails closed"
        finally:
            daemon.start()


@FAMILIES
def test_a_parent_takes_over_a_childs_address(home: Home, phone: Namespace, version: int) -> None:
    """By hand, and with nothing but a question for the gateway before its first packet."""
    parent = home.devices["parent"]
    with another_address(phone, version) as spare:
        source = ("--interface", spare)
        assert fetch(phone, f"https://{ALLOWED}/", version, extra=source).reached
        assert known(home, spare)
    with another_address(parent, version):
        parent.run(["ip", "neigh", "flush", "dev", "eth0"], check=True)
        began = time.monotonic()
        fetch(parent, f"https://{ALLOWED}/", version, extra=source)
        assert until(lambda: not _in_table(home, spare), CUT_S) is not None
        print(f"IPv{version}: hers {(time.monotonic() - began) * 1000:.0f} ms after her first packet")
        assert fetch(parent, f"https://{REFUSED}/", version, extra=source).reached
        with film(parent, REFUSED, version, extra=source) as mums:
            assert mums.started()


def test_a_parents_lease_was_a_childs(tmp_path: Path) -> None:
    """By real DHCP, out of a pool of one address."""
    with Home(absent=("new",), quic=False) as own:
        son, parent = own.devices["phone"], own.devices["parent"]
        for device in (son, parent):
            device.run(["ip", "-4", "addr", "flush", "dev", "eth0"], check=True)
        with fresh(own, {"son": SON, "mum": PROFILES["mum"]}):
            one_address = "192.168.77.100,192.168.77.100,1h"
            for name in ("first", "second"):
                (tmp_path / name).mkdir()
            with dhcp_server(own, tmp_path / "first", pool=one_address):
                lent = _leased(son)
            assert fetch(son, f"https://{REFUSED}/", 4).how in CUT
            assert fetch(son, f"https://{ALLOWED}/", 4).reached
            son.run(["ip", "link", "set", "eth0", "down"], check=True)
            with dhcp_server(own, tmp_path / "second", pool=one_address):  # the lease is over
                assert _leased(parent) == lent
            assert fetch(parent, f"https://{REFUSED}/", 4).reached
            assert clients.dig(parent, REFUSED, server=names.GATEWAY_IPV4).records == (address(REFUSED, 4),)


def _leased(device: Namespace) -> str:
    found = module(device, "dhcpclient", "eth0").strip()
    python(device, _ANNOUNCE, found)  # RFC 5227 2.3, as phones and computers do
    device.run(["ip", "route", "replace", "default", "via", names.GATEWAY_IPV4], check=True)
    return found
