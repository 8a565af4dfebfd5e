"""The network of a filter test: a device on the LAN and a simulated internet, as links and routes.

The gateway's side has links named ``qqaudit…``, and a routing table and rules with numbers of their own. Only
packets from the test's addresses take this route, and they end in the simulated internet. If it disappears,
its routes disappear as well; the packets are then dropped and never use the family's uplink.

On OpenWrt, fw4 refuses packets from the LAN to an interface in no zone, and the test's links are in none. The
added rules match these links only; the filter's own table has an earlier priority.
"""

from __future__ import annotations

import ipaddress
import itertools
import os
import random
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from gateway.filter_test.namespace import BypassTestError, NamespaceProcess, command

DEVICE, SINK, STRANGER = "qqaudit0", "qqaudit1", "qqaudit2"  # the gateway's ends
TABLE = "7771"  # routing table
PRIORITY = "77"  # of rules: after those for the gateway's own addresses, before all others
_HERE4, _SINK4 = "169.254.77.77", "169.254.77.78"  # link-local (RFC 3927): not used on a LAN
_HERE6, _SINK6 = "fd71:616c:7161:6e77::1", "fd71:616c:7161:6e77::2"  # RFC 4193
_OWN = {4: ipaddress.ip_interface("169.254.78.1/24"), 6: ipaddress.ip_interface("fd71:616c:7161:6e78::1/64")}
_BRIDGE_S, _FORWARDING = 45.0, "3"  # BR_STATE_FORWARDING, linux/if_bridge.h
_HIGH = 0xFE  # first byte of a port's address: a bridge takes over the lowest address
_FAMILIES = {4: "-4", 6: "-6"}
# For the device: each interface answers for its own addresses only, and router advertisements are ignored.
_QUIET = {
    "ipv4/conf/all/arp_ignore": "1",
    "ipv4/conf/all/arp_announce": "2",
    "ipv4/conf/all/rp_filter": "0",
    "ipv6/conf/all/accept_ra": "0",
    "ipv6/conf/default/accept_ra": "0",
}

_NEEDED = 3  # addresses per IP version: the device's, its second one, an unknown device's
_CANDIDATES = 24
_LOWEST = 1 << 16  # of IPv6: addresses set by hand are usually below

Address = ipaddress.IPv4Interface | ipaddress.IPv6Interface

_FW4 = ("inet", "fw4")
_COMMENT = '"qalqan audit"'


@dataclass(frozen=True, slots=True)
class ProbeHost:
    """The hardware address, the link and the IP addresses of a device that the filter test simulates."""

    mac: str
    link: str  # in its own namespace
    addresses: dict[int, list[str]] = field(default_factory=dict)  # by IP version


def sweep() -> None:
    """Remove the links, routes, routing rules and firewall rules that a killed filter test left."""
    for link in (DEVICE, SINK, STRANGER):
        if Path("/sys/class/net", link).exists():
            _try("ip", "link", "del", link)
    _sweep_fw4()
    for family in _FAMILIES.values():
        for line in command("ip", family, "rule", "show").splitlines():
            number, _, rest = line.partition(":")
            if number == PRIORITY and rest.split()[-1:] == [TABLE]:
                _try("ip", family, "rule", "del", "pref", PRIORITY, "lookup", TABLE)
        _try("ip", family, "route", "flush", "table", TABLE)


def _try(*words: str) -> None:
    try:
        command(*words)
    except BypassTestError:
        return  # it does not exist, or disappears meanwhile


def _ip(line: str) -> None:
    command("ip", *line.split())


