"""`qalqan check`: checks LAN interfaces; finds paths past this machine, other routers and DHCP servers."""

from __future__ import annotations

import ipaddress
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from gateway.check.findings import Finding, note, ok, problem, warning
from gateway.check.system import IN_MEMORY, file_system
from gateway.core.errors import KernelError
from gateway.kernel.nft import Nft
from gateway.kernel.ruleset.bridge import GuardedBridge, render_bridges
from gateway.lan.machine import (
    Address,
    Interface,
    NetworkSnapshot,
    may_administer,
    setting,
    text_of,
)
from gateway.lan.own_addresses import bridge_ports
from gateway.lan.vendors import vendor_of
from gateway.policy.config.config import Config, file_to_edit

SHARED = ipaddress.ip_network("100.64.0.0/10")  # RFC 6598: carrier-grade NAT
PRIVATE = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
PUBLIC6 = ipaddress.ip_network("2000::/3")
# Interfaces of containers and virtual machines. Docker's networks have twelve hex digits after br-, the
# prefix of OpenWrt's LAN bridges.
CONTAINERS = re.compile(r"docker|br-[0-9a-f]{12}$|virbr|lxc|lxd|incus|podman|cni|veth|vnet|tap|hassio")
# Their devices are Thread border routers and announce themselves as routers, without internet access.
THREAD = ("Apple", "Google", "Amazon", "Nest Labs", "Nanoleaf", "Samsung")
MOST_SHOWN = 3
MANY = 3  # devices without a lease; fewer probably have manual addresses
LEASE = 12 * 3600  # seconds, OpenWrt's default; a device renews after half of them or later
DHCP_PORT = "0043"  # 67, in the notation of /proc/net/udp
BRIDGE_FILTER = {"bridge-nf-call-iptables": "0800", "bridge-nf-call-ip6tables": "86dd"}  # and its EtherType


def lan_findings(config: Config, machine: NetworkSnapshot) -> Iterator[Finding]:
    yield from _interfaces(config, machine)
    yield from _bridge_firewall(config, machine)
    yield from _claims(config, machine)
    yield from _forwarding(config, machine)
    yield from _one_arm(config, machine)
    yield from _addresses(config, machine)
    yield from _left_out(config, machine)
    yield from _routers(config, machine)
    yield from _leases(config, machine)
    if config.gateway_open:
        text = "children and guests reach every service of this machine, SSH and its own pages too"
        yield note("router", text, "gateway_access: closed, in qalqan.yaml", code="router_open")


def _interfaces(config: Config, machine: NetworkSnapshot) -> Iterator[Finding]:
    for name in config.lan:
        link = machine.links.get(name)
        if link is None:
            yield problem(
                "lan",
                f"there is no interface {name}",
                "look it up with: ip link; fix `lan`",
                code="no_interface",
                name=name,
            )
        elif link.master:
            text = f"{name} is a port of {link.master}: what comes in there is met on {link.master} alone"
            yield problem(
                "lan",
                text,
                f"write {link.master} in its place in `lan`",
                code="bridge_port",
                name=name,
                bridge=link.master,
            )
        elif not link.up:
            yield warning(
                "lan",
                f"{name} is switched off",
                f"switch it on: ip link set {name} up",
                code="lan_down",
                name=name,
            )
        elif not any(not address.is_link_local for address in machine.addresses[name]):
            text = f"{name} has no address: no device there goes through this machine"
            yield warning(
                "lan",
                text,
                "give it one, and name it as the gateway in DHCP",
                code="lan_no_address",
                name=name,
            )
        else:
            yield ok("lan", f"{name} is there")


def _forwarding(config: Config, machine: NetworkSnapshot) -> Iterator[Finding]:
    """Yield a warning if IPv4 is not forwarded, and a note if IPv6 is on both sides and not forwarded."""
    if setting("ipv4/ip_forward") == "0":
        text = "forwarding is off: no device reaches the internet through this machine"
        yield warning(
            "routing", text, "qalqan setup, or: sysctl -w net.ipv4.ip_forward=1", code="no_forwarding"
        )
    inside = any(_has_network(machine.addresses.get(name, ()), 6) for name in config.lan)
    if machine.way_out(6) - set(config.lan) and inside and setting("ipv6/conf/all/forwarding") == "0":
        text = "IPv6 is on both sides and is not forwarded: devices have only IPv4 through this machine"
        yield note(
            "routing",
            text,
            "nothing, or: sysctl -w net.ipv6.conf.all.forwarding=1",
            code="no_ipv6_forwarding",
        )


