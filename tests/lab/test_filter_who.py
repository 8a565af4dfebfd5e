"""Whose device it is decides: unknown ones, adults', those on an approved list; and what has no name."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.lab import clients, names
from tests.lab.daemon import Daemon
from tests.lab.filtering import (
    ALLOWED,
    BLOCKED,
    CUT,
    DAUGHTER,
    FAMILIES,
    MUM,
    PROFILES,
    REFUSED,
    ZONE,
    Sniffer,
    address,
    bracketed,
    fetch,
    film,
    fresh,
    is_explained,
    python,
    queued,
    set_time,
    until,
)
from tests.lab.home import Home
from tests.lab.netns import Namespace, stop, stopping
from tests.pace import longest, within

pytestmark = pytest.mark.lab

GAMBLING = "www.bet365.com"  # refused by category in every band
LISTED = "pbskids.org"  # an approved site
HELP = "befrienders.org"
WIREGUARD = 51820
ESP, GRE, SCTP = 50, 47, 132
LATE = 2.0  # seconds in which what passes has long arrived


@pytest.fixture
def own() -> Iterator[Home]:
    """A home whose fourth device has never been there."""
    with Home(absent=("new",)) as built:
        yield built


def _refused(device: Namespace, version: int, host: str) -> bool:
    return fetch(device, f"https://{host}/", version).how in CUT


# -------------------------------------------------------------------------------------------- unknown


def test_an_unknown_device_is_a_guest_from_its_first_packet(own: Home) -> None:
    profiles = {**PROFILES, "daughter": {**DAUGHTER, "bedtime": "20:45-07:00"}}
    new = own.devices["new"]
    with fresh(own, profiles) as daemon:
        set_time(daemon, "2026-11-25T12:00:00")
        own.join("new")
        first = until(lambda: fetch(new, f"https://{GAMBLING}/", 4).how in CUT, 5.0)
        assert first is not None
        assert not own.seen("https", GAMBLING)
        for version in (4, 6):
            assert _refused(new, version, GAMBLING)
            assert fetch(new, f"https://{ALLOWED}/", version).reached
            assert not clients.h3(new, GAMBLING, address=address(GAMBLING, version), timeout=1.0).reached
        # A family's own entries are about its children. In its first seconds it may be one's.
        assert until(lambda: fetch(new, f"https://{BLOCKED}/", 4).reached, 10.0) is not None
        assert fetch(new, f"https://{BLOCKED}/", 6).reached
        assert is_explained(clients.dig(new, GAMBLING, server="8.8.8.8"))
        assert daemon.client.call("device", mac=names.NEW.mac)["profile"] == "guest"
        set_time(daemon, "2026-11-25T20:46:00")
        assert not fetch(new, f"https://{ALLOWED}/", 4, timeout=1.0).reached
        assert _refused(new, 4, ALLOWED)


def test_who_is_there_at_the_first_run_belongs_to_the_house(own: Home) -> None:
    own.join("new")
    new = own.devices["new"]
    assert fetch(new, f"https://{GAMBLING}/", 4).reached
    with fresh(own) as daemon:
        assert daemon.client.call("device", mac=names.NEW.mac)["profile"] == "home"
        for version in (4, 6):
            assert fetch(new, f"https://{GAMBLING}/", version).reached
        assert _refused(own.devices["tablet"], 4, GAMBLING), "what a profile names is filtered all the same"


def test_a_childs_device_whose_file_is_broken_is_never_a_thing_of_the_house(own: Home) -> None:
    tablet = own.devices["tablet"]
    assert fetch(tablet, f"https://{GAMBLING}/", 4).reached  # the gateway knows the device
    broken = f'name: Daughter\nband: 10-13\ndevices: ["{names.TABLET.mac}"]\n'
    with fresh(own, {**PROFILES, "daughter": broken}) as daemon:
        assert _refused(tablet, 4, GAMBLING)
        daemon.write_profile("daughter", DAUGHTER)
        daemon.client.call("reload")
        assert _refused(tablet, 4, BLOCKED)
        daemon.write_profile("daughter", broken)
        daemon.stop()
        daemon.start()
        assert _refused(tablet, 4, BLOCKED), "the last good version is forgotten"


@pytest.mark.parametrize("version", [4, 6])
def test_quarantine(own: Home, version: int) -> None:
    own.join("new")
    new = own.devices["new"]
    with _as_a_later_one(own, "quarantine") as daemon:
        assert daemon.client.call("device", mac=names.NEW.mac)["profile"] == "quarantine"
        assert _refused(new, version, ALLOWED)
        assert clients.dig(new, ALLOWED).status == "NXDOMAIN"
        assert until(lambda: fetch(new, f"https://{HELP}/", version).reached, 5.0) is not None
        assert fetch(own.devices["tablet"], f"https://{ALLOWED}/", version).reached


def test_unknown_devices_at_home(own: Home) -> None:
    own.join("new")
    with _as_a_later_one(own, "home") as daemon:
        assert daemon.client.call("device", mac=names.NEW.mac)["profile"] == "home"
        for version in (4, 6):
            opens = until(lambda: fetch(own.devices["new"], f"https://{GAMBLING}/", version).reached, 10.0)  # noqa: B023
            assert opens is not None


def test_unknown_devices_in_a_profile(own: Home) -> None:
    own.join("new")
    with _as_a_later_one(own, "daughter"):
        for version in (4, 6):
            assert _refused(own.devices["new"], version, BLOCKED)
            assert fetch(own.devices["new"], f"https://{ALLOWED}/", version).reached


def _as_a_later_one(own: Home, unknown: str) -> Daemon:
    """A daemon that has run before, while the fourth device was not there."""
    own.gateway.run(["ip", "neigh", "flush", "dev", names.LAN])
    link = ["ip", "link", "set", "lan4"]
    own.gateway.run([*link, "down"], check=True)
    with fresh(own, unknown_devices=unknown):
        time.sleep(0.1)
    own.gateway.run([*link, "up"], check=True)
    return Daemon(own, PROFILES, settings={"timezone": ZONE.key, "unknown_devices": unknown})


def test_a_device_that_is_given_to_a_child_is_filtered_at_once(own: Home) -> None:
    own.join("new")
    new = own.devices["new"]
    with _as_a_later_one(own, "home") as daemon:
        assert until(lambda: fetch(new, f"https://{REFUSED}/", 4).reached, 10.0) is not None
        with film(new, REFUSED, 4) as running:
            assert running.started()
            daemon.client.call("assign", mac=names.NEW.mac, profile="daughter")
            assert _refused(new, 4, BLOCKED)
            assert fetch(new, f"https://{ALLOWED}/", 4).reached
            took = running.death(time.monotonic())
            assert took is not None, "what it ran before was never judged"


# -------------------------------------------------------------------------------------------- whoever it is


@pytest.fixture(scope="module")
def daemon(home: Home) -> Iterator[Daemon]:
    toddler = {"band": "0-5", "devices": [names.NEW.mac], "bedtime": {}, "limits": {}}
    with fresh(home, {**PROFILES, "toddler": toddler}) as started:
        yield started


def test_another_address_is_the_same_device(home: Home, tablet: Namespace) -> None:
    for text, version in (("192.168.77.99/24", 4), ("2001:db8:77::abcd/64", 6)):
        tablet.run(
            ["ip", "addr", "add", text, "dev", "eth0", *(["nodad"] if version == 6 else [])], check=True
        )
        try:
            source = ["--interface", text.partition("/")[0]]
            assert fetch(tablet, f"https://{REFUSED}/", version, extra=source).how in CUT
            assert fetch(tablet, f"https://{ALLOWED}/", version, extra=source).reached
        finally:
            tablet.run(["ip", "addr", "del", text, "dev", "eth0"], check=True)


def test_a_resolver_at_a_link_local_address(home: Home, tablet: Namespace) -> None:
    shown = home.gateway.run(["ip", "-6", "-o", "addr", "show", "dev", names.LAN, "scope", "link"]).stdout
    local = shown.split("inet6 ")[1].split("/")[0]
    for extra in ((), ("+tcp",)):
        refused = clients.dig(tablet, REFUSED, server=f"{local}%eth0", extra=extra)
        assert is_explained(refused), refused.text
        allowed = clients.dig(tablet, ALLOWED, server=f"{local}%eth0", extra=extra)
        assert allowed.records == (address(ALLOWED, 4),), allowed.text


@FAMILIES
def test_an_adults_device_is_never_queued(home: Home, daemon: Daemon, version: int) -> None:
    parent = home.devices["parent"]
    before = queued(daemon)
    for host in (ALLOWED, REFUSED, GAMBLING):
        assert fetch(parent, f"https://{host}/", version).reached
        assert fetch(parent, f"http://{host}/", version).reached
        assert clients.h3(parent, host, address=address(host, version)).reached
    assert clients.udp(parent, address(REFUSED, version)).reached
    assert fetch(parent, f"https://{ALLOWED}/bytes/20M", version, timeout=20.0).reached
    assert queued(daemon) == before


# -------------------------------------------------------------------------------------------- from outside

_SERVER = """
import socket, sys, threading, time
family = socket.AF_INET6 if sys.argv[1] == "6" else socket.AF_INET
listener = socket.socket(family)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", 2222))
listener.listen()
print("ready", flush=True)
def serve(sock):
    try:
        while data := sock.recv(4096):
            sock.sendall(data)
    except OSError:
        pass
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""

