"""The night in which clocks are put back: an hour that somebody gave is an hour, and not two."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.features.conftest import Make
from tests.features.desk import STRANGER, TABLET, Desk

HOUR = timedelta(hours=1)
BERLIN = ZoneInfo("Europe/Berlin")
# Half past one, and half past two both times: at three the clock shows two again.
NIGHT = [datetime(2026, 10, 24, 23, 30, tzinfo=UTC), datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
         datetime(2026, 10, 25, 1, 30, tzinfo=UTC)]  # fmt: skip


@pytest.fixture(params=NIGHT, ids=["before", "first", "second"])
def desk(make: Make, request: pytest.FixtureRequest) -> Desk:
    made = make("2026-10-24T12:00", timezone="Europe/Berlin", daughter={"band": "0-5"})
    made.clock.at = request.param
    return made


def test_filtering_is_off_for_an_hour(desk: Desk) -> None:
    told = desk.ask("off", minutes=60, by="Mum")
    assert told["until"].astimezone(UTC) - desk.clock.at == HOUR


def test_a_pause_of_an_hour(desk: Desk) -> None:
    told = desk.ask("pause", who="daughter", minutes=60, by="Mum")
    assert told["until"].astimezone(UTC) - desk.clock.at == HOUR
    for minutes, holds in ((29, True), (30, True), (1, False)):
        assert bool(desk.store.state(desk.local_now()).pauses)
        desk.go(timedelta(minutes=minutes))
        assert bool(desk.store.state(desk.local_now()).pauses) is holds


def test_an_adult_s_hour(desk: Desk) -> None:
    desk.ask("adult_proof", action="open", device=STRANGER, length="1h", by="Mum")
    (one,) = desk.store.proofs.all().values()
    assert one.until - desk.clock.at == HOUR


def test_a_site_that_was_asked_for_is_open_for_its_minutes(desk: Desk) -> None:
    asked = desk.ask("request", device=TABLET, site="asked.example")
    desk.ask("answer", id=asked["request"]["id"], answer="once", minutes=60, by="Mum")
    (one,) = desk.store.state(desk.clock.at).openings
    assert one.until - desk.clock.at == HOUR
