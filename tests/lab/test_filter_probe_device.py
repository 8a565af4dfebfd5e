"""An audit's device: it has the daughter's rules at any hour, the rest of the home notices nothing, and
nothing of it is left, however it ends.
"""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.control.protocol import ANSWER_LIMIT, PROBE_INTERFACE, LineReader, decode, encode
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from tests.lab import clients, names
from tests.lab.daemon import WEB_PORT, Daemon
from tests.lab.filtering import (
    ALLOWED,
    BLOCKED,
    CUT,
    CUT_MS,
    DAUGHTER,
    FAMILIES,
    MUM,
    REFUSED,
    SON,
    address,
    assert_started,
    fetch,
    film,
    fresh,
    is_explained,
    python,
    set_time,
    until,
)
from tests.lab.home import ROOT, Home
from tests.lab.netns import Namespace, remove
from tests.pace import longest, within
from tests.sentences import sentence

pytestmark = pytest.mark.lab

OTHER_MAC = "02:5a:91:c3:07:e4"
PORT = "lanaudit"
IPV4, IPV6 = "192.168.77.200", "2001:db8:77::200"
APART4, APART6 = "192.168.78.2", "2001:db8:77:1::2"  # behind an interface of its own
ROUTER4, ROUTER6 = "192.168.78.1", "2001:db8:77:1::1"
WIREGUARD = 51820
SERVICE = 2222  # something on the gateway that is no business of a child
MARKER = "marker-of-an-audit"
PROFILES = {"daughter": {**DAUGHTER, "bedtime": "20:45-07:00"}, "son": SON, "mum": MUM}
NOON, NIGHT = "2026-11-25T12:00:00", "2026-11-25T21:30:00"

# A DHCP discover (RFC 2131) with a host name (option 12), as a phone says who it is.
_DISCOVER = """
import socket, struct, sys
mac = bytes.fromhex(sys.argv[1].replace(":", ""))
name = sys.argv[2].encode()
head = struct.pack("!BBBBIHHIIII", 1, 1, 6, 0, 7, 0, 0x8000, 0, 0, 0, 0) + mac.ljust(16, b"\\0") + bytes(192)
options = bytes.fromhex("63825363350101") + bytes([12, len(name)]) + name + bytes.fromhex("3703010306ff")
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
sock.bind(("", 68))
for _ in range(3):
    sock.sendto(head + options, ("255.255.255.255", 67))
"""

_CONNECTIONS = """
from gateway.kernel.conntrack import Conntrack
from gateway.kernel.marks import MarkLayout
layout = MarkLayout()
for one in Conntrack().entries():
    print(f"slot{layout.ct_slot(one.mark)}")
"""

# A question over TCP to the gateway, and the connection kept (RFC 7766).
_DNS_OVER_TCP = """
import socket, struct, sys
sock = socket.create_connection((sys.argv[1], 53))
name = b"".join(bytes([len(part)]) + part for part in sys.argv[2].encode().split(b".")) + bytes(1)
query = struct.pack("!6H", 7, 0x100, 1, 0, 0, 0) + name + struct.pack("!2H", 1, 1)
sock.sendall(struct.pack("!H", len(query)) + query)
print("answered" if sock.recv(2048) else "nothing", flush=True)
try:
    print("more" if sock.recv(2048) else "closed", flush=True)
except OSError:
    print("closed", flush=True)
"""

_HOLDER = """
import socket, sys, time
sock = socket.socket(socket.AF_UNIX)
sock.connect(sys.argv[1])
sock.sendall(sys.argv[2].encode() + b"\\n")
print(sock.recv(65536).decode(), flush=True)
time.sleep(600)
"""


class Held:
    """A control connection that stays, as an audit's does."""

    def __init__(self, daemon: Daemon) -> None:
        self._sock = socket.socket(socket.AF_UNIX)
        self._sock.settimeout(10.0)
        self._sock.connect(str(daemon.socket))
        self._reader = LineReader(ANSWER_LIMIT)

    def call(self, do: str, **values: object) -> dict[str, Any]:
        self._sock.sendall(encode({"do": do, **values}))
        lines: list[bytes] = []
        while not lines:
            data = self._sock.recv(1 << 16)
            assert data, "the daemon went away"
            lines = self._reader.feed(data)
        answer = decode(lines[0])
        assert answer.pop("ok"), answer
        return answer

    def close(self) -> None:
        self._sock.close()


