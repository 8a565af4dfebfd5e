from __future__ import annotations

from datetime import date

import pytest

from gateway.policy.time.standing import PLAIN, Grant, Situation
from gateway.policy.values import Decision, Observation, Step
from tests.policy.homes import a_judge, almaty, asks, connects

CHILD = """
    band: 10-12
    allow: [films.example]
    block: ["service:tiktok"]
    limits: {internet: 2h}
    """
DAY, NIGHT = almaty("2026-11-24T12:00"), almaty("2026-11-24T23:00")


def explained(
    seen: Observation, situation: Situation = PLAIN, *, night: bool = False, text: str = CHILD
) -> Decision:
    return a_judge(text).decide(seen, situation, NIGHT if night else DAY, explain=True)


def rules(decision: Decision) -> list[str]:
    return [step.rule for step in decision.passed]


START = ["help", "refused for everyone"]
STATE = ["device", "bedtime", "internet"]
ENTRIES = ["device needs", "homework"]


@pytest.mark.parametrize(
    ("host", "trail"),
    [
        ("childline.org.uk", []),
        ("qalqan.home.arpa", START + STATE + ENTRIES),
        ("virus.example", ["help"]),
        ("captive.apple.com", START + STATE),
        ("www.tiktok.com", START + STATE + [*ENTRIES, "allow"]),
        ("porn.example", START + STATE + [*ENTRIES, "allow", "block", "services"]),
    ],
)
def test_what_was_passed_before_the_rule_that_decided(host: str, trail: list[str]) -> None:
    found = rules(explained(asks(host)))
    assert found[: len(trail)] == trail
    if host != "qalqan.home.arpa":
        assert found == trail


def test_an_open_name_passed_everything() -> None:
    decision = explained(asks("nobody-knows.example"))
    assert rules(decision) == [
        *START,
        *STATE,
        *ENTRIES,
        "allow",
        "block",
        "services",
        "categories",
        "band 10-12: mode = block-list",
        "band 10-12: unknown = allow",
        "band 10-12: safe_search = strict",
    ]
    assert decision.until == almaty("2026-11-24T20:45")


def test_an_allow_of_the_familys_still_passes_limits_and_safe_search() -> None:
    decision = explained(asks("films.example"))
    assert "allow: films.example" not in rules(decision)
    assert Step("band 10-12: category:video_sharing = count", "count") in decision.passed
    assert rules(decision)[-1] == "band 10-12: safe_search = strict"


def test_bedtime_stops_before_all_else() -> None:
    assert rules(explained(asks("www.tiktok.com"), night=True)) == [*START, "device"]


def test_a_grant_is_seen() -> None:
    grant = Situation(grants=(Grant("bedtime", almaty("2026-11-25T00:00"), "youtube"),))
    decision = explained(connects("i.ytimg.com"), grant, night=True, text="band: 10-12")
    assert decision.allowed
    assert Step("band 10-12: bedtime: 20:45-07:00", "opened by a grant") in decision.passed


def test_how_much_of_a_limit_is_used_is_seen() -> None:
    used = Situation(day=date(2026, 11, 24), used={"internet": 30}, bonus={"internet": 15})
    decision = explained(asks("nobody-knows.example"), used)
    assert Step("internet", "open: 30m of 2h + 15m used") in decision.passed


def test_what_was_opened_for_a_while_decided() -> None:
    opened = Situation(allowed=(("service:tiktok", NIGHT),))
    decision = explained(asks("www.tiktok.com"), opened)
    assert decision.rule == "opened for a while: service:tiktok"
    assert Step("block: service:tiktok", "matches") in decision.passed


def test_a_group_is_on_the_way() -> None:
    decision = explained(asks("www.roblox.com"), text='{band: 10-12, limits: {"group:games": 90m}}')
    found = rules(decision)
    assert found.index("service:roblox") < found.index("group:games") < found.index("play")


def test_a_flow_without_a_name_passed_the_gates_of_the_device() -> None:
    assert rules(explained(connects(None))) == [*STATE, "ways"]


def test_an_unfiltered_device_passed_help_and_what_binds_everyone() -> None:
    assert rules(explained(asks("porn.example"), text="band: adult")) == START
    off = Situation(off_until=NIGHT)
    assert rules(explained(asks("porn.example"), off)) == START
