"""How the output of the virtual machine with 128 MB is read. test_machine.py boots it."""

from __future__ import annotations

import pytest

from tests.vm.small_router import Outcome

RIGHT = (
    "@total 118000",
    "@allowed reached",
    "@blocked refused",
    "@sample rest 40000 0 38000 0",
    "@sample update 20000 9000 30000 9000",
    "@allowed reached",
    "@blocked refused",
    "@update 0 300",
    "@daemon runs",
)
LISTS = frozenset({"one", "two"})


def test_a_right_run_has_figures_and_no_failure() -> None:
    outcome = Outcome(RIGHT, LISTS, LISTS)
    assert list(outcome.failures()) == []
    assert any("at least 20 MB available" in line for line in outcome.report())


@pytest.mark.parametrize(
    ("line", "instead", "failure"),
    [
        ("@update 0 300", "@update 137 20", "the update failed: 137 20"),
        ("@update 0 300", "@more", "the update failed: has not ended"),
        ("@daemon runs", "@oom Out of memory: Killed process 7", "the kernel killed a process"),
        ("@daemon runs", "@log MemoryError", "the daemon has ended: MemoryError"),
        ("@blocked refused", "@blocked reached", "open an blocked name, 2 went wrong"),
        ("@allowed reached", "@allowed failed", "open an allowed name, 2 went wrong"),
    ],
)
def test_what_goes_wrong_is_reported(line: str, instead: str, failure: str) -> None:
    lines = tuple(instead if other == line else other for other in RIGHT)
    assert any(failure in words for words in Outcome(lines, LISTS, LISTS).failures())


def test_lists_of_another_tier_are_reported() -> None:
    assert any("tier small" in words for words in Outcome(RIGHT, LISTS | {"large"}, LISTS).failures())