def _bridge_firewall(config: Config, machine: NetworkSnapshot) -> Iterator[Finding]:
    """Yield findings if packets between devices on the same bridge pass the IP firewall too.

    A note: the filter's rules let these packets pass, except that DNS is judged, but other rules may block
    them. A warning if a program has a packet socket of one protocol on the bridge: the kernel then drops new
    UDP flows in the queue (gateway/lan/taps.py).
    """
    bridges = [name for name in config.lan if name in machine.links and machine.links[name].kind == "bridge"]
    if not bridges:
        return
    for name, protocol in BRIDGE_FILTER.items():
        if setting(f"bridge/{name}") != "1":
            continue
        off = f"sysctl -w net.bridge.{name}=0"
        tapped = [bridge for bridge in bridges if _has_packet_socket(bridge, protocol)]
        for bridge in tapped:
            text = (
                f"{name} is 1, and a program taps {bridge}: filtered devices lose new UDP flows (QUIC, calls)"
            )
            yield warning(
                "lan",
                text,
                f"{off}, or stop the program that `ss -0p` shows there",
                code="bridge_tapped",
                name=bridge,
            )
        if not tapped:
            text = f"{name} is 1 (Docker sets it): packets between devices of the LAN pass the firewall"
            yield note("lan", text, f"nothing; if such packets are lost: {off}", code="bridge_firewall")


def _claims(config: Config, machine: NetworkSnapshot) -> Iterator[Finding]:
    """Yield a finding for each LAN interface: whether a device there can claim an address of this machine.

    A claim is an ARP or ND message. Without the right to administer the network, there is no finding about a
    bridge.
    """
    for name in config.lan:
        link = machine.links.get(name)
        if link is None:
            continue
        if link.kind != "bridge" and not bridge_ports(name):
            text = f"{name} is no bridge: claims of this machine's addresses are noticed there, not dropped"
            yield ok("lan", text)
        elif may_administer():
            if _drops_claims():
                yield ok("lan", f"claims of this machine's addresses are dropped between the ports of {name}")
                continue
            text = f"claims of this machine's addresses are not dropped on {name}: no nftables for bridges"
            yield warning(
                "lan",
                text,
                "install kmod-nft-bridge, or a kernel with CONFIG_NF_TABLES_BRIDGE",
                code="address_claims",
                name=name,
            )


def _drops_claims() -> bool:
    """Return whether the kernel supports the nftables table that blocks claims of the gateway's addresses.

    The table is for bridges. It is only tested, not loaded.
    """
    example = GuardedBridge(("lan1",), (bytes((192, 0, 2, 1)), bytes(16)))
    try:
        nft = Nft()
    except KernelError:
        return False
    try:
        nft.check(render_bridges([example], [bytes(6)]))
    except KernelError:
        return False
    finally:
        nft.close()
    return True


def _has_packet_socket(interface: str, protocol: str) -> bool:
    """Return whether a packet socket is bound to this interface and EtherType (four hexadecimal digits)."""
    index = str(socket.if_nametoindex(interface))
    lines = text_of(Path("/proc/self/net/packet")).splitlines()[1:]
    return any(line.split()[3:5] == [protocol, index] for line in lines)


def _one_arm(config: Config, machine: NetworkSnapshot) -> Iterator[Finding]:
    """Yield findings if the uplink is a LAN interface (one arm), and a note if there is no default route.

    With one arm, devices may be able to bypass this machine.
    """
    if not machine.ways:
        yield note("uplink", "there is no default route: no connection to the internet", code="no_internet")
    for name in sorted(machine.one_armed(config.lan)):
        yield note("uplink", f"{name} is the home's side and the way out: one arm", code="one_arm", name=name)
        if name in machine.way_out(4):
            yield from _one_arm4(name, machine)
        for way in machine.ways:
            if way.interface == name and way.version == 6:
                text = f"{way.gateway or name} is the IPv6 router on {name}: devices bypass this machine"
                yield problem(
                    "uplink", text, "switch IPv6 or router advertisements off there", code="ipv6_router"
                )