@pytest.fixture(scope="module")
def own() -> Iterator[Home]:
    """A home whose fourth device has never been there."""
    with Home(absent=("new",)) as built:
        yield built


@pytest.fixture
def daemon(own: Home) -> Iterator[Daemon]:
    with fresh(own, PROFILES) as running:
        set_time(running, NOON)
        yield running


class Device(Namespace):
    """One more on the bridge, or behind an ``interface`` of its own; nobody has met its address before."""

    def __init__(self, home: Home, interface: str = "") -> None:
        super().__init__(f"{home.prefix}-audit")
        self.mac = ":".join(f"{byte:02x}" for byte in (0x02, *secrets.token_bytes(5)))
        self._gateway = home.gateway
        self._internet = home.internet
        self._apart = bool(interface)
        self._end = interface or PORT

    def __enter__(self) -> Device:
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        for scope in ("all", "default"):
            self.run(["sysctl", "-qw", f"net.ipv6.conf.{scope}.accept_dad=0"], check=True)
        peer = f"peer name eth0 address {self.mac} netns {self.name}"
        self._on_gateway(f"link add {self._end} type veth {peer}")
        if self._apart:
            self._on_gateway(f"addr add {ROUTER4}/24 dev {self._end}")
            self._on_gateway(f"-6 addr add {ROUTER6}/64 dev {self._end} nodad")
            back = f"-6 route replace 2001:db8:77:1::/64 via {names.WAN_IPV6} dev eth0 table local"
            self._internet.run(["ip", *back.split()], check=True)
        else:
            self._on_gateway(f"link set {self._end} master {names.LAN}")
        self.set_resolvers(ROUTER4 if self._apart else names.GATEWAY_IPV4)
        return self

    def __exit__(self, *_: object) -> None:
        remove([self.name])
        self._gateway.run(["ip", "link", "del", self._end])

    def connect(self) -> None:
        """Its link comes up: not before the daemon knows whose rules it has."""
        self._on_gateway(f"link set {self._end} up")
        apart = self._apart
        for words in (
            "link set lo up",
            "link set eth0 up",
            f"addr add {APART4 if apart else IPV4}/24 dev eth0",
            f"-6 addr add {APART6 if apart else IPV6}/64 dev eth0 nodad",
            f"route add default via {ROUTER4 if apart else names.GATEWAY_IPV4}",
            f"-6 route add default via {ROUTER6 if apart else names.GATEWAY_IPV6}",
        ):
            self.run(["ip", *words.split()], check=True)

    def _on_gateway(self, words: str) -> None:
        self._gateway.run(["ip", *words.split()], check=True)


@contextlib.contextmanager
def probe_device(home: Home, daemon: Daemon, who: str = "daughter") -> Iterator[tuple[Device, Held]]:
    with Device(home) as device, contextlib.closing(Held(daemon)) as held:
        held.call("probe_begin", who=who, mac=device.mac)
        device.connect()
        yield device, held


def refused(device: Namespace, version: int, host: str = BLOCKED) -> bool:
    return fetch(device, f"https://{host}/", version).how in CUT


def opens(device: Namespace, version: int, host: str = ALLOWED) -> bool:
    return fetch(device, f"https://{host}/", version).reached


def tunnels(device: Namespace, version: int) -> bool:
    return clients.udp(device, address("far.example", version), WIREGUARD, timeout=1.0).reached


def table(home: Home) -> str:
    return home.gateway.run(["nft", "list", "table", "inet", "qalqan"], check=True).stdout


def slots_in_use(home: Home) -> set[str]:
    return set(re.findall(r"chain (slot\d+)", table(home)))


def connections(home: Home, slots: set[str]) -> list[str]:
    """Slots of the connections that the kernel knows, beside ``slots``."""
    command = home.gateway.command([sys.executable, "-c", _CONNECTIONS])
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    return [one for one in done.stdout.split() if one not in {"slot0", "slot255", "slot64", *slots}]