class ProbeNetwork:
    """A context manager that sets up the filter test's links, routes and two namespaces.

    They are removed on exit. ``lan``: the LAN's interface. The simulated device joins it if it is a bridge;
    otherwise it gets a link of its own. Entering raises BypassTestError.
    """

    def __init__(self, lan: str) -> None:
        self.lan = lan
        self.bridged = Path("/sys/class/net", lan, "bridge").exists()
        self.device_process = NamespaceProcess("gateway.filter_test.device")
        self.sink = NamespaceProcess("gateway.filter_test.sink")
        self.device = ProbeHost(random_mac(), "eth0")
        self.stranger = ProbeHost(random_mac(), "eth1")
        self._open = ExitStack()

    @property
    def interface(self) -> str | None:
        """The gateway's end of the test device's link, which counts as LAN; None if the LAN is a bridge."""
        return None if self.bridged else DEVICE

    def __enter__(self) -> ProbeNetwork:
        try:
            sweep()
            self._open.enter_context(self.device_process)
            self._open.enter_context(self.sink)
            self._open.callback(sweep)
            self._link_device()
            self._link_sink()
            _admit("forward", "oifname", SINK)
            if not self.bridged:
                _admit("input", "iifname", DEVICE)
            return self
        except BaseException:
            self._open.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    @property
    def facing(self) -> str:
        """The gateway's interface to which the filter test's simulated device is connected."""
        return self.lan if self.bridged else DEVICE

    @property
    def _devices(self) -> list[tuple[str, ProbeHost]]:
        """The simulated devices, each with the name of the gateway's end of its link.

        The one that is unknown to the daemon exists only if the LAN is a bridge.
        """
        return [(DEVICE, self.device), *([(STRANGER, self.stranger)] if self.bridged else [])]

    def gateway_addresses(self) -> dict[int, str]:
        """Return the gateway's address on the LAN by IP version, without link-local ones."""
        found: dict[int, str] = {}
        for address in addresses(self.lan):
            if not address.ip.is_link_local:
                found.setdefault(address.version, str(address.ip))
        return found

    # ---------------------------------------------------------------- the device

    def _link_device(self) -> None:
        for link, device in self._devices:
            self._add_pair(link, device)
            if self.bridged:
                Path("/proc/sys/net/ipv6/conf", link, "addr_gen_mode").write_text("1", "ascii")  # none
                _ip(f"link set {link} master {self.lan}")
            _ip(f"link set {link} up")
        for own in () if self.bridged else _OWN.values():
            _ip(f"addr add {own} dev {DEVICE}{' nodad' if own.version == 6 else ''}")
        up = ["link set lo up", *(f"link set {device.link} up" for _, device in self._devices)]
        self.device_process.ask("links", links=up, settings=_QUIET)
        self.device_process.ask("silence")
        if self.bridged:
            for link, _ in self._devices:
                self._await_bridge(link)
        self.device_process.ask("links", links=list(self._settled()))

    def _add_pair(self, link: str, device: ProbeHost) -> None:
        """Add a veth pair between the gateway (``link``) and a simulated device. Raises BypassTestError.

        A bridge takes over the lowest hardware address and the lowest MTU of its ports. The link
        must not change these, so it gets a high random address and the LAN's MTU.
        """
        mtu = _link_attribute(self.lan, "mtu")
        peer = f"peer name {device.link} address {device.mac} mtu {mtu} netns {self.device_process.pid}"
        try:
            _ip(f"link add {link} address {random_mac(_HIGH)} mtu {mtu} type veth {peer}")
        except BypassTestError as error:
            msg = f"no link for the test's device ({error}); on OpenWrt install kmod-veth and ip-full"
            raise BypassTestError(msg) from None

    def _await_bridge(self, link: str) -> None:
        """Wait until the bridge forwards packets of its new port ``link``; with STP this takes half a minute.

        Raises BypassTestError after 45 s.
        """
        until = time.monotonic() + _BRIDGE_S
        while _link_attribute(link, "brport/state") != _FORWARDING:
            if time.monotonic() > until:
                msg = f"{self.lan} forwards nothing from a new port after {_BRIDGE_S:g} s; see: bridge link"
                raise BypassTestError(msg)
            time.sleep(0.1)

    def _settled(self) -> Iterator[str]:
        """Yield the ``ip`` commands that give each simulated device free addresses, and routes from them."""
        gateway = self.gateway_addresses()
        hops = gateway if self.bridged else {version: str(own.ip) for version, own in _OWN.items()}
        here = [address for address in addresses(self.facing) if _has_room(address, own=not self.bridged)]
        for version, family in _FAMILIES.items():
            network = next((address for address in here if address.version == version), None)
            if network is None or version not in gateway:
                continue
            chosen = _free_addresses(network, self.device_process, self.device.mac)
            own_of = (chosen[:2], chosen[2:])
            for table, (_, device), own in zip((100, 101), self._devices, own_of, strict=False):
                device.addresses[version] = own
                for address in own:
                    nodad = " nodad" if version == 6 else ""
                    yield f"addr add {address}/{network.network.prefixlen} dev {device.link}{nodad}"
                    yield f"{family} rule add from {address} lookup {table}"
                yield f"{family} route add {network.network} dev {device.link} table {table}"
                yield f"{family} route add default via {hops[version]} dev {device.link} table {table}"

    # ---------------------------------------------------------------- the simulated internet

    def _link_sink(self) -> None:
        _ip(f"link add {SINK} type veth peer name eth0 netns {self.sink.pid}")
        Path("/proc/sys/net/ipv6/conf", SINK, "accept_ra").write_text("0", "ascii")
        _ip(f"addr add {_HERE4}/30 dev {SINK}")
        _ip(f"-6 addr add {_HERE6}/64 dev {SINK} nodad")
        _ip(f"link set {SINK} up")
        self.sink.ask("begin", links=list(self._sink_links()), within=20.0)
        for family, via in (("-4", _SINK4), ("-6", _SINK6)):
            _ip(f"{family} route add default via {via} dev {SINK} metric 1 table {TABLE}")
            # If the simulated internet ends first, this route drops the packets until the device ends.
            _ip(f"{family} route add default dev {DEVICE} metric 2 table {TABLE}")
        for version, family in _FAMILIES.items():
            for address in self._own(version):
                _ip(f"{family} rule add pref {PRIORITY} from {address} lookup {TABLE}")

    def _sink_links(self) -> Iterator[str]:
        """Yield the ``ip`` commands for the simulated internet: every address is local to it.

        Those of the simulated devices and the gateway are not; packets to them go back to the gateway.
        """
        yield "link set lo up"
        yield "link set eth0 up"
        yield f"addr add {_SINK4}/30 dev eth0"
        yield f"-6 addr add {_SINK6}/64 dev eth0 nodad"
        # In the main table, where longer prefixes win: the local table has a higher priority.
        yield "route add local default dev lo table main"
        yield "-6 route add local default dev lo table main"
        gateway = [address for address in addresses() if not address.ip.is_link_local]
        for version, back in ((4, _HERE4), (6, _HERE6)):
            masks = [str(own.ip) for own in gateway if own.version == version]  # if it masquerades
            for address in dict.fromkeys((*self._own(version), *masks)):
                if address != back:
                    yield f"{_FAMILIES[version]} route add {address} via {back} dev eth0"

    def _own(self, version: int) -> list[str]:
        """Return all addresses of the simulated devices for an IP version (4 or 6)."""
        return [address for _, device in self._devices for address in device.addresses.get(version, ())]


