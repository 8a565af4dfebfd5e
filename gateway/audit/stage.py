"""Where an audit plays: a device on the LAN and an internet of its own, as links and routes of the gateway.

All that is the gateway's is named ``qqaudit…``, or is in a routing table and rules of a number of their own.
Only what comes from the audit's own addresses goes that way, and it ends in the pretended internet. Where
that is gone its routes are gone with it, and the way is closed, not the family's line.
"""

from __future__ import annotations

import ipaddress
import itertools
import os
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from gateway.audit import firewall
from gateway.audit.apart import Apart, AuditError, command

DEVICE, SINK, STRANGER = "qqaudit0", "qqaudit1", "qqaudit2"  # the gateway's ends
TABLE = "7771"  # of routes
PRIORITY = "77"  # of rules: behind those for the gateway's own addresses, before all others
_HERE4, _SINK4 = "169.254.77.77", "169.254.77.78"  # link-local (RFC 3927): on no home's network
_HERE6, _SINK6 = "fd71:616c:7161:6e77::1", "fd71:616c:7161:6e77::2"  # RFC 4193
_OWN4, _OWN6 = ipaddress.IPv4Network("169.254.78.0/24"), ipaddress.IPv6Network("fd71:616c:7161:6e78::/64")
_CANDIDATES = 24
_NEEDED = 3  # addresses: the device's, its second one, a stranger's
_BRIDGE_S, _FORWARDING = 45.0, "3"  # BR_STATE_FORWARDING, linux/if_bridge.h
_FAMILIES = {4: "-4", 6: "-6"}


@dataclass(frozen=True, slots=True)
class Seat:
    """What a device of the audit has."""

    mac: str
    link: str  # in its own namespace
    addresses: dict[int, list[str]] = field(default_factory=dict)


def random_mac() -> str:
    """Locally administered (IEEE 802c), as phones invent them."""
    return bytes((random.SystemRandom().randrange(256) & 0xFC | 0x02, *os.urandom(5))).hex(":")


def sweep() -> None:
    """Take away what an audit left that was killed: at most rules, since links go with their namespaces."""
    for link in (DEVICE, SINK, STRANGER):
        if Path("/sys/class/net", link).exists():
            _try("ip", "link", "del", link)
    firewall.sweep()
    for family in _FAMILIES.values():
        for line in command("ip", family, "rule", "show").splitlines():
            number, _, rest = line.partition(":")
            if number == PRIORITY and rest.split()[-1:] == [TABLE]:
                _try("ip", family, "rule", "del", "pref", PRIORITY, "lookup", TABLE)
        _try("ip", family, "route", "flush", "table", TABLE)


def _try(*words: str) -> None:
    try:
        command(*words)
    except AuditError:
        return  # it was not there, or goes by itself meanwhile


