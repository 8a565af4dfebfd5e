"""`qalqan status` counts the packets of a connection that reach the daemon."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from statistics import median
from typing import NamedTuple

import pytest

from tests.lab import clients, names
from tests.lab.clients import Outcome
from tests.lab.daemon import Daemon
from tests.lab.filtering import ALLOWED, BLOCKED, DAUGHTER, FAMILIES, address, fetch, fresh
from tests.lab.home import Home
from tests.lab.netns import Namespace

pytestmark = pytest.mark.lab

TRIES = 5  # a resent packet is counted too: the median is a connection without one


class Lan(NamedTuple):
    """A home with one filtered device, and whether segments are merged in it."""

    home: Home
    daemon: Daemon
    merges: bool

    @property
    def tablet(self) -> Namespace:
        return self.home.devices["tablet"]

    def counted(self, protocol: str, connect: Callable[[], Outcome], *, reached: bool = True) -> float:
        """Return the packets of one connection: the median of some."""
        packets: list[int] = []
        for _ in range(TRIES):
            before = self.daemon.client.call("status")["flows"]
            assert connect().reached is reached
            after = self.daemon.client.call("status")["flows"]
            assert after[f"{protocol}_flows"] - before[f"{protocol}_flows"] == 1
            packets.append(after[f"{protocol}_packets"] - before[f"{protocol}_packets"])
        return median(packets)


@pytest.fixture(scope="module", params=[False, True], ids=["whole segments", "merged segments"])
def lan(request: pytest.FixtureRequest, namespaces: None) -> Iterator[Lan]:
    merges: bool = request.param
    with (
        Home(offload=merges, journal=False, seats=names.SEATS[:1]) as home,
        fresh(home, {"daughter": DAUGHTER}) as daemon,
    ):
        yield Lan(home, daemon, merges)


@FAMILIES
@pytest.mark.parametrize(("host", "reached"), [(ALLOWED, True), (BLOCKED, False)])
def test_tls_has_the_segments_of_its_hello(lan: Lan, version: int, host: str, reached: bool) -> None:
    def connect() -> Outcome:
        return clients.tls(lan.tablet, host, address=address(host, version))

    assert lan.counted("tls", connect, reached=reached) == (1 if lan.merges else 2)


@FAMILIES
def test_plain_http_has_the_request_and_the_start_of_its_answer(lan: Lan, version: int) -> None:
    assert lan.counted("http", lambda: fetch(lan.tablet, f"http://{ALLOWED}/", version)) == 2


@FAMILIES
@pytest.mark.parametrize("quic", [1, 2])
def test_quic_has_its_handshake(lan: Lan, version: int, quic: int) -> None:
    def connect() -> Outcome:
        return clients.h3(lan.tablet, ALLOWED, address=address(ALLOWED, version), version=quic)

    assert 3 <= lan.counted("quic", connect) <= 8


def test_the_command_shows_them(lan: Lan) -> None:
    assert clients.tls(lan.tablet, ALLOWED).reached
    assert fetch(lan.tablet, f"http://{ALLOWED}/", 4).reached
    argv = [sys.executable, "-m", "gateway", "--config", str(lan.daemon.config), "status"]
    shown = lan.home.gateway.run(argv, check=True).stdout
    assert re.search(r"^connections +\d+ TLS \(\d+\.\d packets each\), \d+ plain HTTP \(", shown, re.M), shown