def assert_nothing_left(home: Home, daemon: Daemon, slots: set[str], mac: str) -> None:
    assert until(lambda: mac not in table(home), 3.0) is not None
    assert slots_in_use(home) == slots
    assert connections(home, slots) == []
    assert not (daemon.folder / "run" / "probe").exists()
    daemon.client.call("probe_end")  # of none: no error
    with pytest.raises(ControlError, match="no bypass test runs"):
        daemon.client.call("probe_seen")
    told = [daemon.client.call(do) for do in ("devices", "status", "questions")]
    assert mac not in json.dumps(told)


def test_it_has_her_rules_at_bedtime_too(own: Home, daemon: Daemon) -> None:
    """And in a pause of hers, and while filtering is off: what is tried is what is refused at any hour."""
    tablet = own.devices["tablet"]
    with probe_device(own, daemon) as (device, held):
        for hour in (NOON, NIGHT, "paused", "off"):
            if hour == "paused":
                set_time(daemon, NOON)
                daemon.client.call("pause", who="daughter")
            elif hour == "off":
                daemon.client.call("resume", who="daughter")
                daemon.client.call("off")
            else:
                set_time(daemon, hour)
            for version in (4, 6):
                assert refused(device, version), hour
                assert opens(device, version), hour
                assert not tunnels(device, version), hour
                assert opens(tablet, version) is (hour in (NOON, "off")), hour
            assert is_explained(clients.dig(device, REFUSED)), hour
            assert clients.dig(device, ALLOWED).status == "NOERROR", hour
        assert held.call("probe_seen")["lost"] == 0


def test_what_begin_and_seen_tell(own: Home, daemon: Daemon) -> None:
    with Device(own) as device, contextlib.closing(Held(daemon)) as held:
        told = held.call("probe_begin", who="Daughter", mac=device.mac.upper())
        assert {key: told[key] for key in ("profile", "name", "band", "strict", "mode", "seconds")} == {
            "profile": "daughter",
            "name": "Daughter",
            "band": "10-12",
            "strict": False,
            "mode": "block-list",
            "seconds": 300,
        }
        assert told["ways"]["vpn"] == "block"
        device.connect()
        assert is_explained(clients.dig(device, REFUSED))
        assert refused(device, 4)
        assert not tunnels(device, 4)
        assert opens(device, 4)
        seen = held.call("probe_seen")["seen"]
        short = [(one["proto"], one["host"], one["verdict"], one["reason"]) for one in seen]
        assert ("dns", REFUSED, "block", "family_block") in short
        assert ("tls", BLOCKED, "block", "family_block") in short
        assert ("wireguard", None, "block", "vpn") in short
        assert ("tls", ALLOWED, "allow", "open") in short
        assert short.index(("dns", REFUSED, "block", "family_block")) < short.index(
            ("tls", ALLOWED, "allow", "open")
        )
        (tls,) = [one for one in seen if (one["proto"], one["host"]) == ("tls", BLOCKED)]
        assert (tls["dst"], tls["dport"], tls["rule"]) == (address(BLOCKED, 4), 443, f"block: {BLOCKED}")


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"who": "daughter", "mac": "00:5a:91:c3:07:e4"}, "is no locally administered address"),
        ({"who": "daughter", "mac": names.TABLET.mac}, "is a device's that was seen here"),
        ({"who": "mum", "mac": OTHER_MAC}, "is not a child"),
        ({"who": "nobody", "mac": OTHER_MAC}, "there is no such profile"),
        ({"who": names.PARENT.mac, "mac": OTHER_MAC}, sentence(Code.NOT_FILTERED)),
        ({"who": "02:00:00:00:00:77", "mac": OTHER_MAC}, sentence(Code.NOT_FILTERED)),
        ({"who": "daughter", "mac": OTHER_MAC, "interface": "eth0"}, f"can only be {PROBE_INTERFACE}"),
    ],
)
def test_what_cannot_be_audited(daemon: Daemon, values: dict[str, str], problem: str) -> None:
    with pytest.raises(ControlError, match=problem) as told:
        daemon.client.call("probe_begin", **values)
    assert "\n" not in str(told.value)


def test_one_at_a_time(own: Home, daemon: Daemon) -> None:
    with probe_device(own, daemon), pytest.raises(ControlError, match=sentence(Code.BUSY)):
        daemon.client.call("probe_begin", who="son", mac=OTHER_MAC)


