"""Who is told of a closed way, how much by the log level, and until when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from gateway.policy.alerts.card_messages import card_sentence
from gateway.policy.alerts.cards import (
    AlertCard,
    CardTopic,
    for_child,
    for_guardian,
    latest,
    storable_card,
    visible_card,
)
from gateway.policy.language import ENGLISH
from gateway.policy.profile.bypass_methods import BypassMethod

TODAY = date(2026, 11, 24)
AT = datetime(2026, 11, 24, 9, tzinfo=UTC)
TABLET, PHONE = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
CARD = AlertCard(
    TABLET,
    "daughter",
    BypassMethod.ENCRYPTED_DNS,
    TODAY,
    CardTopic.PRIVATE_DNS,
    AT,
    "dns.adguard.com",
    "dot",
    level=2,
)
VPN = replace(CARD, way=BypassMethod.VPN, topic=CardTopic.VPN, host="", proto="wireguard")
BARE = replace(CARD, host="", proto="", at=None)


def test_level_0_keeps_nothing_and_level_1_neither_name_nor_time() -> None:
    assert storable_card(replace(CARD, level=0)) is None
    assert storable_card(replace(CARD, level=1)) == replace(BARE, level=1)
    assert storable_card(CARD) is CARD
    assert storable_card(replace(CARD, level=3)) == replace(CARD, level=3)


@pytest.mark.parametrize(
    ("then", "now", "seen"), [(2, 0, None), (0, 3, None), (2, 1, 1), (1, 2, 1), (2, 2, 2), (3, 2, 2)]
)
def test_a_level_that_changed_never_tells_more(then: int, now: int, seen: int | None) -> None:
    found = visible_card(replace(CARD, level=then), now)
    assert (None if found is None else found.level) == seen
    assert found is None or bool(found.host) == (seen == 2)


def test_of_each_device_and_way_the_last_day_counts() -> None:
    old = replace(CARD, day=TODAY - timedelta(days=1), at=AT - timedelta(days=1))
    other = replace(CARD, mac=PHONE)
    assert latest([old, CARD, VPN, other]) == [CARD, VPN, other]
    assert latest([CARD, old]) == [CARD]
    assert for_guardian([old, replace(CARD, dismissed=True)], TODAY) == [], "the older one does not come back"


def test_a_setting_is_over_when_it_is_changed_and_an_attempt_with_the_day() -> None:
    assert for_guardian([CARD, VPN], TODAY) == [CARD, VPN]
    solved = [replace(CARD, solved=True), replace(VPN, solved=True)]
    assert for_guardian(solved, TODAY) == [solved[1]]
    assert for_guardian(solved, TODAY + timedelta(days=1)) == []
    assert for_guardian([CARD], TODAY + timedelta(days=3)) == [CARD], "nothing goes by itself while it is so"
    assert for_guardian([replace(VPN, dismissed=True)], TODAY) == []


def test_who_has_the_device_is_told_whatever_the_level_and_the_parents_did() -> None:
    hidden = replace(CARD, level=0, dismissed=True)
    assert for_child([hidden], "daughter") == [hidden]
    assert for_child([hidden], "son") == [], "it was another's then"
    assert for_child([replace(hidden, solved=True)], "daughter") == []


@pytest.mark.parametrize(
    ("card", "where", "sentence"),
    [
        (
            CARD,
            "Settings › Network & internet › Private DNS › Automatic",
            "Tablet uses Private DNS. It uses dns.adguard.com as its DNS server instead of this home. Rules"
            " cannot work with it, so it is blocked. The device has no internet until you change this."
            " Settings › Network & internet › Private DNS › Automatic.",
        ),
        (replace(CARD, sure=False, host=""), "", "Tablet seems to use Private DNS. It uses another DNS server"
         " instead of this home. Rules cannot work with it, so it is blocked. The device has no internet"
         " until you change this. The device asks for this name again and again, and for nothing else."),
        (VPN, "", "A VPN was tried on Tablet. Type: WireGuard. It was blocked. While it is on, nothing else"
         " may work on the device."),
        (replace(VPN, topic=CardTopic.TOR), "", "Tor was tried on Tablet. It was blocked. Close its app: Tor"
         " Browser or Orbot."),
    ],
)  # fmt: skip
def test_in_one_sentence(card: AlertCard, where: str, sentence: str) -> None:
    assert card_sentence(card, "Tablet", ENGLISH, where) == sentence
