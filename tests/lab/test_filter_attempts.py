"""What a page in a real Chromium counts as: one attempt, however many packets it takes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.lab import chromium
from tests.lab.daemon import Daemon
from tests.lab.filtering import ALLOWED, BLOCKED, DAUGHTER, REFUSED, fresh
from tests.lab.home import Home

pytestmark = [pytest.mark.lab, pytest.mark.browser]


@pytest.fixture(scope="module")
def daemon(home: Home) -> Iterator[Daemon]:
    with fresh(home, {"daughter": DAUGHTER}) as started:
        yield started


def blocked(daemon: Daemon) -> dict[str, tuple[int, int]]:
    """Return the attempts of a person, and those in the background, by blocked service or site."""
    found: list[dict[str, Any]] = daemon.client.call("history", id="daughter")["refused"]
    return {site["target"]: (site["times"], site["background"]) for site in found}


def decisions(daemon: Daemon, host: str) -> int:
    with closing(sqlite3.connect(daemon.database)) as database:
        query = "SELECT sum(times) FROM decisions WHERE host = ? AND verdict = 'block'"
        return int(database.execute(query, (host,)).fetchone()[0] or 0)


@pytest.mark.parametrize(
    ("url", "target"),
    [(f"https://{REFUSED}/", "service:tiktok"), (f"http://{BLOCKED}/", BLOCKED)],
    ids=["service over HTTPS", "site over HTTP"],
)
def test_one_opened_page_is_one_attempt(home: Home, daemon: Daemon, url: str, target: str) -> None:
    assert chromium.visit(home, "tablet", f"https://{ALLOWED}/").reached, "the device is in use"
    assert not chromium.visit(home, "tablet", url).reached
    assert blocked(daemon)[target] == (1, 0)
    packets = decisions(daemon, url.split("/")[2])
    print(f"{url}: {packets} blocked decisions, one attempt")
    assert packets > 1, "otherwise this shows nothing"


def test_opened_again_right_away_it_is_still_one(home: Home, daemon: Daemon) -> None:
    assert not chromium.visit(home, "tablet", f"https://{REFUSED}/again").reached
    known = chromium.visit(home, "tablet", f"https://{REFUSED}/known", known=[REFUSED])
    assert not known.reached, "past DNS: by its ClientHello"
    assert blocked(daemon)["service:tiktok"] == (1, 0)


def test_the_day_counts_attempts(daemon: Daemon) -> None:
    (today,) = daemon.client.call("history", id="daughter")["days"]
    assert today["refused"] == sum(times for times, _background in blocked(daemon).values()) == 2
