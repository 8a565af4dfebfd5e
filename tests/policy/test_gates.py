from __future__ import annotations

from gateway.policy.gates import (
    Bound,
    category_gates,
    in_order,
    limit_gates,
    service_gates,
    state_gates,
)
from tests.policy.homes import a_profile

RULES = a_profile("""
    band: 10-12
    limits: {internet: 2h, play: 90m, "service:youtube": 1h, "category:games": 1h}
    windows: {internet: ["08:00-20:00"], "service:roblox": ["16:00-18:00"], play: ["12:00-20:00"]}
    """).rules


def test_the_gates_of_the_device_as_a_whole() -> None:
    assert state_gates(RULES) == ("device", "bedtime", "window:internet", "internet")
    assert state_gates(RULES, Bound.NO_LIMITS) == ("device", "bedtime", "window:internet")
    assert state_gates(RULES, Bound.DEVICE_ONLY) == ("device",)


def test_a_flow_has_only_the_gates_that_its_profile_has_rules_for() -> None:
    bare = a_profile("{band: 13-15, bedtime: {}}").rules
    assert state_gates(bare) == ("device",)
    assert service_gates(bare, ["youtube"]) == ()
    assert category_gates(bare, ["games"], counted=True) == ()
    assert service_gates(RULES, ["youtube", "roblox"]) == ("service:youtube", "window:service:roblox")
    assert service_gates(RULES, ["youtube", "roblox"], Bound.NO_LIMITS) == ("window:service:roblox",)
    assert category_gates(RULES, ["games"], counted=True) == ("category:games", "window:play", "play")
    assert category_gates(RULES, ["games"], counted=False) == ("category:games",)


def test_any_set_of_gates_is_put_in_the_order_of_decision() -> None:
    ordered = (
        "device",
        "bedtime",
        "window:internet",
        "internet",
        "window:service:a",
        "service:a",
        "service:b",
        "window:category:c",
        "category:c",
        "window:play",
        "play",
    )
    assert in_order(frozenset(ordered)) == ordered


def test_what_is_counted() -> None:
    assert limit_gates(["device", "bedtime", "window:play", "play", "service:a", "internet"]) == {
        "play",
        "service:a",
        "internet",
    }


def test_gates_hold_no_space() -> None:
    """They are stored as one text."""
    assert not any(
        " " in gate for gate in (*state_gates(RULES), *category_gates(RULES, ["games"], counted=True))
    )
