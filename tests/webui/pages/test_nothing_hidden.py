"""No hidden mode (R-15): a child's page says what is written down, and no setting takes that away."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from dataclasses import fields

import pytest
from flask import Flask

from gateway.cli.parser import build_parser
from gateway.policy.config import config
from gateway.policy.profile import bands, rule_keys
from tests.control.running import Running
from tests.webui.conftest import Browser, browser_on
from tests.webui.standin.household import Household
from tests.webui.standin.pages import text_of
from webui import Settings
from webui.api.answering import OPERATIONS
from webui.language import loglevels

HIDING = re.compile(r"hid|stealth|silen|secret|invisib|covert|conceal|spy|quiet|mute|unseen|incognito")

MAXIMA = {"0-5": 3, "6-9": 3, "10-12": 2, "13-15": 1, "16-17": 0}
LEVELS = [(band, level) for band, most in MAXIMA.items() for level in range(most + 1)]
HANDED, MUMS = "192.168.1.60", "02:00:00:00:00:60"
ABOUT_A_LOG = {
    "log_level",  # what is written down of a child, which its page tells
    "log_days",  # in the bands of an older version, without effect
    "log_read",  # reads what guardians changed
    "--log",  # how much the daemon says of itself; it names no site at any level
}


def _options(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        yield from action.option_strings
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                yield name
                yield from _options(below)


def test_no_setting_hides_the_log() -> None:
    """Every key of a family's files, every option of the command line and of the pages, every operation."""
    settings = {
        *config.KEYS,
        *rule_keys.RULE_KEYS,
        *rule_keys.PERSONAL_KEYS,
        *bands.REQUIRED,
        *bands.OWN_KEYS,
        *_options(build_parser()),
        *(one.name for one in fields(Settings)),
        *(one.name for one in OPERATIONS),
    }
    assert {one for one in settings if HIDING.search(one)} == set()
    assert {one for one in settings if "log" in re.split(r"[^a-z]", one)} == ABOUT_A_LOG


def test_the_page_of_rules_and_its_level_takes_no_argument(app: Flask) -> None:
    (rule,) = (one for one in app.url_map.iter_rules() if one.endpoint == "child.show")
    assert rule.rule == "/my"


@pytest.mark.parametrize(("band", "level"), LEVELS)
def test_my_rules_shows_the_level_in_force(
    tablet: Browser, household: Household, band: str, level: int
) -> None:
    household.edited["daughter"] = {"band": band, "log_level": level}
    text = text_of(tablet.get("/my").text)
    assert text_of(loglevels.describe(level)) in text
    for other in set(range(4)) - {level}:
        assert text_of(loglevels.describe(other)) not in text


@pytest.mark.parametrize("level", range(3))
def test_it_does_so_on_a_shared_and_a_handed_over_device(
    app: Flask, daemon: Running, household: Household, level: int
) -> None:
    household.lending.share()
    household.lending.needs_pins = True
    household.lending.pins["daughter"] = ("4821", "Mum")
    household.edited["daughter"] = {"log_level": level}
    household.edited["son"] = {"log_level": 3 - level}
    shared = browser_on(app, "192.168.1.40")
    assert text_of(loglevels.describe(3 - level)) in text_of(shared.get("/my").text), (
        "the youngest's rules apply"
    )
    assert shared.post("/my/use/daughter", {"pin": "4821"}).status_code == 303
    assert text_of(loglevels.describe(level)) in text_of(shared.get("/my").text)
    household.devices[HANDED] = {"mac": MUMS, "profile": "daughter", "name": "Mum's phone"}
    household.lending.uses[MUMS] = ("daughter", "handed", "Mum")
    assert text_of(loglevels.describe(level)) in text_of(browser_on(app, HANDED).get("/my").text)


@pytest.mark.parametrize(
    ("profile", "said"),
    [
        ("guest", "Some categories are blocked for guests. Nothing is recorded."),
        ("quarantine", "Nothing that this device does is recorded until then."),
        ("home", "On this device only harmful sites are blocked. Nothing is recorded."),
    ],
)
def test_who_is_no_child_is_told_that_nothing_is_written_down(
    app: Flask, daemon: Running, household: Household, profile: str, said: str
) -> None:
    household.devices["192.168.1.30"]["profile"] = profile
    assert said in text_of(browser_on(app, "192.168.1.30").get("/").text)
