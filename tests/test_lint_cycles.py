"""The check for import cycles, on packages of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import grimp
import pytest

from tests.lint_cycles import report

MODULES = {
    "a": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from cyclic.b import B\n",
    "b": "import cyclic.c\nB = 1\n",
    "c": "def later() -> None:\n    from cyclic import a\n",
    "d": "import cyclic.a\n",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "modules", {name: one for name, one in sys.modules.items() if name != "cyclic"})
    folder = tmp_path / "cyclic"
    folder.mkdir()
    (folder / "__init__.py").touch()
    for name, source in MODULES.items():
        (folder / f"{name}.py").write_text(source)
    return folder


def lines() -> list[str]:
    return list(report(grimp.build_graph("cyclic", cache_dir=None)))


def test_a_cycle_is_reported_with_the_line_of_each_import(package: Path) -> None:
    head, *rest = lines()
    assert head == "import cycle of 3 modules; its shortest:"
    assert sorted(rest) == [
        "  cyclic.a:3 imports cyclic.b",
        "  cyclic.b:1 imports cyclic.c",
        "  cyclic.c:2 imports cyclic.a",
    ]


def test_a_package_without_cycles_is_clean(package: Path) -> None:
    (package / "c.py").write_text("")
    assert lines() == []
