"""A pause, a bedtime and a window end what runs, and nothing else; what is open again works at once."""

from __future__ import annotations

import contextlib
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from tests.lab import clients, names
from tests.lab.clients import Stream
from tests.lab.daemon import Daemon
from tests.lab.filtering import (
    ALLOWED,
    CUT_MS,
    DAUGHTER,
    FAMILIES,
    MUM,
    SON,
    QuicFilm,
    address,
    assert_started,
    epoch,
    fetch,
    film,
    fresh,
    module,
    set_time,
    until,
)
from tests.lab.home import Home
from tests.lab.markers import below, in_files
from tests.lab.netns import Namespace
from tests.pace import longest

pytestmark = pytest.mark.lab

NOON = "2026-11-25T12:00:00"  # a Wednesday
PROBE = "connectivitycheck.gstatic.com"
UPDATES = "swcdn.apple.com"
HELP = "befrienders.org"
ROBLOX, MINECRAFT = "www.roblox.com", "www.minecraft.net"
BEDTIME = "20:45-07:00"


@pytest.fixture(scope="module")
def daemon(home: Home) -> Iterator[Daemon]:
    profiles = {
        "daughter": {
            **DAUGHTER,
            "bedtime": BEDTIME,
            "allow": ["service:roblox"],
            "limits": {},
            "windows": {"service:roblox": ["09:00-18:00"]},
        },
        "son": {**SON, "bedtime": BEDTIME, "windows": {"service:minecraft": ["09:00-18:00"]}},
        "mum": MUM,
    }
    with fresh(home, profiles) as started:
        yield started


@pytest.fixture(autouse=True)
def noon(daemon: Daemon) -> Iterator[None]:
    set_time(daemon, NOON)
    yield
    for who in ("daughter", "son", "all", names.TABLET.mac):
        daemon.client.call("resume", who=who)


def _paused(daemon: Daemon, who: str) -> float:
    """Pause, and the moment (time.monotonic()) at which the order was given."""
    began = time.monotonic()
    daemon.client.call("pause", who=who, minutes=30)
    return began


def _reached_again(try_once: Callable[[], bool]) -> float:
    took = until(try_once, 3.0)
    assert took is not None
    return took


# -------------------------------------------------------------------------------------------- pause


@FAMILIES
@pytest.mark.parametrize("scheme", ["https", "http"])
def test_a_pause_cuts_one_childs_stream_alone(home: Home, daemon: Daemon, version: int, scheme: str) -> None:
    devices = home.devices
    with contextlib.ExitStack() as stack:
        child, brother, mother = (
            stack.enter_context(film(devices[key], ALLOWED, version, scheme=scheme))
            for key in ("tablet", "phone", "parent")
        )
        assert_started(child, brother, mother)
        began = _paused(daemon, "daughter")
        took = child.death(began)
        print(f"pause → {scheme} stream over IPv{version} dead after {took} ms")
        assert took is not None
        assert took <= CUT_MS
        assert brother.flows()
        assert mother.flows()
        refused = fetch(devices["tablet"], f"{scheme}://{ALLOWED}/", version)
        assert not refused.reached
        assert refused.status in (0, 302)
        daemon.client.call("resume", who="daughter")
        took = _reached_again(lambda: fetch(devices["tablet"], f"{scheme}://{ALLOWED}/", version).reached)
        print(f"resume → reached after {took * 1000:.0f} ms")
        assert took <= longest(1.0)
        assert brother.runs
        assert mother.runs


@FAMILIES
def test_a_pause_cuts_a_quic_stream(home: Home, daemon: Daemon, version: int) -> None:
    tablet = home.devices["tablet"]
    with (
        QuicFilm(tablet, ALLOWED, version) as child,
        QuicFilm(home.devices["phone"], ALLOWED, version) as brother,
        film(home.devices["parent"], ALLOWED, version) as mother,
    ):
        assert child.started()
        assert brother.started()
        assert mother.started()
        began = _paused(daemon, "daughter")
        assert until(lambda: not child.flows(0.5), 3.0) is not None
        assert child.last is not None
        print(f"pause → the last QUIC byte over IPv{version} after {(child.last - began) * 1000:.0f} ms")
        assert child.last - began <= CUT_MS / 1000
        assert brother.flows()
        assert mother.flows()
        daemon.client.call("resume", who="daughter")
        began = time.monotonic()
        assert clients.h3(tablet, ALLOWED, address=address(ALLOWED, version)).reached
        print(f"resume → a new QUIC connection within {(time.monotonic() - began) * 1000:.0f} ms")


