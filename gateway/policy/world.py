"""What a judge knows beside the family's rules: names, categories, addresses."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from gateway.policy.categories import PROXY, Categories
from gateway.policy.hosts import HostError, HostMap, normalise
from gateway.policy.packs import Engine, Site
from gateway.policy.services import Catalogue

GATEWAY_NAME = "qalqan.home.arpa"

# By these names browsers and phones ask whether a filter is at work, or how to reach a resolver past it; no
# such name is the answer that turns their own encrypted DNS or relay off. Firefox: use-application-dns.net;
# RFC 9462: resolver.arpa; Apple, "Prepare your network for iCloud Private Relay": mask…icloud.com.
RESOLVER_SIGNALS = HostMap(
    {"resolver.arpa": True},
    {"use-application-dns.net": True, "mask.icloud.com": True, "mask-h2.icloud.com": True},
)

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


class NoTable:
    """A gateway whose lists were never built."""

    def categories(self, host: str) -> frozenset[str]:  # noqa: ARG002
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
    needs: HostMap[str] = field(default_factory=lambda: HostMap({}))  # name → one of packs.NEEDS
    sites: tuple[Site, ...] = ()  # approved ones, in the home's languages
    engines: HostMap[Engine] = field(default_factory=lambda: HostMap({}))
    sealed: Callable[[str], bool] = _never  # whether a host is in a sealed set
    help_address: Callable[[str, bytes], bool] = (
        _never  # whether the gateway itself resolved a help name to it
    )
    safe_address: Callable[[str, bytes], bool] = _never  # whether a safe search name was resolved to it
    calling_address: Callable[[bytes], bool] = (
        _never  # whether it belongs to a carrier's Wi-Fi calling (ePDG)
    )
