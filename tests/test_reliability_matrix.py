"""The fault matrix of docs/reliability.md: no row lacks a cell, and each named test exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs/reliability.md"
COLUMNS = ["fault", "while running", "at start", "what the family sees", "test"]
EXCEPT = "*does not apply*"
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def rows() -> list[list[str]]:
    """Return the cells of each row, of all tables in the document."""
    lines = DOCUMENT.read_text().splitlines()
    tables = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return [row for row in tables if row != COLUMNS and set("".join(row)) != {"-"}]


ROWS = rows()


def test_each_fault_has_one_row_without_an_empty_cell() -> None:
    assert len(ROWS) > 50
    assert [row for row in ROWS if len(row) != len(COLUMNS) or not all(row)] == []
    faults = [row[0] for row in ROWS]
    assert [fault for fault in faults if faults.count(fault) > 1] == []


def test_a_fault_that_does_not_apply_while_running_or_at_a_start_has_the_reason() -> None:
    for fault, running, start, *_ in ROWS:
        absent = [cell for cell in (running, start) if cell.startswith(EXCEPT)]
        assert len(absent) < 2, f"{fault}: when does it apply?"
        for cell in absent:
            assert re.fullmatch(r"\*does not apply\*: \w+( [\w-]+){3,}.*", cell), cell
    headers = {line.strip() for line in DOCUMENT.read_text().splitlines() if line.startswith("| fault ")}
    assert headers == {f"| {' | '.join(COLUMNS)} |"}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:60])
def test_the_tests_of_a_fault_exist_under_their_names(row: list[str]) -> None:
    named = TEST.findall(row[-1])
    assert len(named) == row[-1].count("`") / 2 > 0, "the cell has something else than a file with a test"
    for file, name in named:
        text = (ROOT / file).read_text()
        assert re.search(rf"^def {name}\(", text, re.MULTILINE), f"{file} has no {name}"
