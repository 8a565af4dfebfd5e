"""Which names are left out of minutes by kind, and of which kinds the others are."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.household.rule_book import RuleBook
from gateway.policy.time.gates import UNCOUNTED, state_gates
from gateway.policy.time.uses import ClassUse, HostUse, HostUses, class_use, is_left_out
from tests.household.household_files import write

TEEN = {"name": "Teen", "band": "13-15", "homework": ["homework.example", "service:youtube"]}
LIMITED = {
    "name": "Child",
    "band": "10-12",
    "limits": {"internet": "2h", "category:games": "1h"},
    "categories": {"service:roblox": "count"},
}
FREE = ClassUse(frozenset(), frozenset(), counted=False)
SPENT = ClassUse(frozenset(), frozenset(), counted=True)


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> RuleBook:
    return RuleBook(write(Path(tmp_path_factory.mktemp("home")), {"teen": TEEN, "child": LIMITED}))


def test_homework_and_what_devices_need_is_left_out_unless_a_limit_counts_it(rules: RuleBook) -> None:
    hosts = HostUses(rules.household.profile("teen"), rules.world)
    names = ("homework.example", "www.youtube.com", "kk.wikipedia.org", "time.apple.com")
    for name in names:
        assert is_left_out([hosts.of(name)], FREE), name
        assert not is_left_out([hosts.of(name)], SPENT), name
    game = hosts.of("www.roblox.com")
    assert game == HostUse(left_out=False, kinds=frozenset({"games"}), services=("roblox",))
    assert not is_left_out([hosts.of("homework.example"), game], FREE), "one of two names is used"
    assert not is_left_out([], FREE), "of no name nobody knows"


def test_a_service_with_an_action_of_its_own_is_no_category(rules: RuleBook) -> None:
    game = HostUses(rules.household.profile("child"), rules.world).of("www.roblox.com")
    assert game == HostUse(left_out=False, kinds=frozenset({"games"}), services=("roblox",))


def test_a_class_that_fewer_gates_close_is_no_use(rules: RuleBook) -> None:
    profile = rules.household.profile("child")
    whole = frozenset(state_gates(profile.rules))
    assert class_use(profile, whole) == ClassUse(whole, frozenset(), counted=True)
    assert class_use(profile, whole - {"internet"}) is None, "homework"
    assert class_use(profile, frozenset({"device"})) is None, "updates"
    assert class_use(profile, whole | {UNCOUNTED}) is None, "school"
    games = class_use(profile, whole | {"category:games", "window:category:music"})
    assert games is not None
    assert games.kinds == {"games", "music"}