def _one_arm4(name: str, machine: NetworkSnapshot) -> Iterator[Finding]:
    if "1" in (setting(f"ipv4/conf/{scope}/send_redirects") for scope in ("all", name)):
        text = f"send_redirects is 1: {name} shows devices the route past this machine"
        off = " ".join(f"net.ipv4.conf.{scope}.send_redirects=0" for scope in ("all", name))
        yield problem("uplink", text, f"sysctl -w {off}", code="redirects")
    yield from _bridged(name, machine)
    if not _gives_addresses():
        text = "no DHCP server is on this machine: devices may use another gateway and bypass the filter"
        fix = "name this machine as gateway in the router's DHCP, or give addresses here"
        yield warning("uplink", text, fix, code="no_dhcp")


def _bridged(name: str, machine: NetworkSnapshot) -> Iterator[Finding]:
    """Yield a warning if the interface is a bridge of several ports.

    Packets between a device on one port and the router on another then bypass this machine.
    """
    ports = sorted(
        link.name
        for link in machine.links.values()
        if link.master == name and not CONTAINERS.match(link.name)
    )
    if len(ports) > 1:
        text = f"{name} bridges {', '.join(ports)}: packets between these ports bypass the filter"
        fix = "name this machine as gateway in DHCP, or give the home a network of its own behind it"
        yield warning("uplink", text, fix, code="bridged", name=name)


def _gives_addresses() -> bool:
    """Return whether a program on this machine listens on the port of DHCP servers; True if unknown."""
    try:
        lines = Path("/proc/self/net/udp").read_text("ascii").splitlines()[1:]
    except OSError:
        return True  # unknown: report no problem
    return any(line.split()[1].endswith(f":{DHCP_PORT}") for line in lines)


def _addresses(config: Config, machine: NetworkSnapshot) -> Iterator[Finding]:
    """Yield notes about an uplink behind another NAT, and errors about networks that are on both sides."""
    for name in sorted(machine.way_out(4) - set(config.lan)):
        for own in (address for address in machine.addresses[name] if address.version == 4):
            if own.ip in SHARED:
                text = f"{name} has {own.ip}: the provider uses carrier-grade NAT"
                yield note(
                    "nat",
                    text,
                    "nothing, unless a server at home must be reachable from outside",
                    code="shared_address",
                )
            elif any(own.ip in network for network in PRIVATE):
                text = f"{name} has {own.ip}: another router translates too (double NAT)"
                yield note(
                    "nat",
                    text,
                    "nothing for the filter; for games and servers put that router in bridge mode",
                    code="double_nat",
                )
            for inside in config.lan:
                for other in machine.addresses.get(inside, ()):
                    if other.version == own.version and other.network.overlaps(own.network):
                        text = f"{inside} and {name} are both in {own.network}"
                        yield problem(
                            "nat",
                            text,
                            f"give {inside} another network",
                            code="same_network",
                            inside=inside,
                            outside=name,
                            network=own.network,
                        )


def _left_out(config: Config, machine: NetworkSnapshot) -> Iterator[Finding]:
    """Yield findings about networks that this machine routes and that are not in ``lan``.

    Their devices are not filtered. Networks of containers get a note, others a warning.
    """
    outside = machine.way_out()
    for name, link in sorted(machine.links.items()):
        if name in config.lan or name in outside or link.master or not (link.up and link.ethernet):
            continue
        versions = [
            version
            for version in (4, 6)
            if _forwards(version, name) and _has_network(machine.addresses[name], version)
        ]
        if not versions:
            continue
        over = " and ".join(f"IPv{version}" for version in versions)
        text = f"{name} is routed over {over} and is not in `lan`: nothing from there is filtered"
        if CONTAINERS.match(name):
            yield note("lan", text, code="container_network", name=name)
        else:
            where = file_to_edit(config.fixed, "lan")
            yield warning(
                "lan",
                text,
                f"add it to `lan` in {where} if people of the home are there",
                code="unfiltered_network",
                name=name,
            )