@FAMILIES
def test_a_pause_cuts_what_it_runs_and_ends(own: Home, daemon: Daemon, version: int) -> None:
    with probe_device(own, daemon) as (device, held), film(device, ALLOWED, version) as stream:
        assert_started(stream)
        since = time.monotonic()
        held.call("probe_pause", paused=True)
        died = stream.death(since)
        assert died is not None
        assert died < CUT_MS
        assert not opens(device, version)
        assert opens(own.devices["tablet"], version)
        held.call("probe_pause", paused=False)
        assert opens(device, version)


def test_checks_do_not_influence_each_other(own: Home) -> None:
    """In a strict profile a name opens at an address that its answer gave, until the audit forgets it."""
    strict = {"daughter": {**DAUGHTER, "strict": True}, "son": SON, "mum": MUM}
    with fresh(own, strict) as daemon, probe_device(own, daemon) as (device, held):
        other = names.ipv4_of("elsewhere.example")
        assert clients.dig(device, "elsewhere.example").records == (other,)
        nameless = ["curl", "-sk", "-o", "/dev/null", "--max-time", "3", f"https://{other}/"]
        assert device.run(nameless).returncode == 0
        held.call("probe_clear")
        assert device.run(nameless).returncode != 0


def test_a_change_of_her_rules_is_its_own(own: Home, daemon: Daemon) -> None:
    with probe_device(own, daemon) as (device, _):
        assert opens(device, 4)
        daemon.write_profile("daughter", {**PROFILES["daughter"], "block": [ALLOWED]})
        daemon.client.call("reload")
        assert refused(device, 4, ALLOWED)
        assert opens(device, 4, BLOCKED)
        daemon.client.call("assign", mac=names.NEW.mac, profile="guest")
        assert refused(device, 4, ALLOWED)


def test_a_managed_device_s_tunnel_is_open_for_its_double(own: Home) -> None:
    settings = {"managed": {names.TABLET.mac: ["vpn.school.example"]}}
    with fresh(own, PROFILES, **settings) as daemon:
        school = names.ipv4_of("vpn.school.example")
        for who, passes in ((names.TABLET.mac, True), ("daughter", False)):
            with probe_device(own, daemon, who) as (device, held):
                for _ in range(2):
                    came = (until if passes else within)(
                        lambda: clients.udp(device, school, WIREGUARD, timeout=clients.SILENCE_S).reached, 4.0
                    )
                    assert (came is not None) is passes
                    held.call("probe_clear")


def test_nothing_of_it_is_kept_or_told(own: Home, daemon: Daemon) -> None:
    """A marker in its names, its host name and its address, searched for wherever the daemon writes or tells.
    A stranger that comes meanwhile is one like any other.
    """
    events: list[dict[str, Any]] = []
    slots = slots_in_use(own)
    with daemon.client.events(idle=0.5) as stream:
        with probe_device(own, daemon) as (device, held):
            (probe,) = slots_in_use(own) - slots
            python(device, _DISCOVER, device.mac, MARKER)
            assert clients.dig(device, f"{MARKER}.example").status == "NOERROR"
            assert is_explained(clients.dig(device, f"{MARKER}.tiktok.com"))
            assert refused(device, 4, f"{MARKER}.{BLOCKED}")
            assert opens(device, 6, f"{MARKER}.example")
            verdicts = daemon.client.call("status")["verdicts"]
            assert refused(device, 4, f"{MARKER}.{BLOCKED}")
            assert daemon.client.call("status")["verdicts"] == verdicts
            assert MARKER in json.dumps(held.call("probe_seen"))
            own.join("new")
            assert until(lambda: opens(own.devices["new"], 4), 5.0) is not None
            time.sleep(11.0)  # a look at all neighbours (daemon/devices/presence.py)
            daemon.client.call("scan")
            assert until(lambda: not daemon.client.call("scan", look=True)["running"], 30.0) is not None
            told = [daemon.client.call(do) for do in ("devices", "status", "questions")]
            told += [daemon.client.call("scan", look=True)]
            told += [daemon.client.call("refusals", profile=who) for who in ("daughter", "guest")]
            told += [daemon.client.call("ledger", who="daughter")]
            slots = slots_in_use(own) - {probe}  # the stranger may have one
        assert_nothing_left(own, daemon, slots, device.mac)
        assert device.mac not in own.gateway.run(["ip", "neigh"], check=True).stdout
        time.sleep(11.0)
        told += [daemon.client.call(do) for do in ("devices", "status", "questions")]
        while (event := next(stream)) is not None:
            events.append(event)
    everything = json.dumps([told, events])
    assert names.NEW.mac in everything
    came = {one["mac"] for one in events if one["event"] == "device"}
    assert names.NEW.mac in came
    assert came <= {seat.mac for seat in names.SEATS}
    daemon.stop()
    files = [path for path in daemon.state.rglob("*") if path.is_file()] + [daemon.log]
    for text in (MARKER, device.mac, IPV4, IPV6):
        assert text not in everything, text
        for file in files:
            assert text.encode() not in file.read_bytes(), (text, file)
    daemon.start()


