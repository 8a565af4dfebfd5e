"""`qalqan setup`: what the machine is, and what was decided, as frozen values."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gateway.check.rulesets import Rules
from gateway.core.errors import GatewayError
from gateway.lan.machine import Machine
from gateway.policy.time.list_updates import UpdateInterval

NAT_TABLE = "qalqan_nat"  # ours beside `qalqan`, of family inet
UNITS = ("qalqan-nat.service", "qalqan.service", "qalqan-web.service")  # in the order of their start


class SetupError(GatewayError):
    """Why this machine, or this answer, cannot be set up; one line."""


@dataclass(frozen=True, slots=True)
class Kernel:
    capable: bool = True  # CAP_NET_ADMIN
    nft: str = ""  # why rules cannot be loaded; empty: they can
    queue: bool = True  # nft's, or iptables' NFQUEUE


@dataclass(frozen=True, slots=True)
class Dnsmasq:
    program: bool = False
    service: bool = False  # that reads /etc/dnsmasq.d
    options: Mapping[str, str] = field(default_factory=dict)  # of its files but ours: name → the first value


@dataclass(frozen=True, slots=True)
class Offer:
    """What a DHCP server answered."""

    server: str
    router: str  # the gateway that it tells devices; empty: none


@dataclass(frozen=True, slots=True)
class Facts:
    machine: Machine
    rules: Rules = field(default_factory=lambda: Rules((), "", {}))  # of others: without our two tables
    kernel: Kernel = field(default_factory=Kernel)
    dnsmasq: Dnsmasq = field(default_factory=Dnsmasq)
    access_points: frozenset[str] = frozenset()  # interfaces whose Wi-Fi devices join
    managers: tuple[str, ...] = ()  # who gives the interfaces their addresses
    forwards6: bool = False
    openwrt: bool = False
    flushes: str = ""  # a file that throws every rule away when it is loaded
    timezone: str = ""
    country: str = ""  # a guess, by the time zone
    hook: str = ""  # the program that dnsmasq tells of leases
    lent: Mapping[str, str] = field(default_factory=dict)  # NetworkManager's leases, by interface
    config: bytes | None = None  # qalqan.yaml
    config_path: Path = Path("/etc/qalqan/qalqan.yaml")
    units: tuple[str, ...] = ()  # of UNITS, those that are installed


@dataclass(frozen=True, slots=True)
class Pool:
    """Addresses that dnsmasq gives out on the home's side."""

    first: ipaddress.IPv4Address
    last: ipaddress.IPv4Address

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"


@dataclass(frozen=True, slots=True)
class Answers:
    """What was chosen."""

    lan: tuple[str, ...]
    wan: str  # the same as the one of `lan` where it is one arm
    one_armed: bool = False
    country: str = ""
    timezone: str = ""
    lists_update: UpdateInterval = UpdateInterval.DAILY
    pool: Pool | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is written and switched. Everything about it is decided."""

    lan: tuple[str, ...]
    wan: str
    one_armed: bool
    country: str
    timezone: str
    lists_update: UpdateInterval
    masquerade4: bool  # by a table of ours; False: the machine does it already
    masquerade6: bool
    pool: Pool | None
    netmask: str  # of the pool
    bound: bool  # dnsmasq's files say already that it binds to single interfaces
    hook: str  # empty: dnsmasq tells nobody
    leases: str  # dnsmasq's; empty: somebody else gives addresses
    sysctls: tuple[tuple[str, str], ...]  # below /proc/sys, with slashes → value
    notes: tuple[str, ...]  # what the family has to know
