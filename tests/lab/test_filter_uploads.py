"""Long uploads over plain HTTP: the kernel forwards most of them, and each request is still judged."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.lab.daemon import Daemon
from tests.lab.filtering import ALLOWED, FAMILIES, REFUSED, address, fresh, module
from tests.lab.home import ROOT, Home
from tests.lab.netns import stopping

pytestmark = pytest.mark.lab

PORT = 8086
SIZE = 40 << 20
FIRST = pytest.mark.parametrize("first", [None, ALLOWED], ids=["first", "later"])


@pytest.fixture(scope="module")
def daemon(home: Home) -> Iterator[Daemon]:
    with fresh(home) as started:
        yield started


@pytest.fixture(scope="module", autouse=True)
def server(home: Home) -> Iterator[None]:
    argv = home.internet.command([sys.executable, "-m", "tests.lab.uploads", "serve", str(PORT)])
    with stopping(subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield


def _send(
    home: Home,
    device: str,
    version: int,
    first: str | None,
    *then: str,
    early: bool = False,
    pipelined: bool = False,
) -> list[str]:
    """The hosts whose answers arrived."""
    how = {
        "address": address(ALLOWED, version),
        "port": PORT,
        "first": first,
        "host": ALLOWED,
        "size": SIZE,
        "then": then,
        "early": early,
        "pipelined": pipelined,
    }
    answers: list[str] = json.loads(module(home.devices[device], "uploads", "send", stdin=json.dumps(how)))
    return answers


def _packets(daemon: Daemon) -> int:
    return sum(queue["packets"] for queue in daemon.client.call("status")["queue"].values())


@FAMILIES
@FIRST
def test_the_kernel_forwards_most_of_an_upload(
    home: Home, daemon: Daemon, version: int, first: str | None
) -> None:
    before = _packets(daemon)
    answers = _send(home, "tablet", version, first, ALLOWED)
    assert answers == [ALLOWED] * (3 if first else 2)
    assert _packets(daemon) - before < SIZE / 1400 / 4


@FAMILIES
@FIRST
def test_a_request_after_an_upload_is_judged(
    home: Home, daemon: Daemon, version: int, first: str | None
) -> None:
    assert _send(home, "tablet", version, first, REFUSED) == [ALLOWED] * (2 if first else 1)
    assert REFUSED in _send(home, "parent", version, first, REFUSED)
    assert REFUSED not in _send(home, "tablet", version, first, ALLOWED, REFUSED, pipelined=True)
    assert REFUSED in _send(home, "parent", version, first, ALLOWED, REFUSED, pipelined=True)


@FAMILIES
@FIRST
def test_a_request_in_an_upload_that_is_answered_early_is_judged(
    home: Home, daemon: Daemon, version: int, first: str | None
) -> None:
    """The server reads the rest of the body as requests."""
    assert REFUSED not in _send(home, "tablet", version, first, REFUSED, early=True)
    assert REFUSED in _send(home, "parent", version, first, REFUSED, early=True)
