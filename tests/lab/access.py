"""Homes whose line to the internet, or whose own network, is not plain Ethernet.

Each class is a topology for `Home`. A *line* carries the traffic between gateway and internet instead of the
veth pair ``wan``, which then only transports it.

| class | line | MTU |
|---|---|---|
| `UserSpaceLine` | a TUN device at each end: a link without hardware addresses, on every kernel | 1492 |
| `PppoeLine` | pppd with the kernel's PPPoE, against pppoe-server | 1492 |
| `DsLiteLine` | IPv4 in IPv6 (`ip6tnl`, RFC 6333); IPv6 stays on the WAN | 1460 |
| `MapELine` | the same with the option that MAP-E's tunnels have (RFC 2473, encapsulation limit) | 1452 |

`Nat64Topology` has no IPv4; its provider reaches IPv4 for it, by a real translator and a real DNS64.
"""

from __future__ import annotations

import json
import select
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

from tests.lab import names
from tests.lab.home import ROOT
from tests.lab.names import Seat
from tests.lab.netns import LabError, Namespace, stop
from tests.lab.topology import Topology, batch
from tests.pace import longest

PPPOE_MTU = 1492
_READY_S = longest(20.0)
_TRY_EVERY_S = 0.1


class ServedTopology(Topology):
    """A home with processes of its own on its wires."""

    _processes: Sequence[subprocess.Popen[bytes]] = ()

    def remove(self) -> None:
        for process in self._processes:
            stop(process)
        super().remove()

    def _start(self, end: Namespace, argv: list[str], log: str) -> None:
        with (self.folder / log).open("wb") as file:
            self._keep(end.popen(argv, cwd=ROOT, stdout=file, stderr=file))

    def _keep(self, process: subprocess.Popen[bytes]) -> None:
        self._processes = (*self._processes, process)


class LineTopology(ServedTopology, ABC):
    """The home with another line. A subclass says which, in `_open_line`."""

    wan = "line0"
    mtu = PPPOE_MTU
    families: tuple[int, ...] = (4, 6)  # that go by the line

    @classmethod
    def missing(cls) -> str:
        """Return what this machine lacks for the line; empty if nothing."""
        return ""

    def _build_gateway(self) -> None:
        super()._build_gateway()
        ends = (self.gateway, self.internet)
        for end, port in zip(ends, (names.WAN, "eth0"), strict=True):
            for family in self.families if 6 in self.families else (4,):
                end.run(["ip", f"-{family}", "addr", "flush", "dev", port, "scope", "global"], check=True)
        self._open_line()
        self._move(4, names.WAN_IPV4, names.PROVIDER_IPV4, 30)
        if 6 in self.families:
            self._move(6, names.WAN_IPV6, names.PROVIDER_IPV6, 64)
        self.masquerade()

    @abstractmethod
    def _open_line(self) -> None:
        """Make the interface ``wan`` at both ends, up."""

    def _move(self, family: int, own: str, provider: str, bits: int) -> None:
        """Give both ends of the line their addresses and routes of one family."""
        nodad = ["nodad"] if family == 6 else []
        for end, address in ((self.gateway, own), (self.internet, provider)):
            argv = ["ip", f"-{family}", "addr", "replace", f"{address}/{bits}", "dev", self.wan, *nodad]
            end.run(argv, check=True)
        self.gateway.run(["ip", f"-{family}", "route", "replace", "default", "dev", self.wan], check=True)
        home = ["203.0.113.0/30"] if family == 4 else ["2001:db8:ff::/64", names.LAN_IPV6_PREFIX]
        for prefix in home:
            table = [prefix, "dev", self.wan, "table", "local"]
            self.internet.run(["ip", f"-{family}", "route", "del", prefix, "table", "local"])
            self.internet.run(["ip", f"-{family}", "route", "add", *table], check=True)

    def _await_line(self, *logs: str) -> None:
        until = time.monotonic() + _READY_S
        ends = [self.gateway, self.internet]
        while any(self.wan not in end.run(["ip", "-o", "link", "show", "up"]).stdout for end in ends):
            if time.monotonic() > until:
                said = " ".join((self.folder / log).read_text()[-300:] for log in logs)
                raise LabError(f"{type(self).__name__} does not come up: {' '.join(said.split())}")
            time.sleep(_TRY_EVERY_S)


