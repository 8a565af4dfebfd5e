"""Packs of names that come with the product: what devices need, approved sites, safe search, help.

An entry is a name with all names under it, or ``=name`` for that name alone. The formats::

    needs:                              # profiles/starter/device-needs.yaml
      probes: [=captive.apple.com]      # also: time, updates, push, certificates, sign_in

    language: en                        # profiles/starter/en.yaml: approved sites
    sites:
      khan-academy:
        name: Khan Academy
        from: 6-9                       # the youngest band that it is for
        names: [khanacademy.org, kastatic.org]    # the site with its companion names

    engines:                            # profiles/safesearch.yaml
      google:
        name: Google
        hosts: [=www.google.com, =google.com]
        strict: forcesafesearch.google.com        # the name, or IPv4 address, that answers instead
        moderate: forcesafesearch.google.com      # absent: as strict

    help:                               # profiles/countries/*.yaml: ahead of every rule, never logged
      - name: Childline
        names: [childline.org.uk]
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from gateway.age.bands import Band
from gateway.policy import fields
from gateway.policy.documents import Node, parse_document, shown
from gateway.policy.entries import entries, host
from gateway.policy.hosts import PublicSuffixCheck

NEEDS = ("probes", "time", "updates", "push", "certificates", "sign_in")
# Push and signing in serve somebody who is awake; the rest keeps a device healthy, or on this network.
NEEDS_AT_NIGHT = frozenset({"probes", "time", "updates", "certificates"})

_IPV4 = re.compile(r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Site:
    """An approved site: its names are one thing, since a page without its companions does not load."""

    id: str
    name: str
    youngest: Band  # it is for this band and older ones
    language: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Engine:
    """A search engine or video site that has a safe mode of its own."""

    id: str
    name: str
    hosts: tuple[str, ...]
    strict: str  # host name or IPv4 address
    moderate: str

    def safe_name(self, level: str) -> str:
        """``level``: strict or moderate."""
        return self.moderate if level == "moderate" else self.strict


def parse_needs(source: str | bytes, file: str, is_public_suffix: PublicSuffixCheck) -> Mapping[str, str]:
    """Entry → which of NEEDS it is."""
    top = fields.Fields(parse_document(source, file), ("needs",))
    read: dict[str, str] = {}
    for key, place, node in fields.pairs(top.need("needs")):
        if key not in NEEDS:
            place.refuse(f"{shown(key)} is no kind of need", fields.suggestion(key, NEEDS))
        for entry in entries(node, is_public_suffix):
            if read.setdefault(entry, key) != key:
                node.place.refuse(f"{shown(entry)} is under '{read[entry]}' too", "keep it in one place")
    return read


def parse_sites(source: str | bytes, file: str, is_public_suffix: PublicSuffixCheck) -> tuple[Site, ...]:
    """The approved sites of one language."""
    top = fields.Fields(parse_document(source, file), ("language", "sites"))
    language = fields.text(top.need("language"))
    read = []
    for key, _, node in fields.pairs(top.need("sites")):
        part = fields.Fields(fields.mapping(node), ("name", "from", "names"))
        youngest = Band(fields.choice(part.need("from"), [band.value for band in Band]))
        names = entries(part.need("names"), is_public_suffix)
        read.append(Site(key, fields.text(part.need("name")), youngest, language, names))
    return tuple(read)


def parse_engines(source: str | bytes, file: str, is_public_suffix: PublicSuffixCheck) -> tuple[Engine, ...]:
    top = fields.Fields(parse_document(source, file), ("engines",))
    read = []
    for key, _, node in fields.pairs(top.need("engines")):
        part = fields.Fields(fields.mapping(node), ("name", "hosts", "strict", "moderate"))
        strict = _safe_target(part.need("strict"))
        moderate = part.read("moderate", _safe_target, strict)
        names = entries(part.need("hosts"), is_public_suffix)
        read.append(Engine(key, fields.text(part.need("name")), names, strict, moderate))
    return tuple(read)


def parse_help(source: str | bytes, file: str, is_public_suffix: PublicSuffixCheck) -> Mapping[str, str]:
    """Entry → whose it is."""
    top = fields.Fields(parse_document(source, file), ("help",))
    read: dict[str, str] = {}
    for node in fields.items(top.need("help")):
        part = fields.Fields(fields.mapping(node), ("name", "names"))
        name = fields.text(part.need("name"))
        for entry in entries(part.need("names"), is_public_suffix):
            read[entry] = name
    return read


def _safe_target(node: Node) -> str:
    word = fields.text(node)
    return word if _IPV4.fullmatch(word) else host(node)


def allowed_sites(sites: Iterable[Site], band: Band, languages: Collection[str]) -> tuple[Site, ...]:
    """The sites for ``band`` in ``languages``."""
    return tuple(one for one in sites if one.youngest <= band and one.language in languages)