def test_it_ends_with_its_connection(own: Home, daemon: Daemon) -> None:
    slots = slots_in_use(own)
    with probe_device(own, daemon) as (device, held):
        asking = device.popen([sys.executable, "-c", _DNS_OVER_TCP, names.GATEWAY_IPV4, ALLOWED])
        with asking, film(device, ALLOWED, 4) as stream:
            assert_started(stream)
            assert asking.stdout is not None
            assert asking.stdout.readline() == b"answered\n"
            assert slots_in_use(own) != slots
            since = time.monotonic()
            held.close()
            assert stream.death(since) is not None, "it was let through by rules that are not its any more"
            assert asking.stdout.readline() == b"closed\n"
            assert time.monotonic() - since < longest(5.0, below=14.0), (
                "long before it would have been idle (names/dnsproxy.py)"
            )
        assert_nothing_left(own, daemon, slots, device.mac)


def test_it_ends_when_it_is_told_to_and_with_the_daemon(own: Home, daemon: Daemon) -> None:
    slots = slots_in_use(own)
    with probe_device(own, daemon) as (device, held):
        assert opens(device, 4)
        held.call("probe_end")
        assert_nothing_left(own, daemon, slots, device.mac)
        held.call("probe_begin", who="son", mac=device.mac)
        assert refused(device, 4)
        assert "qalqan" in own.gateway.run(["nft", "list", "tables"]).stdout
        daemon.stop()
        assert "qalqan" not in own.gateway.run(["nft", "list", "tables"]).stdout
    daemon.start()
    assert_nothing_left(own, daemon, slots, device.mac)


def test_it_ends_with_a_client_that_is_killed(own: Home, daemon: Daemon) -> None:
    slots = slots_in_use(own)
    with Device(own) as device:
        begin = json.dumps({"do": "probe_begin", "who": "daughter", "mac": device.mac})
        client = subprocess.Popen(
            [sys.executable, "-c", _HOLDER, str(daemon.socket), begin], stdout=subprocess.PIPE
        )
        with client:
            assert client.stdout is not None
            assert json.loads(client.stdout.readline())["ok"]
            device.connect()
            assert refused(device, 4)
            client.kill()
        assert_nothing_left(own, daemon, slots, device.mac)
        assert opens(device, 4), "it is a stranger's now"
        time.sleep(11.0)  # it is still on the network, and nobody asks whose it is
        told = [daemon.client.call(do) for do in ("devices", "status", "questions")]
        assert device.mac not in json.dumps(told)


def test_nothing_is_left_after_a_kill_of_the_daemon(own: Home, daemon: Daemon) -> None:
    slots = slots_in_use(own)
    with probe_device(own, daemon) as (device, _):
        assert refused(device, 4)
        assert opens(device, 4)
        daemon.kill()
        assert not opens(device, 4), "her profile fails closed"
    daemon.start()
    assert_nothing_left(own, daemon, slots, device.mac)
    time.sleep(11.0)
    assert_nothing_left(own, daemon, slots, device.mac)
    daemon.stop()
    for path in daemon.state.rglob("*"):
        assert not path.is_file() or device.mac.encode() not in path.read_bytes()
    daemon.start()


def _passed(home: Home) -> dict[str, int]:
    """Bytes of each element of the pass map."""
    shown = home.gateway.run(["nft", "list", "map", "inet", "qalqan", "pass"], check=True).stdout
    return {key: int(size) for key, size in re.findall(r"(0x[0-9a-f]+) .*?bytes (\d+)", shown)}


