"""What a release is refused for: a line an entry, by its date; and `make test` by none of it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from gateway.policy.names.countries import Country
from tests.policy.homes import product
from tests.release.__main__ import DOCUMENTS
from tests.release.dates import refusals

ROOT = Path(__file__).parents[2]
TODAY = date(2027, 6, 1)


def pack(verified_on: date | None, by: str = "A. Person") -> Country:
    line = replace(product().countries["kz"].help_lines[0], verified_on=verified_on, verified_by=by)
    return replace(product().countries["kz"], help_lines=(line,))


@pytest.mark.parametrize(
    ("day", "says"),
    [
        (None, "profiles/countries/kz.yaml: kz-111: not yet confirmed"),
        (TODAY - timedelta(days=180), "kz-111: confirmed by A. Person on 2026-12-03, 180 days ago"),
        (TODAY + timedelta(days=1), "kz-111: confirmed by A. Person on 2027-06-02, which is after today"),
    ],
)
def test_a_help_line_that_nobody_compared_of_late_is_a_line(day: date | None, says: str) -> None:
    [line] = refusals(TODAY, [pack(day)], {})
    assert says in line


@pytest.mark.parametrize("days", [0, 1, 179])
def test_one_that_somebody_compared_is_none(days: int) -> None:
    assert list(refusals(TODAY, [pack(TODAY - timedelta(days=days))], {})) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("# A document\n", "doc.md: nobody has gone through it"),
        ("Reviewed: not yet. A named person has still to.", "doc.md: nobody has gone through it"),
        ("Reviewed: 2027-05-31\n", "doc.md: says not who reviewed it"),
        ("Reviewed: 2027-02-31 by nobody", "doc.md: '2027-02-31' is no date"),
        ("Reviewed: 2026-11-01 by A. Person", "doc.md: reviewed on 2026-11-01, 212 days ago"),
        ("Reviewed: 2027-06-02 by A. Person", "which is after today"),
    ],
)
def test_a_document_that_nobody_went_through_is_a_line(text: str, says: str) -> None:
    [line] = refusals(TODAY, [], {"doc.md": text})
    assert says in line


def test_one_that_was_gone_through_is_none() -> None:
    assert list(refusals(TODAY, [], {"doc.md": "# D\n\nReviewed: 2027-05-01 by A. Person\n"})) == []


def test_the_target_refuses_today_a_line_an_entry() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.release"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    unconfirmed = [
        f"profiles/countries/{pack.code}.yaml: {line.id}: not yet confirmed"
        for pack in product().countries.values()
        for line in pack.help_lines
        if line.verified_on is None
    ]
    unconfirmed += [
        f"{name}: nobody has gone through it"
        for name in DOCUMENTS
        if "\nReviewed: not yet." in (ROOT / name).read_text()
    ]
    lines = ran.stderr.splitlines()
    assert (ran.returncode == 1) is bool(lines)
    for start in unconfirmed:
        assert sum(line.startswith(start) for line in lines) == 1


def test_the_makefile_has_it_and_test_does_not_lead_to_it() -> None:
    text = (ROOT / "Makefile").read_text()
    assert "release: " in text
    rules = {
        line.partition(":")[0]: line for line in text.splitlines() if line.startswith(("test:", "test-all:"))
    }
    assert all("release" not in line for line in rules.values())
