"""What a router's packages take: of its flash, as squashfs has them, and of its memory, as they run there."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.bench.figures import Figure, Settings, Skipped, at_most
from tests.bench.memory import resident
from tests.bench.pages import resident as whole
from tests.lab.daemon import WEB_PORT, Daemon
from tests.lab.home import Home
from tests.lab.names import GATEWAY_IPV4
from tests.openwrt.feed.recipes import FEED, Package, install, makefiles, read
from tests.openwrt.feed.router import Router, closure, copy_library, copy_modules

MOST_FLASH, MOST_DAEMON, MOST_BOTH = 6.0, 40.0, 80.0  # MB
CHILD = {"name": "Child", "band": "10-12", "devices": ["02:00:00:00:00:0a"], "bedtime": {}}
OPTIONAL = (
    *("python3-cryptography", "qalqan-calendars", "qalqan-feed", "qalqan-passkeys", "qalqan-second-factor"),
    *("qalqan-mqtt", "scapy"),
)


def measure(settings: Settings) -> Iterator[Figure]:
    if not (FEED / "qalqan/files/qalqan.init").exists():
        msg = "the scripts of openwrt/qalqan/files are not in this tree"
        raise Skipped(msg)
    folder = settings.folder / "size"
    feed = {one.name: one for file in makefiles() for one in read(file, folder / "facts" / file.parent.name)}
    roots = {name: install(feed[name], folder / name) for name in ("qalqan", "qalqan-lists", "qalqan-web")}
    yield from _flash(folder, feed, roots)
    yield from _memory(folder, feed, roots)


def _flash(folder: Path, feed: Mapping[str, Package], roots: Mapping[str, Path]) -> Iterator[Figure]:
    daemon, pages = closure(["qalqan"], feed), closure(["qalqan-web"], feed)
    for name, root in roots.items():
        yield _row(f"flash: {name}", root)
    yield _row("flash: Python packages that the daemon needs", _python(folder / "daemon", daemon, feed))
    further = pages - daemon
    yield _row("flash: Python packages that only the pages need", _python(folder / "pages", further, feed))
    for name in OPTIONAL:
        packages = closure([name], feed) - daemon - pages
        yield _row(f"flash: {name}, optional", _python(folder / name, packages, feed))
    yield _row("flash: Python's library, as far as DEPENDS name it", _library(folder / "library", daemon))
    both = folder / "both"
    shutil.copytree(roots["qalqan"], both)
    shutil.copytree(folder / "daemon", both / "python")
    note = "with the Python packages that it depends on; beyond Python itself"
    yield at_most("flash: daemon and data, squashfs", squashed(both), "MB", MOST_FLASH, note)


def _row(name: str, folder: Path) -> Figure:
    size = sum(one.stat().st_size for one in folder.rglob("*") if one.is_file() and not one.is_symlink())
    return at_most(f"{name}, squashfs", squashed(folder), "MB", None, f"{size / 1e6:.2f} MB as files")


def squashed(folder: Path) -> float:
    """MB of it in an image as OpenWrt makes them."""
    image = folder.with_suffix(".squashfs")
    argv = [
        "mksquashfs",
        str(folder),
        str(image),
        "-comp",
        "xz",
        "-b",
        "256k",
        "-noappend",
        "-no-progress",
        "-quiet",
    ]
    try:
        subprocess.run(argv, check=True, capture_output=True)
    except FileNotFoundError:
        msg = "there is no mksquashfs here; install squashfs-tools"
        raise Skipped(msg) from None
    size = image.stat().st_size
    image.unlink()
    return size / 1e6


def _python(folder: Path, packages: set[str], feed: Mapping[str, Package]) -> Path:
    """The modules of packages, of the versions that are installed here, as bytecode."""
    folder.mkdir(parents=True)
    copy_modules(packages, folder)
    for path in (folder / path for name in packages & feed.keys() for path in feed[name].removed):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    return _compiled(folder)


def _library(folder: Path, packages: set[str]) -> Path:
    copy_library(Path(shutil.__file__).parent, packages, folder)
    return _compiled(folder)


def _compiled(folder: Path) -> Path:
    subprocess.run([sys.executable, "-m", "compileall", "-q", "-b", "-d", "/", folder], check=False)
    for one in folder.rglob("*.py"):
        one.unlink()
    return folder


def _memory(folder: Path, feed: Mapping[str, Package], roots: Mapping[str, Path]) -> Iterator[Figure]:
    router = Router(folder / "router", roots.values(), closure(["qalqan-web"], feed))
    program = router.command("/usr/bin/qalqan")
    note = "from bytecode, an empty table"
    with Home(journal=False, quic=False) as home:
        daemon = Daemon(home, {"child": CHILD}, web=True, program=program)
        daemon.start()  # the first start makes the database, and compiles the templates
        daemon.stop()
        with daemon:
            for _ in range(20):
                home.devices["tablet"].run(["curl", "-sk", "-o", "/dev/null", "https://www.example.org/"])
            page = f"http://{GATEWAY_IPV4}:{WEB_PORT}/"
            home.devices["tablet"].run(["curl", "-sSfL", "-o", "/dev/null", page], check=True)
            one, other = resident(daemon.pid), whole(daemon.web_pid)
            yield at_most("memory: the packaged daemon, resident", one, "MB", MOST_DAEMON, note)
            yield at_most("memory: the packaged daemon and pages, resident", one + other, "MB", MOST_BOTH)
