"""Tests a restart that keeps the table: no moment without rules, and judged connections continue."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import pytest

from tests.lab import clients, names
from tests.lab.daemon import Daemon
from tests.lab.filtering import (
    ALLOWED,
    DAUGHTER,
    MUM,
    REFUSED,
    SON,
    QuicFilm,
    assert_started,
    fetch,
    film,
    fresh,
    until,
)
from tests.lab.home import Home
from tests.lab.netns import Namespace
from tests.lab.restarts import KEEP, Tries, restart
from tests.pace import longest

pytestmark = pytest.mark.lab

HELP = "befrienders.org"
SERVES_S = 1.0  # from the signal to the next daemon's first verdict


@pytest.fixture
def daemon(home: Home) -> Iterator[Daemon]:
    """A fail-closed profile with strict rules, and a fail-open one."""
    profiles = {"daughter": {**DAUGHTER, "strict": True}, "son": SON, "mum": MUM}
    made = fresh(home, profiles)
    made.options = KEEP
    try:
        with made:
            yield made
    finally:
        home.gateway.run(["nft", "destroy", "table", "inet", "qalqan"])


def _streams(stack: contextlib.ExitStack, device: Namespace) -> list[clients.Stream]:
    clients.dig(device, ALLOWED)
    clients.dig(device, ALLOWED, "AAAA")
    return [stack.enter_context(film(device, ALLOWED, version)) for version in (4, 6)]


def test_a_restart_cuts_nothing_that_was_judged_and_lets_nothing_pass_unjudged(
    home: Home, daemon: Daemon
) -> None:
    tablet, phone, parent = (home.devices[key] for key in ("tablet", "phone", "parent"))
    with contextlib.ExitStack() as stack:
        closed, opened = _streams(stack, tablet), _streams(stack, phone)
        quic = stack.enter_context(QuicFilm(phone, ALLOWED, 4))
        mother = stack.enter_context(film(parent, ALLOWED, 4))
        assert_started(*closed, *opened, mother)
        assert quic.started()
        with Tries(tablet) as of_tablet, Tries(phone) as of_phone:
            assert until(lambda: of_tablet.refused and of_phone.refused, 5.0) is not None
            began = time.monotonic()
            ended = restart(daemon)
            assert until(lambda: of_tablet.refused_after(ended) and of_phone.refused_after(ended), 5.0)
        for tries in (of_tablet, of_phone):
            took = tries.refused_after(ended)
            assert took is not None
            print(f"restart: the next daemon's first verdict {ended + took - began:.2f} s after the signal")
            assert ended + took - began < longest(SERVES_S)
            assert tries.reached == 0
        assert all(stream.flows() for stream in (*closed, *opened, mother))
        assert quic.flows()
        status = daemon.client.call("status")
        assert (status["repairs"], status["problems"]) == (0, [])
        # They are judged by each later change of the rules, as if this daemon had judged them first.
        began = time.monotonic()
        daemon.client.call("edit", id="son", set={"block": [ALLOWED]})
        assert all(stream.death(began) is not None for stream in opened)
        assert all(stream.flows() for stream in closed)


def test_a_connection_that_the_changed_rules_refuse_ends_at_the_restart(home: Home, daemon: Daemon) -> None:
    tablet, phone = home.devices["tablet"], home.devices["phone"]
    with contextlib.ExitStack() as stack:
        closed, opened = _streams(stack, tablet), _streams(stack, phone)
        assert_started(*closed, *opened)
        assert daemon.stop() == 0
        daemon.write_profile("daughter", {**DAUGHTER, "block": [ALLOWED]})
        daemon.start()
        began = time.monotonic()
        assert all(stream.death(began) is not None for stream in closed)
        assert all(stream.flows() for stream in opened)


def test_a_daemon_that_does_not_come_back_leaves_each_profiles_failure_mode(
    home: Home, daemon: Daemon
) -> None:
    tablet, phone = home.devices["tablet"], home.devices["phone"]
    assert until(lambda: names.ipv4_of(HELP) in _help(home), 10.0) is not None
    with contextlib.ExitStack() as stack:
        running = _streams(stack, tablet)
        assert_started(*running)
        assert daemon.stop() == 0
        assert all(stream.flows() for stream in running)
    assert not fetch(phone, f"https://{ALLOWED}/", 4, timeout=clients.SILENCE_S).reached, "it waits"
    reached = until(lambda: fetch(phone, f"https://{ALLOWED}/", 4, timeout=1.0).reached, 15.0)
    assert reached is not None
    for host in (ALLOWED, REFUSED):
        assert not fetch(tablet, f"https://{host}/", 4, timeout=clients.SILENCE_S).reached
    for version in (4, 6):
        assert fetch(tablet, f"https://{HELP}/", version).reached, "by address"
    assert clients.curl(tablet, f"https://{HELP}/").reached, "by name"


def _help(home: Home) -> str:
    return home.gateway.run(["nft", "list", "set", "inet", "qalqan", "help4"]).stdout
