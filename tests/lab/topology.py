"""The wires of the virtual home.

internet ── eth0 · wan ── gateway ── br-lan ── lan1…lan4 · eth0 ── four devices

Every link is born inside its namespaces: nothing ever appears among the machine's own interfaces.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.lab import names
from tests.lab.names import SEATS, Seat
from tests.lab.netns import LabError, Namespace, remove, run_folder, sweep

NEEDED = ("ip", "nft", "dnsmasq", "sysctl")

MASQUERADE = f"""
table ip lab_nat {{
  chain postrouting {{
    type nat hook postrouting priority srcnat; policy accept;
    oifname "{names.WAN}" masquerade;
  }}
}}
"""

GATEWAY_SYSCTLS = (
    "net.ipv4.ip_forward=1",
    "net.ipv6.conf.all.forwarding=1",
    # As OpenWrt ships it: bad checksums are not INVALID, so the filter has to verify them itself.
    "net.netfilter.nf_conntrack_checksum=0",
)
# Where br_netfilter is loaded, as with Docker, it is on in every new namespace.
BRIDGE_SYSCTLS = ("net.bridge.bridge-nf-call-iptables=0", "net.bridge.bridge-nf-call-ip6tables=0")
# No duplicate-address detection (the larger of `all` and the interface's value counts): link-local addresses
# too are usable at once. Set before any link exists, since a link copies `default` when it is born.
_QUIET_IPV6 = (
    "net.ipv6.conf.all.accept_dad=0",
    "net.ipv6.conf.default.accept_dad=0",
    "net.ipv6.conf.default.router_solicitations=0",
)


def require_root_and_tools() -> None:
    if os.geteuid() != 0:
        raise LabError("the virtual home needs root for its network namespaces; run this as root")
    missing = [tool for tool in NEEDED if shutil.which(tool) is None]
    if missing:
        raise LabError(f"the virtual home needs the commands {', '.join(missing)}; `make run` installs them")


class Topology:
    """Namespaces and links of one home. ``build`` and ``remove``, nothing between."""

    lan = names.LAN  # the gateway's interface that faces the home
    wan = names.WAN  # … that faces the internet
    resolver = names.RESOLVER_IPV4  # that the gateway's dnsmasq asks

    def __init__(
        self, *, offload: bool = True, seats: Sequence[Seat] = SEATS, absent: Sequence[str] = ()
    ) -> None:
        self.prefix = f"qq{os.getpid()}x{secrets.token_hex(2)}"
        self.folder = run_folder(self.prefix)
        self.seats = tuple(seats)
        self.gateway = Namespace(f"{self.prefix}-gateway")
        self.internet = Namespace(f"{self.prefix}-internet")
        self.devices = {seat.key: Namespace(f"{self.prefix}-{seat.key}") for seat in self.seats}
        self._offload = offload
        self._absent = frozenset(absent)

    @property
    def _ports(self) -> dict[str, str]:
        """Each device's port on the bridge."""
        return {seat.key: f"lan{number}" for number, seat in enumerate(self.seats, 1)}

    @property
    def namespaces(self) -> list[Namespace]:
        return [self.internet, self.gateway, *self.devices.values()]

    def build(self) -> None:
        require_root_and_tools()
        sweep()
        self.folder.mkdir()
        batch([f"netns add {namespace.name}" for namespace in self.namespaces])
        for namespace in self.namespaces:
            namespace.run(["sysctl", "-qw", *_QUIET_IPV6], check=True)
        batch(self._links())
        self._build_internet()
        self._build_gateway()
        for seat in self.seats:
            self._build_device(seat)
        if not self._offload:
            self._switch_offload_off()

    def join(self, key: str) -> None:
        """Switch an absent device's link on, as when a phone joins the Wi-Fi."""
        batch([f"link set {self._ports[key]} up"], self.gateway)

    def remove(self) -> None:
        remove([namespace.name for namespace in self.namespaces])
        shutil.rmtree(self.folder, ignore_errors=True)

    def _links(self) -> list[str]:
        gateway = self.gateway.name
        # Both ends would be number 2, and the kernel then waits up to 1 s before it says that the link is up.
        wan = f"link add {names.WAN} index 9 netns {gateway} type veth"
        lines = [f"{wan} peer name eth0 netns {self.internet.name}"]
        for seat in self.seats:
            peer = f"peer name eth0 address {seat.mac} netns {self.devices[seat.key].name}"
            lines.append(f"link add {self._ports[seat.key]} netns {gateway} type veth {peer}")
        return lines

    def _build_internet(self) -> None:
        own = (
            f"addr add {names.PROVIDER_IPV4}/30 dev eth0",
            f"addr add {names.PROVIDER_IPV6}/64 dev eth0 nodad",
        )
        # The whole internet is this one host: every address there is answers here. The routes towards the
        # home stand in the same table, since `local` is asked first.
        everything = (
            "route add local 0.0.0.0/1 dev lo table local",
            "route add local 128.0.0.0/1 dev lo table local",
            "route add 203.0.113.0/30 dev eth0 scope link table local",
            "-6 route add local ::/1 dev lo table local",
            "-6 route add local 8000::/1 dev lo table local",
            "-6 route add fe80::/10 dev eth0 table local",
            "-6 route add 2001:db8:ff::/64 dev eth0 table local",
            f"-6 route add {names.LAN_IPV6_PREFIX} via {names.WAN_IPV6} dev eth0 table local",
        )
        batch(["link set lo up", "link set eth0 up", *own, *everything], self.internet)

    def _build_gateway(self) -> None:
        batch(
            [
                "link set lo up",
                f"link add {names.LAN} address {names.GATEWAY_MAC} type bridge mcast_snooping 0",
                *(f"link set {port} master {names.LAN}" for port in self._ports.values()),
                *(f"link set {port} up" for key, port in self._ports.items() if key not in self._absent),
                f"addr add {names.GATEWAY_IPV4}/24 dev {names.LAN}",
                f"addr add {names.GATEWAY_IPV6}/64 dev {names.LAN} nodad",
                f"link set {names.LAN} up",
                f"addr add {names.WAN_IPV4}/30 dev {names.WAN}",
                f"addr add {names.WAN_IPV6}/64 dev {names.WAN} nodad",
                f"link set {names.WAN} up",
                f"route add default via {names.PROVIDER_IPV4}",
                f"-6 route add default via {names.PROVIDER_IPV6}",
            ],
            self.gateway,
        )
        # First the rule, which brings in connection tracking and with it one of the sysctls.
        self.masquerade()
        self.gateway.run(["sysctl", "-qw", *GATEWAY_SYSCTLS], check=True)
        self.gateway.run(["sysctl", "-qew", *BRIDGE_SYSCTLS], check=True)
        self.gateway.set_resolvers("127.0.0.1")

    def masquerade(self, gateway: Namespace | None = None) -> None:
        """The home's way out over IPv4, which a flushed ruleset takes away."""
        table = "table ip lab_nat { }\ndelete table ip lab_nat\n"
        rules = table + MASQUERADE.replace(f'"{names.WAN}"', f'"{self.wan}"')
        (gateway or self.gateway).run(["nft", "-f", "-"], stdin=rules, check=True)

    def _build_device(self, seat: Seat) -> None:
        device = self.devices[seat.key]
        batch(
            [
                "link set lo up",
                "link set eth0 up",
                f"addr add {seat.ipv4}/24 dev eth0",
                f"addr add {seat.ipv6}/64 dev eth0 nodad",
                f"route add default via {names.GATEWAY_IPV4}",
                f"-6 route add default via {names.GATEWAY_IPV6}",
            ],
            device,
        )
        device.set_resolvers(names.GATEWAY_IPV4, names.GATEWAY_IPV6)

    def _switch_offload_off(self) -> None:
        if shutil.which("ethtool") is None:
            raise LabError("ethtool is needed to switch segmentation offload off; install it")
        off = ["tso", "off", "gso", "off", "gro", "off"]
        for port in (names.WAN, *self._ports.values()):
            self.gateway.run(["ethtool", "-K", port, *off], check=True)
        for namespace in (self.internet, *self.devices.values()):
            namespace.run(["ethtool", "-K", "eth0", *off], check=True)


def batch(lines: Sequence[str], namespace: Namespace | None = None) -> None:
    """One ``ip`` process for many commands. A line may start with ``-6``."""
    where = ["-n", namespace.name] if namespace else []
    for family in ("-4", "-6"):
        chosen = [line.removeprefix("-6 ") for line in lines if line.startswith("-6 ") == (family == "-6")]
        if not chosen:
            continue
        done = subprocess.run(
            ["ip", *where, *([family] if family == "-6" else []), "-batch", "-"],
            input="\n".join(chosen) + "\n",
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise LabError(f"ip cannot build the virtual home: {' '.join(done.stderr.split())}")


def leftovers(prefix: str) -> list[str]:
    """Whatever of one lab can still be seen: namespaces, folders, links. Empty after a clean end."""
    links = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=False).stdout
    spaces = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=False).stdout
    seen = [line for line in (*links.splitlines(), *spaces.splitlines()) if prefix in line]
    etc = Path("/etc/netns")
    folders = [*(etc.iterdir() if etc.is_dir() else ()), *run_folder(prefix).parent.glob(f"*{prefix}*")]
    return [*seen, *(str(folder) for folder in folders if prefix in folder.name)]
