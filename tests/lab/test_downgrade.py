"""The daemon of an older version takes over a running household of this one, and this one goes on later."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.lab import names
from tests.lab.apicaller import Caller
from tests.lab.daemon import Daemon
from tests.lab.home import ROOT, Home
from tests.test_downgrade import PREVIOUS, QUESTIONS, Older, verdict, why
from tests.test_state_of_0_1 import ABOUT, MADE, answer, unpack

EARLIER = "ef0b3ae213d46887dd6fb692c1dbba071ab9a026"  # with 28 migrations: too few for the database

pytestmark = [pytest.mark.slow, pytest.mark.needs("git"), pytest.mark.needs(str(ROOT / ".git"))]


@pytest.fixture(scope="module")
def household(namespaces: None) -> Iterator[Daemon]:
    """What this version wrote: rules that a parent changed on the pages, a pause, extra time."""
    with Home() as home:
        daemon = Daemon(home, {}, web_user=True)
        unpack(daemon.folder)
        daemon.start_at((MADE + timedelta(minutes=2)).timestamp() - time.time())
        device = home.devices[names.PARENT.key]
        api = Caller(device, {"Authorization": ABOUT["signin"]["Authorization"]})
        (edit,) = (change for change in api.get("/home/changes")["changes"] if change["what"] == "rules")
        revisions = {"revision": edit["revision"], "found": edit["found"]}
        api.done("POST", "/children/daughter/rules/undo", revisions)
        rules = "/children/son/rules"
        revision = api.get(rules)["revision"]
        api.done(
            "PATCH",
            rules,
            {"revision": revision, "set": {"block/example.net": True, "bedtime": {"school": "21:10-07:00"}}},
        )
        daemon.client.call("grant", who="daughter", minutes=15, by="Mum")
        yield daemon
        daemon.stop()


@pytest.fixture(scope="module")
def before(household: Daemon) -> dict[str, Any]:
    """What this version says of the children, and the verdicts."""
    children = {child["id"]: child for child in answer(household.config, "status")["profiles"]}
    verdicts = [verdict(answer(household.config, *why(*question))) for question in QUESTIONS]
    return {"children": children, "verdicts": verdicts}


def taken_over(household: Daemon, older: Older) -> dict[str, Any]:
    """The status by an older daemon on these files, ten minutes later."""
    household.stop()
    household.run_with(*older.program)
    household.start_at((MADE + timedelta(minutes=10)).timestamp() - time.time())
    status: dict[str, Any] = older.answer(household.config, "status")
    return status


def bonus(children: dict[str, Any]) -> dict[str, int]:
    return {used["target"]: used["bonus"] for used in children["daughter"]["used"]}


@pytest.mark.parametrize("commit", [PREVIOUS, EARLIER])
def test_the_rules_are_those_of_before(household: Daemon, before: dict[str, Any], commit: str) -> None:
    older, has_database = Older(commit, household.home.folder), commit == PREVIOUS
    status = taken_over(household, older)
    children = {child["id"]: child for child in status["profiles"]}
    assert children.keys() == before["children"].keys() == {"daughter", "son", "teen"}
    assert {"block", "allow"} <= set(before["verdicts"])
    for question, expected in zip(QUESTIONS, before["verdicts"], strict=True):
        # The son's pause is in the database.
        if has_database or question[1] != "son":
            assert verdict(older.answer(household.config, *why(*question))) == expected, question
    findings = older.answer(household.config, "check", check=False)["findings"]
    files = [finding for finding in findings if finding["about"] in ("config", "profile", "lists")]
    assert [finding for finding in files if finding["level"] == "error"] == []
    devices = {
        device["mac"]: device for device in older.answer(household.config, "device", "list")["devices"]
    }
    owners = {names.TABLET.mac: "daughter", names.PHONE.mac: "son", names.PARENT.mac: "mum"}
    assert {mac: devices[mac]["profile"] for mac in owners} == owners
    if has_database:
        assert status["problems"] == []
        assert bonus(children) == bonus(before["children"])
        assert max(bonus(children).values()) > 0
        assert children["son"]["state"] == before["children"]["son"]["state"] == "paused"
    else:
        assert any("a newer Qalqan has written it" in problem for problem in status["problems"])


def test_this_version_goes_on_afterwards(household: Daemon) -> None:
    older = Older(PREVIOUS, household.home.folder)
    taken_over(household, older)
    household.client.call("pause", who="teen", minutes=60, by="Mum")
    household.stop()
    household.run_with(sys.executable, "-m", "gateway")
    household.start_at((MADE + timedelta(minutes=12)).timestamp() - time.time())
    status = answer(household.config, "status")
    states = {child["id"]: child["state"] for child in status["profiles"]}
    assert (states["son"], states["teen"]) == ("paused", "paused")
    assert status["problems"] == []
    assert status["store"]["renewals"] == 0
