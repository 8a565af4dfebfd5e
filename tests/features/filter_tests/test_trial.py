"""An audit that a guardian starts on the pages: a process of its own, and what it found."""

from __future__ import annotations

import inspect
from typing import Any, cast

import pytest

from gateway.control.permissions import WEB_VERBS
from gateway.control.protocol import Role
from gateway.core.errors import ControlError, GatewayError
from gateway.core.reason_codes import Code
from gateway.features.filter_tests.bypass_test import MOST, PROBLEM_LIMIT, BypassTest
from gateway.features.filter_tests.bypass_test_verbs import BypassTestVerbs
from tests.features.conftest import Make
from tests.features.desk import NOON, Desk, Running

NOTHING: dict[str, Any] = {"running": False, "busy": False, "ended": None, "problem": "", "checks": []}


@pytest.fixture
def desk(make: Make) -> Desk:
    desk = make(NOON)
    desk.store.keep_guardian("Mum", "stamp")
    return desk


def trial(desk: Desk) -> tuple[BypassTest, Running]:
    """With an errand that a test ends."""
    one = cast("BypassTestVerbs", cast("Any", inspect.unwrap(desk._verbs["trial"])).__self__)._test
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


def end(one: BypassTest, errand: Running, *lines: dict[str, Any], status: int = 0, words: str = "") -> None:
    for said in lines:
        one._checked(said)
    errand.running = False
    one._done(status, words)


def look(desk: Desk, child: str = "daughter") -> dict[str, Any]:
    return dict(desk.ask("trial", Role.WEB, action="look", id=child))


def test_a_guardian_starts_one_and_its_end_is_told(desk: Desk) -> None:
    assert "trial" in WEB_VERBS
    one, errand = trial(desk)
    assert look(desk) == NOTHING
    told = desk.ask("trial", Role.WEB, action="start", id="daughter", by="Mum")
    assert told == NOTHING | {"running": True, "busy": True}
    config = str(desk.rules.path)
    assert errand.arguments == [["gateway", "audit", "daughter", "--steps", "--config", config]]
    assert look(desk, "son") == NOTHING | {"busy": True}
    end(one, errand, line("tls"), line("ssh", "open", None, fault=True))
    told = look(desk)
    assert (told["running"], told["ended"]) == (False, desk.local_now())
    common = {"must_pass": False, "setting": "strict: true"}
    assert told["checks"] == [
        {"id": "tls", "fault": False, "ipv4": "closed", "ipv6": "closed", **common},
        {"id": "ssh", "fault": True, "ipv4": "open", "ipv6": "absent", **common},
    ]
    assert look(desk, "son") == NOTHING, "a sibling's rules were not tried"
    assert [(event["profile"], event["what"]) for event in desk.heard("trial")] == [
        ("daughter", "begun"), ("daughter", "ended"),
    ]  # fmt: skip


def test_one_at_a_time_and_by_a_guardian_of_a_child_alone(desk: Desk) -> None:
    _one, errand = trial(desk)
    with pytest.raises(ControlError) as refused:
        desk.ask("trial", Role.WEB, action="start", id="daughter", by="Nobody")
    assert refused.value.code == Code.NO_GUARDIAN
    for who in ("mum", "guest", "nobody"):
        with pytest.raises(GatewayError):
            desk.ask("trial", Role.WEB, action="start", id=who, by="Mum")
    assert errand.arguments == []
    desk.ask("trial", Role.WEB, action="start", id="daughter", by="Mum")
    with pytest.raises(ControlError) as refused:
        desk.ask("trial", Role.WEB, action="start", id="son", by="Mum")
    assert refused.value.code == Code.TRIAL_RUNS


def test_one_that_fails_says_why_and_forgets_what_it_had(desk: Desk) -> None:
    one, errand = trial(desk)
    desk.ask("trial", action="start", id="daughter", by="Mum")
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
    desk.ask("trial", action="start", id="daughter", by="Mum")
    end(one, errand, line("tls"))
    assert look(desk)["problem"] == ""


def test_lines_that_are_none_are_left_out_and_there_is_an_end_to_them(desk: Desk) -> None:
    one, errand = trial(desk)
    desk.ask("trial", action="start", id="daughter", by="Mum")
    strange: list[dict[str, Any]] = [
        {}, {"id": "tls"}, {"id": 7, "ipv4": {"found": "open"}}, line("tls", "perhaps"),
        {"id": "tls", "ipv4": "open", "ipv6": None},
    ]  # fmt: skip
    end(one, errand, *strange, *(line(f"check-{n}") for n in range(MOST + 5)))
    assert [check["id"] for check in look(desk)["checks"]] == [f"check-{n}" for n in range(MOST)]
