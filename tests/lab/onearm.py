"""A home whose gateway has one arm: the provider's router and it stand in the same network.

internet ── wan · router 192.168.77.254 ── home ──┬─ eth0 · gateway 192.168.77.1
                         2001:db8:77::fe          ├─ tablet, phone, parent, new

The devices name the gateway as theirs. The router translates, as each at home does, and forwards for whoever
names it instead.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

from tests.lab import names
from tests.lab.home import Home
from tests.lab.netns import Namespace
from tests.lab.topology import BRIDGE_SYSCTLS, GATEWAY_SYSCTLS, MASQUERADE, Topology, batch

ARM = "eth0"
ROUTER_IPV4 = "192.168.77.254"
ROUTER_IPV6 = "2001:db8:77::fe"
ROUTER_LINK = "fe80::fe"  # as it advertises itself
ROUTER_MAC = "02:00:00:00:00:fe"


class OneArmedTopology(Topology):
    """The wires alone: what makes a gateway of the machine with one arm is for `qalqan setup`."""

    lan = ARM

    @property
    def router(self) -> Namespace:
        return Namespace(f"{self.prefix}-router")

    @property
    def namespaces(self) -> list[Namespace]:
        return [*super().namespaces, self.router]

    def _links(self) -> list[str]:
        router = self.router.name
        lines = [
            f"link add {names.WAN} index 9 netns {router} type veth peer name eth0 netns {self.internet.name}"
        ]
        seats = [(seat.mac, self.devices[seat.key].name, self._ports[seat.key]) for seat in self.seats]
        for mac, namespace, port in ((names.GATEWAY_MAC, self.gateway.name, "lan0"), *seats):
            peer = f"peer name eth0 address {mac} netns {namespace}"
            lines.append(f"link add {port} netns {router} type veth {peer}")
        return lines

    def _build_gateway(self) -> None:
        ports = ("lan0", *self._ports.values())
        batch(
            [
                "link set lo up",
                f"link add {names.LAN} address {ROUTER_MAC} type bridge mcast_snooping 0",
                *(f"link set {port} master {names.LAN}" for port in ports),
                *(f"link set {port} up" for port in ports),
                f"addr add {ROUTER_IPV4}/24 dev {names.LAN}",
                f"addr add {ROUTER_IPV6}/64 dev {names.LAN} nodad",
                f"addr add {ROUTER_LINK}/64 dev {names.LAN} nodad",
                f"link set {names.LAN} up",
                f"addr add {names.WAN_IPV4}/30 dev {names.WAN}",
                f"addr add {names.WAN_IPV6}/64 dev {names.WAN} nodad",
                f"link set {names.WAN} up",
                f"route add default via {names.PROVIDER_IPV4}",
                f"-6 route add default via {names.PROVIDER_IPV6}",
            ],
            self.router,
        )
        self.router.run(["nft", "-f", "-"], stdin=MASQUERADE, check=True)
        self.router.run(["sysctl", "-qw", *GATEWAY_SYSCTLS], check=True)
        self.router.run(["sysctl", "-qew", *BRIDGE_SYSCTLS], check=True)
        batch(
            [
                "link set lo up",
                f"link set {ARM} up",
                f"addr add {names.GATEWAY_IPV4}/24 dev {ARM}",
                f"addr add {names.GATEWAY_IPV6}/64 dev {ARM} nodad",
                f"route add default via {ROUTER_IPV4}",
                f"-6 route add default via {ROUTER_LINK} dev {ARM}",
            ],
            self.gateway,
        )
        self.gateway.set_resolvers("127.0.0.1")


class OneArmedHome(Home):
    """``with OneArmedHome() as home:``; the daemon's `lan` is `ARM`."""

    def __init__(self) -> None:
        super().__init__(topology=OneArmedTopology)
        self.nat = Path()  # what setup wrote there

    def __enter__(self) -> Self:
        self.start()
        return self

    @property
    def router(self) -> Namespace:
        return Namespace(f"{self.prefix}-router")
