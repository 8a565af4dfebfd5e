"""The data that all judges of a household share: services, categories, addresses, help lines."""

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
from gateway.policy.names.name_words import NameWords
from gateway.policy.names.packs import Engine, Site
from gateway.policy.names.resolvers import Resolvers
from gateway.policy.names.services import Catalogue
from gateway.policy.profile.bypass_methods import BypassMethod

GATEWAY_NAME = "qalqan.home.arpa"

# Browsers and phones query these names to find out whether a filter is active, or how to reach a resolver
# that bypasses it. "No such name" is the answer that turns off their own encrypted DNS or relay.
# Firefox: use-application-dns.net. RFC 9462 §4: resolver.arpa.
# Apple, "Prepare your network for iCloud Private Relay": mask and mask-h2 need an immediate NXDOMAIN or an
# empty answer, never silence. The other Apple names are the targets of their CNAMEs.
# Google, "Private prefetch proxy in Chrome for network administrators": dns-tunnel-check. Without it Chrome
# shows a page that Google's proxy prefetched only after a DNS query for the page's name.
RESOLVER_SIGNALS = HostMap(
    {"resolver.arpa": BypassMethod.ENCRYPTED_DNS}
    | dict.fromkeys(("mask.icloud.com", "mask-h2.icloud.com", "mask-api.icloud.com"), BypassMethod.RELAY)
    | dict.fromkeys(("mask-canary.icloud.com", "dns-tunnel-check.googlezip.net"), BypassMethod.RELAY)
    | dict.fromkeys(
        ("mask.apple-dns.net", "mask-h2.apple-dns.net", "mask-t.apple-dns.net"), BypassMethod.RELAY
    )
    | {"mask-api.fe.apple-dns.net": BypassMethod.RELAY},
    {"use-application-dns.net": BypassMethod.ENCRYPTED_DNS},
)

# Query for the encrypted protocols of a resolver that is known by name: RFC 9461 §3, RFC 9462 §5.
_DESIGNATION = re.compile(r"(?:_[0-9]{1,5}\.)?_dns\.", re.ASCII)


def bypass_signal(host: str) -> BypassMethod | None:
    """Return the bypass method that browsers and phones look for by querying ``host``.

    None if it is no such name.
    """
    found = RESOLVER_SIGNALS.get(host)
    if found is None and host.startswith("_") and _DESIGNATION.match(host):
        return BypassMethod.ENCRYPTED_DNS
    return found


# Names that stay in the local network, and reverse look-ups: RFC 6762 (local), RFC 8375 (home.arpa),
# RFC 6761 (localhost), ICANN's internal, and lan of dnsmasq and OpenWrt.
LOCAL_NAMES = HostMap(
    dict.fromkeys(("local", "home.arpa", "localhost", "internal", "lan", "in-addr.arpa", "ip6.arpa"), True)
)


# These domains show pages of other sites. The label directly below them is the other site's name: "-"
# replaces a dot, and "--" replaces "-" (amp.dev, "AMP Cache URL Format"; Google Translate and Yandex Turbo do
# the same). The value is the category of the proxy domain itself; empty: none.
PAGE_PROXIES = HostMap(
    {"translate.goog": PROXY, "cdn.ampproject.org": "", "bing-amp.com": "", "turbopages.org": ""}
)


def sites_behind_proxy(host: str) -> tuple[str, ...]:
    """Return the sites that ``host`` may show if it is under a page proxy such as translate.goog.

    The label below the proxy's domain encodes the site's name. Usually none or one; two if the label can be
    decoded in two ways.
    """
    found = PAGE_PROXIES.find(host)
    if found is None or host == found[0]:
        return ()
    label = host.removesuffix("." + found[0]).rpartition(".")[2]
    # An international name is encoded as a whole or label by label. A result with "--" in the third place
    # gets the prefix "0-" and the suffix "-0", so that it does not look like an A-label.
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
    """The interface of the category table: ids of the categories of a host, address or prefix."""

    def categories(self, host: str) -> frozenset[str]: ...

    def entry(self, text: str) -> frozenset[str]: ...


class NoTable:
    """An empty category table, for a gateway without built lists."""

    def categories(self, host: str) -> frozenset[str]:  # noqa: ARG002
        return frozenset()

    def entry(self, text: str) -> frozenset[str]:  # noqa: ARG002
        return frozenset()


def _never(*_: object) -> bool:
    return False


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """The data that all judges (one for each profile) of a household share: services, categories, help lines.

    Addresses are packed, 4 or 16 bytes.
    """

    catalogue: Catalogue
    categories: Categories
    table: CategoryTable = field(default_factory=NoTable)
    help: HostMap[str] = field(default_factory=lambda: HostMap({}))  # name → the help line's name
    calling: HostMap[str] = field(
        default_factory=lambda: HostMap({})
    )  # the subset of help names that are carriers' Wi-Fi calling gateways
    needs: HostMap[str] = field(default_factory=lambda: HostMap({}))  # name → one of packs.NEEDS
    sites: tuple[Site, ...] = ()  # approved sites in the household's languages
    engines: HostMap[Engine] = field(default_factory=lambda: HostMap({}))
    resolvers: Resolvers = field(default_factory=Resolvers)
    words: NameWords = field(default_factory=NameWords)
    gateway_names: frozenset[str] = frozenset(
        {GATEWAY_NAME}
    )  # names of the pages, including a trusted name if there is one
    sealed: Callable[[str], bool] = _never  # True for a host in a sealed list
    registers: Mapping[str, Register] = field(
        default_factory=lambda: NO_REGISTERS
    )  # the state registers that are on, by their category, such as law:kz
    help_address: Callable[[str, bytes], bool] = (
        _never  # True if the gateway itself resolved a help name to the address
    )
    safe_address: Callable[[str, bytes], bool] = (
        _never  # True if a safe search name was resolved to the address
    )
    calling_address: Callable[[bytes], bool] = (
        _never  # True if the address belongs to a carrier's Wi-Fi calling (ePDG)
    )

    def address_categories(self, packed: bytes) -> frozenset[str]:
        """Return the category ids of a packed address and its /24 or /64 prefix, and PROXY for a resolver."""
        own, prefix = nets.keys(packed)
        found = self.table.entry(own) | self.table.entry(prefix)
        return found | {PROXY} if self.is_resolver(packed) else found

    def is_resolver(self, packed: bytes) -> bool:
        """Return True if this is the packed address of a known public DNS resolver."""
        return self.resolvers.at(packed) is not None
