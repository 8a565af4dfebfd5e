"""Games, calls, push, mail and things on children's devices of four bands: what should go through does."""

from __future__ import annotations

import json
import select
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.lab.daemon import Daemon
from tests.lab.filtering import FAMILIES, fresh
from tests.lab.home import ROOT, Home
from tests.lab.netns import Namespace, stop
from tests.lab.ordinary import CHILDREN, DEVICES, family
from tests.ordinary.catalogue import TALKS
from tests.ordinary.talking import redirects
from tests.ordinary.talks import Talk

pytestmark = pytest.mark.lab

QUICK = [talk for talk in TALKS if not talk.slow]
SLOW = [talk for talk in TALKS if talk.slow]


@pytest.fixture(scope="module")
def daemon(home: Home) -> Iterator[Daemon]:
    with fresh(home, family()) as started:
        yield started


@pytest.fixture(scope="module")
def servers(home: Home) -> Iterator[None]:
    folder = home.folder / "talks"
    folder.mkdir()
    home.internet.run(["nft", "-f", "-"], stdin=redirects(), check=True)
    with (folder / "log").open("wb") as log:
        argv = [sys.executable, "-m", "tests.ordinary.talking", "serve", str(folder)]
        process = home.internet.popen(argv, cwd=ROOT, stderr=log)
        try:
            assert process.stdout is not None
            readable, _, _ = select.select([process.stdout], [], [], 60.0)
            said = process.stdout.readline() if readable else b""
            assert said == b"ready\n", (folder / "log").read_text()
            yield
        finally:
            stop(process)
            home.internet.run(["nft", "delete", "table", "inet", "talks"], check=True)


def _calls(device: Namespace, version: int, talks: list[Talk]) -> dict[str, str]:
    argv = [sys.executable, "-m", "tests.ordinary.talking", "call", str(version), *(one.id for one in talks)]
    done = subprocess.run(
        device.command(argv), capture_output=True, text=True, timeout=300, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def _assert_as_it_should_be(home: Home, device: str, version: int, talks: list[Talk]) -> None:
    results = _calls(home.devices[device], version, talks)
    wrongly_refused, let_through = {}, []
    for talk in talks:
        if talk.youngest <= CHILDREN[device] and results[talk.id]:
            wrongly_refused[talk.id] = results[talk.id]
        if talk.youngest > CHILDREN[device] and not results[talk.id]:
            let_through.append(talk.id)
    assert wrongly_refused == {}
    assert let_through == [], "the document says that they do not go through"


@FAMILIES
@DEVICES
def test_ordinary_talks(home: Home, daemon: Daemon, servers: None, device: str, version: int) -> None:
    _assert_as_it_should_be(home, device, version, QUICK)


@pytest.mark.slow
@FAMILIES
@DEVICES
def test_talks_with_long_rests(home: Home, daemon: Daemon, servers: None, device: str, version: int) -> None:
    _assert_as_it_should_be(home, device, version, SLOW)
