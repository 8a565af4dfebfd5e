"""The gateway itself, as a child's device finds it: real listeners, every address of it, both families."""

from __future__ import annotations

import json
import re
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import clients, names
from tests.lab.daemon import WEB_PORT, Daemon
from tests.lab.filtering import CUT, FAMILIES, PROFILES, fetch, fresh, python, serving, until
from tests.lab.home import Home
from tests.lab.netns import Namespace, stop

pytestmark = pytest.mark.lab

HELP = "befrienders.org"
SSH, HTTP, HTTPS, SHARES, MEDIA = 22, 80, 443, 445, 8096
REFUSED = {"ConnectionRefusedError", "PermissionError"}  # by a reset; at a link-local address by ICMPv6
SERVICES = (SSH, HTTP, HTTPS, SHARES, MEDIA)

# As on a router: on all of its addresses, and SSH speaks first.
_SERVE = """
import socket, sys, threading
def serve(server):
    while True:
        peer, _ = server.accept()
        port = server.getsockname()[1]
        peer.sendall(b"SSH-2.0-router\\r\\n" if port == 22 else b"HTTP/1.0 200 OK\\r\\n\\r\\nrouter")
        peer.close()
for port in map(int, sys.argv[1:]):
    server = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
    threading.Thread(target=serve, args=[server]).start()
print("ready", flush=True)
"""
_TRY = """
import json, socket, sys
def attempt(address, port):
    try:
        with socket.create_connection((address, port), 10) as sock:
            return sock.recv(20).decode()
    except OSError as error:
        return type(error).__name__
*addresses, ports = sys.argv[1:]
told = {f"{one} {port}": attempt(one, int(port)) for one in addresses for port in ports.split(",")}
print(json.dumps(told))
"""
_ASK = """
import socket, struct, sys
address, port, name, kind, wait = sys.argv[1:]
message = struct.pack(">HHHHHH", 1, 0x100, 1, 0, 0, 0)
message += b"".join(bytes([len(one)]) + one.encode() for one in name.split("."))
message += struct.pack(">BHH", 0, 1, 1)
family = socket.AF_INET6 if ":" in address else socket.AF_INET
tcp = kind == "tcp"
try:
    with socket.socket(family, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as sock:
        sock.settimeout(float(wait))
        sock.connect((address, int(port)))
        sock.send(struct.pack(">H", len(message)) + message if tcp else message)
        print("answered" if sock.recv(1000) else "closed")
except OSError as error:
    print(type(error).__name__)
"""


@pytest.fixture(scope="module", autouse=True)
def services(home: Home) -> Iterator[None]:
    with serving(home.gateway, _SERVE, *map(str, SERVICES)):
        yield


@pytest.fixture(scope="module")
def daemon(home: Home) -> Iterator[Daemon]:
    daemon = fresh(home, PROFILES, gateway_ports=[MEDIA])
    daemon._with_web = True
    with daemon as started:
        started.client.call("assign", mac=names.NEW.mac, profile="guest")
        yield started


def link_local(home: Home) -> str:
    shown = home.gateway.run(["ip", "-6", "-o", "addr", "show", "dev", names.LAN, "scope", "link"]).stdout
    return f"{shown.split('inet6 ')[1].split('/')[0]}%eth0"


def addresses(home: Home) -> list[str]:
    return [names.GATEWAY_IPV4, names.GATEWAY_IPV6, names.WAN_IPV4, names.WAN_IPV6, link_local(home)]


def tries(home: Home, device: Namespace, *ports: int) -> dict[str, str]:
    told: dict[str, str] = json.loads(
        python(device, _TRY, *addresses(home), ",".join(map(str, ports)), timeout=60)
    )
    return told


@pytest.mark.usefixtures("daemon")
@pytest.mark.parametrize("key", ["tablet", "phone", "new"])
def test_no_service_of_the_router_is_there_for_a_child_or_a_guest(home: Home, key: str) -> None:
    told = tries(home, home.devices[key], SSH, HTTP, HTTPS, SHARES)
    assert len(told) == 20
    assert set(told.values()) == REFUSED


@pytest.mark.usefixtures("daemon")
def test_but_what_the_family_opens_is(home: Home) -> None:
    assert all("HTTP/1.0 200" in one for one in tries(home, home.devices["tablet"], MEDIA).values())


@pytest.mark.usefixtures("daemon")
def test_and_all_of_them_are_for_an_adult(home: Home) -> None:
    told = tries(home, home.devices["parent"], *SERVICES)
    assert all("router" in one or "HTTP/1.0 200" in one for one in told.values()), told


