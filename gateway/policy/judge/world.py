"""What a judge knows beside the family's rules: names, categories, addresses."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from gateway.policy.config.registers import NO_REGISTERS, Register
from gateway.policy.names import networks as nets
from gateway.policy.names.categories import PROXY, Categories
from gateway.policy.names.hosts import HostError, HostMap, normalise
from gateway.policy.names.packs import Engine, Site
from gateway.policy.names.resolvers import Resolvers
from gateway.policy.names.services import Catalogue
from gateway.policy.profile.bypass_methods import Way

GATEWAY_NAME = "qalqan.home.arpa"

# By these names browsers and phones ask whether a filter is at work, or how to reach a resolver past it; no
# such name is the answer that turns their own encrypted DNS or relay off. Firefox: use-application-dns.net;
# RFC 9462 4: resolver.arpa; Apple, "Prepare your network for iCloud Private Relay": mask and mask-h2, for
# which it wants NXDOMAIN or no records at once, never silence; the other names of its are what these lead to.
# Google, "Private prefetch proxy in Chrome for network administrators": dns-tunnel-check…, without
# which a page that was fetched ahead through Google's proxy is shown only after a question for its name.
RESOLVER_SIGNALS = HostMap(
    {"resolver.arpa": Way.ENCRYPTED_DNS}
    | dict.fromkeys(("mask.icloud.com", "mask-h2.icloud.com", "mask-api.icloud.com"), Way.RELAY)
    | dict.fromkeys(("mask-canary.icloud.com", "dns-tunnel-check.googlezip.net"), Way.RELAY)
    | dict.fromkeys(("mask.apple-dns.net", "mask-h2.apple-dns.net", "mask-t.apple-dns.net"), Way.RELAY)
    | {"mask-api.fe.apple-dns.net": Way.RELAY},
    {"use-application-dns.net": Way.ENCRYPTED_DNS},
)

# How a resolver that is known by name is asked for its encrypted ways: RFC 9461 3, RFC 9462 5.
_DESIGNATION = re.compile(r"(?:_[0-9]{1,5}\.)?_dns\.", re.ASCII)


def signal_of(host: str) -> Way | None:
    """The way that the name ``host`` alone opens, where it serves nothing else."""
    found = RESOLVER_SIGNALS.get(host)
    if found is None and host.startswith("_") and _DESIGNATION.match(host):
        return Way.ENCRYPTED_DNS
    return found


# Names that never leave a home, and reverse look-ups: RFC 6762 (local), 8375 (home.arpa), 6761 (localhost),
# ICANN's internal, dnsmasq's and OpenWrt's lan.
LOCAL_NAMES = HostMap(
    dict.fromkeys(("local", "home.arpa", "localhost", "internal", "lan", "in-addr.arpa", "ip6.arpa"), True)
)


# Under these names a page of another site is shown under one of its own, whose first label is that site's
# name: a - stands for a dot, -- for a - (amp.dev, "AMP Cache URL Format"; Google's translated pages and
# Yandex's Turbo pages use the same). The value is the category that they are in by themselves.
PAGE_PROXIES = HostMap(
    {"translate.goog": PROXY, "cdn.ampproject.org": "", "bing-amp.com": "", "turbopages.org": ""}
)


def shown_by_proxy(host: str) -> tuple[str, ...]:
    """The names whose pages ``host`` may show, where it is under one of PAGE_PROXIES: usually none or one."""
    found = PAGE_PROXIES.find(host)
    if found is None or host == found[0]:
        return ()
    label = host.removesuffix("." + found[0]).rpartition(".")[2]
    # An international name is encoded as a whole or label by label; what then has -- in the third place
    # is kept from looking like the first by a 0- before and a -0 behind it.
    texts = [label[2:-2] if label.startswith("0-") and label.endswith("-0") else label]
    if label.startswith("xn--"):
        with suppress(UnicodeError):
            texts.append(label[4:].encode().decode("punycode"))
    names = (_unescaped(text) for text in texts)
    return tuple(name for name in names if name is not None)


def _unescaped(text: str) -> str | None:
    try:
        name = normalise("-".join(part.replace("-", ".") for part in text.split("--")))
    except HostError:
        return None
    return name if "." in name else None


class CategoryTable(Protocol):
    def categories(self, host: str) -> frozenset[str]: ...

    def entry(self, text: str) -> frozenset[str]: ...


class NoTable:
    """A gateway whose lists were never built."""

    def categories(self, host: str) -> frozenset[str]:  # noqa: ARG002
        return frozenset()

    def entry(self, text: str) -> frozenset[str]:  # noqa: ARG002
        return frozenset()


def _never(*_: object) -> bool:
    return False


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """Shared by all judges of a home. Addresses are packed, 4 or 16 bytes."""

    catalogue: Catalogue
    categories: Categories
    table: CategoryTable = field(default_factory=NoTable)
    help: HostMap[str] = field(default_factory=lambda: HostMap({}))  # name → whose it is
    calling: HostMap[str] = field(default_factory=lambda: HostMap({}))  # of those, the carriers' gateways
    needs: HostMap[str] = field(default_factory=lambda: HostMap({}))  # name → one of packs.NEEDS
    sites: tuple[Site, ...] = ()  # approved ones, in the home's languages
    engines: HostMap[Engine] = field(default_factory=lambda: HostMap({}))
    resolvers: Resolvers = field(default_factory=Resolvers)
    gateway_names: frozenset[str] = frozenset({GATEWAY_NAME})  # the pages', a trusted one of this home too
    sealed: Callable[[str], bool] = _never  # whether a host is in a sealed set
    registers: Mapping[str, Register] = field(default_factory=lambda: NO_REGISTERS)  # those that are on
    help_address: Callable[[str, bytes], bool] = (
        _never  # whether the gateway itself resolved a help name to it
    )
    safe_address: Callable[[str, bytes], bool] = _never  # whether a safe search name was resolved to it
    calling_address: Callable[[bytes], bool] = (
        _never  # whether it belongs to a carrier's Wi-Fi calling (ePDG)
    )

    def address_categories(self, packed: bytes) -> frozenset[str]:
        """Ids of the categories of an address by itself, whatever name is called on it; two look-ups in the
        table.
        """
        own, prefix = nets.keys(packed)
        found = self.table.entry(own) | self.table.entry(prefix)
        return found | {PROXY} if self.is_resolver(packed) else found

    def is_resolver(self, packed: bytes) -> bool:
        """Whether an address is one that a public resolver publishes, and so nobody else's."""
        return self.resolvers.at(packed) is not None