class Stage:
    """``with Stage(lan) as stage``: up on entry, gone on exit. ``lan``: the interface that the home is on."""

    def __init__(self, lan: str) -> None:
        self.lan = lan
        self.bridged = Path("/sys/class/net", lan, "bridge").exists()
        self.device = Apart("gateway.audit.device")
        self.sink = Apart("gateway.audit.sink")
        self.seat = Seat(random_mac(), "eth0")
        self.stranger = Seat(random_mac(), "eth1")
        self._open = ExitStack()

    @property
    def interface(self) -> str | None:
        """An interface of the audit's own that is to count to the LAN, where that is no bridge."""
        return None if self.bridged else DEVICE

    def __enter__(self) -> Stage:
        try:
            sweep()
            self._open.enter_context(self.device)
            self._open.enter_context(self.sink)
            self._open.callback(sweep)
            self._link_device()
            self._link_sink()
            firewall.admit("forward", "oifname", SINK)
            if not self.bridged:
                firewall.admit("input", "iifname", DEVICE)
            return self
        except BaseException:
            self._open.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    @property
    def gateway_mac(self) -> str:
        return _read("/sys/class/net", self.lan if self.bridged else DEVICE, "address")

    def gateway_addresses(self) -> dict[int, str]:
        """Of the gateway, as the home knows it."""
        found: dict[int, str] = {}
        for one in addresses(self.lan):
            if not one.ip.is_link_local:
                found.setdefault(one.version, str(one.ip))
        return found

    def _hops(self) -> dict[int, str]:
        """The same, as the device's routes need it."""
        return self.gateway_addresses() if self.bridged else {4: str(_OWN4[1]), 6: str(_OWN6[1])}

    # ---------------------------------------------------------------- the device

    def _link_device(self) -> None:
        seats = [(DEVICE, self.seat), *([(STRANGER, self.stranger)] if self.bridged else [])]
        for link, seat in seats:
            self._add_pair(link, seat)
            if self.bridged:
                Path("/proc/sys/net/ipv6/conf", link, "addr_gen_mode").write_text("1", "ascii")  # none
                command("ip", "link", "set", link, "master", self.lan)
            command("ip", "link", "set", link, "up")
        if not self.bridged:
            for one in (f"{_OWN4[1]}/24", f"{_OWN6[1]}/64"):
                command("ip", "addr", "add", one, "dev", DEVICE, *(("nodad",) if ":" in one else ()))
        # Each hardware address answers for its own addresses alone.
        quiet = {
            f"ipv4/conf/all/{name}": str(value) for name, value in (("arp_ignore", 1), ("arp_announce", 2))
        }
        quiet |= {
            "ipv6/conf/all/accept_ra": "0",
            "ipv6/conf/default/accept_ra": "0",
            "ipv4/conf/all/rp_filter": "0",
        }
        up = [["link", "set", "lo", "up"], *(["link", "set", seat.link, "up"] for _, seat in seats)]
        self.device.ask("links", links=up, settings=quiet)
        self.device.ask("silence")
        for link, _ in seats:
            self._await_bridge(link)
        self._settle()

    def _add_pair(self, link: str, seat: Seat) -> None:
        """A bridge takes over the lowest address and the smallest MTU of its ports: ours are neither."""
        mtu = _read("/sys/class/net", self.lan, "mtu")
        own = ("address", "fe" + random_mac()[2:], "mtu", mtu)
        peer = ("peer", "name", seat.link, "address", seat.mac, "mtu", mtu, "netns", str(self.device.pid))
        try:
            command("ip", "link", "add", link, *own, "type", "veth", *peer)
        except AuditError as error:
            msg = f"no link for the audit's device ({error}); on OpenWrt install kmod-veth and ip-full"
            raise AuditError(msg) from None

    def _await_bridge(self, link: str) -> None:
        """Where a bridge looks for loops first (STP), a new port waits for half a minute."""
        until = time.monotonic() + _BRIDGE_S
        while self.bridged and _read("/sys/class/net", link, "brport/state") != _FORWARDING:
            if time.monotonic() > until:
                msg = f"{self.lan} lets nobody in by a new port for {_BRIDGE_S:g} s; see: bridge link"
                raise AuditError(msg)
            time.sleep(0.1)

    def _settle(self) -> None:
        """Addresses that nobody has, and the ways from them."""
        gateway, hops = self.gateway_addresses(), self._hops()
        taken = list(addresses(self.lan if self.bridged else DEVICE))
        seats = [self.seat, *([self.stranger] if self.bridged else [])]
        links: list[list[str]] = []
        for version, family in _FAMILIES.items():
            network = next(
                (one for one in taken if one.version == version and not _is_bare(one, self.bridged)), None
            )
            if network is None or version not in gateway:
                continue
            chosen = self._free(network)
            shares = {0: chosen[:2], 1: chosen[2:3]}
            for number, seat in enumerate(seats):
                seat.addresses[version] = shares[number]
                table = str(100 + number)
                for one in shares[number]:
                    nodad = ["nodad"] if version == 6 else []
                    links.append(
                        ["addr", "add", f"{one}/{network.network.prefixlen}", "dev", seat.link, *nodad]
                    )
                    links.append([family, "rule", "add", "from", one, "lookup", table])
                links.append([family, "route", "add", str(network.network), "dev", seat.link, "table", table])
                links.append(
                    [
                        family,
                        "route",
                        "add",
                        "default",
                        "via",
                        hops[version],
                        "dev",
                        seat.link,
                        "table",
                        table,
                    ]
                )
        self.device.ask("links", links=links)

    def _free(self, network: ipaddress.IPv4Interface | ipaddress.IPv6Interface) -> list[str]:
        choose = random.SystemRandom()
        if network.version == 6:  # 64 bits at random are nobody's
            room = network.network.num_addresses
            return [str(network.network[choose.randrange(1 << 16, room - 1)]) for _ in range(_NEEDED)]
        hosts = network.network.num_addresses - 2
        numbers = choose.sample(range(1, hosts + 1), min(hosts, _CANDIDATES))
        candidates = [str(network.network[one]) for one in numbers if network.network[one] != network.ip]
        free: list[str] = self.device.ask("free", candidates=candidates, mac=self.seat.mac)["free"]
        if not free:
            msg = f"no address of {network.network} is free for the audit's device; free one and try again"
            raise AuditError(msg)
        return free[:_NEEDED]

    # ---------------------------------------------------------------- the pretended internet

    def _link_sink(self) -> None:
        pid = str(self.sink.pid)
        command("ip", "link", "add", SINK, "type", "veth", "peer", "name", "eth0", "netns", pid)
        Path("/proc/sys/net/ipv6/conf", SINK, "accept_ra").write_text("0", "ascii")
        command("ip", "addr", "add", f"{_HERE4}/30", "dev", SINK)
        command("ip", "-6", "addr", "add", f"{_HERE6}/64", "dev", SINK, "nodad")
        command("ip", "link", "set", SINK, "up")
        self.sink.ask("begin", links=list(self._sink_links()), within=20.0)
        for family, via in (("-4", _SINK4), ("-6", _SINK6)):
            command(
                "ip",
                family,
                "route",
                "add",
                "default",
                "via",
                via,
                "dev",
                SINK,
                "metric",
                "1",
                "table",
                TABLE,
            )
            # Should the pretended internet end first: a way to nowhere that ends with the device.
            command("ip", family, "route", "add", "default", "dev", DEVICE, "metric", "2", "table", TABLE)
        for seat in (self.seat, self.stranger):
            for version, own in seat.addresses.items():
                for one in own:
                    rule = ("rule", "add", "pref", PRIORITY, "from", one, "lookup", TABLE)
                    command("ip", _FAMILIES[version], *rule)

    def _sink_links(self) -> Iterator[list[str]]:
        """Every address is there, but for the device's and the gateway's own, which lead back."""
        yield ["link", "set", "lo", "up"]
        yield ["link", "set", "eth0", "up"]
        yield ["addr", "add", f"{_SINK4}/30", "dev", "eth0"]
        yield ["-6", "addr", "add", f"{_SINK6}/64", "dev", "eth0", "nodad"]
        # In the main table, where longer prefixes win: the local one is asked first.
        yield ["route", "add", "local", "default", "dev", "lo", "table", "main"]
        yield ["-6", "route", "add", "local", "default", "dev", "lo", "table", "main"]
        for version, back in ((4, _HERE4), (6, _HERE6)):
            own = [*self.seat.addresses.get(version, ()), *self.stranger.addresses.get(version, ())]
            masks = [
                str(one.ip) for one in addresses() if one.version == version and not one.ip.is_link_local
            ]
            for address in dict.fromkeys((*own, *masks)):
                if address not in (_HERE4, _HERE6):
                    yield [_FAMILIES[version], "route", "add", address, "via", back, "dev", "eth0"]


