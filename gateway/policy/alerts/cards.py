"""A card about a closed way: one a device, way and family day, for the guardian and for who has the device.

It is about a setting that somebody has to change, or an attempt that a parent wants to know of. So there is
none for what gives way by itself and costs nobody anything: Private Relay, ECH, Teredo, a resolver that a
phone merely tries (policy/waysigns.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from gateway.policy.profile.bypass_methods import Way
from gateway.policy.profile.log_levels import KINDS_LEVEL, NAMES_LEVEL


class Topic(StrEnum):
    """What the card is about; `profiles/menus.yaml` has the words of the device's own menus for each."""

    PRIVATE_DNS = "private_dns"  # the device's own resolver: nothing opens until it is changed
    APP_DNS = "app_dns"  # one of a browser or an app
    VPN = "vpn"
    TOR = "tor"
    PROXY = "proxy"
    SSH = "ssh"

    @property
    def is_setting(self) -> bool:
        """Whether it is over once the device does without; the others are attempts, and stay for the day."""
        return self is Topic.PRIVATE_DNS


TOPICS = {Way.VPN: Topic.VPN, Way.TOR: Topic.TOR, Way.PROXY: Topic.PROXY, Way.SSH: Topic.SSH}
"""Of the ways of which there is one. Encrypted DNS is a device's or an app's."""


@dataclass(frozen=True, slots=True)
class Card:
    mac: str
    profile: str  # whose device it was then
    way: Way
    day: date  # the family's
    topic: Topic
    at: datetime | None  # aware; None: the log level keeps no time
    host: str = ""  # the resolver that was asked for, hostile input; empty: none, or the log level keeps none
    proto: str = ""  # dot, doq, doh, dns, wireguard, …; empty as well
    sure: bool = True  # False: it looks like it
    level: int = 0  # the profile's log level then
    solved: bool = False  # the device was seen without it since
    dismissed: bool = False  # by a guardian

    @property
    def key(self) -> tuple[str, Way, date]:
        return self.mac, self.way, self.day


def kept(card: Card) -> Card | None:
    """What may be written down of it; None: nothing. It is what a guardian may see."""
    if card.level < KINDS_LEVEL:
        return None
    return card if card.level >= NAMES_LEVEL else replace(card, host="", proto="", at=None)


def told(card: Card, level: int) -> Card | None:
    """What a guardian may see of it while the profile's log level is ``level``: never more than was kept."""
    return kept(replace(card, level=min(card.level, level)))


def latest(cards: Iterable[Card]) -> list[Card]:
    """Of each device and way the one of its last day, newest first."""
    found: dict[tuple[str, Way], Card] = {}
    for one in cards:
        known = found.get((one.mac, one.way))
        if known is None or known.day <= one.day:
            found[one.mac, one.way] = one
    return sorted(
        found.values(), key=lambda one: (one.day, one.at.timestamp() if one.at else 0.0), reverse=True
    )


def for_guardian(cards: Iterable[Card], today: date) -> list[Card]:
    """Those that wait for a guardian. One that is solved goes at once, an attempt with the day."""
    return [
        one
        for one in latest(cards)
        if not one.dismissed and (not one.solved or (not one.topic.is_setting and one.day == today))
    ]


def for_child(cards: Iterable[Card], profile: str) -> list[Card]:
    """Those of one device that are true now, whatever its log level; ``profile``: whose the device is."""
    return [one for one in latest(cards) if one.profile == profile and not one.solved]


_SENTENCES = {
    Topic.PRIVATE_DNS: ("{device} uses Private DNS{name}.", "{device} seems to use Private DNS{name}."),
    Topic.APP_DNS: ("An app on {device} uses a resolver of its own{name}.",) * 2,
    Topic.VPN: ("A VPN was tried on {device}{name}.",) * 2,
    Topic.TOR: ("Tor was tried on {device}.",) * 2,
    Topic.PROXY: ("A proxy was tried on {device}.",) * 2,
    Topic.SSH: ("SSH was tried on {device}.",) * 2,
}
_UNTIL = {
    Topic.PRIVATE_DNS: "It has no internet until that is changed",
    Topic.APP_DNS: "It may be switched off there",
}


def card_sentence(card: Card, device: str, where: str = "") -> str:
    """``device``: what to call it; ``where``: its menu's steps, empty where they are not known. The pages
    have words of their own for it.
    """
    name = (
        f" {card.host}" if card.host else f" ({card.proto})" if card.topic is Topic.VPN and card.proto else ""
    )
    said = _SENTENCES[card.topic][0 if card.sure else 1].format(device=device, name=name)
    then = _UNTIL.get(card.topic, "It is refused; all else goes on")
    return f"{said} {then}: {where}." if where else f"{said} {then}."
