"""Makes packages impossible to import in the processes that a test starts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

# Runs at the start of each Python process, ahead of every other way to find a module.
_SITECUSTOMIZE = """
import sys
class Hide:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {hidden!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name in {hidden!r} else found(name, *rest)
sys.meta_path.insert(0, Hide())
"""


def hide(folder: Path, modules: Iterable[str]) -> str:
    """Return the PYTHONPATH with which a process cannot import ``modules``."""
    (folder / "sitecustomize.py").write_text(_SITECUSTOMIZE.format(hidden=set(modules)), "utf-8")
    return f"{folder}:{Path(__file__).parent.parent}"