def _read(folder: str, link: str, name: str) -> str:
    return Path(folder, link, name).read_text("ascii").strip()


def addresses(link: str | None = None) -> Iterator[ipaddress.IPv4Interface | ipaddress.IPv6Interface]:
    """Those of one interface of the gateway, or of all."""
    for line in command("ip", "-o", "addr", "show", *(("dev", link) if link else ())).splitlines():
        words = line.split()
        for kind, value in itertools.pairwise(words):
            if kind in ("inet", "inet6") and not ipaddress.ip_interface(value).is_loopback:
                yield ipaddress.ip_interface(value)


def _is_bare(one: ipaddress.IPv4Interface | ipaddress.IPv6Interface, bridged: bool) -> bool:
    """Whether its network has no room for a device: a link-local one, or a single address."""
    return (
        (one.ip.is_link_local and bridged)
        or one.network.num_addresses < 4
        or (one.version == 6 and one.ip.is_link_local)
    )


def words_of(stage: Stage) -> dict[str, Any]:
    """What the stage gives to jobs."""
    words: dict[str, Any] = {"gatewaymac": stage.gateway_mac, "lan": stage.lan}
    for version, address in stage.gateway_addresses().items():
        words[f"gateway{version}"] = address
    for name, seat in (("source", stage.seat), ("stranger", stage.stranger)):
        words |= {f"{name}mac": seat.mac, f"{name}link": seat.link}
        for version, own in seat.addresses.items():
            words |= {f"{name}{version}": own[0]} if own else {}
            if name == "source" and len(own) > 1:
                words[f"second{version}"] = own[1]
    return words


__all__: Sequence[str] = ("Seat", "Stage", "addresses", "random_mac", "sweep", "words_of")