_CALLER = """
import socket, sys, time
sock = socket.create_connection((sys.argv[1], 2222), 3)
sock.settimeout(5)
end = time.monotonic() + float(sys.argv[2])
count = 0
try:
    while time.monotonic() < end:
        sock.sendall(b"hello from outside\\n")
        assert sock.recv(100)
        count += 1
        print(count, time.monotonic(), flush=True)
        time.sleep(0.05)
except OSError as error:
    print("ended", time.monotonic(), error, flush=True)
"""

_DNAT = f"""
table ip lab_dnat {{
  chain prerouting {{
    type nat hook prerouting priority dstnat; policy accept;
    iifname "{names.WAN}" tcp dport 2222 dnat to {names.TABLET.ipv4};
  }}
}}
"""


@FAMILIES
def test_connections_from_outside(home: Home, tablet: Namespace, daemon: Daemon, version: int) -> None:
    """A forwarded port works, and a pause ends it like anything else."""
    home.gateway.run(["nft", "-f", "-"], stdin=_DNAT, check=True)
    server = tablet.popen([sys.executable, "-c", _SERVER, str(version)])
    where = names.WAN_IPV4 if version == 4 else names.TABLET.ipv6
    try:
        assert server.stdout is not None
        assert server.stdout.readline() == b"ready\n"
        assert "ended" not in python(home.internet, _CALLER, where, "0.5")
        argv = [sys.executable, "-c", _CALLER, where, "8"]
        with stopping(home.internet.popen(argv, stderr=subprocess.DEVNULL)) as caller:
            assert caller.stdout is not None
            assert caller.stdout.readline().startswith(b"1 ")
            began = time.monotonic()
            daemon.client.call("pause", who="daughter", minutes=5)
            try:
                last = [line.split() for line in caller.stdout.read().decode().splitlines()]
                moments = [float(line[1]) for line in last if line[0] != "ended"]
                assert last[-1][0] == "ended", last[-1]
                cut = max(moments, default=began) - began
                print(f"pause → the last byte from outside over IPv{version} after {cut * 1000:.0f} ms")
                assert cut <= longest(1.0)
            finally:
                daemon.client.call("resume", who="daughter")
    finally:
        stop(server)
        home.gateway.run(["nft", "delete", "table", "ip", "lab_dnat"], check=True)