def test_a_paused_childs_questions(home: Home, daemon: Daemon) -> None:
    """Never an address that a browser would keep, and nothing (no SOA) that lets it keep the refusal."""
    _paused(daemon, "daughter")
    for extra in ((), ("+tcp",)):
        answer = clients.dig(home.devices["tablet"], ALLOWED, extra=extra)
        assert answer.status == "NXDOMAIN"
        assert answer.ede == 17
        assert "SOA" not in answer.text
        assert re.search(r"EDE: 17 \(Filtered\): \(.*pause.*\)", answer.text, re.IGNORECASE), answer.text
    daemon.client.call("resume", who="daughter")
    assert clients.dig(home.devices["tablet"], ALLOWED).records


def test_a_pause_by_mac_and_one_of_all_children(home: Home, daemon: Daemon) -> None:
    for who, brother_dies in ((names.TABLET.mac, False), ("all", True)):
        with contextlib.ExitStack() as stack:
            child, brother, mother = (
                stack.enter_context(film(home.devices[key], ALLOWED, 4))
                for key in ("tablet", "phone", "parent")
            )
            assert_started(child, brother, mother)
            began = _paused(daemon, who)
            took = child.death(began)
            assert took is not None
            assert took <= CUT_MS
            if brother_dies:
                assert brother.death(began) is not None
            else:
                assert brother.flows()
            assert mother.flows()
            daemon.client.call("resume", who=who)


def test_a_pause_ends_by_itself(home: Home, daemon: Daemon) -> None:
    _paused(daemon, "daughter")
    assert not fetch(home.devices["tablet"], f"https://{ALLOWED}/", 4).reached
    set_time(daemon, "2026-11-25T12:29:59")
    took = _reached_again(lambda: fetch(home.devices["tablet"], f"https://{ALLOWED}/", 4).reached)
    assert 0.0 < took <= longest(2.5)


# -------------------------------------------------------------------------------------------- bedtime


@FAMILIES
@pytest.mark.parametrize("key", ["tablet", "phone"], ids=["closed", "open"])
def test_bedtime_cuts_at_the_boundary(home: Home, daemon: Daemon, version: int, key: str) -> None:
    device = home.devices[key]
    with (
        film(device, ALLOWED, version) as child,
        film(device, ALLOWED, version, scheme="http") as plain,
        film(home.devices["parent"], ALLOWED, version) as mother,
    ):
        assert child.started()
        assert plain.started()
        assert mother.started()
        offset = set_time(daemon, "2026-11-25T20:44:58")
        boundary = _monotonic_at("2026-11-25T20:45:00", offset)
        assert child.flows()
        assert plain.flows()
        for one in (child, plain):
            took = one.death(boundary)
            print(f"bedtime → stream over IPv{version} dead after {took} ms")
            assert took is not None
            assert took <= CUT_MS
            assert one.ended_at is not None
            assert one.ended_at >= boundary - 0.05, "not before"
        assert mother.flows()
        assert not fetch(device, f"https://{ALLOWED}/", version).reached
        assert clients.dig(device, ALLOWED).status == "NXDOMAIN"
    set_time(daemon, "2026-11-26T06:59:59")
    took = _reached_again(lambda: fetch(device, f"https://{ALLOWED}/", version).reached)
    assert took <= longest(2.5)


def _monotonic_at(local: str, offset: float) -> float:
    """When the family's clock, moved by ``offset``, will show ``local``."""
    return time.monotonic() + epoch(local) - offset - time.time()


@FAMILIES
@pytest.mark.parametrize("key", ["tablet", "phone"], ids=["closed", "open"])
def test_what_a_device_needs_is_open_at_bedtime(home: Home, daemon: Daemon, version: int, key: str) -> None:
    device = home.devices[key]
    set_time(daemon, "2026-11-25T22:00:00")
    qtype = "A" if version == 4 else "AAAA"
    assert clients.dig(device, PROBE, qtype).records == (address(PROBE, version),)
    assert fetch(device, f"http://{PROBE}/generate_204", version).status == 204
    assert fetch(device, f"https://{PROBE}/generate_204", version).status == 204
    assert not fetch(device, f"https://{ALLOWED}/", version).reached


def test_what_a_device_needs_stops_in_a_pause_and_it_finds_itself_online(home: Home, daemon: Daemon) -> None:
    tablet = home.devices["tablet"]
    assert fetch(tablet, f"https://{UPDATES}/", 4).reached
    _paused(daemon, "daughter")
    assert not fetch(tablet, f"https://{UPDATES}/", 4).reached
    assert fetch(tablet, f"https://{PROBE}/generate_204", 4).status == 204


