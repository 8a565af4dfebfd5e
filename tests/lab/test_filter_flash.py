"""`flash: poor`: what is written rarely, and that what somebody was told outlives `kill -9` all the same."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.lab import clients, names
from tests.lab.daemon import Daemon
from tests.lab.filtering import (
    ALLOWED,
    CUT,
    DAUGHTER,
    PROFILES,
    REFUSED,
    fetch,
    fresh,
    set_time,
    until,
)
from tests.lab.home import Home

pytestmark = pytest.mark.lab

REDDIT = "www.reddit.com"
NOON = "2026-11-25T12:00:00"


@pytest.fixture
def daemon(home: Home) -> Iterator[Daemon]:
    profiles = {
        **PROFILES,
        "daughter": {**DAUGHTER, "log_level": 2, "categories": {"social_networks": "ask"}},
    }
    with fresh(home, profiles, flash="poor") as started:
        yield started


def _logged(daemon: Daemon) -> set[str]:
    """On the disk now."""
    with closing(sqlite3.connect(f"file:{daemon.database}?mode=ro", uri=True)) as connection:
        return {host for (host,) in connection.execute("SELECT host FROM decisions")}


def test_what_somebody_was_told_outlives_a_kill_and_the_log_of_the_last_minutes_does_not(
    home: Home, daemon: Daemon
) -> None:
    tablet, phone = home.devices["tablet"], home.devices["phone"]
    offset = set_time(daemon, NOON)
    assert fetch(tablet, f"https://{REFUSED}/", 4).how in CUT
    asked = daemon.client.call("request", device=names.TABLET.mac, site=REDDIT)
    daemon.client.call("answer", id=asked["request"]["id"], answer="once")
    assert fetch(tablet, f"https://{REDDIT}/", 4).reached
    daemon.client.call("pause", who="son", minutes=30)
    assert not fetch(phone, f"https://{ALLOWED}/", 4, timeout=clients.SILENCE_S).reached
    assert REFUSED not in _logged(daemon), "it waits for a quarter of an hour"
    daemon.kill()
    daemon.start_at(offset)
    assert until(lambda: fetch(tablet, f"https://{REDDIT}/", 4).reached, 5.0) is not None
    assert not fetch(phone, f"https://{ALLOWED}/", 4, timeout=clients.SILENCE_S).reached
    (answered,) = daemon.client.call("requests")["requests"]
    assert answered["state"] != "pending"


def test_a_clean_stop_writes_what_waits(home: Home, daemon: Daemon) -> None:
    assert fetch(home.devices["tablet"], f"https://{REFUSED}/", 4).how in CUT
    assert REFUSED not in _logged(daemon)
    assert daemon.stop() == 0
    assert REFUSED in _logged(daemon)