# -------------------------------------------------------------------------------------------- without a name

_RAW = """
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
with socket.socket(family, socket.SOCK_RAW, int(sys.argv[2])) as sock:
    for _ in range(3):
        try:
            sock.sendto(b"%64d" % 7, (sys.argv[1], 0))
        except OSError:
            pass
"""


@FAMILIES
def test_other_protocols(home: Home, tablet: Namespace, version: int) -> None:
    # Without ports, a translated address serves one device for each end outside.
    where, mums = address("calling.example", version), address("calls.example", version)
    for proto, passes in ((ESP, False), (GRE, False), (SCTP, False)):
        with Sniffer(home.internet, proto=proto) as seen:
            python(tablet, _RAW, where, str(proto))
            arrived = (until if passes else within)(lambda: len(seen.packets) > 0, LATE if passes else 0.4)
            assert (arrived is not None) is passes, (proto, seen.packets)
        with Sniffer(home.internet, proto=proto) as seen:
            python(home.devices["parent"], _RAW, mums, str(proto))
            assert until(lambda: len(seen.packets) > 0, LATE) is not None, "an adult may"


_TALK = """
import socket, sys
answers = 0
try:
    with socket.create_connection((sys.argv[1], 7), 10) as sock:
        for word in (b"one", b"two", b"three"):
            sock.sendall(word)
            answers += bool(sock.recv(100))
except OSError:
    pass
print(answers)
"""


