"""Cards about closed ways: the parent's with one tap, the child's own in a child's words."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from tests.control.running import Running
from tests.webui.conftest import Browser, browser_on
from tests.webui.standin.closed import ANDROID, APPLE, a_card, each_way
from tests.webui.standin.household import PHONE, TABLET, Household
from tests.webui.standin.pages import HOSTILE, text_of

CARD = f"{TABLET} encrypted_dns"


@pytest.fixture
def closed(household: Household) -> Household:
    household.cards = [a_card()]
    return household


def plain(page: str) -> str:
    return text_of(page).replace("&#39;", "'").replace("&amp;", "&")


def test_the_parent_reads_what_it_is_and_where_it_is_changed(mum: Browser, closed: Household) -> None:
    text = plain(mum.get("/parent/").text)
    assert (
        "Galaxy-A54 uses Private DNS Aruzhan · phone · 7 minutes ago"
        " It uses dns.adguard.com as its DNS server instead of this home. Rules cannot work with it, so it is"
        " blocked. The device has no internet until you change this."
        " Android Settings › Network & internet › Private DNS › Automatic Dismiss"
    ) in text, text


def test_the_child_reads_it_in_its_own_words(tablet: Browser, closed: Household) -> None:
    page = tablet.get("/my").text
    assert (
        "Why nothing opens here Private DNS is set to dns.adguard.com on this device. The rules cannot work"
        " with it, so nothing goes through. Change it, and the internet works again."
        " Android Settings › Network & internet › Private DNS › Automatic Your parents can see this too."
    ) in plain(page), plain(page)
    assert "/parent/cards/" not in page, "it cannot be put away here"
    assert "Private DNS is set to" in plain(tablet.get("/my/now").text)


def test_another_device_of_that_child_is_told_nothing(app: Flask, daemon: Running, closed: Household) -> None:
    assert "Private DNS" not in browser_on(app, "192.168.1.21").get("/my").text


@pytest.mark.parametrize(
    ("asked", "language", "steps"),
    [
        ("ru-RU, en;q=0.5", "ru", "Настройки › Сеть и интернет › Персональный DNS-сервер › Автоматически"),
        ("kk, ru;q=0.8", "ru", "Настройки › Сеть и интернет"),
        ("kk, de", "en", "Settings › Network & internet"),
    ],
)
def test_the_menu_is_in_the_phone_s_language(
    tablet: Browser, closed: Household, asked: str, language: str, steps: str
) -> None:
    page = tablet.get("/my", Accept_Language=asked).text
    assert f'<dd lang="{language}">' in page
    assert steps in plain(page)


def test_each_way_in_words(mum: Browser, household: Household) -> None:
    text = ""
    for one in each_way()[:5]:
        household.cards = [one]
        text += plain(mum.get("/parent/").text)
    for expected in (
        "A VPN was tried on Galaxy-A54 Aruzhan · phone · 7 minutes ago Type: WireGuard. It was blocked."
        " While it is on, nothing else may work on the device. Android Settings › Network & internet › VPN",
        f"An app on {PHONE} uses its own DNS",
        "Laptop seems to use Private DNS Aruzhan · 7 minutes ago",
        "The device asks for this name again and again, and for nothing else."
        " Where it is depends on the device: Android Settings",
        "iPhone, iPad Settings › General › VPN & Device Management › DNS › Automatic",
        "Close its app: Tor Browser or Orbot. No more attempts since.",
    ):
        assert expected in text, text


def test_each_way_in_a_child_s_words(tablet: Browser, household: Household) -> None:
    household.cards = [{**one, "device": TABLET, "solved": False} for one in each_way()]
    text = plain(tablet.get("/my").text)
    for expected in (
        "A VPN does not go through here The rules cannot work inside one. Switch it off, and"
        " all that is open for you works again. Android Settings › Network & internet › VPN",
        "Why some pages may not open A browser or app here asks dns.adguard.com for addresses",
        "It looks like this: Private DNS is set to",
        "Tor does not go through here",
        "A proxy does not go through here",
        "SSH does not go through here",
    ):
        assert expected in text, text


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        (2, "Your parents can see this too."),
        (1, "Your parents can see that it happened, not by which name and when."),
        (0, "Your parents cannot see this."),
    ],
)
def test_the_child_is_told_what_its_parents_see(
    tablet: Browser, mum: Browser, household: Household, told: int, sentence: str
) -> None:
    household.cards = [a_card(told=told)]
    assert sentence in plain(tablet.get("/my").text)
    assert ("uses Private DNS" in plain(mum.get("/parent/").text)) is (told > 0)


def test_below_the_level_of_names_a_card_has_neither_name_nor_time(
    mum: Browser, household: Household
) -> None:
    household.cards = [a_card(host=None, resolver=None, proto=None, at=None, told=1)]
    text = plain(mum.get("/parent/").text)
    assert "Galaxy-A54 uses Private DNS Aruzhan · phone · Today It uses another DNS server instead" in text


def test_one_tap_puts_it_away_and_another_has_it_back(
    mum: Browser, tablet: Browser, closed: Household
) -> None:
    answer = mum.post("/parent/cards/", {"card": CARD})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/parent/")
    values = {"device": TABLET, "way": "encrypted_dns", "by": "Mum", "origin": "192.168.1.7"}
    assert [sent for do, sent in closed.asked if do == "dismiss"] == [values]
    page = mum.get("/parent/").text
    assert "uses Private DNS" not in page
    assert "Card dismissed. The device itself still shows it while the problem lasts." in text_of(page)
    assert "Why nothing opens here" in tablet.get("/my").text
    undo = re.search(r'action="(/parent/cards/back)".*?name="card" value="([^"]+)"', page, re.DOTALL)
    assert undo is not None
    assert undo[2] == CARD
    mum.post(undo[1], {"card": undo[2]})
    page = mum.get("/parent/").text
    assert "uses Private DNS" in page
    assert "put away." not in page


def test_nobody_else_puts_it_away(tablet: Browser, closed: Household) -> None:
    for path in ("/parent/cards/", "/parent/cards/back"):
        assert tablet.post(path, {"card": CARD}).headers["Location"] == "/signin"
    assert "dismiss" not in {do for do, _ in closed.asked}


def test_what_is_no_card_is_told(mum: Browser, closed: Household) -> None:
    mum.post("/parent/cards/", {"card": f"{TABLET} vpn"})
    assert "This card is already gone." in text_of(mum.get("/parent/").text)
    for wrong in ({}, {"card": TABLET}, {"card": f"{TABLET} {'x' * 60}"}):
        assert mum.post("/parent/cards/", wrong).status_code == 400


def test_names_of_hosts_devices_and_menus_are_text(
    mum: Browser, tablet: Browser, household: Household
) -> None:
    menu = {**ANDROID, "name": {"en": HOSTILE}, "steps": {"en": [HOSTILE]}}
    household.cards = [
        {**one, "device": TABLET, "way": f"{number}", "name": HOSTILE, "host": HOSTILE,
         "profile_name": HOSTILE, "menus": [menu, APPLE]}
        for number, one in enumerate(each_way())
    ]  # fmt: skip
    for page in (mum.get("/parent/").text, tablet.get("/my").text):
        assert "<script>alert" not in page
        assert "{{7*7}}" in page
        steps = re.findall(r'lang="en">(.*?)</dd>', page)
        assert steps
        assert not [one for one in steps if "49" in one]
    for one in household.cards:
        one["menus"] = []  # a character that does not print is refused at the door of the menus' file
    for page in (mum.get("/parent/").text, tablet.get("/my").text):
        assert "\u202e" not in page


def test_without_cards_nobody_asks_for_them(mum: Browser, household: Household) -> None:
    assert "way-1" not in mum.get("/parent/").text
    assert "cards" not in {do for do, _ in household.asked}


def test_three_cards_and_the_rest_is_counted(mum: Browser, household: Household) -> None:
    household.cards = [a_card(device=f"02:00:00:00:01:{number:02x}") for number in range(12)]
    page = mum.get("/parent/").text
    assert len(re.findall(r'id="way-\d+"', page)) == 3
    assert "9 more cards wait." in text_of(page)
