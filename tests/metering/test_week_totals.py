"""The minutes of a week: from the files of its days, over a restart, an erasure and without a log."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.core.bus import Bus
from gateway.household.rule_book import RuleBook
from gateway.metering.ledgers import Ledgers, ledgers
from gateway.policy.time.limit_periods import DAY, MOST_DAYS, LimitPeriod
from gateway.store.flash_wear import OFTEN
from gateway.store.minutes_file import FOLDER, ClockRecord
from gateway.store.store import Store
from tests.household.household_files import write

MONDAY = date(2026, 11, 23)
TABLET = "02:00:00:00:00:0a"
MUCH = 300_000
LIMITS = {"internet": {"week": "16h"}, "service:youtube": "1h"}


class Home:
    def __init__(self, folder: Path, log_level: int) -> None:
        child = {"name": "Daughter", "band": "10-12", "devices": [TABLET], "limits": LIMITS,
                 "log_level": log_level}  # fmt: skip
        self.rules = RuleBook(write(folder, {"daughter": child}))
        self.state = Path(self.rules.household.config.state)
        self.bus = Bus()
        self.store = Store(folder / "q.db", bus=self.bus)
        self.minute = 0
        self.books = self.start(MONDAY)

    def start(self, day: date) -> Ledgers:
        """As a start of the daemon after a kill: nothing in memory is left."""
        self.bus = Bus()
        self.store.close()
        self.store = Store(self.store._database.path, bus=self.bus)
        home = SimpleNamespace(rules=self.rules, bus=self.bus)
        self.books = ledgers(cast(Any, home), self.store, OFTEN)
        self.open(day)
        return self.books

    def open(self, day: date) -> None:
        self.books.open(day, self.minute)
        self.books.keep([self.rules.household.profiles["daughter"]])
        self.books.tidy()

    def use(self, minutes: int) -> None:
        for _ in range(minutes):
            for gate in ("internet", "service:youtube"):
                self.books.move("daughter", TABLET, gate, MUCH, self.minute, None)
            clock = ClockRecord(self.minute, self.minute + 29_000_000, 60 * self.minute, bytes(6))
            self.books.close(self.minute, clock, 0.0)
            self.minute += 1

    def week(self) -> dict[str, int]:
        assert self.books.day is not None
        first = self.rules.calendar.first_day(LimitPeriod.WEEK, self.books.day)
        return dict(self.books.used_between("daughter", first, self.books.day + DAY))


@pytest.fixture(params=[0, 2])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path, request.param)
    yield made
    made.store.close()


def two_days(home: Home) -> None:
    home.use(3)
    home.open(MONDAY + DAY)
    home.use(2)


def test_the_days_of_a_week_add_up_over_a_kill(home: Home) -> None:
    two_days(home)
    assert home.week() == {"internet": 5, "service:youtube": 5}
    home.start(MONDAY + DAY)
    assert home.week() == {"internet": 5, "service:youtube": 5}
    home.start(MONDAY + 6 * DAY)
    assert home.week() == {"internet": 5, "service:youtube": 5}
    between = {days: home.books.used_between("daughter", MONDAY, MONDAY + days * DAY) for days in (0, 1, 2)}
    assert [found.get("internet", 0) for found in between.values()] == [0, 3, 5]
    home.start(MONDAY + 7 * DAY)
    assert home.week() == {}, "of another week"
    assert home.books.used_between("daughter", MONDAY, MONDAY + 7 * DAY) == {
        "internet": 5,
        "service:youtube": 5,
    }


def test_a_week_outlasts_an_erasure(home: Home) -> None:
    """Only the sums that a limit of the week needs stay: no minute, no device, no other limit."""
    two_days(home)
    home.store.erase("daughter", counts=True)
    assert home.week() == {"internet": 5, "service:youtube": 2}
    assert home.books.used_between("daughter", MONDAY, MONDAY + DAY) == {"internet": 3}
    home.store.erase("daughter", counts=True)
    home.start(MONDAY + 2 * DAY)
    assert home.week() == {"internet": 5, "service:youtube": 2}
    assert home.store.minutes.of("daughter", MONDAY) in (
        {},
        {(MONDAY + DAY, "internet"): 2, (MONDAY + DAY, "service:youtube"): 2},
    )
    assert home.store.minutes.kept_for_limits(MONDAY) == {
        (MONDAY, "daughter", "internet"): 3,
        (MONDAY + DAY, "daughter", "internet"): 2,
    }
    assert not any(b"daughter" in one.read_bytes() for one in (home.state / FOLDER).glob(f"{MONDAY}.*"))


def test_the_sums_of_past_days_do_not_need_their_files(home: Home) -> None:
    two_days(home)
    for file in (home.state / FOLDER).glob(f"{MONDAY}.*"):
        file.unlink()
    home.start(MONDAY + DAY)
    assert home.week() == {"internet": 5, "service:youtube": 2}


def test_who_leaves_leaves_nothing(home: Home) -> None:
    two_days(home)
    home.store.erase("daughter", counts=True)
    home.store.erase("daughter", counts=True, running=True)
    assert home.store.minutes.kept_for_limits(MONDAY) == {}
    home.start(MONDAY + DAY)
    assert home.week() == {}


def test_the_sums_of_a_period_that_is_over_are_purged(home: Home) -> None:
    two_days(home)
    home.store.erase("daughter", counts=True)
    noon = home.rules.calendar.starts(MONDAY + (MOST_DAYS - 1) * DAY) + timedelta(hours=8)
    home.store.purge(noon)
    assert len(home.store.minutes.kept_for_limits(MONDAY)) == 1
    home.store.purge(noon + DAY)
    assert home.store.minutes.kept_for_limits(MONDAY) == {}
