"""Detects the kind of a device: `profiles/fingerprints.yaml` → Fingerprints.

An entry names a kind and its clues. The most specific clue that fits an entry decides, in the order of
CLUES. Among entries with that clue, the first in the file wins. The format::

    fingerprints:
      - id: iphone
        name: iPhone
        kind: phone                           # one of DEVICE_KINDS
        model: ["iPhone*"]                    # what it reports over multicast DNS
        host_name: ["*iphone*"]               # * stands for anything, letters in any case
        services: [_apple-mobdev2]            # of multicast DNS
        vendor_class: ["android-dhcp-*"]      # DHCP option 60
        options: ["1,121,3,6,15,119,252"]     # DHCP option 55: the whole list, in its order
        vendor: ["Nintendo*"]                 # by the OUI
        test: [{host_name: Aruzhans-iPhone}]  # devices that it is for
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.policy.identity.device_kinds import APPLIANCE, DEVICE_KINDS
from gateway.policy.identity.sightings import Sighting
from gateway.policy.identity.traits import Traits
from gateway.policy.yaml import fields
from gateway.policy.yaml.documents import parse_document
from gateway.policy.yaml.fields import Node, shown

CLUES = ("model", "host_name", "services", "vendor_class", "options", "vendor")
# A vendor class or an option list names a DHCP client, which other kinds of devices use too.
CLEAR_CLUES = ("model", "host_name", "services", "vendor")
MAX_ENTRIES = 256  # a file of our own; each has some clues
_SERVICE = re.compile(r"_[a-z0-9-]{1,20}", re.ASCII)
_KEYS = ("id", "name", "kind", *CLUES, "test")


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """One entry of fingerprints.yaml: a type of device, and the patterns of the clues that identify it."""

    id: str
    kind: str
    patterns: Mapping[str, tuple[str, ...]]  # by clue, lower case
    options: frozenset[tuple[int, ...]]

    def matches(self, clue: str, sight: Sighting) -> bool:
        """Return True if the device's value of ``clue`` (one of CLUES) fits this entry."""
        traits = sight.traits
        if clue == "options":
            return traits.options in self.options
        wanted = self.patterns.get(clue, ())
        if clue == "services":
            return not sight.services.isdisjoint(wanted)
        said = {"model": sight.model, "host_name": traits.host_name, "vendor_class": traits.vendor_class}
        text = said.get(clue, traits.vendor).lower()
        return bool(text) and any(_matches(pattern, text) for pattern in wanted)


@dataclass(frozen=True, slots=True)
class Fingerprints:
    entries: tuple[Fingerprint, ...] = ()

    def kind_of(self, sight: Sighting) -> str:
        """Return the type of a device, such as phone; empty if no entry matches."""
        found = self.find(sight)
        return "" if found is None else found.kind

    def is_appliance(self, sight: Sighting) -> bool:
        """Return True if a device is clearly an appliance by its model, name, services or vendor.

        An appliance is a printer, lamp, camera and the like.
        """
        found = self.find(sight)
        return (
            found is not None
            and found.kind == APPLIANCE
            and any(found.matches(clue, sight) for clue in CLEAR_CLUES)
        )

    @property
    def ids(self) -> frozenset[str]:
        return frozenset(entry.id for entry in self.entries)

    def find(self, sight: Sighting) -> Fingerprint | None:
        """Return the entry that identifies a device, by the most specific clue; None if none matches."""
        for clue in CLUES:
            for entry in self.entries:
                if entry.matches(clue, sight):
                    return entry
        return None


@dataclass(frozen=True, slots=True)
class FingerprintFile:
    """The entries of a fingerprint file, and for each the example devices that it must match."""

    fingerprints: Fingerprints
    tests: Mapping[str, tuple[Sighting, ...]]  # by entry


def parse_fingerprints(source: str | bytes, file: str) -> FingerprintFile:
    """Return the entries of a fingerprint file (YAML) and their examples.

    Raises PolicyError with file, line, key and fix if it is invalid.
    """
    top = fields.Fields(parse_document(source, file), ("fingerprints",))
    entries: dict[str, Fingerprint] = {}
    tests: dict[str, tuple[Sighting, ...]] = {}
    for node in fields.entries(top.need("fingerprints"), MAX_ENTRIES):
        part = fields.Fields(fields.mapping(node), _KEYS)
        entry = _entry(part)
        if entry.id in entries:
            node.place.refuse(f"the entry {shown(entry.id)} is there twice", "give each its own id")
        entries[entry.id] = entry
        tests[entry.id] = tuple(_example(field) for field in fields.items(part.need("test")))
        if not tests[entry.id]:
            part.need("test").place.refuse("is empty", "write a device that this entry is for")
    return FingerprintFile(Fingerprints(tuple(entries.values())), tests)


def _entry(part: fields.Fields) -> Fingerprint:
    key = fields.ident(part.need("id"))
    fields.text(part.need("name"))
    if not any(clue in part for clue in CLUES):
        part.place.refuse("has no clue", f"add one of: {', '.join(CLUES)}")
    patterns = {
        clue: part.read(clue, _services if clue == "services" else _patterns, ())
        for clue in CLUES
        if clue in part and clue != "options"
    }
    return Fingerprint(
        key,
        fields.choice(part.need("kind"), DEVICE_KINDS),
        patterns,
        part.read("options", _lists, frozenset()),
    )


def _patterns(node: Node) -> tuple[str, ...]:
    for item in fields.items(node):
        word = fields.text(item)
        if not word.strip("*") or word.count("*") > 3:
            item.place.refuse(f"{shown(word)} says nothing or too much", "write it like *iphone*")
    return tuple(word.lower() for word in fields.texts(node))


def _services(node: Node) -> tuple[str, ...]:
    for item in fields.items(node):
        if _SERVICE.fullmatch(fields.text(item)) is None:
            item.place.refuse(f"{shown(fields.text(item))} is no service", "write it like _airplay")
    return fields.texts(node)


def _lists(node: Node) -> frozenset[tuple[int, ...]]:
    return frozenset(map(_numbers, fields.items(node)))


def _numbers(node: Node) -> tuple[int, ...]:
    words = fields.text(node).replace(" ", "").split(",")
    if not all(word.isascii() and word.isdigit() and 0 < int(word) < 255 for word in words):
        node.place.refuse(f"{shown(fields.text(node))} is no list of options", 'write it like "1,3,6,15"')
    return tuple(map(int, words))


def _example(node: Node) -> Sighting:
    part = fields.Fields(fields.mapping(node), CLUES)
    traits = Traits(
        mac="02:00:00:00:00:00",
        host_name=part.read("host_name", fields.text, ""),
        vendor_class=part.read("vendor_class", fields.text, ""),
        options=part.read("options", _numbers, ()),
        vendor=part.read("vendor", fields.text, ""),
    )
    services = frozenset(part.read("services", _services, ()))
    return Sighting(traits, services=services, model=part.read("model", fields.text, ""))


def _matches(pattern: str, text: str) -> bool:
    """Return True if the whole text matches the pattern, in which ``*`` stands for any characters.

    Each part is searched after the one before it, so the time is bounded.
    """
    parts = pattern.split("*")
    if len(parts) == 1:
        return pattern == text
    first, *middle, last = parts
    if not text.startswith(first) or len(text) < len(first) + len(last) or not text.endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    for part in middle:
        at = text.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True
