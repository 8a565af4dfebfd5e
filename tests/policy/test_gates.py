from __future__ import annotations

import pytest

from gateway.errors import PolicyError
from gateway.policy.gates import (
    Bound,
    ClassBook,
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


def test_classes_are_numbered_once_and_for_all() -> None:
    book = ClassBook()
    plain, play = frozenset({"device"}), frozenset({"device", "play"})
    assert (book.number(plain), book.number(play), book.number(plain)) == (1, 2, 1)
    later = ClassBook(book.given)
    assert later.number(play) == 2
    assert later.number(frozenset({"device", "internet"})) == 3


def test_no_gate_at_all_is_a_class_too() -> None:
    assert ClassBook().number(frozenset()) == 1


def test_a_number_is_free_again_only_when_its_class_is_forgotten() -> None:
    book = ClassBook()
    sets = [frozenset({f"service:s{number}"}) for number in range(64)]
    assert [book.number(one) for one in sets[:63]] == list(range(1, 64))
    with pytest.raises(
        PolicyError, match="overlap in more than 63 ways on one device; take some of them out"
    ):
        book.number(sets[63])
    book.keep(sets[1:63])
    assert book.number(sets[63]) == 1
    assert book.number(sets[5]) == 6
