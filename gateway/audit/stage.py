"""Where an audit plays: a device on the LAN and an internet of its own, as links and routes of the gateway.

All that is the gateway's is named ``qqaudit…``, or is in a routing table and rules of a number of their own.
Only what comes from the audit's own addresses goes that way, and it ends in the pretended internet. Where
that is gone its routes are gone with it, and the way is closed, not the family's line.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from gateway.audit import firewall
from gateway.audit.addresses import Seat, addresses, free, has_room, random_mac, read
from gateway.audit.namespace import Apart, AuditError, command

DEVICE, SINK, STRANGER = "qqaudit0", "qqaudit1", "qqaudit2"  # the gateway's ends
TABLE = "7771"  # of routes
PRIORITY = "77"  # of rules: behind those for the gateway's own addresses, before all others
_HERE4, _SINK4 = "169.254.77.77", "169.254.77.78"  # link-local (RFC 3927): on no home's network
_HERE6, _SINK6 = "fd71:616c:7161:6e77::1", "fd71:616c:7161:6e77::2"  # RFC 4193
_OWN = {4: ipaddress.ip_interface("169.254.78.1/24"), 6: ipaddress.ip_interface("fd71:616c:7161:6e78::1/64")}
_BRIDGE_S, _FORWARDING = 45.0, "3"  # BR_STATE_FORWARDING, linux/if_bridge.h
_HIGH = 0xFE  # the first byte of a port's address: a bridge takes over the lowest
_FAMILIES = {4: "-4", 6: "-6"}
# Of the device: each hardware address answers for its own addresses alone, and nobody else gives it any.
_QUIET = {
    "ipv4/conf/all/arp_ignore": "1",
    "ipv4/conf/all/arp_announce": "2",
    "ipv4/conf/all/rp_filter": "0",
    "ipv6/conf/all/accept_ra": "0",
    "ipv6/conf/default/accept_ra": "0",
}


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


def _ip(line: str) -> None:
    command("ip", *line.split())


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
    def facing(self) -> str:
        """The gateway's interface on which the device is."""
        return self.lan if self.bridged else DEVICE

    @property
    def _seats(self) -> list[tuple[str, Seat]]:
        """The gateway's end of each device's link; a stranger needs a bridge."""
        return [(DEVICE, self.seat), *([(STRANGER, self.stranger)] if self.bridged else [])]

    def gateway_addresses(self) -> dict[int, str]:
        """Of the gateway, as the home knows it."""
        found: dict[int, str] = {}
        for one in addresses(self.lan):
            if not one.ip.is_link_local:
                found.setdefault(one.version, str(one.ip))
        return found

    # ---------------------------------------------------------------- the device

    def _link_device(self) -> None:
        for link, seat in self._seats:
            self._add_pair(link, seat)
            if self.bridged:
                Path("/proc/sys/net/ipv6/conf", link, "addr_gen_mode").write_text("1", "ascii")  # none
                _ip(f"link set {link} master {self.lan}")
            _ip(f"link set {link} up")
        for own in () if self.bridged else _OWN.values():
            _ip(f"addr add {own} dev {DEVICE}{' nodad' if own.version == 6 else ''}")
        up = ["link set lo up", *(f"link set {seat.link} up" for _, seat in self._seats)]
        self.device.ask("links", links=up, settings=_QUIET)
        self.device.ask("silence")
        if self.bridged:
            for link, _ in self._seats:
                self._await_bridge(link)
        self.device.ask("links", links=list(self._settled()))

    def _add_pair(self, link: str, seat: Seat) -> None:
        """A bridge takes over the lowest address and the smallest MTU of its ports: ours are neither."""
        mtu = read(self.lan, "mtu")
        peer = f"peer name {seat.link} address {seat.mac} mtu {mtu} netns {self.device.pid}"
        try:
            _ip(f"link add {link} address {random_mac(_HIGH)} mtu {mtu} type veth {peer}")
        except AuditError as error:
            msg = f"no link for the audit's device ({error}); on OpenWrt install kmod-veth and ip-full"
            raise AuditError(msg) from None

    def _await_bridge(self, link: str) -> None:
        """Where a bridge looks for loops first (STP), a new port waits for half a minute."""
        until = time.monotonic() + _BRIDGE_S
        while read(link, "brport/state") != _FORWARDING:
            if time.monotonic() > until:
                msg = f"{self.lan} lets nobody in by a new port for {_BRIDGE_S:g} s; see: bridge link"
                raise AuditError(msg)
            time.sleep(0.1)

    def _settled(self) -> Iterator[str]:
        """Addresses that nobody has, and the ways from them."""
        gateway = self.gateway_addresses()
        hops = gateway if self.bridged else {version: str(own.ip) for version, own in _OWN.items()}
        here = [one for one in addresses(self.facing) if has_room(one, own=not self.bridged)]
        for version, family in _FAMILIES.items():
            network = next((one for one in here if one.version == version), None)
            if network is None or version not in gateway:
                continue
            chosen = free(network, self.device, self.seat.mac)
            for table, (_, seat), own in zip((100, 101), self._seats, (chosen[:2], chosen[2:]), strict=False):
                seat.addresses[version] = own
                for one in own:
                    nodad = " nodad" if version == 6 else ""
                    yield f"addr add {one}/{network.network.prefixlen} dev {seat.link}{nodad}"
                    yield f"{family} rule add from {one} lookup {table}"
                yield f"{family} route add {network.network} dev {seat.link} table {table}"
                yield f"{family} route add default via {hops[version]} dev {seat.link} table {table}"

    # ---------------------------------------------------------------- the pretended internet

    def _link_sink(self) -> None:
        _ip(f"link add {SINK} type veth peer name eth0 netns {self.sink.pid}")
        Path("/proc/sys/net/ipv6/conf", SINK, "accept_ra").write_text("0", "ascii")
        _ip(f"addr add {_HERE4}/30 dev {SINK}")
        _ip(f"-6 addr add {_HERE6}/64 dev {SINK} nodad")
        _ip(f"link set {SINK} up")
        self.sink.ask("begin", links=list(self._sink_links()), within=20.0)
        for family, via in (("-4", _SINK4), ("-6", _SINK6)):
            _ip(f"{family} route add default via {via} dev {SINK} metric 1 table {TABLE}")
            # Should the pretended internet end first: a way to nowhere that ends with the device.
            _ip(f"{family} route add default dev {DEVICE} metric 2 table {TABLE}")
        for version, family in _FAMILIES.items():
            for one in self._own(version):
                _ip(f"{family} rule add pref {PRIORITY} from {one} lookup {TABLE}")

    def _sink_links(self) -> Iterator[str]:
        """Every address is there, but for the device's and the gateway's own, which lead back."""
        yield "link set lo up"
        yield "link set eth0 up"
        yield f"addr add {_SINK4}/30 dev eth0"
        yield f"-6 addr add {_SINK6}/64 dev eth0 nodad"
        # In the main table, where longer prefixes win: the local one is asked first.
        yield "route add local default dev lo table main"
        yield "-6 route add local default dev lo table main"
        gateway = [one for one in addresses() if not one.ip.is_link_local]
        for version, back in ((4, _HERE4), (6, _HERE6)):
            masks = [str(one.ip) for one in gateway if one.version == version]  # where it masquerades
            for address in dict.fromkeys((*self._own(version), *masks)):
                if address != back:
                    yield f"{_FAMILIES[version]} route add {address} via {back} dev eth0"

    def _own(self, version: int) -> list[str]:
        """All addresses of the audit's devices."""
        return [one for _, seat in self._seats for one in seat.addresses.get(version, ())]


def words_of(stage: Stage) -> dict[str, Any]:
    """What the stage gives to jobs."""
    words: dict[str, Any] = {"gatewaymac": read(stage.facing, "address"), "lan": stage.lan}
    words |= {f"gateway{version}": address for version, address in stage.gateway_addresses().items()}
    for name, seat in (("source", stage.seat), ("stranger", stage.stranger)):
        words |= {f"{name}mac": seat.mac, f"{name}link": seat.link}
        words |= {f"{name}{version}": own[0] for version, own in seat.addresses.items() if own}
    seconds = ((version, own[1:2]) for version, own in stage.seat.addresses.items())
    return words | {f"second{version}": rest[0] for version, rest in seconds if rest}
