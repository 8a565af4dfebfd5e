"""Tests that all modules of our packages load in the Python of 24.10 and of 25.12.

Bytecode of that version, and a standard library with the split modules only that DEPENDS name.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.openwrt.feed.__main__ import BRANCHES, interpreter
from tests.openwrt.feed.imports import split
from tests.openwrt.feed.recipes import Package, install
from tests.openwrt.feed.router import closure, copy_library, copy_modules

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
# Debian has one version of Python. The other one is tested where it is installed.
VERSIONS = [
    pytest.param(
        version,
        marks=pytest.mark.skipif(interpreter(version) is None, reason=f"no Python {version} is installed"),
    )
    for version in BRANCHES.values()
]
# The only extension module: that of another version than this one cannot be loaded.
QUEUE = "COPY_PACKET = 2\nclass NetfilterQueue: ...\nclass Packet: ...\n"
_IMPORT_ALL = """
import sys
library, extensions, packages, own, hidden = sys.argv[1:]
sys.path[:] = [library, extensions, packages, own]
for name in hidden.split():
    sys.modules[name] = None  # it may be built into the interpreter
import json, pathlib
from importlib import import_module
missing = {}
files = sorted(pathlib.Path(own).rglob("*.pyc"))
for file in files:
    name = ".".join(file.relative_to(own).with_suffix("").parts).removesuffix(".__init__")
    if not name.endswith("__main__"):
        try:
            import_module(name)
        except ModuleNotFoundError as error:
            missing[name] = error.name
print(json.dumps({"files": len(files), "missing": missing}))
"""


def test_this_version_of_python_is_one_of_them() -> None:
    assert HERE in BRANCHES.values()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "names",
    [
        ("qalqan",),
        ("qalqan", "qalqan-lists"),
        ("qalqan", "qalqan-usp"),
        ("qalqan", "qalqan-web"),
        ("qalqan", "qalqan-web", "qalqan-mqtt"),
    ],
    ids=lambda names: names[-1],
)
def test_every_module_loads(
    version: str, names: tuple[str, ...], feed: Mapping[str, Package], tmp_path: Path
) -> None:
    python = interpreter(version)
    assert python is not None
    depends = closure(names, feed)
    argv = [python, "-c", "import sysconfig; print(sysconfig.get_path('stdlib'))"]
    library = Path(subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip())
    copy_library(library, depends, tmp_path / "library")
    (tmp_path / "packages").mkdir()
    copy_modules(depends, tmp_path / "packages")
    if version != HERE:
        (tmp_path / "packages/netfilterqueue/__init__.py").write_text(QUEUE, "utf-8")
    hidden = [module for module, package in split().stdlib.items() if package not in depends]
    own = tmp_path / "own"
    for name in names:
        root = install(feed[name], tmp_path / "made", python)
        subprocess.run(["cp", "-a", f"{root}/usr/lib/qalqan/.", own], check=True)
    folders = (tmp_path / "library", tmp_path / "library/lib-dynload", tmp_path / "packages", own)
    command = [python, "-I", "-S", "-B", "-c", _IMPORT_ALL, *map(str, folders), " ".join(hidden)]
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["files"] > 400
    # What is optional is imported after a check, by modules that a router without it does not load.
    optional = {module: name for module, name in found["missing"].items() if name in split().optional}
    assert found["missing"] == optional