class UserSpaceLine(LineTopology):
    """Packets travel in Ethernet frames of a type of their own, as with PPPoE, carried by two processes."""

    @classmethod
    def missing(cls) -> str:
        return "" if Path("/dev/net/tun").exists() else "/dev/net/tun"

    def _open_line(self) -> None:
        for end, port in ((self.gateway, names.WAN), (self.internet, "eth0")):
            argv = [sys.executable, "-m", "tests.lab.userline", port, self.wan, str(self.mtu)]
            process = end.popen(argv, cwd=ROOT, stderr=subprocess.DEVNULL)
            self._keep(process)
            assert process.stdout is not None
            readable, _, _ = select.select([process.stdout], [], [], _READY_S)
            if not readable or process.stdout.readline() != b"ready\n":
                raise LabError("the line in user space did not start")


class PppoeLine(LineTopology):
    """PPPoE as a provider has it: discovery, LCP, an MTU of 1492; packets by the kernel at the gateway."""

    wan = "ppp0"

    @classmethod
    def missing(cls) -> str:
        return _missing_module("pppoe") if Path("/dev/ppp").exists() else "PPP (CONFIG_PPPOE) in this kernel"

    def _open_line(self) -> None:
        server = self.folder / "pppoe-server-options"
        server.write_text(f"noauth\nlcp-echo-interval 0\nmtu {self.mtu}\nmru {self.mtu}\n+ipv6\n")
        pair = ["-L", names.PROVIDER_IPV4, "-R", names.WAN_IPV4, "-N", "1", "-O", str(server)]
        self._start(self.internet, ["pppoe-server", "-F", "-I", "eth0", *pair], "pppoe-server.log")
        size = ["mtu", str(self.mtu), "mru", str(self.mtu)]
        options = ["noauth", "nodetach", "nodefaultroute", "noipdefault", "+ipv6", "ifname", self.wan, *size]
        self._start(self.gateway, ["pppd", "plugin", "pppoe.so", f"nic-{names.WAN}", *options], "pppd.log")
        self._await_line("pppoe-server.log", "pppd.log")

    def _move(self, family: int, own: str, provider: str, bits: int) -> None:
        # pppd has set the IPv4 addresses, each with the other end as its peer.
        super()._move(family, own, provider, 32 if family == 4 else bits)


class DsLiteLine(LineTopology):
    mtu = 1460
    families = (4,)
    limit = "none"

    @classmethod
    def missing(cls) -> str:
        return _missing_link("ip6tnl", "mode", "ipip6", "local", "::1", "remote", "::2")

    def _open_line(self) -> None:
        pair = ((self.gateway, names.WAN_IPV6, names.PROVIDER_IPV6),
                (self.internet, names.PROVIDER_IPV6, names.WAN_IPV6))  # fmt: skip
        for end, own, other in pair:
            where = ["local", own, "remote", other, "encaplimit", self.limit]
            end.run(["ip", "-6", "tunnel", "add", self.wan, "mode", "ipip6", *where], check=True)
            end.run(["ip", "link", "set", self.wan, "mtu", str(self.mtu), "up"], check=True)


class MapELine(DsLiteLine):
    mtu = 1452
    limit = "4"


class VlanTopology(Topology):
    """The home's network is VLAN 20 of the bridge; the devices' frames carry its tag."""

    lan = f"{names.LAN}.20"

    @classmethod
    def missing(cls) -> str:
        return _missing_link("vlan", "link", "port", "id", "20")

    def _build_gateway(self) -> None:
        super()._build_gateway()
        _tag(self.gateway, names.LAN, (f"{names.GATEWAY_IPV4}/24", f"{names.GATEWAY_IPV6}/64"))

    def _build_device(self, seat: Seat) -> None:
        super()._build_device(seat)
        device = self.devices[seat.key]
        _tag(device, "eth0", (f"{seat.ipv4}/24", f"{seat.ipv6}/64"))
        routes = (
            f"route replace default via {names.GATEWAY_IPV4}",
            f"-6 route replace default via {names.GATEWAY_IPV6}",
        )
        batch(routes, device)


