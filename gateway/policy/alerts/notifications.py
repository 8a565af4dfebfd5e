"""The notifications that a guardian wants on a phone, and their destination."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.policy.alerts.channels import CHANNEL_LIMIT, MOST_CHANNELS, MessageChannel
from gateway.policy.time.time_text import TimeTextError, clock_span

# A request waits, a new device, a bypass attempt, the filter stopped or started, guardians changed, the
# guardian's own account was used to sign in, the page of the last seven days is ready (once a week).
KINDS = ("request", "device", "way", "filter", "people", "sign_in", "week")
DEFAULT_KINDS = frozenset({"request", "device", "sign_in"})  # of a guardian who has chosen none yet
DEFAULT_AT_NIGHT = frozenset({"sign_in"})
DEFAULT_QUIET = "22:00-07:00"  # quiet hours, in which only the kinds `at_night` are sent
LANGUAGE_LIMIT = 10  # characters


@dataclass(frozen=True, slots=True)
class Alerts:
    """A guardian's notification settings: to which channels, which kinds, when, and with which details."""

    kinds: frozenset[str]
    at_night: frozenset[str] = frozenset()  # subset of `kinds`; the others wait for the end of `quiet`
    names: bool = False  # include names of children, devices and sites in the text
    language: str = ""  # of the messages; empty: English
    channels: tuple[MessageChannel, ...] = ()  # none: to browsers only
    quiet: str = DEFAULT_QUIET  # a span of time

    def plain(self) -> dict[str, Any]:
        """Return the settings as a dict of JSON types, as they are stored."""
        return {
            "channels": [channel.plain() for channel in self.channels],
            "kinds": _ordered(self.kinds),
            "at_night": _ordered(self.at_night),
            "names": self.names,
            "language": self.language,
            "quiet": self.quiet,
        }


def read(said: Mapping[str, Any]) -> Alerts:
    """Return the notification settings from their stored form (`Alerts.plain` of any version).

    Unknown kinds and surplus channels are dropped, long texts are cut, and an invalid ``quiet`` is replaced.
    Without ``kinds`` there are none, not DEFAULT_KINDS. The first versions had one channel, an address of
    ntfy.
    """
    kinds = frozenset(said.get("kinds", ())) & frozenset(KINDS)
    stored = said.get("channels", [said] if said.get("address") else [])
    channels = (
        MessageChannel(found["address"][:CHANNEL_LIMIT], found.get("inside") is True)
        for found in stored
        if found.get("address")
    )
    return Alerts(
        kinds,
        frozenset(said.get("at_night", ())) & kinds,
        said.get("names") is True,
        str(said.get("language", ""))[:LANGUAGE_LIMIT],
        tuple(channels)[:MOST_CHANNELS],
        _quiet(said.get("quiet")),
    )


def _quiet(said: object) -> str:
    try:
        clock_span(str(said))
    except TimeTextError:
        return DEFAULT_QUIET
    return str(said)


def _ordered(kinds: Iterable[str]) -> list[str]:
    found = set(kinds)
    return [kind for kind in KINDS if kind in found]