def _forwards(version: int, name: str) -> bool:
    return setting(f"ipv{version}/conf/{name}/forwarding") == "1"


def _has_network(addresses: tuple[Interface, ...], version: int) -> bool:
    return any(address.version == version and not address.is_link_local for address in addresses)


def _routers(config: Config, machine: NetworkSnapshot) -> Iterator[Finding]:
    known: set[Address | None] = {way.gateway for way in machine.ways}
    for seen in machine.seen:
        if seen.router and seen.interface in config.lan and seen.ip not in known:
            vendor = vendor_of(seen.mac)
            who = f"{seen.ip} ({seen.mac}{f', {vendor}' if vendor else ''}) on {seen.interface}"
            if vendor.startswith(THREAD):
                text = f"{who} announces itself as a router, as speakers and TVs do for Matter (Thread)"
                yield note("ipv6", text, "nothing, if it is such a device", code="thread_router")
                continue
            yield warning(
                "ipv6",
                f"{who} announces itself as a router: devices may bypass this machine",
                "switch router advertisements off there, or put it in front of this machine",
                code="other_router",
                device=who,
            )


def _leases(config: Config, machine: NetworkSnapshot) -> Iterator[Finding]:
    """Yield a finding if devices have no DHCP lease of this machine: there may be another DHCP server.

    A warning if these are at least MANY and more than half of the devices, unless the machine has just
    started (`_just_started`); else a note. A note too if a lease file cannot be read. Nothing without known
    lease files or in a one-armed setup.
    """
    if not config.leases or machine.one_armed(config.lan):
        return
    lines: list[str] = []
    # One of two servers may be off, such as odhcpd on a router without IPv6.
    for path in [path for path in config.leases if Path(path).exists()] or config.leases:
        try:
            lines += Path(path).read_text("utf-8", "replace").splitlines()
        except OSError:
            yield note(
                "dhcp", f"{path} cannot be read: another DHCP server would not be noticed", code="unread"
            )
            return
    # The hardware address in dnsmasq's lines, and in odhcpd's, which have it without colons after `# NAME`.
    words = {word.lower().replace(":", "") for line in lines for word in line.split()[1:3]}
    given = {seen.mac for seen in machine.seen if seen.mac.replace(":", "") in words}
    here = {seen.mac for seen in machine.seen if seen.interface in config.lan and seen.ip.version == 4}
    strange = sorted(here - given)
    if not strange:
        return
    shown = ", ".join(strange[:MOST_SHOWN]) + (" …" if len(strange) > MOST_SHOWN else "")
    text = f"{len(strange)} of {len(here)} devices have no lease of this machine ({shown})"
    if len(strange) >= MANY and 2 * len(strange) > len(here) and not _just_started(config):
        fix = "look for a second router or repeater that gives addresses, and switch its DHCP off"
        yield warning(
            "dhcp",
            f"{text}: another DHCP server may answer",
            fix,
            code="other_dhcp",
            count=len(strange),
            all=len(here),
        )
    else:
        more = ", or this machine has just started" if _just_started(config) else ""
        yield note(
            "dhcp",
            f"{text}: manual addresses, or another DHCP server{more}",
            code="no_lease",
            count=len(strange),
            all=len(here),
        )


def _just_started(config: Config) -> bool:
    """Return whether the machine started less than LEASE seconds ago and stores its DHCP leases in memory.

    The lease files may then be incomplete: after a restart they lack a device until it renews its lease.
    """
    fleeting = any(file_system(Path(path)) in IN_MEMORY for path in config.leases)
    return fleeting and time.clock_gettime(time.CLOCK_BOOTTIME) < LEASE


def public_ipv6(config: Config, machine: NetworkSnapshot) -> bool:
    """Return whether this machine routes IPv6 and the LAN has public IPv6 addresses."""
    addresses = (address for name in config.lan for address in machine.addresses.get(name, ()))
    found = (address.ip in PUBLIC6 for address in addresses)
    return setting("ipv6/conf/all/forwarding") == "1" and any(found)
