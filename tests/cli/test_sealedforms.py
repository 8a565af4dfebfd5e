"""`qalqan sealed appeals`, `record`, `report`: what a provider owes besides its sets, as checked files."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.cli.conftest import Qalqan

APPEALS = """
country: kz
appeals:
  - {id: one, received: 2026-11-02, first: {answered: 2026-11-05, outcome: taken_away}}
  - {id: two, received: 2026-11-20}
  - {id: before, received: 2025-11-20, first: {answered: 2025-11-21, outcome: stays}}
"""
RECORD = {
    "name": {"en": "A hotline"},
    **{
        key: f"https://hotline.example/{key}"
        for key in ("report", "contest", "deterrence", "image_removal", "help_line", "source")
    },
    "first_days": 5,
    "second_days": 5,
    "verified_on": "2026-11-01",
    "by": "A. Person",
}
REPORT = {
    "provider": "A provider", "from": "2026-01-01", "until": "2026-12-31", "maker": "A hotline",
    "licence": "for gateways of customers", "since": "2026-01-01", "whole_domains": True, "sets_made": 400,
    "longest_gap_hours": 14, "gateways_expired": 0, "names_at_begin": 100, "names_added": 30,
    "names_taken": 10, "refusals": 7, "orders": "none", "leaks": "none", "outside": "nobody yet",
}  # fmt: skip


def file(folder: Path, name: str, content: object) -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return path


def test_what_waits_for_too_long_is_a_line_and_exit_status_1(qalqan: Qalqan, tmp_path: Path) -> None:
    log = file(tmp_path, "appeals.yaml", APPEALS)
    late = qalqan("sealed", "appeals", log, "--today", "2026-12-01")
    assert late.status == 1
    assert late.out.splitlines()[1].split() == ["two", "first", "2026-11-20", "2026-11-27"]
    assert qalqan("sealed", "appeals", log, "--today", "2026-11-27").out == "3 appeals; none is overdue\n"


def test_a_record_that_is_whole_and_fresh_is_said_to_be(qalqan: Qalqan, tmp_path: Path) -> None:
    whole = file(tmp_path, "record.yaml", RECORD)
    assert "A hotline: whole" in qalqan("sealed", "record", whole, "--today", "2026-11-27").out
    assert "verified_on" in qalqan("sealed", "record", whole, "--today", "2027-11-27").refusal


@pytest.mark.parametrize("key", RECORD)
def test_a_record_that_lacks_anything_says_what(qalqan: Qalqan, tmp_path: Path, key: str) -> None:
    short = file(tmp_path, "record.yaml", {name: one for name, one in RECORD.items() if name != key})
    assert key in qalqan("sealed", "record", short, "--today", "2026-11-27").refusal


def test_the_report_is_filled_from_figures_and_the_log(qalqan: Qalqan, tmp_path: Path) -> None:
    log, data = file(tmp_path, "appeals.yaml", APPEALS), file(tmp_path, "report.yaml", REPORT)
    told = qalqan("sealed", "report", data, "--appeals", log).out.splitlines()
    assert told[:3] == ["Provider: A provider", "From: 2026-01-01", "Until: 2026-12-31"]
    assert "Names at the end: 120" in told
    assert "Refusals, all gateways together, with malware and phishing: 7" in told
    assert "Contested entries: 2 received, 0 right, 1 wrong, 1 open" in told, "of its own days alone"
    assert "Median working days of the first look: 3" in told
    assert "Median working days of the second look: none" in told


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"names_taken": 131}, "more than there were"),
        ({"until": "2025-01-01"}, "before"),
        ({"names": ["x"]}, "names"),
    ],
)
def test_a_report_that_does_not_add_up_is_refused(
    qalqan: Qalqan, tmp_path: Path, wrong: dict[str, object], problem: str
) -> None:
    log, data = file(tmp_path, "appeals.yaml", APPEALS), file(tmp_path, "report.yaml", {**REPORT, **wrong})
    assert problem in qalqan("sealed", "report", data, "--appeals", log).refusal
