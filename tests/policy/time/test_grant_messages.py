"""What was given, in one sentence."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from gateway.policy.judge.explanation import Names
from gateway.policy.judge.target_names import target_name
from gateway.policy.language import ENGLISH
from gateway.policy.time.extension import Extension
from gateway.policy.time.grant_messages import grant_sentence, granted_thing, opened_sentence

NOW = datetime(2026, 11, 24, 20, 40, tzinfo=ZoneInfo("Asia/Almaty"))
NAMES = Names(services={"youtube": "YouTube"}, categories={"games": "Games"})
END = NOW + timedelta(minutes=20)


@pytest.mark.parametrize(
    ("extensions", "said"),
    [
        ((Extension("bedtime", 15, END),), "Aruzhan has 15 more minutes, until 21:00."),
        (
            (Extension("bedtime", 15, END), Extension("internet", 5, None)),
            "Aruzhan has 15 more minutes, until 21:00.",
        ),
        ((Extension("internet", 15, None),), "Aruzhan has 15 more minutes today."),
        ((Extension("play", 1, None),), "Aruzhan has 1 more minute of play today."),
        (
            (Extension("service:youtube", 15, None, "youtube"),),
            "Aruzhan has 15 more minutes of YouTube today.",
        ),
        ((Extension("bedtime", 15, END, "youtube"),), "YouTube is allowed for Aruzhan until 21:00."),
        ((Extension("window:play", 15, END),), "Play is allowed for Aruzhan until 21:00."),
        ((Extension("window:category:games", 15, END),), "Games is allowed for Aruzhan until 21:00."),
        ((Extension("group:video-apps", 15, None),), "Aruzhan has 15 more minutes of video apps today."),
    ],
)
def test_what_a_grant_did(extensions: tuple[Extension, ...], said: str) -> None:
    thing, first = granted_thing(extensions), extensions[0]
    what = target_name(thing, NAMES) if thing else ""
    told = grant_sentence("Aruzhan", first.minutes, first.until, NOW, ENGLISH, thing=thing, what=what)
    assert told == said


def test_a_pause_goes_on() -> None:
    said = grant_sentence("Aruzhan", 15, END, NOW, ENGLISH, paused=True)
    assert said.endswith("until 21:00. The pause goes on.")


def test_a_site_is_open() -> None:
    tomorrow = NOW + timedelta(days=1, hours=1)
    assert opened_sentence("Son", "example.com", tomorrow, NOW, ENGLISH) == (
        "example.com is allowed for Son until 21:40 tomorrow."
    )
    assert opened_sentence("Son", "YouTube", None, NOW, ENGLISH) == "YouTube is allowed for Son from now on."
