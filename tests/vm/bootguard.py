"""The boot guard of the daemon that ran last, loaded by nft alone, with no daemon."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from gateway.dataplane.boot_guard import FILE
from gateway.kernel.ruleset.table import TABLE
from tests.lab import names
from tests.lab.filtering import ALLOWED, fetch, fresh
from tests.lab.home import Home
from tests.vm.endurance import HELP, until
from tests.vm.patience import PATIENCE_S, SILENCE_S
from tests.vm.refusals import reached
from tests.vm.report import Report, Try

PART = "the boot guard"
HELP_SET = ["nft", "list", "set", *TABLE.split(), "help4"]


def run(home: Home, report: Report) -> None:
    report.begin(PART)
    home.masquerade()
    if not _file(home).exists() and not report.point("a daemon runs, and stops", lambda: _run_once(home)):
        return
    for name, attempt in _points(home):
        report.point(name, attempt)
    home.gateway.run(["nft", "destroy", "table", *TABLE.split()])


def _file(home: Home) -> Path:
    return home.folder / "qalqan" / "state" / FILE


def _run_once(home: Home) -> str:
    with fresh(home) as daemon:
        until(lambda: names.ipv4_of(HELP) in home.gateway.run(HELP_SET).stdout, PATIENCE_S)
        return f"ready after {daemon.seconds_to_ready:.1f} s"


def _points(home: Home) -> Iterator[tuple[str, Try]]:
    file = _file(home)
    tablet, phone, parent = (home.devices[key] for key in ("tablet", "phone", "parent"))

    def load() -> str:
        text = file.read_text("ascii")
        assert names.ipv4_of(HELP) in text, "it does not know where help is"
        for check in (["-c"], []):
            home.gateway.run(["nft", *check, "-f", str(file)], check=True)
        return f"{len(text)} bytes, by nft alone"

    yield "the file of a daemon that stopped is loaded", load

    def closed() -> str:
        for version in (4, 6):
            assert not fetch(tablet, f"https://{ALLOWED}/", version, timeout=SILENCE_S).reached
        return "IPv4 and IPv6"

    yield "a closed child's device reaches nothing", closed

    def help_(version: int) -> str:
        return reached(fetch(tablet, f"https://{HELP}/", version, timeout=PATIENCE_S))

    for version in (4, 6):
        yield f"help is reachable by its address, IPv{version}", partial(help_, version)

    def open_() -> str:
        for device in (phone, parent):
            for version in (4, 6):
                reached(fetch(device, f"https://{ALLOWED}/", version, timeout=PATIENCE_S))
        return "IPv4 and IPv6"

    yield "a profile that fails open, and an adult, pass", open_
