"""A bypass test that a guardian starts on the pages: a process of its own, and what it found."""

from __future__ import annotations

import inspect
from typing import Any, cast

import pytest

from gateway.control.permissions import WEB_VERBS
from gateway.control.protocol import Role
from gateway.core.errors import ControlError, GatewayError
from gateway.core.reason_codes import Code
from gateway.features.filter_tests.filter_test import (
    MOST,
    MOST_CHECKS,
    PROBLEM_LIMIT,
    FilterTest,
    FilterTests,
)
from gateway.features.filter_tests.filter_test_verbs import FilterTestVerbs
from gateway.policy.accounts.people import Account
from tests.features.conftest import Make
from tests.features.desk import NOON, Desk, Running

STARTED: dict[str, Any] = {
    "method": "bypass", "running": True, "ended": None, "problem": "", "device": "", "name": "", "seconds": 0,
    "took": None, "checks": [],
}  # fmt: skip
BYPASS = {"action": "start", "method": "bypass"}


@pytest.fixture
def desk(make: Make) -> Desk:
    desk = make(NOON)
    desk.store.people.put(Account("Mum", secret="stamp"))
    return desk


def trial(desk: Desk) -> tuple[FilterTests, Running]:
    """With an errand that a test ends."""
    one = cast("FilterTestVerbs", cast("Any", inspect.unwrap(desk._verbs["filter_test"])).__self__)._tests
    errand = Running()
    one._process = cast("Any", errand)
    return one, errand


def line(
    check: str, four: str = "closed", six: str | None = "closed", *, fault: bool = False
) -> dict[str, Any]:
    """As `qalqan audit --steps` prints it."""
    told = {
        "id": check,
        "title": "…",
        "group": "…",
        "must_pass": False,
        "closed_by_rule": True,
        "setting": "strict: true",
    }
    versions = {"ipv4": {"found": four, "fault": fault, "why": None}}
    if six is not None:
        versions["ipv6"] = {"found": six, "fault": False, "why": None}
    return told | versions


def end(one: FilterTests, errand: Running, *lines: dict[str, Any], status: int = 0, words: str = "") -> None:
    for said in lines:
        one._checked(said)
    errand.running = False
    one._done(status, words)


def look(desk: Desk, child: str = "daughter") -> dict[str, Any]:
    """Return the bypass test of a child; empty if there is none."""
    tests = desk.ask("filter_test", Role.WEB, action="look", id=child)["tests"]
    return dict(tests[0]) if tests else {}


def test_a_guardian_starts_one_and_its_end_is_told(desk: Desk) -> None:
    assert "filter_test" in WEB_VERBS
    one, errand = trial(desk)
    assert look(desk) == {}
    told = desk.ask("filter_test", Role.WEB, **BYPASS, id="daughter", by="Mum")
    assert told == {"id": "daughter", "tests": [STARTED], "busy": True}
    config = str(desk.rules.path)
    assert errand.arguments == [["gateway", "audit", "daughter", "--steps", "--config", config]]
    sons = desk.ask("filter_test", Role.WEB, action="look", id="son")
    assert sons == {"id": "son", "tests": [], "busy": True}
    end(one, errand, line("tls"), line("ssh", "open", None, fault=True))
    told = look(desk)
    assert (told["running"], told["ended"]) == (False, desk.local_now())
    common = {"must_open": False, "setting": "strict: true", "reason": ""}
    assert told["checks"] == [
        {"id": "tls", "outcome": "blocked", "fault": False, "ipv4": "blocked", "ipv6": "blocked", **common},
        {"id": "ssh", "outcome": "open", "fault": True, "ipv4": "open", **common},
    ]
    assert look(desk, "son") == {}, "a sibling's rules were not tried"
    assert [(event["profile"], event["what"]) for event in desk.heard("trial")] == [
        ("daughter", "begun"), ("daughter", "ended"),
    ]  # fmt: skip


def test_one_at_a_time_and_by_a_guardian_of_a_child_alone(desk: Desk) -> None:
    _one, errand = trial(desk)
    with pytest.raises(ControlError) as refused:
        desk.ask("filter_test", Role.WEB, **BYPASS, id="daughter", by="Nobody")
    assert refused.value.code == Code.NO_GUARDIAN
    for who in ("mum", "guest", "nobody"):
        with pytest.raises(GatewayError):
            desk.ask("filter_test", Role.WEB, **BYPASS, id=who, by="Mum")
    assert errand.arguments == []
    desk.ask("filter_test", Role.WEB, **BYPASS, id="daughter", by="Mum")
    with pytest.raises(ControlError) as refused:
        desk.ask("filter_test", Role.WEB, **BYPASS, id="son", by="Mum")
    assert refused.value.code == Code.TRIAL_RUNS


def test_one_that_finds_no_room_does_not_start(desk: Desk) -> None:
    one, errand = trial(desk)
    for number in range(MOST):
        one._store(FilterTest(f"child-{number}", "device", desk.home.loop.now()))
    with pytest.raises(ControlError) as refused:
        desk.ask("filter_test", Role.WEB, **BYPASS, id="daughter", by="Mum")
    assert refused.value.code == Code.BUSY
    assert errand.arguments == []
    assert look(desk) == {}


def test_one_that_fails_says_why_and_forgets_what_it_had(desk: Desk) -> None:
    one, errand = trial(desk)
    desk.ask("filter_test", **BYPASS, id="daughter", by="Mum")
    end(
        one,
        errand,
        line("tls"),
        status=1,
        words="a warning\nthe kernel has no veth" + "!" * PROBLEM_LIMIT + "\n",
    )
    told = look(desk)
    assert told["checks"] == []
    assert told["problem"].startswith("the kernel has no veth")
    assert len(told["problem"]) == PROBLEM_LIMIT
    desk.ask("filter_test", **BYPASS, id="daughter", by="Mum")
    end(one, errand, line("tls"))
    assert look(desk)["problem"] == ""


def test_lines_that_are_none_are_left_out_and_there_is_an_end_to_them(desk: Desk) -> None:
    one, errand = trial(desk)
    desk.ask("filter_test", **BYPASS, id="daughter", by="Mum")
    strange: list[dict[str, Any]] = [
        {}, {"id": "tls"}, {"id": 7, "ipv4": {"found": "open"}}, line("tls", "perhaps"),
        {"id": "tls", "ipv4": "open", "ipv6": None},
    ]  # fmt: skip
    end(one, errand, *strange, *(line(f"check-{n}") for n in range(MOST_CHECKS + 5)))
    assert [check["id"] for check in look(desk)["checks"]] == [f"check-{n}" for n in range(MOST_CHECKS)]


def test_what_was_not_tested_over_one_version_counts_as_not_tested(desk: Desk) -> None:
    one, errand = trial(desk)
    desk.ask("filter_test", **BYPASS, id="daughter", by="Mum")
    end(one, errand, line("tls", "closed", "unknown"), line("quic", "unknown", "open"))
    assert [check["outcome"] for check in look(desk)["checks"]] == ["untested", "open"]
