"""docs/families/child-rights.md has a row for each requirement; the tests that it names exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENT = (ROOT / "docs/families/child-rights.md").read_text()
PRIVACY = (ROOT / "docs/privacy.md").read_text()
ROWS = {line[2:6]: line.split("|")[2:5] for line in DOCUMENT.splitlines() if line.startswith("| R-")}
NUMBERS = (*range(1, 8), *range(10, 18), *range(20, 25), *range(30, 37), *range(40, 51))
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
STANDS = ("met", "partly", "not yet")


def test_every_requirement_has_one_row_in_order() -> None:
    assert re.findall(r"^\| (R-\d\d) \|", DOCUMENT, re.MULTILINE) == [f"R-{number:02}" for number in NUMBERS]


@pytest.mark.parametrize("number", sorted(ROWS))
def test_a_row_says_how_it_stands_and_what_is_met_names_its_test(number: str) -> None:
    _asked, stands, tests = (cell.strip() for cell in ROWS[number])
    assert stands.startswith(STANDS), number
    if not stands.startswith("not yet"):
        assert TEST.search(tests), f"{number} names no test"


@pytest.mark.parametrize("named", sorted(set(TEST.findall(DOCUMENT + PRIVACY))), ids="::".join)
def test_a_test_that_is_named_exists(named: tuple[str, str]) -> None:
    path, name = named
    file = ROOT / path
    assert file.is_file(), path
    assert re.search(rf"^def {name}\(", file.read_text(), re.MULTILINE), f"{path} has no {name}"