class SixOnlyTopology(Topology):
    """No IPv4 at all: neither on the line nor on the devices."""

    resolver = names.RESOLVER_IPV6

    def _build_gateway(self) -> None:
        super()._build_gateway()
        self.gateway.run(["ip", "-4", "addr", "flush", "dev", names.WAN], check=True)

    def _build_device(self, seat: Seat) -> None:
        super()._build_device(seat)
        device = self.devices[seat.key]
        device.run(["ip", "-4", "addr", "flush", "dev", "eth0"], check=True)
        device.set_resolvers(names.GATEWAY_IPV6)


# Of 96 bits. A translator refuses the addresses of the lab, for benchmarks, behind the well-known one.
NAT64_PREFIX, WELL_KNOWN_PREFIX = "2001:db8:64::", "64:ff9b::"
NAT64_POOL = "100.64.64."  # the first numbers of the addresses from which the translator calls
_DNS64_PORT = 5353
_TAYGA = """
tun-device {device}
ipv4-addr {pool}1
ipv6-addr 2001:db8:65::{number}
prefix {prefix}/96
dynamic-pool {pool}0/24
data-dir {folder}
"""
_UNBOUND = """
server:
  interface: {address}@{port}
  access-control: ::/0 allow
  module-config: "dns64 iterator"
  dns64-prefix: {prefix}/96
  dns64-ignore-aaaa: "."
  do-not-query-localhost: no
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: ""
  use-syslog: no
  logfile: ""
forward-zone:
  name: "."
  forward-addr: {resolver}
"""


class Nat64Topology(ServedTopology, SixOnlyTopology):
    """The provider translates IPv6 to IPv4 (tayga), and its resolver has DNS64 (unbound).

    All names have such addresses, as if the whole internet had IPv4 alone.
    """

    resolver = f"{names.PROVIDER_IPV6}#{_DNS64_PORT}"

    def _build_internet(self) -> None:
        super()._build_internet()
        # RFC 7050: this name has these addresses, and none of IPv6.
        zone = {"ipv4only.arpa": {"places": ["192.0.0.170", "192.0.0.171"], "families": [1]}}
        (self.folder / "zone.json").write_text(json.dumps(zone))
        self.internet.run(["sysctl", "-qw", "net.ipv6.conf.all.forwarding=1"], check=True)
        self._start_translator(1, NAT64_PREFIX, NAT64_POOL)
        self._start_translator(2, WELL_KNOWN_PREFIX, "100.64.65.")
        self._start_dns64()

    def _start_translator(self, number: int, prefix: str, pool: str) -> None:
        device = f"nat64-{number}"
        folder = self.folder / device
        folder.mkdir()
        text = _TAYGA.format(device=device, number=number, pool=pool, prefix=prefix, folder=folder)
        (folder / "tayga.conf").write_text(text)
        tayga = ["tayga", "--config", str(folder / "tayga.conf")]
        self.internet.run([*tayga, "--mktun"], check=True)
        batch(
            [
                f"link set {device} up",
                f"route add {pool}0/24 dev {device} table local",
                f"-6 route add {prefix}/96 dev {device} table local",
            ],
            self.internet,
        )
        self._start(self.internet, [*tayga, "--nodetach"], f"{device}.log")

    def _start_dns64(self) -> None:
        text = _UNBOUND.format(
            address=names.PROVIDER_IPV6, port=_DNS64_PORT, prefix=NAT64_PREFIX, folder=self.folder,
            resolver=names.RESOLVER_IPV4,
        )  # fmt: skip
        (self.folder / "unbound.conf").write_text(text)
        self._start(self.internet, ["unbound", "-c", str(self.folder / "unbound.conf")], "unbound.log")


# The neighbour's flat: on the same segment, with a network, a gateway and a line of its own.
NEIGHBOUR_MAC, NEIGHBOUR_IPV4 = "02:00:00:00:00:4e", "192.168.78.10"
_FLAT_MAC, _FLAT_IPV4 = "02:00:00:00:00:4f", "192.168.78.1"