@FAMILIES
@pytest.mark.parametrize("key", ["tablet", "phone"], ids=["closed", "open"])
def test_help_is_reachable_at_bedtime_and_in_a_pause(
    home: Home, daemon: Daemon, version: int, key: str
) -> None:
    device = home.devices[key]
    # The daemon asks the gateway's own resolver for the names of help right after its start.
    assert until(lambda: fetch(device, f"https://{HELP}/", version).reached, 5.0) is not None
    set_time(daemon, "2026-11-25T22:00:00")
    daemon.client.call("pause", who="all", minutes=600)
    assert clients.dig(device, HELP).records == (address(HELP, 4),)
    assert fetch(device, f"https://{HELP}/", version).reached
    assert fetch(device, f"http://{HELP}/", version).reached
    assert clients.h3(device, HELP, address=address(HELP, version)).reached
    forged = fetch(device, f"https://{HELP}/", version, to=address(ALLOWED, version))
    assert not forged.reached, "a name alone is no help"
    with film(device, HELP, version) as running:
        assert running.started()
        daemon.client.call("resume", who="all")
        daemon.client.call("pause", who="all", minutes=600)
        assert running.flows()


def _help_is_reached(device: Namespace) -> bool:
    return fetch(device, f"https://{HELP}/", 4).reached


@pytest.mark.parametrize("state", ["open", "bedtime", "paused"])
def test_help_leaves_no_trace(home: Home, daemon: Daemon, state: str) -> None:
    """By DNS, TLS and plain HTTP, of a child of level 2 and one of level 1, in any file of the daemon's."""
    if state == "bedtime":
        set_time(daemon, "2026-11-25T22:00:00")
    if state == "paused":
        daemon.client.call("pause", who="all", minutes=30)
    for key in ("tablet", "phone"):
        device = home.devices[key]
        assert until(partial(_help_is_reached, device), 5.0) is not None
        fetch(device, f"http://{HELP}/", 4)
        clients.dig(device, HELP)
    time.sleep(1.2)  # the daemon writes once a second
    status = daemon.client.call("status")
    assert not [kind for kind in status["verdicts"] if "help" in kind]
    told = [status["profiles"]]
    for seat, who in ((names.TABLET, "daughter"), (names.PHONE, "son")):
        told += [daemon.client.call("refusals", device=seat.mac, limit=100)]
        told += [daemon.client.call("history", id=who), daemon.client.call("ledger", who=who)]
    assert HELP not in repr(told)
    assert in_files([daemon.log, *below(daemon.state)], {"help": HELP.encode()}) == []


# -------------------------------------------------------------------------------------------- windows


@FAMILIES
@pytest.mark.parametrize(
    ("key", "service", "other"),
    [("tablet", ROBLOX, ALLOWED), ("phone", MINECRAFT, ALLOWED)],
    ids=["closed", "open"],
)
def test_a_window_cuts_its_service_alone(
    home: Home, daemon: Daemon, version: int, key: str, service: str, other: str
) -> None:
    device = home.devices[key]
    streams: list[Stream]
    with (
        film(device, service, version) as game,
        film(device, service, version, scheme="http") as plain,
        film(device, other, version) as else_,
        film(device, other, version, scheme="http") as plain_else,
    ):
        streams = [game, plain, else_, plain_else]
        assert_started(*streams)
        offset = set_time(daemon, "2026-11-25T17:59:58")
        boundary = _monotonic_at("2026-11-25T18:00:00", offset)
        assert all(one.flows() for one in streams)
        for one in (game, plain):
            took = one.death(boundary)
            print(f"window → stream over IPv{version} dead after {took} ms")
            assert took is not None
            assert took <= CUT_MS
        assert else_.flows()
        assert plain_else.flows()
        assert not fetch(device, f"https://{service}/", version).reached
        assert fetch(device, f"https://{other}/", version).reached
        assert clients.dig(device, service).status == "NXDOMAIN"
    set_time(daemon, "2026-11-26T09:00:00")
    assert fetch(device, f"https://{service}/", version).reached


def test_off_and_on(home: Home, daemon: Daemon) -> None:
    """`off` opens what time and categories close, and says so; `on` cuts what only `off` had opened."""
    tablet = home.devices["tablet"]
    set_time(daemon, "2026-11-25T22:00:00")
    assert not fetch(tablet, f"https://{ALLOWED}/", 4).reached
    daemon.client.call("off", minutes=60)
    assert daemon.client.call("status")["mode"] == "off"
    with film(tablet, ALLOWED, 4) as running:
        assert running.started()
        began = time.monotonic()
        daemon.client.call("on")
        took = running.death(began)
        print(f"on → stream dead after {took} ms")
        assert took is not None
        assert took <= CUT_MS


def test_the_module_that_watches_quic_sees_a_refusal(home: Home, daemon: Daemon) -> None:
    """Else a stream that never began would look like one that was cut."""
    with pytest.raises((AssertionError, subprocess.TimeoutExpired)):
        module(home.devices["tablet"], "quicfilm", "www.tiktok.com", address("www.tiktok.com", 4), timeout=2)
