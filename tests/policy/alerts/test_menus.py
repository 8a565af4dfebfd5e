"""`profiles/menus.yaml`: what its parser refuses, which menus a device gets, and the file that ships."""

from __future__ import annotations

import pytest

from gateway.policy.alerts.cards import CardTopic
from gateway.policy.alerts.menus import SHOWN, in_language, parse_menus, path
from gateway.policy.names.categories import LANGUAGES
from tests.policy.homes import product, refusal

GOOD = """
menus:
  - id: one
    topic: private_dns
    name: {en: Android}
    devices: [android-phone]
    kinds: [phone, any]
    since: "9"
    steps: {en: [Settings, Private DNS], kk: [Параметрлер, Жеке DNS]}
    status: seen
    source: somebody
"""
BROWSERS = ["browser-dns-chrome", "browser-dns-firefox", "browser-dns-edge"]
DEVICES = ("android-phone", "iphone")


def said(text: str) -> str:
    return refusal(lambda: parse_menus(text, "menus.yaml", DEVICES))


def test_each_language_falls_back_to_english() -> None:
    (one,) = parse_menus(GOOD, "menus.yaml", DEVICES).entries
    assert one.since == "9"
    assert path(in_language(one.steps, "kk")) == "Параметрлер › Жеке DNS"
    assert path(in_language(one.steps, "ru")) == "Settings › Private DNS"


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("topic: private_dns", "topic: privat_dns", "'privat_dns' is not known here; did you mean"),
        ("devices: [android-phone]", "devices: [ipone]", "'ipone' is not known here; did you mean 'iphone'?"),
        ("kinds: [phone, any]", "kinds: [phones]", "'phones' is not known here; did you mean 'phone'?"),
        ("id: one", "id: One", "'One' is no id; use a-z, 0-9 and -, starting with a letter"),
        ("{en: Android}", "{ru: Android}", "has no 'en'; add a line 'en: …'"),
        ("{en: [Settings, Private DNS]", "{de: [Einstellungen], en: [a]", "is not a known key"),
        ("{en: [Settings, Private DNS]", "{en: []", "has 0 steps; write 1 to 8, from the first tap on"),
        ("en: [Settings, Private DNS]", f"en: [{'a' * 61}]", "is longer than 60 characters"),
        ("status: seen", "status: sure", "'sure' is not known here"),
        ("    source: somebody\n", "", "has no 'source'; add a line 'source: …'"),
        ("since", "from", "is not a known key"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line_with_its_place(old: str, new: str, line: str) -> None:
    assert old in GOOD
    text = said(GOOD.replace(old, new))
    assert line in text
    assert text.startswith("menus.yaml:")
    assert "\n" not in text


def test_an_entry_that_is_for_no_device_or_there_twice() -> None:
    for gone in ("    devices: [android-phone]\n", "    kinds: [phone, any]\n"):
        assert said(GOOD.replace(gone, "")) == ""
    bare = GOOD.replace("    devices: [android-phone]\n", "").replace("    kinds: [phone, any]\n", "")
    assert "is for no device; add a line 'devices: …' or 'kinds: …'" in said(bare)
    assert "the entry 'one' is there twice" in said(GOOD + GOOD.partition("menus:\n")[2])


def told(topic: CardTopic, device: str, kind: str) -> list[str]:
    return [one.id for one in product().menus.of(topic, device, kind)]


@pytest.mark.parametrize(
    ("topic", "device", "kind", "menus"),
    [
        (CardTopic.PRIVATE_DNS, "android-phone", "phone", ["private-dns-android"]),
        (CardTopic.PRIVATE_DNS, "samsung-tablet", "tablet", ["private-dns-samsung"]),
        (CardTopic.PRIVATE_DNS, "ipad", "tablet", ["private-dns-apple"]),
        (CardTopic.PRIVATE_DNS, "windows", "computer", ["private-dns-windows"]),
        (CardTopic.APP_DNS, "windows", "computer", BROWSERS),
        (CardTopic.APP_DNS, "iphone", "phone", []),  # nothing of Android's
        (CardTopic.VPN, "fire-tv", "tv", ["vpn-fire-tv"]),
        (CardTopic.VPN, "webos-tv", "tv", ["vpn-fire-tv"]),
        (CardTopic.VPN, "playstation", "console", []),
        (CardTopic.SSH, "linux", "computer", []),
    ],
)  # fmt: skip
def test_a_device_that_is_known_gets_its_own(
    topic: CardTopic, device: str, kind: str, menus: list[str]
) -> None:
    assert told(topic, device, kind) == menus


def test_one_that_is_not_known_gets_the_likely_ones() -> None:
    for kind in ("phone", ""):
        found = told(CardTopic.PRIVATE_DNS, "", kind)
        assert {"private-dns-android", "private-dns-apple"} <= set(found)
        assert 2 <= len(found) <= SHOWN


def test_the_file_that_ships() -> None:
    entries = product().menus.entries
    assert {one.topic for one in entries} == set(CardTopic) - {CardTopic.TOR, CardTopic.SSH}, (
        "those are no menu's"
    )
    for one in entries:
        assert one.devices <= product().fingerprints.ids
        assert set(one.steps) <= set(LANGUAGES)
        lengths = {len(steps) for steps in one.steps.values()}
        assert len(lengths) == 1, (one.id, "each language has the same steps")
    android = next(one for one in entries if one.id == "private-dns-android")
    assert path(android.steps["en"]) == "Settings › Network & internet › Private DNS › Automatic"
    assert set(android.steps) == set(LANGUAGES)