def test_open_is_as_if_we_were_not_there(home: Home, daemon: Daemon) -> None:
    daemon.stop()
    try:
        with fresh(home, PROFILES, gateway_access="open"):
            told = tries(home, home.devices["tablet"], SSH, HTTPS)
            assert all("router" in one or "HTTP/1.0 200" in one for one in told.values()), told
    finally:
        again = fresh(home, PROFILES, gateway_ports=[MEDIA])
        again.stop()
        daemon.start()
        daemon.client.call("assign", mac=names.NEW.mac, profile="guest")


_ECHO = """
import socket, threading
def echo(peer):
    while data := peer.recv(100):
        peer.sendall(data)
server = socket.create_server(("::", 2222), family=socket.AF_INET6, dualstack_ipv6=True)
print("ready", flush=True)
while True:
    threading.Thread(target=echo, args=[server.accept()[0]], daemon=True).start()
"""
_TALK = """
import socket, sys, time
with socket.create_connection((sys.argv[1], 2222), 3) as sock:
    for turn in range(100):
        try:
            sock.send(b"x")
            sock.recv(1)
        except OSError as error:
            print(type(error).__name__)
            break
        if turn == 0:
            print("talks", flush=True)
        time.sleep(0.1)
"""


@pytest.mark.parametrize("address", [names.GATEWAY_IPV4, names.GATEWAY_IPV6])
@pytest.mark.parametrize("whose", ["daughter", "guest"])
def test_a_session_ends_when_the_device_becomes_a_childs(
    home: Home, daemon: Daemon, whose: str, address: str
) -> None:
    """One of the house's things, of whose connections the filter knows nothing, until somebody names it."""
    daemon.client.call("assign", mac=names.NEW.mac, profile="home")
    with serving(home.gateway, _ECHO):
        talking = home.devices["new"].popen([sys.executable, "-c", _TALK, address])
        try:
            assert talking.stdout is not None
            assert talking.stdout.readline() == b"talks\n"
            daemon.client.call("assign", mac=names.NEW.mac, profile=whose)
            assert talking.communicate(timeout=60)[0] == b"ConnectionResetError\n"
        finally:
            stop(talking)
            daemon.client.call("assign", mac=names.NEW.mac, profile="guest")


# -------------------------------------------------------------------- what listens, and for whom


def listeners(home: Home) -> dict[str, set[str]]:
    """Where connections are taken from outside of loopback, by process."""
    found: dict[str, set[str]] = {}
    for line in home.gateway.run(["ss", "-Hltnp"]).stdout.splitlines():
        local = line.split()[3]
        users = re.findall(r'\("([^"]+)",pid=(\d+)', line)
        if not local.startswith(("127.", "[::1]")):
            for _, pid in users:
                found.setdefault(pid, set()).add(local)
    return found


def port_of_the_listener(home: Home, daemon: Daemon) -> str:
    (local,) = listeners(home)[str(daemon.pid)]
    return local.rpartition(":")[2]


def test_nothing_of_ours_listens_but_pages_and_resolvers(home: Home, daemon: Daemon) -> None:
    found = listeners(home)
    assert len(found[str(daemon.pid)]) == 1, "the daemon listens for DNS over TCP alone"
    assert daemon._web is not None
    assert {one.rpartition(":")[2] for one in found[str(daemon._web.pid)]} == {str(WEB_PORT)}
    assert {one.rpartition(":")[0] for one in found[str(daemon._web.pid)]} == {
        f"0.0.0.0%{names.LAN}",
        f"[::]%{names.LAN}",
    }
    mode = daemon.socket.stat()
    assert stat.S_ISSOCK(mode.st_mode), "the control socket is a file: no device can name it"
    assert mode.st_mode & 0o007 == 0


@pytest.mark.parametrize(
    ("key", "address", "told"),
    [
        ("internet", names.WAN_IPV4, "TimeoutError"),
        ("internet", names.WAN_IPV6, "TimeoutError"),
        ("internet", names.GATEWAY_IPV6, "TimeoutError"),
        ("tablet", names.GATEWAY_IPV4, "ConnectionRefusedError"),
        ("tablet", names.GATEWAY_IPV6, "ConnectionRefusedError"),
        ("tablet", names.WAN_IPV4, "ConnectionRefusedError"),
        ("parent", names.GATEWAY_IPV4, "closed"),
        ("parent", names.GATEWAY_IPV6, "closed"),
    ],
)
def test_the_dns_listener_is_no_open_resolver(
    home: Home, daemon: Daemon, key: str, address: str, told: str
) -> None:
    device = home.internet if key == "internet" else home.devices[key]
    port = port_of_the_listener(home, daemon)
    wait = clients.SILENCE_S if told == "TimeoutError" else clients.PATIENCE_S
    assert python(device, _ASK, address, port, "www.example.org", "tcp", str(wait)).strip() in (
        told,
        "ConnectionResetError" if told == "closed" else told,
    )


