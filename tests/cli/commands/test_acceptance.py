"""`qalqan acceptance`: how findings, state and test results become lines. The lab runs it for real."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.check import rulesets
from gateway.check.findings import Finding, Severity, ok, problem, warning
from gateway.cli import output
from gateway.cli.commands import acceptance
from gateway.cli.commands.acceptance import AcceptanceTimeoutError, filter_finding, memory_finding
from gateway.control.client import Client
from gateway.control.contract.lists import UpdatePlan
from gateway.control.contract.status import HomeStatus
from gateway.core.memory import MachineMemory
from gateway.filter_test.catalogue import CHECKS
from gateway.filter_test.checks import CheckOutcome, Result
from gateway.household.config_file import VARIABLE
from gateway.policy.config.config import Config
from gateway.policy.config.list_tiers import ListTier
from gateway.policy.time.list_update_times import UpdateInterval
from tests.cli.check.test_check_network import FLOW, FLOWTABLES
from tests.cli.conftest import Qalqan

MIB = 1 << 20
PLAN = UpdatePlan(UpdateInterval.DAILY, False, None, None, "", 0, "", ListTier.SMALL, False)
OF = {check.id: check for check in CHECKS}
BLOCKED = Result(OF["tls"], 4, CheckOutcome.CLOSED)
PASSES = Result(OF["help"], 4, CheckOutcome.OPEN)
ABSENT = Result(OF["tls"], 6, CheckOutcome.ABSENT)
UNKNOWN = Result(OF["quic"], 4, CheckOutcome.UNKNOWN, why="an allowed name was not answered either")


@pytest.mark.parametrize(
    ("results", "level", "text"),
    [
        ((BLOCKED, PASSES, ABSENT), Severity.OK, "1 tests blocked and 1 passed"),
        ((replace(BLOCKED, found=CheckOutcome.OPEN, meant=False), PASSES), Severity.ERROR, "is not blocked"),
        ((BLOCKED, replace(PASSES, found=CheckOutcome.CLOSED, meant=False)), Severity.ERROR, "is blocked"),
        ((BLOCKED, PASSES, UNKNOWN), Severity.WARNING, "1 tests could not decide"),
        ((UNKNOWN, PASSES), Severity.ERROR, "1 tests could not decide"),
        ((BLOCKED, UNKNOWN), Severity.ERROR, "1 tests could not decide"),
        ((replace(BLOCKED, found=CheckOutcome.OPEN), PASSES), Severity.ERROR, "nothing was blocked"),
    ],
)
def test_the_filter_works_only_if_it_blocks_and_passes(
    results: tuple[Result, ...], level: Severity, text: str
) -> None:
    found = filter_finding(results)
    assert (found.level, found.about) == (level, "filter")
    assert text in found.text
    assert found.ok or (found.fix and found.code)


@pytest.mark.parametrize(
    ("free", "own", "level", "code"),
    [
        (0, 40, Severity.OK, ""),  # unknown
        (2, 40, Severity.ERROR, "no_memory"),
        (20, 40, Severity.WARNING, "little_memory"),
        (400, 40, Severity.OK, ""),
        (400, 90, Severity.WARNING, "much_memory"),
    ],
)
def test_memory_has_to_fit_the_daemon_and_an_update(free: int, own: int, level: Severity, code: str) -> None:
    found = memory_finding(own * MIB, PLAN, MachineMemory(total=512 * MIB, available=free * MIB))
    assert (found.level, found.code) == (level, code)
    assert found.ok or found.fix


def test_the_worst_finding_of_a_subject_is_its_line() -> None:
    checked = [
        ok("nft", "uses libnftables"),
        problem("marks", "taken", "change marks", code="marks_taken"),
        warning("queue", "half", "do it", code="x"),
        ok("time", "it is noon"),
        ok("lan", "br-lan"),
    ]
    line = acceptance._worst("queue", checked)
    assert (line.about, line.level, line.code) == ("queue", Severity.ERROR, "marks_taken")
    assert "1 more" in line.text
    assert acceptance._worst("clock", checked).text == "it is noon"
    assert acceptance._worst("setup", checked) == ok("setup", "1 findings, none needs an action")
    missing = acceptance._worst("lists", checked)
    assert (missing.level, missing.code) == (Severity.ERROR, "unread"), "no finding is no proof"


@pytest.mark.parametrize(
    ("table", "option", "level"),
    [
        ("fw4", "keep", Severity.WARNING),
        ("fw4", "", Severity.WARNING),
        ("fw4", "off", Severity.OK),  # the service switches it off with the first person's rules
        ("other", "off", Severity.WARNING),
    ],
)
def test_offloading_before_the_first_person_has_rules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str, option: str, level: Severity
) -> None:
    """To the check it is no problem yet, so that a home without children keeps it."""
    settings = tmp_path / "qalqan"
    settings.write_text(f"config qalqan 'main'\n\toption firewall_offload '{option}'\n")
    monkeypatch.setenv(VARIABLE, str(settings))
    monkeypatch.setattr(rulesets, "UCI", tmp_path / "none")
    monkeypatch.setattr(rulesets, "MODULES", tmp_path)
    listed = {("-j",): json.dumps(FLOW), ("list",): FLOWTABLES % ""}
    monkeypatch.setattr(
        rulesets,
        "output_of",
        lambda _name, *words: (listed.get(words[:1], "").replace("fw4", table), ""),
    )
    found = acceptance._flow_table(ok("flow table", "nothing yet"), Config())
    assert (found.about, found.level) == ("flow table", level)
    assert found.ok or (found.code, found.text) == (
        "offload",
        f"table inet {table} offloads connections in software past the rules, once a person has some",
    )
    assert found.ok or ("uci set qalqan.main.firewall_offload=off" in found.fix) is (table == "fw4")


def test_every_subject_of_the_check_is_in_one_line() -> None:
    subjects = [subject for subjects in acceptance.SUBJECTS.values() for subject in subjects]
    assert len(set(subjects)) == len(subjects)


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)


def lines(monkeypatch: pytest.MonkeyPatch, *found: Finding, end: Exception | None = None) -> None:
    def tested(_path: Path) -> Iterator[Finding]:
        yield from found
        if end is not None:
            raise end

    monkeypatch.setattr(acceptance, "_tested", tested)


def test_an_error_is_refused_and_a_warning_is_not(
    qalqan: Qalqan, monkeypatch: pytest.MonkeyPatch, root: None
) -> None:
    lines(monkeypatch, ok("queue", "fine"), warning("lists", "old", "update", code="lists_old"))
    done = qalqan("acceptance")
    assert (done.status, done.err) == (0, "")
    assert done.out.splitlines()[:2] == ["ok queue: fine", "warning lists: old: update"]
    lines(monkeypatch, problem("queue", "none", "install it", code="no_queue"))
    done = qalqan("acceptance", "--json")
    report: dict[str, Any] = json.loads(done.out)
    assert (done.status, report["ok"]) == (1, False)
    assert report["results"][0]["fix"] == "install it"


def test_what_may_name_a_family_s_file_is_a_code_for_a_machine(
    qalqan: Qalqan, monkeypatch: pytest.MonkeyPatch, root: None
) -> None:
    lines(monkeypatch, problem("setup", "aruzhan.yaml: wrong", "correct it", code="settings_mistake"))
    assert "aruzhan.yaml" in qalqan("acceptance").out
    (entry,) = json.loads(qalqan("acceptance", "--json").out)["results"]
    assert (entry["text"], entry["fix"], entry["code"]) == ("", "", "settings_mistake")


def test_a_test_that_takes_too_long_is_an_error(
    qalqan: Qalqan, monkeypatch: pytest.MonkeyPatch, root: None
) -> None:
    lines(monkeypatch, ok("queue", "fine"), end=AcceptanceTimeoutError())
    done = qalqan("acceptance")
    assert done.status == 1
    assert "error time limit: " in done.out


def test_the_time_limit_waits_until_a_line_is_printed(
    qalqan: Qalqan, monkeypatch: pytest.MonkeyPatch, root: None
) -> None:
    lines(monkeypatch, ok("queue", "fine"), ok("lists", "new"))
    clean = output.clean
    shown: list[object] = []

    def late(text: object) -> str:
        shown.append(text)
        if len(shown) == 1:
            signal.raise_signal(signal.SIGALRM)
        return clean(text)

    monkeypatch.setattr(output, "clean", late)
    done = qalqan("acceptance")
    assert (done.status, done.err) == (1, "")
    first, second, _ = done.out.splitlines()
    assert first == "ok queue: fine"
    assert second.startswith("error time limit: ")


def test_the_time_limit_also_ends_the_wait_for_the_daemon(
    qalqan: Qalqan, config: Path, monkeypatch: pytest.MonkeyPatch, root: None
) -> None:
    def alarm(_client: Client) -> HomeStatus:
        raise AcceptanceTimeoutError

    monkeypatch.setattr(acceptance, "_status", alarm)
    (line,) = json.loads(qalqan("--config", config, "acceptance", "--json").out)["results"]
    assert (line["about"], line["code"]) == ("time limit", "too_slow")


@pytest.mark.parametrize("seconds", ["0", "-1"])
def test_a_time_limit_has_at_least_a_second(qalqan: Qalqan, root: None, seconds: str) -> None:
    assert "at least one second" in qalqan("acceptance", "--within", seconds).refusal


def test_only_root_may_run_it(qalqan: Qalqan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "root" in qalqan("acceptance").refusal