class SharedSegmentTopology(Topology):
    """Two flats on one Wi-Fi: ours, and a neighbour's gateway ``flat`` with one device ``neighbour``."""

    @property
    def flat(self) -> Namespace:
        return Namespace(f"{self.prefix}-flat")

    @property
    def neighbour(self) -> Namespace:
        return Namespace(f"{self.prefix}-neighbour")

    @property
    def namespaces(self) -> list[Namespace]:
        return [*super().namespaces, self.flat, self.neighbour]

    def _links(self) -> list[str]:
        gateway = self.gateway.name
        ends = (("lan8", _FLAT_MAC, self.flat), ("lan9", NEIGHBOUR_MAC, self.neighbour))
        return [
            *super()._links(),
            *(
                f"link add {port} netns {gateway} type veth peer name eth0 address {mac} netns {end.name}"
                for port, mac, end in ends
            ),
            f"link add {names.WAN} index 9 netns {self.flat.name} type veth "
            f"peer name eth1 netns {self.internet.name}",
        ]

    def _build_gateway(self) -> None:
        super()._build_gateway()
        ports = [
            f"link set {port} {how}" for port in ("lan8", "lan9") for how in (f"master {names.LAN}", "up")
        ]
        batch(ports, self.gateway)
        batch(
            [
                "link set eth1 up",
                "addr add 198.51.100.1/30 dev eth1",
                "route add 198.51.100.0/30 dev eth1 scope link table local",
            ],
            self.internet,
        )
        batch(
            [
                "link set lo up",
                "link set eth0 up",
                f"link set {names.WAN} up",
                f"addr add {_FLAT_IPV4}/24 dev eth0",
                f"addr add 198.51.100.2/30 dev {names.WAN}",
                "route add default via 198.51.100.1",
            ],
            self.flat,
        )
        self.flat.run(["sysctl", "-qw", "net.ipv4.ip_forward=1"], check=True)
        self.masquerade(self.flat)
        batch(
            [
                "link set lo up",
                "link set eth0 up",
                f"addr add {NEIGHBOUR_IPV4}/24 dev eth0",
                f"route add default via {_FLAT_IPV4}",
            ],
            self.neighbour,
        )
        self.neighbour.set_resolvers(names.RESOLVER_IPV4)


def _tag(where: Namespace, port: str, addresses: tuple[str, ...]) -> None:
    """Move addresses from a port to its VLAN 20."""
    for family in ("-4", "-6"):
        where.run(["ip", family, "addr", "flush", "dev", port, "scope", "global"], check=True)
    tagged = f"{port}.20"
    lines = [f"link add link {port} name {tagged} type vlan id 20", f"link set {tagged} up"]
    batch(
        [*lines, *(f"addr add {a} dev {tagged}" + (" nodad" if ":" in a else "") for a in addresses)], where
    )


def _missing_link(kind: str, *arguments: str) -> str:
    """Return what this kernel lacks for links of a kind; empty if it makes one. It is removed again."""
    probe = Namespace(f"qq-probe-{kind}")
    subprocess.run(["ip", "netns", "add", probe.name], check=True)
    try:
        # Not lo, which takes no VLAN.
        probe.run(["ip", "link", "add", "port", "type", "veth", "peer", "name", "other"], check=True)
        if kind == "ip6tnl":
            made = probe.run(["ip", "-6", "tunnel", "add", "probe0", *arguments])
        else:
            made = probe.run(
                ["ip", "link", "add", "name", "probe0", *arguments[:2], "type", kind, *arguments[2:]]
            )
        return "" if made.returncode == 0 else f"links of the type {kind} in this kernel"
    finally:
        subprocess.run(["ip", "netns", "del", probe.name], check=False)


def _missing_module(name: str) -> str:
    protocols = Path("/proc/net/pppoe")
    subprocess.run(["modprobe", "-q", name], check=False, capture_output=True)
    return "" if protocols.exists() else f"{name} in this kernel"
