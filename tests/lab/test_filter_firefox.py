"""Firefox behind the filter: a refused name fails over TLS, QUIC and DNS, an allowed one is reached."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.lab import firefox
from tests.lab.certs import NAMELESS  # the only name for which the HTTP/3 server has a certificate
from tests.lab.clients import Outcome
from tests.lab.daemon import Daemon
from tests.lab.filtering import (
    ALLOWED,
    BLOCKED,
    DAUGHTER,
    FAMILIES,
    MUM,
    REFUSED,
    Arrivals,
    address,
    epoch,
    fresh,
    set_time,
)
from tests.lab.home import Home
from tests.lab.recorder import Recorder
from tests.pace import longest
from tests.replayed import Replayed

pytestmark = [pytest.mark.lab, pytest.mark.needs("firefox-esr", "firefox")]


@pytest.fixture(scope="module")
def daemon(home: Home) -> Iterator[Daemon]:
    home.begin_anew()
    with fresh(home, {"daughter": {**DAUGHTER, "bedtime": "20:45-07:00"}, "mum": MUM}) as started:
        yield started


@pytest.fixture(autouse=True)
def noon(daemon: Daemon) -> None:
    set_time(daemon, "2026-11-25T12:00:00")


@pytest.fixture
def arrivals(home: Home, daemon: Daemon) -> Arrivals:
    return Arrivals(home)


def visit(
    home: Home, folder: Path, *urls: str, quic_hosts: tuple[str, ...] = (), at: str = ""
) -> tuple[list[Outcome], set[tuple[str, str | None]]]:
    """What came of each page, and the names that Firefox put on the wire."""
    path = folder / "firefox.pcapng"
    with Recorder(home.devices["tablet"], "eth0", path):
        outcomes = firefox.visit(home, "tablet", *urls, quic_hosts=quic_hosts, address=at)
    return outcomes, set(Replayed(path.read_bytes()).names)


@FAMILIES
def test_over_tls(home: Home, arrivals: Arrivals, version: int, tmp_path: Path) -> None:
    urls = [f"https://{host}/fox" for host in (BLOCKED, ALLOWED)]
    (refused, allowed), said = visit(home, tmp_path, *urls, at=address(ALLOWED, version))
    assert {("tls", BLOCKED), ("tls", ALLOWED)} <= said
    assert not refused.reached
    assert "The connection to the server was reset" in refused.how
    assert allowed.reached, allowed
    assert not arrivals.of(name=BLOCKED)
    assert arrivals.of("https", ALLOWED)


@FAMILIES
def test_over_quic(home: Home, arrivals: Arrivals, version: int, tmp_path: Path) -> None:
    """Twice each: the first time, Firefox may take TLS because it is quicker."""
    urls = [f"https://{host}/{number}" for host in (BLOCKED, NAMELESS) for number in range(2)]
    where = address(NAMELESS, version)
    outcomes, said = visit(home, tmp_path, *urls, quic_hosts=(BLOCKED, NAMELESS), at=where)
    assert {("quic", BLOCKED), ("quic", NAMELESS)} <= said
    assert not any(one.reached for one in outcomes[:2]), outcomes
    assert all(one.reached for one in outcomes[2:]), outcomes
    assert outcomes[-1].how == "h3"
    assert not arrivals.of(name=BLOCKED)
    assert arrivals.of("h3", NAMELESS)


def test_with_the_devices_own_resolver(home: Home, arrivals: Arrivals, tmp_path: Path) -> None:
    """It takes the keys of Encrypted ClientHello from HTTPS records; here they are taken out on the way."""
    (refused, allowed), said = visit(home, tmp_path, f"https://{REFUSED}/", f"https://{ALLOWED}/")
    assert not refused.reached
    assert refused.how.startswith("connectionFailure: ")
    assert allowed.reached, allowed
    assert ("tls", ALLOWED) in said
    assert not any(host == "cover.example" for _, host in said)
    assert not arrivals.of("https", REFUSED)


@pytest.mark.slow
def test_what_opens_again_is_reached_at_once(home: Home, daemon: Daemon) -> None:
    """One browser, which was refused the same site until a moment ago: it keeps no negative answer."""
    with ThreadPoolExecutor(1) as pool:
        offset = set_time(daemon, "2026-11-26T06:59:45")
        opens = time.monotonic() + epoch("2026-11-26T07:00:00") - offset - time.time()
        seen = Arrivals(home)
        urls = [f"https://{ALLOWED}/{number}" for number in range(400)]
        visits = pool.submit(firefox.visit, home, "tablet", *urls)
        while not seen.of("https", ALLOWED) and time.monotonic() < opens + longest(5.0):
            time.sleep(0.02)
        took = time.monotonic() - opens
        outcomes = visits.result()
    print(f"bedtime over → Firefox reaches the site after {took * 1000:.0f} ms")
    early = [line for line in seen.of() if line["time"] + offset < epoch("2026-11-26T07:00:00")]
    print("before that:", [(line["proto"], line["name"], line["client"], line["detail"]) for line in early])
    assert not outcomes[0].reached
    assert 0.0 <= took <= longest(1.0)
    assert outcomes[-1].reached
