"""Chromium on a device: its own resolver, its ClientHello, its QUIC."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from tests.lab import names
from tests.lab.clients import Outcome
from tests.lab.home import Home

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
)
# The library of `make test-hour`: no browser starts with it, and programs with threads may wait for ever.
WITHOUT_PRELOAD = ("env", "-u", "LD_PRELOAD")
_ERROR = re.compile(r"ERR_[A-Z_0-9]+")


def command(home: Home, device: str, *, quic_hosts: Sequence[str] = ()) -> list[str]:
    """Return the command of a browser on ``device``, to which flags and a URL are added.

    It trusts the pretended internet's key and keeps its files in the lab.
    """
    chosen = [
        *WITHOUT_PRELOAD,
        "chromium",
        *FLAGS,
        f"--user-data-dir={profile_folder(home, device)}",
        f"--ignore-certificate-errors-spki-list={home.spki}",
    ]
    if quic_hosts:
        origins = ",".join(f"{host}:443" for host in quic_hosts)
        chosen += ["--enable-quic", f"--origin-to-force-quic-on={origins}"]
    return chosen


def profile_folder(home: Home, device: str) -> Path:
    return home.folder / f"chromium-{device}"


def visit(
    home: Home,
    device: str,
    url: str,
    *,
    quic_hosts: Sequence[str] = (),
    known: Sequence[str] = (),
    more: Sequence[str] = (),
    timeout: float = 90.0,
) -> Outcome:
    """Open ``url`` in a fresh browser and read the page that results. ``how`` is the browser's own error.

    ``known``: hosts whose address the browser has already, as from before they were refused. ``more``: flags.
    """
    shutil.rmtree(profile_folder(home, device), ignore_errors=True)
    rules = ",".join(f"MAP {host} {names.ipv4_of(host)}" for host in known)
    extra = [f"--host-resolver-rules={rules}"] if known else []
    chosen = [*command(home, device, quic_hosts=quic_hosts), *extra]
    argv = [*chosen, *more, "--timeout=20000", "--dump-dom", url]
    began = time.monotonic()
    try:
        done = home.devices[device].run(argv, timeout=timeout)
    except subprocess.TimeoutExpired:
        return Outcome(False, timeout * 1000, "timed out")
    ms = round((time.monotonic() - began) * 1000, 2)
    reached = "pretended internet" in done.stdout
    failure = _ERROR.search(done.stdout) or _ERROR.search(done.stderr.partition("Page load failed")[2])
    how = "page" if reached else failure[0] if failure else "another page"
    return Outcome(reached, ms, how, body=done.stdout)
