"""What was given, in one sentence."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from gateway.core.errors import PolicyError
from gateway.policy.judge.decide import REFUSED_FOR_EVERYONE
from gateway.policy.judge.explanation import Names
from gateway.policy.time.extension import Extension
from gateway.policy.time.grant_messages import check_askable, gate_name, given_sentence, opened_sentence
from gateway.policy.values import Decision, Reason, Verdict

NOW = datetime(2026, 11, 24, 20, 40, tzinfo=ZoneInfo("Asia/Almaty"))
NAMES = Names(services={"youtube": "YouTube"}, categories={"games": "Games"})
END = NOW + timedelta(minutes=20)


@pytest.mark.parametrize(
    ("extensions", "said"),
    [
        ((Extension("bedtime", 15, END),), "The internet is open for Aruzhan until 21:00."),
        (
            (Extension("bedtime", 15, END), Extension("internet", 5, None)),
            "The internet is open for Aruzhan until 21:00.",
        ),
        ((Extension("internet", 15, None),), "Aruzhan has 15 minutes of the internet more today."),
        ((Extension("play", 1, None),), "Aruzhan has 1 minute of play more today."),
        (
            (Extension("service:youtube", 15, None, "youtube"),),
            "Aruzhan has 15 minutes of YouTube more today.",
        ),
        ((Extension("bedtime", 15, END, "youtube"),), "YouTube is open for Aruzhan until 21:00."),
        ((Extension("window:play", 15, END),), "Play is open for Aruzhan until 21:00."),
        ((Extension("window:category:games", 15, END),), "Games is open for Aruzhan until 21:00."),
        ((Extension("group:video-apps", 15, None),), "Aruzhan has 15 minutes of video apps more today."),
    ],
)
def test_what_a_grant_did(extensions: tuple[Extension, ...], said: str) -> None:
    assert given_sentence("Aruzhan", extensions, NOW, NAMES) == said


def test_a_pause_goes_on() -> None:
    said = given_sentence("Aruzhan", (Extension("bedtime", 15, END),), NOW, NAMES, paused=True)
    assert said.endswith("until 21:00. The pause goes on.")


def test_a_site_is_open() -> None:
    tomorrow = NOW + timedelta(days=1, hours=1)
    assert opened_sentence("Son", "example.com", tomorrow, NOW, NAMES) == (
        "example.com is open for Son until Wednesday 21:40."
    )
    assert (
        opened_sentence("Son", "service:youtube", None, NOW, NAMES) == "YouTube is open for Son from now on."
    )


def test_names_of_gates() -> None:
    assert [gate_name(one, NAMES) for one in ("device", "window:internet", "play", "category:piracy")] == [
        "The internet",
        "The internet",
        "Play",
        "piracy",
    ]


def test_what_may_be_asked_for() -> None:
    asks = Decision(Verdict.BLOCK, Reason.CATEGORY, "x", "family", askable=True)
    check_askable("reddit.com", asks, "Son")
    for decision, said in (
        (Decision(Verdict.BLOCK, Reason.CATEGORY, "x", "family"), "take no request"),
        (Decision(Verdict.ALLOW, Reason.OPEN, "x", "product"), "not refused for Son"),
        (REFUSED_FOR_EVERYONE, "nobody here can open it"),
    ):
        with pytest.raises(PolicyError, match=said):
            check_askable("reddit.com", decision, "Son")
