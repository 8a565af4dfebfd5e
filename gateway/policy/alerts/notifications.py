"""What a guardian wants to be told of on a phone, and where that goes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

# A request waits, a new device, a closed way was tried, the filter stopped or started, guardians changed.
KINDS = ("request", "device", "way", "filter", "people")
ADDRESS_LIMIT = 200  # characters of a topic's address
LANGUAGE_LIMIT = 10  # characters


@dataclass(frozen=True, slots=True)
class Alerts:
    address: str  # of the topic: who knows it reads along, so that it is a secret
    kinds: frozenset[str]
    at_night: frozenset[str] = frozenset()  # of `kinds`; the others wait for the morning
    names: bool = False  # names of children, devices and sites are in the text
    inside: bool = False  # the address is of a server in the home's own network, and of no other
    language: str = ""

    def plain(self) -> dict[str, Any]:
        return {
            "address": self.address,
            "kinds": _ordered(self.kinds),
            "at_night": _ordered(self.at_night),
            "names": self.names,
            "inside": self.inside,
            "language": self.language,
        }


def read(said: Mapping[str, Any]) -> Alerts:
    """What ``plain`` said, of an earlier or later version: what is not known here is left out."""
    kinds = frozenset(said.get("kinds", ())) & frozenset(KINDS)
    return Alerts(
        str(said.get("address", ""))[:ADDRESS_LIMIT],
        kinds,
        frozenset(said.get("at_night", ())) & kinds,
        said.get("names") is True,
        said.get("inside") is True,
        str(said.get("language", ""))[:LANGUAGE_LIMIT],
    )


def _ordered(kinds: Iterable[str]) -> list[str]:
    found = set(kinds)
    return [one for one in KINDS if one in found]
