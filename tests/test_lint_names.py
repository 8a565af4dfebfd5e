"""The check for class names that are defined twice, on packages of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.lint_names import definitions, report

MODULES = {
    "first/a.py": "class Pause:\n    class Inner: ...\n\nclass _Row: ...\n",
    "first/b.py": "from first.a import Pause\n\nclass Inner: ...\n",
    "second/c.py": "class _Row: ...\n\nclass Pause: ...\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, source in MODULES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(source)
    return tmp_path


def lines(root: Path, same_concept: Mapping[str, str]) -> list[str]:
    return list(report(definitions(root, ("first", "second")), same_concept))


def test_a_public_class_name_in_two_modules_is_reported(root: Path) -> None:
    assert lines(root, {}) == [
        "Pause: rename all but one, or list the name in SAME_CONCEPT: first/a.py:1, second/c.py:3"
    ]


def test_a_listed_name_may_be_defined_twice(root: Path) -> None:
    assert lines(root, {"Pause": "a value and its record"}) == []


def test_an_exception_that_is_not_needed_is_reported(root: Path) -> None:
    (root / "second/c.py").unlink()
    assert lines(root, {"Pause": "a value and its record"}) == [
        "Pause: remove it from SAME_CONCEPT. It is defined at most once."
    ]
