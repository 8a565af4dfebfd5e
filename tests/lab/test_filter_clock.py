"""Unknown time: rules hold as the profile says. A jump of the clock takes and gives no minute."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from tests.lab.daemon import Daemon
from tests.lab.filtering import (
    ALLOWED,
    DAUGHTER,
    MUM,
    SON,
    ZONE,
    assert_started,
    fetch,
    film,
    fresh,
    set_time,
    until,
)
from tests.lab.home import Home
from tests.pace import longest
from tests.sentences import sentence

pytestmark = pytest.mark.lab

BEDTIME = "20:45-07:00"
HELP = "befrienders.org"
HOUR = 3600
CUT_MS = longest(1.0) * 1000
PROFILES = {
    "daughter": {**DAUGHTER, "bedtime": BEDTIME},  # 10-12: clock_unset is strict
    "son": {**SON, "bedtime": BEDTIME},  # 13-15: it is open
    "mum": MUM,
}


@pytest.fixture(scope="module")
def daemon(home: Home) -> Iterator[Daemon]:
    with fresh(home, PROFILES) as started:
        started.client.call("guardian", action="add", name="Mum")
        yield started


@pytest.fixture(autouse=True)
def noon(daemon: Daemon) -> Iterator[None]:
    _know(daemon, True)
    set_time(daemon, "2026-11-25T12:00:00")
    yield
    daemon.client.call("resume", who="all")


def _know(daemon: Daemon, known: bool) -> None:
    daemon.client.call("clock", known=int(known))


def _jump(daemon: Daemon, seconds: int) -> float:
    """Set the clock; when that was asked for (time.monotonic())."""
    began = time.monotonic()
    daemon.client.call("clock", jump=seconds)
    return began


def _reaches(home: Home, key: str, host: str = ALLOWED) -> bool:
    return fetch(home.devices[key], f"https://{host}/", 4, timeout=1.0).reached


def test_a_strict_profile_is_closed_and_the_other_one_open(home: Home, daemon: Daemon) -> None:
    assert _reaches(home, "tablet")
    with film(home.devices["tablet"], ALLOWED, 4) as running:
        assert_started(running)
        began = time.monotonic()
        _know(daemon, False)
        took = running.death(began)
        print(f"time unknown → stream dead after {took} ms")
        assert took is not None
        assert took <= CUT_MS
    assert until(lambda: _reaches(home, "tablet", HELP), 5.0) is not None
    assert _reaches(home, "parent")
    set_time(daemon, "2026-11-25T23:00:00")
    assert _reaches(home, "phone"), "no bedtime while nobody knows the hour"
    told = daemon.client.call("status")["clock"]
    assert told["known"] is False
    assert "not known yet" in told["sentence"]


def test_it_opens_when_the_time_becomes_known(home: Home, daemon: Daemon) -> None:
    _know(daemon, False)
    assert not _reaches(home, "tablet")
    _know(daemon, True)
    took = until(lambda: _reaches(home, "tablet"), 3.0)
    assert took is not None
    assert took <= longest(1.0)
    assert daemon.client.call("status")["clock"]["sentence"] is None


def test_a_guardians_phone_gives_the_time(home: Home, daemon: Daemon) -> None:
    _know(daemon, False)
    now = datetime.now(UTC)
    with pytest.raises(ControlError, match=sentence(Code.NO_GUARDIAN)):
        daemon.client.call("time", by="Son", at=now.isoformat())
    with pytest.raises(ControlError, match=sentence(Code.CLOCK_WRONG)):
        daemon.client.call("time", by="Mum", at="1970-01-01T00:00:00Z")
    noon = datetime(2026, 11, 26, 12, 0, tzinfo=ZONE)
    told = daemon.client.call("time", by="Mum", at=noon.isoformat())
    assert told["taken"] is True
    assert told["why"] == "guardian Mum's phone"
    assert _reaches(home, "tablet")
    shown = datetime.fromisoformat(daemon.client.call("status")["now"])
    assert abs(shown - noon) < timedelta(seconds=5)
    bedtime = datetime(2026, 11, 26, 22, 0, tzinfo=ZONE)
    _know(daemon, False)
    daemon.client.call("time", by="Mum", at=bedtime.isoformat())
    assert not _reaches(home, "tablet")


def test_a_jump_into_bedtime_cuts_at_once_and_back_opens(home: Home, daemon: Daemon) -> None:
    with film(home.devices["tablet"], ALLOWED, 4) as running:
        assert_started(running)
        began = _jump(daemon, 10 * HOUR)
        took = running.death(began)
        print(f"jump into bedtime → stream dead after {took} ms")
        assert took is not None
        assert took <= CUT_MS
    _jump(daemon, -10 * HOUR)
    assert until(lambda: _reaches(home, "tablet"), 1.0) is not None


@pytest.mark.parametrize("seconds", [HOUR, -HOUR])
def test_a_jump_neither_ends_nor_lengthens_a_pause(home: Home, daemon: Daemon, seconds: int) -> None:
    daemon.client.call("pause", who="daughter", minutes=30)
    _jump(daemon, seconds)
    assert not _reaches(home, "tablet")
    (child,) = [one for one in daemon.client.call("status")["profiles"] if one["id"] == "daughter"]
    now = datetime.fromisoformat(daemon.client.call("status")["now"])
    left = datetime.fromisoformat(child["until"]) - now
    assert timedelta(minutes=29) < left <= timedelta(minutes=30)


def test_a_daemon_that_does_not_know_the_time_starts_closed(home: Home, daemon: Daemon) -> None:
    daemon.stop()
    try:
        with Daemon(home, PROFILES, settings={"timezone": ZONE.key}, clock="unset") as started:
            assert not _reaches(home, "tablet")
            assert started.client.call("status")["clock"]["known"] is False
            started.client.call("clock", known=1)
            set_time(started, "2026-11-25T12:00:00")
            assert _reaches(home, "tablet")
    finally:
        daemon.start()
