"""Packs of names in the product: device needs, approved sites, safe search, ECH.

An entry is a name with all names under it, or ``=name`` for that name alone. The formats::

    packs:                              # profiles/starter/device-needs.yaml
      - id: apple
        name: Apple
        probes: [captive.apple.com]     # also: time, updates, push, certificates, store

    language: en                        # profiles/starter/<language>.yaml: approved sites
    sites:
      - id: khan-academy
        name: Khan Academy
        bands: [0-5, 6-9]
        domains: [khanacademy.org]
        companions: [kastatic.org]      # names without which its pages do not load

    engines:                            # profiles/safesearch.yaml
      google:
        name: Google
        strict: forcesafesearch.google.com        # DNS answers with this name's addresses
        moderate: null                            # the same as strict
        source: "https://…"                       # the engine's own page about it
        hosts: ["=www.google.com"]
      yandex:
        name: Yandex
        address: {v4: 213.180.193.56}             # instead of strict: an address
        hosts: ["=ya.ru"]

    names:                              # profiles/ech.yaml: outer names of ECH
      - name: cloudflare-ech.com
        whose: Cloudflare
        source: "https://…"             # where the name is published
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address

from gateway.age.bands import AgeBand
from gateway.policy.names.hosts import HostMap, PublicSuffixCheck, host_map, read_entries, read_host
from gateway.policy.yaml import fields
from gateway.policy.yaml.documents import parse_document
from gateway.policy.yaml.fields import Node, Scalar, shown

PROBES = "probes"
NEEDS = (PROBES, "time", "updates", "push", "certificates", "store")
# Push and the store matter only while a person uses the device; the rest keeps a device healthy. Probes keep
# the device on this network, so they are open during a pause as well.
NEEDS_AT_NIGHT = frozenset({"time", "updates", "certificates"})
OLDEST_STARTER = AgeBand.AGE_6_9  # the packs are made for children up to nine
ENGINE_KEYS = ("name", "hosts", "strict", "moderate", "address", "source")


@dataclass(frozen=True, slots=True)
class Site:
    """An approved site with its host names, for certain age groups.

    A page does not load without its companions (other names that it needs), so they are among the names.
    """

    id: str
    name: str
    bands: frozenset[AgeBand]
    language: str
    names: tuple[str, ...]  # including companions

    def is_for(self, band: AgeBand) -> bool:
        """Return True if the site is approved for an age group.

        A site for children of 6 to 9 is approved for older ones too.
        """
        return band in self.bands or (OLDEST_STARTER in self.bands and band.rank > OLDEST_STARTER.rank)


@dataclass(frozen=True, slots=True)
class Engine:
    """A search engine or video site with a safe mode."""

    id: str
    name: str
    hosts: tuple[str, ...]
    strict: str  # host name or IPv4 address
    moderate: str

    def safe_name(self, level: str) -> str:
        """Return the safe search name or address for a level: ``strict`` or ``moderate``."""
        return self.moderate if level == "moderate" else self.strict


def parse_needs(source: str | bytes, file: str, is_public_suffix: PublicSuffixCheck) -> Mapping[str, str]:
    """Return entry → type of device need (one of NEEDS), from a YAML file of names that devices need.

    If an entry is in two packs, the first counts. Raises PolicyError if the file is invalid.
    """
    top = fields.Fields(parse_document(source, file), ("packs",))
    read: dict[str, str] = {}
    for node in fields.items(top.need("packs")):
        part = fields.Fields(fields.mapping(node), ("id", "name", *NEEDS))
        fields.text(part.need("id"))
        fields.text(part.need("name"))
        for need in NEEDS:
            names = part.node(need)
            for entry in read_entries(names, is_public_suffix, patterns=True) if names is not None else ():
                read.setdefault(entry, need)
    return read


def parse_sites(source: str | bytes, file: str, is_public_suffix: PublicSuffixCheck) -> tuple[Site, ...]:
    """Return the approved sites in one language's YAML file. Raises PolicyError if it is invalid."""
    top = fields.Fields(parse_document(source, file), ("language", "sites"))
    language = fields.text(top.need("language"))
    read: dict[str, Site] = {}
    for node in fields.items(top.need("sites")):
        part = fields.Fields(fields.mapping(node), ("id", "name", "bands", "domains", "companions"))
        key = fields.text(part.need("id"))
        if key in read:
            node.place.refuse(f"the site {shown(key)} is there twice", "keep it once")
        domains = read_entries(part.need("domains"), is_public_suffix)
        companions = read_entries(part.need("companions"), is_public_suffix)
        bands = _bands(part.need("bands"))
        name = fields.text(part.need("name"))
        read[key] = Site(key, name, bands, language, tuple(dict.fromkeys(domains + companions)))
    return tuple(read.values())


def _bands(node: Node) -> frozenset[AgeBand]:
    known = [band.value for band in AgeBand]
    read = frozenset(AgeBand(fields.choice(item, known)) for item in fields.items(node))
    if not read:
        node.place.refuse("names no band", "write it as [0-5, 6-9]")
    return read


def parse_engines(source: str | bytes, file: str, is_public_suffix: PublicSuffixCheck) -> tuple[Engine, ...]:
    """Return the search engines of a YAML file, with their safe names. Raises PolicyError if invalid."""
    top = fields.Fields(parse_document(source, file), ("engines",))
    read = []
    for key, _, node in fields.pairs(top.need("engines")):
        part = fields.Fields(fields.mapping(node), ENGINE_KEYS)
        name, names = fields.text(part.need("name")), read_entries(part.need("hosts"), is_public_suffix)
        if "address" in part:
            strict = moderate = part.read("address", _address, "")
        else:
            strict = read_host(part.need("strict"))
            moderate = part.read("moderate", _host_or_nothing, "") or strict
        read.append(Engine(key, name, names, strict, moderate))
    return tuple(read)


def parse_ech_names(source: str | bytes, file: str) -> frozenset[str]:
    """Return the outer names of ECH (encrypted TLS hello) in a YAML file.

    They are host names that are sent in the clear in place of a hidden one. Raises PolicyError if the file is
    invalid.
    """
    top = fields.Fields(parse_document(source, file), ("names",))
    read = set()
    for node in fields.items(top.need("names")):
        part = fields.Fields(fields.mapping(node), ("name", "whose", "source"))
        fields.text(part.need("whose"))
        fields.text(part.need("source"))
        read.add(read_host(part.need("name")))
    return frozenset(read)


def _host_or_nothing(node: Node) -> str:
    return "" if isinstance(node, Scalar) and node.is_null else read_host(node)


def _address(node: Node) -> str:
    part = fields.Fields(fields.mapping(node), ("v4",))
    word = fields.text(part.need("v4"))
    try:
        return str(IPv4Address(word))
    except ValueError:
        node.place.refuse(f"{shown(word)} is not an IPv4 address", "write it like 203.0.113.1")


def site_map(sites: Iterable[Site], band: AgeBand) -> HostMap[Site]:
    """Return a HostMap from host names to those of ``sites`` that are approved for an age group."""
    return host_map((name, site) for site in sites if site.is_for(band) for name in site.names)