@FAMILIES
def test_a_tunnel_without_a_name_follows_the_mode(home: Home, daemon: Daemon, version: int) -> None:
    where = address("tunnel.example", version)
    for port in (WIREGUARD, 7):
        known = port == WIREGUARD  # as a way around, which a block-list refuses as well
        told = "a block-list lets through what it does not know"
        wait = clients.SILENCE_S if known else clients.PATIENCE_S
        assert clients.udp(home.devices["tablet"], where, port, timeout=wait).reached is not known, told
        assert python(home.devices["tablet"], _TALK, where) == "3\n"
        toddler = clients.udp(home.devices["new"], where, port, timeout=1.0)
        assert not toddler.reached, "an approved list does not"
        # That it has no name is only known when the server answers.
        assert python(home.devices["new"], _TALK, where) in ("0\n", "1\n")


@FAMILIES
def test_an_approved_list(home: Home, daemon: Daemon, version: int) -> None:
    new = home.devices["new"]
    assert _refused(new, version, ALLOWED)
    assert is_explained(clients.dig(new, ALLOWED))
    qtype = "A" if version == 4 else "AAAA"
    assert clients.dig(new, LISTED, qtype).records == (address(LISTED, version),)
    assert fetch(new, f"https://{LISTED}/", version).reached
    # At an address that an approved name gave, a flow without a name may pass.
    assert clients.udp(new, address(LISTED, version)).reached


@FAMILIES
@pytest.mark.parametrize("key", ["tablet", "phone"])
def test_encrypted_dns_on_its_own_port(home: Home, daemon: Daemon, version: int, key: str) -> None:
    server = "8.8.8.8" if version == 4 else "2001:4860:4860::8888"
    answer = clients.dig(home.devices[key], ALLOWED, server=server, extra=("+tls",), timeout=1)
    assert answer.records == ()
    assert clients.tls(home.devices[key], "dns.google", address=server, port=853).how in CUT
    # DNS over QUIC (RFC 9250): as good as any QUIC to the pretended internet's eyes.
    with Sniffer(home.internet, proto=17, port=853) as seen:
        clients.h3(home.devices[key], "dns.google", address=server, port=853, timeout=0.6)
        assert seen.packets == []
    adult = clients.dig(home.devices["parent"], ALLOWED, server=server, extra=("+tls",))
    assert adult.records == (address(ALLOWED, 4),)


_JUNK = """
import os, socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
with socket.socket(family, socket.SOCK_DGRAM) as sock:
    sock.connect((sys.argv[1], 53))
    wireguard = b"\\x01\\0\\0\\0" + os.urandom(144)
    response = bytes.fromhex("1234818000010001000000000377777707657861") + os.urandom(40)
    for data in (b"x", b"", b"\\0" * 11, b"no message at all, but long enough", wireguard, response):
        sock.send(data)
"""


@FAMILIES
def test_what_is_no_dns_does_not_pass_as_dns(home: Home, tablet: Namespace, version: int) -> None:
    server = "8.8.8.8" if version == 4 else "2001:4860:4860::8888"
    with Sniffer(home.internet, proto=17, port=53) as seen:
        python(tablet, _JUNK, server)
        assert clients.dig(tablet, ALLOWED, server=server).records, "and a real question still does"
        assert until(lambda: len(seen.packets) > 0, LATE) is not None
        time.sleep(0.1)
        assert len(seen.packets) == 1, [one["start"] for one in seen.packets]
    with Sniffer(home.internet, proto=6, port=53) as seen:
        assert not clients.tls(tablet, ALLOWED, address=server, port=53, timeout=1.0).reached
        assert [one for one in seen.packets if one["bytes"]] == []


def test_mum_reaches_all_of_it(home: Home, daemon: Daemon) -> None:
    """Else the tests above would prove nothing."""
    parent, where = home.devices["parent"], address("tunnel.example", 4)
    assert clients.udp(parent, where, WIREGUARD).reached
    assert clients.tcp(parent, where).reached
    assert fetch(parent, f"https://{REFUSED}/", 4, to=bracketed(where)).reached
    assert MUM["band"] == "adult"
