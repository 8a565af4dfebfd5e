"""Tests the script that runs dnsmasq for help lines: busybox ash, another user, real dnsmasq."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from gateway.dataplane.help_resolver import HelpResolver
from tests import processes
from tests.features.desk import Loop
from tests.openwrt.router import BUSYBOX, FILES, PAGES_ID
from tests.pace import until, within

pytestmark = [pytest.mark.needs("root"), pytest.mark.needs("busybox"), pytest.mark.needs("dnsmasq")]

NAME = "help.example"


def names(address: str) -> dict[str, frozenset[bytes]]:
    return {NAME: frozenset({bytes(map(int, address.split(".")))})}


class Case:
    """The daemon's side, and the script as procd starts it."""

    def __init__(self, folder: Path) -> None:
        folder.chmod(0o755)
        self.file = folder / "help.conf"
        loop = Loop(lambda: datetime(2026, 11, 30, tzinfo=UTC))
        self.resolver = HelpResolver(cast("Any", loop), folder, ["lo"], service=self.file)
        script = shutil.copy(FILES / "help-resolver", folder / "script")
        command = [BUSYBOX, "ash", str(script), str(self.file)]
        self.script = subprocess.Popen(command, user=PAGES_ID, group=PAGES_ID, extra_groups=[])

    def answer(self) -> str:
        dig = [
            "dig",
            "+short",
            "+time=1",
            "+tries=1",
            "@127.0.0.1",
            "-p",
            str(self.resolver.port),
            f"chat.{NAME}",
        ]
        done = subprocess.run(dig, capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    @property
    def dnsmasq(self) -> list[int]:
        """The process ids of the script's children that are dnsmasq."""
        return processes.with_argument(processes.children(self.script.pid), b"dnsmasq")


@pytest.fixture
def case(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    folder = Path("/var/tmp") / f"qalqan-{os.getpid()}-help"  # another user reaches it
    folder.mkdir()
    case = Case(folder)
    try:
        yield case
    finally:
        case.script.terminate()
        case.script.wait(10)
        case.resolver.close()
        shutil.rmtree(folder)


def test_the_script_follows_the_daemon(case: Case) -> None:
    """It waits for the file, runs one dnsmasq as its own user, and starts it again only for other names."""
    assert within(lambda: case.script.poll() is not None, 3.0) is None
    assert case.answer() == ""
    case.resolver.serve(names("192.0.2.7"))
    assert until(lambda: case.answer() == "192.0.2.7", 10.0) is not None
    (pid,) = case.dnsmasq
    assert Path(f"/proc/{pid}").stat().st_uid == PAGES_ID
    case.resolver.serve(names("192.0.2.7"))
    assert within(lambda: case.dnsmasq != [pid], 3.0) is None
    case.resolver.serve(names("192.0.2.8"))
    assert until(lambda: case.answer() == "192.0.2.8", 10.0) is not None
    assert len(case.dnsmasq) == 1
    case.resolver.close()
    assert until(lambda: case.dnsmasq == [], 10.0) is not None
    assert case.script.poll() is None


def test_the_script_ends_with_its_dnsmasq_and_dnsmasq_with_the_script(case: Case) -> None:
    """procd then starts the script again."""
    case.resolver.serve(names("192.0.2.7"))
    assert until(lambda: case.dnsmasq != [], 10.0) is not None
    os.kill(case.dnsmasq[0], 9)
    assert case.script.wait(10) == 1


def test_a_stop_ends_dnsmasq(case: Case) -> None:
    case.resolver.serve(names("192.0.2.7"))
    assert until(lambda: case.answer() == "192.0.2.7", 10.0) is not None
    case.script.terminate()
    assert case.script.wait(10) == 0
    assert case.answer() == ""
