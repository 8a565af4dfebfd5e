"""Checks for what no published list may block: well-known sites, shared networks, names of the catalogue.

Well-known sites and shared networks are in `profiles/canaries.yaml`. `must_resolve.py` has the sites that
must resolve for children from ten years on.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping
from ipaddress import ip_network

from gateway.lists.formats import Format
from gateway.lists.must_resolve import NOTHING_MUST, MustResolve
from gateway.lists.protected_sites import ProtectedSites
from gateway.policy.config.registers import is_register
from gateway.policy.names import networks as nets
from gateway.policy.names.packs import Site
from gateway.policy.names.services import Service
from gateway.policy.yaml import fields
from gateway.policy.yaml.documents import parse_document
from gateway.policy.yaml.fields import Node, shown

LEARNING = frozenset({"education", "health", "productivity"})
# A list may rightly have a service of one of these categories in another one: a pirate site also has adult
# content, a proxy also pirated copies.
DOUBTFUL = frozenset(
    {
        "adult", "gambling", "drugs_alcohol_tobacco_sales", "weapons_sales", "gore_violence",
        "selfharm_promotion", "hate_extremism", "dating", "random_video_chat", "ai_companions",
        "proxy_vpn_doh", "tor", "piracy", "search_without_safe_mode", "crypto",
    }
)  # fmt: skip
# The catalogue says nothing about tracking or the age of a name: a service's names may be trackers, or new.
OTHER_MATTERS = frozenset({"ads_trackers", "new_domain"})


class SharedNetworks:
    """Networks of addresses that thousands of sites share, such as those of a CDN, with their owners.

    A list's entry in such a network would block all these sites.
    """

    def __init__(self, networks: Mapping[nets.Network, str]) -> None:
        """Store the networks for `hit`. ``networks``: the owner of each. They must not overlap."""
        self._spans: dict[int, list[tuple[int, int, str]]] = {4: [], 6: []}
        for network, owner in networks.items():
            self._spans[network.version].append((*nets.span(network), owner))
        for spans in self._spans.values():
            spans.sort()

    def hit(self, listed: str) -> str | None:
        """Return the owner of a shared network that the address or prefix ``listed`` overlaps, or None."""
        network = ip_network(listed)
        spans = self._spans[network.version]
        low, high = nets.span(network)
        at = bisect_right(spans, high, key=lambda span: span[0]) - 1
        return spans[at][2] if at >= 0 and spans[at][1] >= low else None


class CatalogueNames:
    """Finds list entries that contradict the catalogue of services and sites: a school called a porn site.

    Published lists are often merged automatically from other lists, and have such errors. The
    entries are only found here; the build leaves them out. Services with a DOUBTFUL category are not
    used. ``binding``: categories that are blocked for everyone.
    """

    def __init__(self, services: Iterable[Service], sites: Iterable[Site], binding: Iterable[str]) -> None:
        self._binding = frozenset(binding)
        self._claims: dict[str, frozenset[str]] = {}
        for site in sites:
            self._claim(site.names, LEARNING)
        for service in services:
            if service.categories.isdisjoint(DOUBTFUL):
                self._claim((*service.domains, *service.update), service.categories)

    def _claim(self, names: Iterable[str], categories: frozenset[str]) -> None:
        """Record that names, and their parent domains, belong to ``categories`` according to the catalogue.

        An entry for a parent domain blocks the name too.
        """
        for name in names:
            above = "" if "*" in name else name.removeprefix("=")
            while "." in above:
                self._claims[above] = self._claims.get(above, frozenset()) | categories
                above = above.partition(".")[2]

    def disputes(self, category: str, listed: str) -> bool:
        """Return whether the catalogue contradicts the name ``listed`` on a list of ``category``.

        True if ``listed`` is a catalogue name or a parent domain of one, and the catalogue gives it
        other categories. False for subdomains of catalogue names, state registers, trackers and new
        domains. For a category that is blocked for everyone, only sites and services of the
        categories in LEARNING count.
        """
        claim = self._claims.get(listed)
        if claim is None or is_register(category) or category in OTHER_MATTERS or category in claim:
            return False
        return category not in self._binding or not claim.isdisjoint(LEARNING)


NOTHING_PROTECTED = ProtectedSites()
NO_NETWORKS = SharedNetworks({})
NOTHING_KNOWN = CatalogueNames((), (), ())


class Canaries:
    """The sites and networks that no published list may block: for example very well-known sites.

    A list with an entry for one is rejected, or loses the entry. It also has the checks for single
    entries, which are left out of the table: those that the catalogue (``known``) contradicts, and
    those that block a site that ``must`` resolve or a popular site (``guard``).
    """

    def __init__(
        self,
        hosts: Iterable[str],
        networks: SharedNetworks = NO_NETWORKS,
        known: CatalogueNames = NOTHING_KNOWN,
        must: MustResolve = NOTHING_MUST,
        guard: ProtectedSites = NOTHING_PROTECTED,
    ) -> None:
        self._networks = networks
        self.known = known
        self.must = must
        self.guard = guard
        self._suffixes: dict[str, str] = {}
        for host in hosts:
            name = host
            while "." in name:
                self._suffixes.setdefault(name, host)
                name = name.partition(".")[2]

    def hit(self, listed: str) -> str | None:
        """Return the well-known host that the entry ``listed`` would block; None if there is none.

        ``listed`` blocks a host if it is that name or a parent domain of it.
        """
        return self._suffixes.get(listed)

    def blocked_by(self, entry: Callable[[str], Collection[str]]) -> str | None:
        """Return a site that a category table blocks although no list may block it, or None.

        Such sites are the well-known ones, those of must_resolve.yaml (only in the categories that
        are checked for them), and help lines. ``entry`` returns the categories of a name's own entry
        in the table, without those of its parent domains; empty if there is none.
        """
        blocked = (host for listed, host in self._suffixes.items() if entry(listed))
        return next(blocked, None) or self.must.blocked_by(entry)

    def hit_by(self, form: Format) -> Callable[[str], str | None]:
        """Return the function that finds what an entry of a list in format ``form`` would block.

        It is `hit`; for a list of addresses, `SharedNetworks.hit`.
        """
        return self._networks.hit if form is Format.ADDRESSES else self.hit


def parse_canaries(source: str | bytes, file: str) -> tuple[str, ...]:
    """Return the well-known hosts of `profiles/canaries.yaml`, which has a list of names for each topic.

    ``file`` is named in errors. Raises PolicyError for invalid content.
    """
    top = fields.Fields(parse_document(source, file), ("canaries", "addresses"))
    themes = fields.pairs(top.need("canaries"))
    return tuple(dict.fromkeys(host for _, _, node in themes for host in fields.texts(node)))


def parse_shared_networks(source: str | bytes, file: str) -> SharedNetworks:
    """Return the shared networks in the part `addresses` of `profiles/canaries.yaml`: prefixes by owner.

    Raises PolicyError for invalid or overlapping prefixes.
    """
    top = fields.Fields(parse_document(source, file), ("canaries", "addresses"))
    read: dict[nets.Network, str] = {}
    for owner, _, node in fields.pairs(top.need("addresses")):
        for item in fields.items(node):
            prefix = _prefix(item)
            other = next(filter(prefix.overlaps, read), None)
            if other is not None:
                item.place.refuse(f"{shown(str(prefix))} overlaps {other}", "keep one of the two")
            read[prefix] = owner
    return SharedNetworks(read)


def _prefix(node: Node) -> nets.Network:
    word = fields.text(node)
    try:
        return ip_network(word)
    except ValueError:
        node.place.refuse(f"{shown(word)} is not a prefix", "write it like 192.0.2.0/24")
