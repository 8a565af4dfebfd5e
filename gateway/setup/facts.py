"""Values of `qalqan setup`: the facts about the machine, the answers and the plan."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gateway.check.rulesets import LoadedRulesets
from gateway.core.errors import GatewayError
from gateway.lan.machine import NetworkSnapshot
from gateway.policy.time.list_update_times import UpdateInterval

NAT_TABLE = "qalqan_nat"  # our second table next to `qalqan`, of family inet
UNITS = ("qalqan-nat.service", "qalqan.service", "qalqan-web.service")  # in the order of their start


class SetupError(GatewayError):
    """Raised if this machine cannot be set up, or an answer is invalid. The message is one line."""


@dataclass(frozen=True, slots=True)
class KernelSupport:
    """Whether setup may change the network, and whether the kernel has nftables and packet queues."""

    capable: bool = True  # CAP_NET_ADMIN
    nft: str = ""  # why rules cannot be loaded; empty: they can
    queue: bool = True  # nft's, or iptables' NFQUEUE


@dataclass(frozen=True, slots=True)
class Dnsmasq:
    """Whether dnsmasq is installed, and the options in its configuration."""

    program: bool = False
    service: bool = False  # one that reads /etc/dnsmasq.d
    options: Mapping[str, str] = field(default_factory=dict)  # from files except ours: name → first value
    own_range: str = ""  # `dhcp-range` in our file, which an earlier setup wrote


@dataclass(frozen=True, slots=True)
class Offer:
    """What one DHCP server on the LAN offers: its address, and the gateway that it announces."""

    server: str
    router: str  # the gateway that it announces; empty: none


@dataclass(frozen=True, slots=True)
class MachineFacts:
    """Everything that setup reads from the machine, before it proposes or changes something."""

    machine: NetworkSnapshot
    rules: LoadedRulesets = field(
        default_factory=lambda: LoadedRulesets((), "", {})
    )  # without our two tables
    kernel: KernelSupport = field(default_factory=KernelSupport)
    dnsmasq: Dnsmasq = field(default_factory=Dnsmasq)
    access_points: frozenset[str] = frozenset()  # Wi-Fi interfaces that devices join
    managers: tuple[str, ...] = ()  # the programs that configure the interfaces
    forwards6: bool = False
    openwrt: bool = False
    flushes: str = ""  # a file that deletes all rules when it is loaded
    timezone: str = ""
    country: str = ""  # a guess by the time zone
    hook: str = ""  # the program that dnsmasq runs for leases; empty: it is not installed
    lent: Mapping[str, str] = field(default_factory=dict)  # NetworkManager's lease files by interface
    config: bytes | None = None  # qalqan.yaml
    config_path: Path = Path("/etc/qalqan/qalqan.yaml")
    units: tuple[str, ...] = ()  # the installed ones of UNITS


@dataclass(frozen=True, slots=True)
class Pool:
    """The range of IPv4 addresses that dnsmasq assigns on the LAN."""

    first: ipaddress.IPv4Address
    last: ipaddress.IPv4Address

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"


@dataclass(frozen=True, slots=True)
class Answers:
    """The user's answers in ``qalqan setup``: interfaces, country, time zone, list updates, DHCP range."""

    lan: tuple[str, ...]
    wan: str  # with one arm, the same as the one of `lan`
    one_armed: bool = False
    country: str = ""  # two letters; empty: none
    timezone: str = ""  # empty: none
    lists_update: UpdateInterval = UpdateInterval.DAILY
    pool: Pool | None = None  # None: this setup lets dnsmasq assign no addresses


@dataclass(frozen=True, slots=True)
class SetupPlan:
    """What setup will write and change: interfaces, NAT, DHCP, sysctls; with remarks for the user."""

    lan: tuple[str, ...]
    wan: str
    one_armed: bool
    country: str
    timezone: str
    lists_update: UpdateInterval
    masquerade4: bool  # by our table; False: the machine does it already
    masquerade6: bool  # by our table; only with one arm
    pool: Pool | None
    netmask: str  # of the pool; empty without one
    bound: bool  # dnsmasq's files already bind it to single interfaces
    hook: str  # empty: dnsmasq runs no program
    leases: str  # dnsmasq's file; empty: another server assigns addresses
    sysctls: tuple[tuple[str, str], ...]  # below /proc/sys, with slashes → value
    notes: tuple[str, ...]  # what the family should know
