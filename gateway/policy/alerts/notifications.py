"""The notifications that a guardian wants on a phone, and their destination."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

# A request waits, a new device, a bypass attempt, the filter stopped or started, guardians changed, the
# guardian's own account was used to sign in, once a week that the page of the last seven days is there.
KINDS = ("request", "device", "way", "filter", "people", "sign_in", "week")
DEFAULT_KINDS = frozenset({"request", "device", "sign_in"})  # of a guardian who has chosen none yet
DEFAULT_AT_NIGHT = frozenset({"sign_in"})
ADDRESS_LIMIT = 200  # characters of the topic's address
LANGUAGE_LIMIT = 10  # characters


@dataclass(frozen=True, slots=True)
class Alerts:
    """A guardian's notification settings: where they are sent, which kinds, when, and with which details."""

    address: str  # of the ntfy topic; secret, since everyone who knows it can read along; empty: push only
    kinds: frozenset[str]
    at_night: frozenset[str] = frozenset()  # subset of `kinds`; the others wait for the morning
    names: bool = False  # include names of children, devices and sites in the text
    inside: bool = False  # the address is a server in the household's own network
    language: str = ""

    def plain(self) -> dict[str, Any]:
        """Return the settings in JSON types, as they are stored."""
        return {
            "address": self.address,
            "kinds": _ordered(self.kinds),
            "at_night": _ordered(self.at_night),
            "names": self.names,
            "inside": self.inside,
            "language": self.language,
        }


def read(said: Mapping[str, Any]) -> Alerts:
    """Return the settings from their stored form (`Alerts.plain` of any version).

    Unknown values are dropped.
    """
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
    return [kind for kind in KINDS if kind in found]
