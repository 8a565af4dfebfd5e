"""Tests that no dataclass needs a Python later than 3.11, which OpenWrt 24.10 has. Lint checks the rest."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
OLDEST = "3.11"
FILES = sorted(path for package in ("gateway", "webui") for path in (ROOT / package).rglob("*.py"))
MODULES = [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in FILES]


def own_dataclasses(module: ModuleType) -> Iterator[type]:
    for value in vars(module).values():
        if (
            isinstance(value, type)
            and dataclasses.is_dataclass(value)
            and value.__module__ == module.__name__
        ):
            yield value


@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith("__main__")])
def test_defaults_of_dataclasses_can_be_hashed_in_python_3_11(name: str) -> None:
    """`dataclasses` refuses others. A read-only mapping has a hash only from 3.12 on."""
    for found in own_dataclasses(import_module(name)):
        for field in dataclasses.fields(found):
            assert type(field.default).__name__ != "mappingproxy", f"{found.__name__}.{field.name}"


def test_lint_checks_against_the_oldest_python() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    tools = project["tool"]
    assert project["project"]["requires-python"] == f">={OLDEST}"
    assert tools["mypy"]["python_version"] == OLDEST
    assert tools["ruff"]["target-version"] == f"py{OLDEST.replace('.', '')}"