@pytest.mark.parametrize("kind", ["tcp", "udp"])
@pytest.mark.parametrize("address", [names.WAN_IPV4, names.WAN_IPV6, names.GATEWAY_IPV6])
def test_nor_is_the_resolver_of_help(home: Home, daemon: Daemon, address: str, kind: str) -> None:
    conf = Path(daemon.folder, "run", "help.conf")
    assert until(conf.exists, 5.0) is not None
    port = re.findall(r"^port=(\d+)$", conf.read_text(), re.MULTILINE)[0]
    said = python(home.internet, _ASK, address, port, HELP, kind, str(clients.SILENCE_S))
    assert said.strip() == "TimeoutError"


# -------------------------------------------------------------------- always there


@pytest.mark.parametrize("key", ["tablet", "phone"])
def test_the_childs_page_and_help_are_there_alive_and_dead(home: Home, daemon: Daemon, key: str) -> None:
    device = home.devices[key]
    pages = ["http://192.0.0.8/", "http://[fd71:616c:7161:6e00::80]/"]
    pages += [f"http://{names.GATEWAY_IPV4}:{WEB_PORT}/", f"http://[{names.GATEWAY_IPV6}]:{WEB_PORT}/"]
    for alive in (True, False):
        if not alive:
            daemon.kill()
        try:
            for page in pages:
                # Without a daemon it says that the filter does not run, and how to repair that.
                assert clients.curl(device, page).status == (303 if alive else 503), (page, alive)
            assert set(tries(home, device, SSH).values()) == REFUSED, alive
            name = until(lambda: clients.dig(device, HELP, timeout=1).status == "NOERROR", 8.0)
            assert name is not None, alive
        finally:
            if not alive:
                daemon.start()


# -------------------------------------------------------------------- a network with a default of its own

BRIDGES = {names.LAN: "77", "br.guest": "78", "lan4.7": "79"}  # each with its subnet


@pytest.fixture(scope="module")
def three() -> Iterator[Home]:
    """A home of three networks; its fourth device has never been there."""
    with Home(absent=("new",)) as built:
        for name, third in list(BRIDGES.items())[1:]:
            for line in (
                f"link add {name} type bridge mcast_snooping 0",
                f"link set {name} up",
                f"addr add 192.168.{third}.1/24 dev {name}",
                f"addr add 2001:db8:{third}::1/64 dev {name} nodad",
            ):
                built.gateway.run(["ip", *line.split()], check=True)
            route = f"-6 route add 2001:db8:{third}::/64 via {names.WAN_IPV6} dev eth0 table local"
            built.internet.run(["ip", *route.split()], check=True)
        yield built


def moves(home: Home, key: str, bridge: str) -> Namespace:
    """The device leaves the network on which it is, for that one."""
    device, third = home.devices[key], BRIDGES[bridge]
    seat = home.seats[key]
    port = f"lan{list(home.seats).index(key) + 1}"
    for line in (f"link set {port} master {bridge}", f"link set {port} up"):
        home.gateway.run(["ip", *line.split()], check=True)
    for line in (
        "addr flush dev eth0 scope global",
        f"addr add {seat.ipv4.replace('.77.', f'.{third}.')}/24 dev eth0",
        f"addr add {seat.ipv6.replace(':77:', f':{third}:')}/64 dev eth0 nodad",
        f"route replace default via 192.168.{third}.1 dev eth0",
        f"-6 route replace default via 2001:db8:{third}::1 dev eth0",
    ):
        device.run(["ip", *line.split()], check=True)
    return device


GAMBLING, PLAIN = "www.bet365.com", "www.example.org"


@FAMILIES
def test_a_stranger_is_what_its_network_says(three: Home, version: int) -> None:
    settings = {
        "lan": list(BRIDGES),
        "unknown_devices": "home",
        "interfaces": {"br.guest": "guest", "lan4.7": "quarantine"},
    }

    def refused(device: Namespace, host: str) -> bool:
        return fetch(device, f"https://{host}/", version).how in CUT

    forgotten(three)
    with fresh(three, PROFILES, **settings) as daemon:
        new = moves(three, "new", "br.guest")
        assert refused(new, GAMBLING), "its first packet"
        assert not three.seen("https", GAMBLING)
        assert fetch(new, f"https://{PLAIN}/", version).reached
        assert until(lambda: place(daemon) == "guest", 3.0) is not None
        moves(three, "new", "lan4.7")
        assert refused(new, PLAIN)
        assert until(lambda: place(daemon) == "quarantine", 3.0) is not None
        moves(three, "new", names.LAN)
        assert until(lambda: fetch(new, f"https://{GAMBLING}/", version).reached, 10.0) is not None
        assert until(lambda: place(daemon) == "home", 3.0) is not None


