"""The settings: which options of which sections of UCI the form has, and what it lets through."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.household.router_settings import FIREWALL_OFFLOAD
from gateway.policy.config.list_tiers import AUTO_TIER, ListTier
from gateway.policy.time.list_update_times import UpdateInterval
from tests.openwrt.luci.running import VIEWS, Node

pytestmark = pytest.mark.needs("node")

SETTINGS = VIEWS / "qalqan/settings.js"
TYPES = {"main": "qalqan", "web": "web", "brand": "brand"}
FILLED: dict[str, dict[str, Any]] = {
    "main": {
        "enabled": "1",
        "lan": ["br-lan"],
        "flash": "poor",
        "offload": "auto",
        "firewall_offload": "off",
        "lists_update": "weekly",
        "lists_tier": "small",
    },
    "web": {"enabled": "1", "port": "8080", "listen": "", "allow_wan": "0"},
    "brand": {"name": "", "colour": "", "logo": "", "support": ""},
}


def shown(node: Node, uci: dict[str, Any], *tried: str) -> Any:
    return node.ask({"run": "view", "view": str(SETTINGS), "uci": uci, "tried": tried})


def test_the_form_has_the_options_of_three_sections_and_no_others(node: Node) -> None:
    told = shown(node, FILLED)
    found: dict[str, list[str]] = {}
    for one in told["options"]:
        assert (one["config"], one["type"]) == ("qalqan", TYPES[one["section"]])
        found.setdefault(one["section"], []).append(one["option"])
    assert found == {section: list(options) for section, options in FILLED.items()}
    assert told["loaded"] == ["qalqan"]
    assert told["footer"] == [True, True, True], "LuCI's own buttons save it"
    assert told["calls"] == []


def test_what_is_set_is_shown(node: Node) -> None:
    html = shown(node, FILLED)["looks"][0]["html"]
    assert '<input value="br-lan" placeholder="br-lan">' in html
    assert '<option value="poor" selected="">' in html
    assert '<option value="auto" selected="">' in html
    assert html.count('type="checkbox" checked=""') == 2


def test_sections_that_are_gone_are_there_again_once_it_is_saved(node: Node) -> None:
    assert shown(node, {})["uci"] == {name: {".type": kind} for name, kind in TYPES.items()}
    assert shown(node, FILLED)["uci"] == FILLED


def test_the_choices_are_uci_s(node: Node) -> None:
    choices = {one["option"]: one["choices"] for one in shown(node, FILLED)["options"] if one["choices"]}
    assert choices == {
        "flash": ["", "normal", "poor"],
        "offload": ["", "auto", "hardware", "off"],
        "firewall_offload": [*FIREWALL_OFFLOAD],  # `keep` wins over the preset of an image
        "lists_update": ["", *UpdateInterval],
        "lists_tier": ["", AUTO_TIER, *ListTier],
    }


def test_what_luci_checks_by_itself(node: Node) -> None:
    types = {one["option"]: one["datatype"] for one in shown(node, FILLED)["options"] if one["datatype"]}
    assert types == {"port": "port", "listen": "ipaddrport(1)"}


@pytest.mark.parametrize(
    ("option", "good", "bad"),
    [
        ("lan", ["br-lan", "eth0.2", "", "wlan0-1"], ["br lan", "../x", "a" * 16, "br-lan;"]),
        ("colour", ["#1f5b43", "#ABCDEF", ""], ["green", "#fff", "#1f5b4g", "#1f5b43 "]),
        ("logo", ["/etc/qalqan/logo.svg", "/a/b.PNG", ""], ["logo.svg", "/etc/passwd", "/a b.svg"]),
        ("support", ["help.example.test", "+7 000", "я" * 120, ""], ["a\nb", "a\x00", "я" * 121]),
        ("name", ["Тест", "Қ" * 40, ""], ["a\tb", "Қ" * 41, "n" * 41]),
    ],
)
def test_what_the_form_lets_through(node: Node, option: str, good: list[str], bad: list[str]) -> None:
    options = shown(node, FILLED, *good, *bad)["options"]
    (tried,) = (one["tried"] for one in options if one["option"] == option)
    assert tried[: len(good)] == [True] * len(good)
    assert all(isinstance(one, str) and one for one in tried[len(good) :]), tried
