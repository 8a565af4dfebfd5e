"""The check for attributes that an object gets after its construction, on modules of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.lint_attributes import read, report

MODULES = {
    "wire/table.py": (
        "class Table:\n    def __init__(self):\n        self.names = ()\n        self.work = 0\n"
    ),
    "path/flows.py": (
        "class Base:\n    def __init__(self):\n        self.size = 0\n\n"
        "class Flows(Base):\n"
        "    def __init__(self, table):\n        self.table = table\n        self._begin()\n\n"
        "    def _begin(self):\n        self.watcher = None\n\n"
        "    def grow(self):\n        self.size += 1\n"
    ),
    "app/daemon.py": "class Daemon:\n    def __init__(self, flows):\n        self.flows = flows\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, source in MODULES.items():
        path = tmp_path / name
        path.parent.mkdir()
        path.write_text(source)
    return tmp_path


def lines(root: Path, method: str, state: Mapping[str, str] = {}) -> list[str]:
    """Return the report after the daemon has got a method with this line."""
    with (root / "app/daemon.py").open("a") as module:
        module.write(f"\n    def start(self, value):\n        {method}\n")
    return report(read(root), state)


def test_an_object_that_only_its_constructor_and_its_own_module_fill_is_clean(root: Path) -> None:
    assert report(read(root), {}) == []
    assert lines(root, "self.flows = value") == []


def test_an_attribute_of_a_class_itself_after_its_construction_is_reported(root: Path) -> None:
    assert lines(root, "self.traffic = value") == ["app/daemon.py:6: Daemon.traffic: define it in __init__"]


@pytest.mark.parametrize(
    ("method", "found"),
    [
        ("self.flows.watcher = value", "self.flows.watcher"),
        ("self.flows.table.names = value", "self.flows.table.names"),
        ("self.flows[0].watcher = value", "self.flows[0].watcher"),
        ("value.size += 1", "value.size"),
        ("value.size, self.flows = 1, 2", "value.size"),
    ],
)
def test_an_attribute_of_a_class_of_another_module_is_reported(root: Path, method: str, found: str) -> None:
    (line,) = lines(root, method)
    assert line.startswith(f"app/daemon.py:6: {found}: make it an argument of the constructor")


def test_an_attribute_of_a_library_s_object_is_left_alone(root: Path) -> None:
    assert lines(root, "value.timeout = 1") == []


def test_a_listed_state_may_be_set_and_an_exception_that_is_not_needed_is_reported(root: Path) -> None:
    state = {"size": "for the test", "work": "not needed"}
    assert lines(root, "value.size = 1", state) == ["work: remove it from STATE. No other module assigns it."]
