"""Verbs that list and dismiss cards: notices that a device used a blocked bypass method, such as a VPN."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated

from gateway.control.schema import OneLine, Whole, record
from gateway.control.verbs import BY_CHILDREN, BY_GUARDIANS, BY_PAGES, Verb

CARDS_MOST = 64


@record
class BypassCardsRequest:
    limit: Annotated[int, Whole(1, CARDS_MOST)] = CARDS_MOST


@record
class MenuPath:
    """The taps in a device's own menu that lead to a setting. Both mappings are by language."""

    id: str
    name: Mapping[str, str]  # of the device or program
    since: str | None  # the version from which the menu is like this
    steps: Mapping[str, tuple[str, ...]]  # from the first tap to the choice


@record
class BypassCard:
    """A bypass alert: which device used which blocked bypass method, such as a VPN, and when.

    ``menus``: how to turn the method off on the device.
    """

    device: str  # MAC
    name: str  # the device's own; untrusted input
    kind: str
    profile: str  # the child's id
    profile_name: str
    way: str  # the method
    topic: str  # private_dns, app_dns, vpn, tor, proxy, ssh
    day: date
    at: datetime | None  # None: not stored at this log level
    host: str | None  # untrusted input
    resolver: str | None  # the name of the host's operator
    proto: str | None
    sure: bool
    solved: bool  # the device was seen without the method since
    told: int  # what a guardian sees: 0 nothing, 1 that it happened, 2 everything
    menus: tuple[MenuPath, ...]
    sentence: str


@record
class BypassCards:
    cards: tuple[BypassCard, ...]  # newest first
    count: int  # more than the cards if ``limit`` left some off


@record
class DismissRequest:
    device: OneLine  # MAC
    way: OneLine
    back: bool = False  # restore the card


@record
class DismissedCard:
    device: str
    way: str


BYPASS_CARDS = Verb("cards", BypassCardsRequest, BypassCards, senders=BY_PAGES | BY_CHILDREN)
DISMISS_CARD = Verb("dismiss", DismissRequest, DismissedCard, senders=BY_GUARDIANS)
