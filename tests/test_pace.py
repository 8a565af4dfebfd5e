"""What time a test gives, and that no test holds a loaded machine to a quiet one's figures."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests import pace

TESTS = Path(__file__).parent
FIGURES = ("bench", "vm")  # whose subject is how long something takes
CLOCKS, TAKEN = {"monotonic", "perf_counter"}, {"took", "elapsed", "died"}


@pytest.mark.parametrize(
    ("mark", "given"), [(0.0, 10.0), (0.25, 10.0), (1.0, 10.0), (2.5, 25.0), (8.0, 68.0), (65.0, 125.0)]
)
def test_a_mark_is_ten_times_as_long_at_least_ten_seconds_and_at_most_a_minute_longer(
    mark: float, given: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "EXACT", False)
    assert pace.longest(mark) == given
    assert pace.longest(mark, below=9.0) == 9.0
    monkeypatch.setattr(pace, "EXACT", True)
    assert pace.longest(mark) == mark


def test_a_wait_ends_with_what_it_waits_for() -> None:
    turns = iter([False, False, True])
    took = pace.until(lambda: next(turns), 1.0, every=0.0)
    assert took is not None
    assert list(turns) == []


def test_what_never_comes_is_looked_for_once_at_least_and_no_longer_than_said() -> None:
    looks: list[None] = []
    assert pace.within(lambda: looks.append(None), 0.0) is None
    assert looks == [None]


def _upper_bounds(tree: ast.AST) -> Iterator[int]:
    """Lines on which a test asserts that time that went by is below a number as it stands."""
    asserted = [one.test for one in ast.walk(tree) if isinstance(one, ast.Assert)]
    for one in [inner for each in asserted for inner in ast.walk(each) if isinstance(inner, ast.Compare)]:
        for (left, right), op in zip(pairwise([one.left, *one.comparators]), one.ops, strict=True):
            value = right.value if isinstance(right, ast.Constant) else None
            if isinstance(op, ast.Lt | ast.LtE) and isinstance(value, int | float) and _is_time(left):
                yield one.lineno


def _is_time(tree: ast.AST) -> bool:
    for one in ast.walk(tree):
        if isinstance(one, ast.Name) and one.id in TAKEN:
            return True
        if isinstance(one, ast.Call):
            called = one.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            if name in CLOCKS:
                return True
    return False


def test_what_is_looked_for_is_found() -> None:
    found = "assert time.monotonic() - began < 2\nassert 0.5 < took <= 1.5\n"
    spared = "assert took >= 1\nassert took < longest(2.0)\nassert len(took_off) < 3\n"
    assert list(_upper_bounds(ast.parse(found + spared))) == [1, 2]


def test_no_test_asserts_that_a_machine_is_fast() -> None:
    """What only has to happen gets `longest`; how fast it is, is for `make bench`."""
    found = [
        f"{path.relative_to(TESTS)}:{line}"
        for path in sorted(TESTS.rglob("*.py"))
        if path.relative_to(TESTS).parts[0] not in FIGURES
        for line in _upper_bounds(ast.parse(path.read_text()))
    ]
    assert found == []
