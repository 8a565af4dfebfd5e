"""A router's files, as Python sees them: the installed packages, what they depend on, and nothing else.

In a mount namespace of its own: /usr with the packages over it, Python with those of its modules and packages
alone that DEPENDS name. What is not in DEPENDS cannot be imported, and says whose it is.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path

from tests.openwrt.feed.imports import LIGHT, split
from tests.openwrt.feed.recipes import Package

VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
DIST = "/usr/lib/python3/dist-packages"
# Of a Debian's standard library what no router has, or another package there.
NOT_LIGHT = (
    *("site-packages", "dist-packages", "__pycache__", "config-*", "test", "tests", "idlelib", "tkinter"),
    *("turtledemo", "ensurepip"),
)
_HIDE = """
import sys
sys.path[:] = [one for one in sys.path if "/usr/local/" not in one]
HIDDEN = {hidden!r}
class Hide:
    def find_spec(self, name, path=None, target=None):
        package = HIDDEN.get(name.partition(".")[0])
        if package:
            raise ModuleNotFoundError(f"No module named {{name!r}}: it is in {{package}}", name=name)
sys.meta_path.insert(0, Hide())
"""


class Router:
    def __init__(self, folder: Path, roots: Iterable[Path], depends: Iterable[str]) -> None:
        self._roots = tuple(roots)
        self._layer, self._dist = folder / "layer", folder / "dist"
        self._dist.mkdir(parents=True)
        python = self._layer / "usr/lib" / VERSION
        python.mkdir(parents=True)
        there = set(depends)
        hidden = {module: package for module, package in split().stdlib.items() if package not in there}
        (python / "sitecustomize.py").write_text(_HIDE.format(hidden=hidden), "utf-8")
        copy_modules(there, self._dist)

    def command(self, *argv: str) -> list[str]:
        """To be run on this router."""
        over = ":".join(str(one / "usr") for one in (*self._roots, self._layer))
        # The newer system call takes at most 256 bytes of paths.
        mounts = f"LIBMOUNT_FORCE_MOUNT2=always mount -t overlay overlay -o lowerdir={over}:/usr /usr"
        mounts += f" && mount --bind {self._dist} {DIST}"
        return ["unshare", "--mount", "sh", "-c", f'{mounts} && unset PYTHONPATH && exec "$@"', "sh", *argv]


def closure(names: Iterable[str], feed: Mapping[str, Package]) -> set[str]:
    """The packages and all that those of this feed depend on."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += feed[name].depends if name in feed else ()
    return found


def copy_modules(packages: set[str], folder: Path) -> None:
    """What these packages hold, and what they bring along, as it is installed here."""
    found = {module for module, package in split().others.items() if package in packages}
    for module in sorted(found.union(*(split().brought.get(one, ()) for one in packages))):
        _copy(module, folder)


def copy_library(library: Path, packages: set[str], folder: Path) -> None:
    """Copy the standard library in ``library``, as far as python3-light and ``packages`` have it."""
    shutil.copytree(library, folder, ignore=shutil.ignore_patterns(*NOT_LIGHT))
    for module, package in split().stdlib.items():
        if package not in {*packages, LIGHT}:
            for path in [*folder.glob(f"{module}.py"), *folder.glob(f"lib-dynload/{module}.*")]:
                path.unlink()
            shutil.rmtree(folder / module, ignore_errors=True)


def _copy(module: str, folder: Path) -> None:
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        msg = f"{module} is not installed here"
        raise LookupError(msg)
    if spec.submodule_search_locations:
        where = Path(spec.origin).parent
        shutil.copytree(where, folder / where.name, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(spec.origin, folder)
