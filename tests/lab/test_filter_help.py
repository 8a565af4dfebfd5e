"""Help is reachable: every name of it, from a device of each band, whatever shuts that device (R-01)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack

import pytest

from gateway.age.bands import AgeBand
from gateway.household.loading import load_countries
from tests.lab import names
from tests.lab.daemon import Daemon
from tests.lab.filtering import fresh, set_time, until
from tests.lab.helpwalk import PATIENCE
from tests.lab.home import ROOT, Home
from tests.lab.names import Seat

pytestmark = pytest.mark.lab

SEATS = tuple(
    Seat(
        f"band{number}",
        f"A device of {band.value}",
        f"02:00:00:00:02:0{number}",
        f"192.168.77.{30 + number}",
        f"2001:db8:77::{30 + number}",
        f"band{number}",
    )
    for number, band in enumerate(AgeBand)
)
ORDINARY = "www.khanacademy.org"  # approved for the youngest, so that it is open in every band
STATES = ("open", "bedtime", "out of time", "paused", "quarantined")
ADULTS = 1  # whom no pause is about
SHORT = 4  # names of the sample that `make test` walks
LATE = 5  # names that are tried a second time


def help_hosts() -> tuple[str, ...]:
    """Of all countries. Carriers' gateways for calls are no sites."""
    found = [
        entry.removeprefix("=")
        for country in load_countries().values()
        for line in country.help_lines
        if line.kind != "wifi_calling"
        for entry in (*line.web, *line.companions)
    ]
    return tuple(dict.fromkeys(found))


HOSTS = help_hosts()


def profile(band: AgeBand, seat: Seat | None) -> Mapping[str, object]:
    devices = [] if seat is None else [seat.mac]
    return {
        "band": band.value,
        "name": f"Child {band.value}",
        "devices": devices,
        "bedtime": "20:45-07:00",
        "limits": {"internet": {"school": "10h", "free": "0m"}},
    }


@pytest.fixture(scope="module")
def family_home() -> Iterator[Home]:
    with Home(seats=SEATS) as built:
        yield built


@pytest.fixture(scope="module")
def family(family_home: Home) -> Iterator[Daemon]:
    profiles = {f"c{band.rank}": profile(band, seat) for band, seat in zip(AgeBand, SEATS, strict=True)}
    with fresh(family_home, profiles, unknown_devices="quarantine") as started:
        yield started


class Walker:
    """A process on one device that walks as often as it is asked to."""

    def __init__(self, home: Home, seat: Seat) -> None:
        argv = home.devices[seat.key].command([sys.executable, "-m", "tests.lab.helpwalk"])
        self._process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )

    def ask(self, hosts: tuple[str, ...]) -> None:
        rows = [[name, names.ipv4_of(name), names.ipv6_of(name)] for name in hosts]
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"resolver": names.GATEWAY_IPV4, "hosts": rows}) + "\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, str]:
        assert self._process.stdout is not None
        found: dict[str, str] = json.loads(self._process.stdout.readline())
        return found

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process.wait(6 * PATIENCE)


@pytest.fixture(scope="module")
def walkers(family_home: Home, family: Daemon) -> Iterator[tuple[Walker, ...]]:
    with ExitStack() as closing:
        found = []
        for seat in SEATS:
            walker = Walker(family_home, seat)
            closing.callback(walker.close)
            found.append(walker)
        yield tuple(found)


def walk(walkers: tuple[Walker, ...], hosts: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """From all six devices at once: what did not work, by band."""
    for walker in walkers:
        walker.ask(hosts)
    told = {band.value: walker.answer() for band, walker in zip(AgeBand, walkers, strict=True)}
    return {band: failed for band, failed in told.items() if failed}


def shut(daemon: Daemon, state: str) -> None:
    """From a noon on which nothing shuts anybody."""
    for band, seat in zip(AgeBand, SEATS, strict=True):
        daemon.write_profile(f"c{band.rank}", profile(band, None if state == "quarantined" else seat))
    daemon.client.call("reload")
    daemon.client.call("resume", who="all")
    moments = {"bedtime": "2026-11-25T22:00:00", "out of time": "2026-11-28T12:00:00"}
    set_time(daemon, moments.get(state, "2026-11-25T12:00:00"))
    if state == "paused":
        daemon.client.call("pause", who="all", minutes=600)


def ordinary_is(walkers: tuple[Walker, ...], *, open_to: int) -> Callable[[], bool]:
    def holds() -> bool:
        failed = walk(walkers, (ORDINARY,))
        reached = [
            band.value
            for band in AgeBand
            if not any(f"TCP over IPv{one}" in key for one in (4, 6) for key in failed.get(band.value, {}))
        ]
        return len(reached) == open_to

    return holds


@pytest.mark.parametrize(
    "hosts",
    [pytest.param(HOSTS[:SHORT], id="some"), pytest.param(HOSTS, id="all", marks=pytest.mark.slow)],
)
@pytest.mark.parametrize("state", STATES)
def test_every_name_of_help_resolves_and_connects_in_every_band(
    family: Daemon, walkers: tuple[Walker, ...], state: str, hosts: tuple[str, ...]
) -> None:
    shut(family, state)
    # The state is in force on each of the six devices; else what follows would prove little.
    open_to = {"open": len(SEATS), "paused": ADULTS}.get(state, 0)
    assert until(ordinary_is(walkers, open_to=open_to), 60.0) is not None
    failed = walk(walkers, hosts)
    print(f"{state}: {len(hosts)} names, {len(SEATS)} bands, DNS, TCP and QUIC over IPv4 and IPv6")
    if failed:  # among thousands of tries a busy machine is late for a few: these names once more, all ways
        print(failed)
        named = {key.split(" ")[0] for told in failed.values() for key in told}
        assert len(named) <= LATE, failed
        failed = walk(walkers, tuple(sorted(named)))
    assert failed == {}


def test_the_walk_would_notice(walkers: tuple[Walker, ...], family: Daemon) -> None:
    """A name that is no help fails in all four ways, so that silence above means something."""
    shut(family, "bedtime")
    assert until(ordinary_is(walkers, open_to=0), 60.0) is not None
    failed = walk(walkers, ("www.notfindahelpline.com",))
    assert failed.keys() == {band.value for band in AgeBand}
    for told in failed.values():
        assert len(told) == 6


def test_there_are_as_many_names_as_the_packs_have() -> None:
    assert len(HOSTS) >= 60
    assert {"childline.org.uk", "telefon-doveria.ru", "safekaznet.kz", "findahelpline.com"} <= set(HOSTS)