def words_of(stage: ProbeNetwork) -> dict[str, Any]:
    """Return placeholders ``@word`` of checks, with values that come from the filter test's network.

    They are MAC addresses, IP addresses and links.
    """
    words: dict[str, Any] = {"gatewaymac": _link_attribute(stage.facing, "address"), "lan": stage.lan}
    words |= {f"gateway{version}": address for version, address in stage.gateway_addresses().items()}
    for name, device in (("source", stage.device), ("stranger", stage.stranger)):
        words |= {f"{name}mac": device.mac, f"{name}link": device.link}
        words |= {f"{name}{version}": own[0] for version, own in device.addresses.items() if own}
    seconds = ((version, own[1:2]) for version, own in stage.device.addresses.items())
    return words | {f"second{version}": rest[0] for version, rest in seconds if rest}


def random_mac(first: int | None = None) -> str:
    """Return a random, locally administered MAC address (IEEE 802c), or one with the given first byte."""
    begin = random.SystemRandom().randrange(256) & 0xFC | 0x02 if first is None else first
    return bytes((begin, *os.urandom(5))).hex(":")


def _link_attribute(link: str, name: str) -> str:
    """Return the value of a file of a link in /sys/class/net, such as ``mtu``."""
    return Path("/sys/class/net", link, name).read_text("ascii").strip()


def addresses(link: str | None = None) -> Iterator[Address]:
    """Yield the gateway's IP addresses with their networks, of one link or of all, except loopback ones."""
    for line in command("ip", "-o", "addr", "show", *(("dev", link) if link else ())).splitlines():
        for kind, value in itertools.pairwise(line.split()):
            if kind in ("inet", "inet6") and not ipaddress.ip_interface(value).is_loopback:
                yield ipaddress.ip_interface(value)


def _has_room(address: Address, *, own: bool) -> bool:
    """Return whether the test device can get an address in this address's network.

    The network must have four addresses or more and not be link-local. ``own``: the test made the network;
    its IPv4 network may be link-local.
    """
    linked = address.ip.is_link_local and not (own and address.version == 4)
    return not linked and address.network.num_addresses >= 4


def _free_addresses(network: Address, device: NamespaceProcess, mac: str) -> list[str]:
    """Return up to three addresses of a network that no device uses.

    ``device`` sends the ARP probes, from ``mac``. IPv6 addresses are chosen at random, without probes. Raises
    BypassTestError if no IPv4 address is free.
    """
    choose = random.SystemRandom()
    size = network.network.num_addresses
    if network.version == 6 and size > 2 * _LOWEST:  # a random address of so many bits is free
        return [str(network.network[choose.randrange(_LOWEST, size - 1)]) for _ in range(_NEEDED)]
    numbers = choose.sample(range(1, size - 1), min(size - 2, _CANDIDATES))
    candidates = [str(network.network[number]) for number in numbers if network.network[number] != network.ip]
    if network.version == 6:
        return candidates[:_NEEDED]
    found: list[str] = device.ask("free", candidates=candidates, mac=mac)["free"]
    if not found:
        msg = f"no address of {network.network} is free for the bypass test's device; free one and try again"
        raise BypassTestError(msg)
    return found[:_NEEDED]


def _admit(chain: str, match: str, link: str) -> None:
    """Add a rule to a chain of OpenWrt's firewall (fw4) that accepts packets on a link of the filter test.

    ``match``: ``iifname`` or ``oifname``. Does nothing if fw4 does not run.
    """
    if _fw4_rules(chain) is not None:
        rule = (match, f'"{link}"', "accept", "comment", _COMMENT)
        command("nft", "insert", "rule", *_FW4, chain, *rule)


def _sweep_fw4() -> None:
    """Remove the filter test's rules from the chains of OpenWrt's firewall (fw4), also old ones."""
    for chain in ("forward", "input"):
        for line in _fw4_rules(chain) or ():
            if _COMMENT in line:
                command("nft", "delete", "rule", *_FW4, chain, "handle", line.rpartition("handle ")[2])


def _fw4_rules(chain: str) -> list[str] | None:
    """Return the lines of a chain of OpenWrt's firewall, with the rules' handles; None without the chain."""
    try:
        return command("nft", "-a", "list", "chain", *_FW4, chain).splitlines()
    except BypassTestError:
        return None