def test_the_rest_of_the_family_notices_nothing(own: Home) -> None:
    """A brother's films and the sister's own run on, their counters are unbroken, nothing is judged."""
    with fresh(own, {**PROFILES, "daughter": DAUGHTER}) as daemon, contextlib.ExitStack() as stack:
        phone, tablet = own.devices["phone"], own.devices["tablet"]
        films = [stack.enter_context(film(one, ALLOWED, v)) for one in (phone, tablet) for v in (4, 6)]
        assert_started(*films)
        before, judged = _passed(own), daemon.client.call("status")["verdicts"]
        assert any(before.values()), "their films are counted here"
        for turn in range(3):
            with probe_device(own, daemon) as (device, held):
                assert refused(device, 4)
                held.call("probe_pause", paused=True)
                held.call("probe_pause", paused=False)
                held.call("probe_clear")
                assert opens(device, 6)
                after = _passed(own)
                assert all(after[key] >= size for key, size in before.items()), turn
                before = {key: after[key] for key in before}
            assert all(one.flows() for one in films)
        after = _passed(own)
        assert all(after[key] >= size for key, size in before.items())
        assert daemon.client.call("status")["verdicts"] == judged


@pytest.mark.slow
def test_minutes_of_others_are_counted_on(own: Home) -> None:
    """Bypass tests begin and end all through a brother's minute; of what they move themselves nothing counts.

    He is under 13: his minutes of today are shown.
    """
    limited = {"limits": {"internet": "2h"}}
    son = {**SON, **limited, "band": "10-12"}
    profiles = {"daughter": {**DAUGHTER, **limited}, "son": son, "mum": MUM}
    with fresh(own, profiles) as daemon, film(own.devices["phone"], ALLOWED, 4) as watched:
        assert_started(watched)

        def used(who: str) -> int:
            (child,) = [one for one in daemon.client.call("status")["profiles"] if one["id"] == who]
            return sum(one["minutes"] for one in child["used"] if one["target"] == "internet")

        until_s = time.monotonic() + 130.0
        while used("son") < 2 and time.monotonic() < until_s:
            with probe_device(own, daemon) as (device, _), film(device, ALLOWED, 4) as own_film:
                assert_started(own_film)
                time.sleep(5.0)
        assert used("son") == 2
        assert used("daughter") == 0
        assert watched.runs


@FAMILIES
def test_an_interface_of_its_own(own: Home, version: int) -> None:
    """For a gateway whose LAN is no bridge; the pages do not listen there."""
    with fresh(own, PROFILES) as daemon, Device(own, PROBE_INTERFACE) as device:
        daemon.start_web()
        slots = slots_in_use(own)
        with contextlib.closing(Held(daemon)) as held:
            held.call("probe_begin", who="daughter", mac=device.mac, interface=PROBE_INTERFACE)
            device.connect()
            assert refused(device, version)
            assert opens(device, version)
            assert not tunnels(device, version)
            if version == 4:
                assert is_explained(clients.dig(device, REFUSED, server="8.8.8.8"))
                assert not clients.tcp(device, ROUTER4, WEB_PORT).reached
                service = [sys.executable, "-m", "http.server", str(SERVICE), "-d", str(own.leases.parent)]
                with own.gateway.popen(service, stdout=subprocess.DEVNULL) as router:
                    parents = f"http://{names.GATEWAY_IPV4}:{SERVICE}/"
                    assert (
                        until(lambda: clients.curl(own.devices["parent"], parents).reached, 5.0) is not None
                    )
                    assert not clients.curl(device, f"http://{ROUTER4}:{SERVICE}/", timeout=2.0).reached
                    router.terminate()
            assert clients.curl(own.devices["tablet"], f"http://{names.GATEWAY_IPV4}:{WEB_PORT}/").status
            listening = own.gateway.run(["ss", "-Hltn", f"sport = :{WEB_PORT}"]).stdout
            assert listening
            assert all(f"%{names.LAN}:" in line for line in listening.splitlines())
        assert_nothing_left(own, daemon, slots, device.mac)
        assert PROBE_INTERFACE not in table(own)
