from __future__ import annotations

from gateway.policy.time.gates import (
    Bound,
    category_gates,
    counted_gates,
    gates_of_service,
    group_gates,
    in_order,
    joined,
    limit_gates,
    own_gates,
    service_gates,
    spent_limits,
    state_gates,
    target_of,
    with_uncounted,
)
from tests.policy.homes import a_profile, product

RULES = a_profile("""
    band: 10-12
    limits: {internet: 2h, play: 90m, "service:youtube": 1h, "category:games": 1h}
    windows: {internet: ["08:00-20:00"], "service:roblox": ["16:00-18:00"], play: ["12:00-20:00"]}
    """).rules


def test_the_gates_of_the_device_as_a_whole() -> None:
    assert state_gates(RULES) == ("device", "bedtime", "window:internet", "internet")
    assert state_gates(RULES, Bound.NO_LIMITS) == ("device", "bedtime", "window:internet")
    assert state_gates(RULES, Bound.DEVICE_ONLY) == ("device",)


def test_a_target_has_gates_of_its_own() -> None:
    assert own_gates("service:roblox") == ("window:service:roblox", "service:roblox")
    assert {target_of(gate) for gate in own_gates("play")} == {"play"}


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
        "group:d",
        "window:category:c",
        "category:c",
        "window:play",
        "play",
        "uncounted",
    )
    assert in_order(frozenset(ordered)) == ordered


def test_what_is_counted() -> None:
    assert limit_gates(
        ["device", "bedtime", "window:play", "play", "service:a", "internet", "uncounted"]
    ) == {
        "play",
        "service:a",
        "internet",
    }


def test_what_spends_nothing_is_marked() -> None:
    gates = ("device", "internet")
    assert with_uncounted(gates) == ("device", "internet", "uncounted")
    assert counted_gates(with_uncounted(gates)) == frozenset()
    assert counted_gates(gates) == limit_gates(with_uncounted(gates)) == {"internet"}
    assert with_uncounted(("device",)) == ("device",)
    assert with_uncounted((*gates, "play")) == (*gates, "play")


def test_a_flow_spends_only_the_limits_that_its_profile_has_now() -> None:
    gates = ("device", "bedtime", "internet", "play", "service:roblox")
    assert spent_limits(RULES, gates) == {"internet", "play"}
    assert spent_limits(RULES, with_uncounted(("device", "internet"))) == frozenset()
    assert spent_limits(a_profile("{band: adult}").rules, gates) == frozenset()


def test_a_flow_that_asks_for_several_things_spends_what_each_of_them_spends() -> None:
    school = frozenset({"device", "internet", "uncounted"})
    game = frozenset({"device", "internet", "play"})
    assert joined([school, school]) == school
    assert joined([school, frozenset({"device"})]) == school
    assert joined([school, game]) == {"device", "internet", "play"}
    assert joined([]) == frozenset()


def test_the_gates_of_a_service_are_those_of_its_group_and_categories_too() -> None:
    rules = a_profile("""
        band: 10-12
        limits: {play: 90m, "service:roblox": 1h, "group:games": 1h, "category:games": 1h, "group:video": 1h}
        windows: {"group:games": ["08:00-20:00"]}
        """).rules
    expected = ("device", "bedtime", "service:roblox", "window:group:games", "group:games", "category:games",
                "play")  # fmt: skip
    assert gates_of_service(rules, product().catalogue.services["roblox"]) == expected
    assert group_gates(rules, ["games", "video"], Bound.NO_LIMITS) == ("window:group:games",)
    uncounted = a_profile("{band: 13-15, limits: {play: 90m}, categories: {games: allow}}").rules
    assert "play" not in gates_of_service(uncounted, product().catalogue.services["roblox"])


def test_gates_hold_no_space() -> None:
    """They are stored as one text."""
    assert not any(
        " " in gate for gate in (*state_gates(RULES), *category_gates(RULES, ["games"], counted=True))
    )