def test_the_first_run_makes_no_thing_of_the_house_there(three: Home) -> None:
    settings = {"lan": list(BRIDGES), "interfaces": {"br.guest": "guest"}}
    forgotten(three)
    for bridge, wanted in (("br.guest", "guest"), (names.LAN, "home")):
        new = moves(three, "new", bridge)
        assert fetch(new, f"https://{PLAIN}/", 4).reached  # the gateway knows the device
        with fresh(three, PROFILES, **settings) as daemon:
            assert place(daemon) == wanted


@FAMILIES
def test_who_is_named_is_the_same_everywhere(three: Home, version: int) -> None:
    settings = {"lan": list(BRIDGES), "interfaces": {"br.guest": "home", "lan4.7": "quarantine"}}
    with fresh(three, PROFILES, **settings):
        for bridge in ("br.guest", "lan4.7", names.LAN):
            for key in ("tablet", "parent"):
                device = moves(three, key, bridge)
                assert fetch(device, f"https://{PLAIN}/", version).reached, (key, bridge)
                how = fetch(device, f"https://{GAMBLING}/", version)
                assert how.reached if key == "parent" else how.how in CUT, (key, bridge)


def place(daemon: Daemon) -> str:
    """As lists and pages show the fourth device."""
    devices = daemon.client.call("devices")["devices"]
    listed = next((str(one["profile"]) for one in devices if one["mac"] == names.NEW.mac), "")
    alone = daemon.client.call("device", mac=names.NEW.mac)["profile"]
    return listed if listed == alone else f"{listed}, {alone}"


def test_a_device_with_a_slot_of_its_own_is_followed_to_another_network_at_once(three: Home) -> None:
    """The kernel knows it by its address alone: what it has there Python says."""
    settings = {
        "lan": list(BRIDGES),
        "interfaces": {"br.guest": "guest", "lan4.7": "quarantine"},
        "managed": {names.NEW.mac: ["vpn.school.example"]},
    }
    forgotten(three)
    with fresh(three, PROFILES, **settings) as daemon:
        new = moves(three, "new", "br.guest")
        assert until(lambda: fetch(new, f"https://{PLAIN}/", 4).reached, 3.0) is not None
        assert until(lambda: place(daemon) == "guest", 3.0) is not None
        for bridge, wanted in (("lan4.7", "quarantine"), ("br.guest", "guest")) * 2:
            moves(three, "new", bridge)
            fetch(new, f"https://{PLAIN}/", 4)
            took = until(lambda: place(daemon) == wanted, 3.0)  # noqa: B023
            assert took is not None, bridge
            open_there = fetch(new, f"https://{PLAIN}/", 4).reached
            assert open_there is (wanted == "guest"), bridge


def test_the_very_first_packet_tells_where_a_device_is(three: Home) -> None:
    """Without a neighbour: it asks for an address, and knows the gateway's by heart."""
    settings = {"lan": list(BRIDGES), "unknown_devices": "home", "interfaces": {"lan4.7": "quarantine"}}
    forgotten(three)
    with fresh(three, PROFILES, **settings) as daemon:
        new = moves(three, "new", "lan4.7")
        new.run(["ip", "link", "set", "eth0", "arp", "off"], check=True)
        python(
            new,
            f"""
from scapy.all import *
sendp(Ether(src={names.NEW.mac!r}, dst="ff:ff:ff:ff:ff:ff") / IP(src="0.0.0.0", dst="255.255.255.255")
    / UDP(sport=68, dport=67) / BOOTP(chaddr=bytes.fromhex({names.NEW.mac.replace(":", "")!r}))
    / DHCP(options=[("message-type", "discover"), "end"]), iface="eth0", verbose=0)
""",
        )
        assert until(lambda: daemon.client.call("device", mac=names.NEW.mac)["profile"] == "quarantine", 0.5)
        assert names.NEW.mac not in three.gateway.run(["ip", "neigh"]).stdout
        new.run(["ip", "link", "set", "eth0", "arp", "on"], check=True)
        address = three.gateway.run(["cat", "/sys/class/net/lan4.7/address"]).stdout.strip()
        new.run(["ip", "neigh", "replace", "192.168.79.1", "lladdr", address, "dev", "eth0"], check=True)
        assert fetch(new, f"https://{PLAIN}/", 4).how in CUT
        assert not three.seen("https", PLAIN)


def forgotten(home: Home) -> None:
    """The fourth device is away, and the kernel knows nobody: else it belongs to the next one's house."""
    home.gateway.run(["ip", "link", "set", "lan4", "down"], check=True)
    for name in BRIDGES:
        home.gateway.run(["ip", "neigh", "flush", "dev", name, "nud", "all"])
    home.begin_anew()
