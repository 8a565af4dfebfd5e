"""A card about a blocked bypass method: one per device, method and family day, for guardian and device user.

A card is about a setting that must be changed, or an attempt that a parent wants to know about. Methods that
devices fall back from without harm have no card: Private Relay, ECH, IPv6 in IPv4 (also Teredo), a resolver
that a phone only probes (signs.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from gateway.policy.profile.bypass_methods import BypassMethod
from gateway.policy.profile.rules import KINDS_LEVEL, NAMES_LEVEL


class CardTopic(StrEnum):
    """The topic of a bypass alert (card); `profiles/menus.yaml` has the menu paths on devices for each."""

    PRIVATE_DNS = "private_dns"  # the device's own resolver: nothing works until the setting is changed
    APP_DNS = "app_dns"  # a resolver of a browser or an app
    VPN = "vpn"
    TOR = "tor"
    PROXY = "proxy"
    SSH = "ssh"

    @property
    def is_setting(self) -> bool:
        """True if the alert is about a device's setting: it is not shown to guardians any more once solved.

        Other topics are attempts: a solved one is shown until its day ends.
        """
        return self is CardTopic.PRIVATE_DNS


TOPICS = {
    BypassMethod.VPN: CardTopic.VPN,
    BypassMethod.TOR: CardTopic.TOR,
    BypassMethod.PROXY: CardTopic.PROXY,
    BypassMethod.SSH: CardTopic.SSH,
}
"""The methods with one topic. Encrypted DNS is either a device's or an app's."""


@dataclass(frozen=True, slots=True)
class AlertCard:
    """A bypass alert: a bypass method that was blocked on one device on one family day."""

    mac: str
    profile: str  # of the device's owner at that time
    way: BypassMethod
    day: date  # of the family
    topic: CardTopic
    at: datetime | None  # aware; None: not stored at this log level
    host: str = ""  # the resolver in the query, hostile input; empty: none, or not stored at this log level
    proto: str = ""  # dot, doq, doh, dns, wireguard, …; may be empty too
    sure: bool = True  # False: probable
    level: int = 0  # the profile's log level at that time
    solved: bool = False  # the device was seen without the method since
    dismissed: bool = False  # by a guardian

    @property
    def key(self) -> tuple[str, BypassMethod, date]:
        return self.mac, self.way, self.day


def storable_card(card: AlertCard) -> AlertCard | None:
    """Return the alert with only what its log level permits to store and show; None: nothing."""
    if card.level < KINDS_LEVEL:
        return None
    return card if card.level >= NAMES_LEVEL else replace(card, host="", proto="", at=None)


def visible_card(card: AlertCard, level: int) -> AlertCard | None:
    """Return the alert with only what a guardian may see at log level ``level``; None: nothing.

    It is never more than was stored.
    """
    return storable_card(replace(card, level=min(card.level, level)))


def latest(cards: Iterable[AlertCard]) -> list[AlertCard]:
    """Return only the newest alert of each device and method, the newest first."""
    found: dict[tuple[str, BypassMethod], AlertCard] = {}
    for card in cards:
        known = found.get((card.mac, card.way))
        if known is None or known.day <= card.day:
            found[card.mac, card.way] = card
    return sorted(
        found.values(), key=lambda card: (card.day, card.at.timestamp() if card.at else 0.0), reverse=True
    )


def for_guardian(cards: Iterable[AlertCard], today: date) -> list[AlertCard]:
    """Return the bypass alerts to show guardians, the newest of each device and method.

    Those that a guardian dismissed are left out, and solved ones: a setting immediately, an attempt
    when its day has ended.
    """
    return [
        card
        for card in latest(cards)
        if not card.dismissed and (not card.solved or (not card.topic.is_setting and card.day == today))
    ]


def for_child(cards: Iterable[AlertCard], profile: str) -> list[AlertCard]:
    """Return the unsolved alerts of devices that ``profile`` (an id) owned then, the newest first.

    Only the newest alert of each device and method counts, also one that a guardian dismissed. The log level
    does not matter.
    """
    return [card for card in latest(cards) if card.profile == profile and not card.solved]
