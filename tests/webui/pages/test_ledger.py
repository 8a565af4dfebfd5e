from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from flask import Flask

from gateway.control.contract.time import LedgerMinute, LedgerResponse, LimitTotal
from tests.control.running import Running
from tests.webui.conftest import Browser, browser_on
from tests.webui.standin.household import NOW, PHONE, TABLET, TODAY, Household
from tests.webui.standin.pages import HOSTILE, text_of
from tests.webui.standin.ruled import RULES
from tests.webui.standin.spending import counted
from webui.features.time.ledger_text import lanes, rows, starts

DAYS = [TODAY - timedelta(days=ago) for ago in range(8)]


def minute(
    hour: int, minutes: int, gate: str = "play", device: str = TABLET, service: str = "Roblox"
) -> LedgerMinute:
    at = datetime.combine(TODAY, NOW.timetz()).replace(hour=hour, minute=minutes)
    return LedgerMinute(at, device, gate, gate.title(), 500_000, service, "moved")


def of(*minutes: LedgerMinute, totals: tuple[LimitTotal, ...] = (), left_off: int = 0) -> LedgerResponse:
    return LedgerResponse("daughter", "Aruzhan", TODAY, (), totals, minutes, left_off)


def test_minutes_in_a_row_are_one_row() -> None:
    found = rows([minute(17, 0), minute(17, 1), minute(17, 3)])
    assert [(row.start.minute, row.end.minute, row.minutes, row.bytes) for row in found] == [
        (0, 2, 2, 1_000_000),
        (3, 4, 1, 500_000),
    ]


def test_a_minute_of_several_limits_is_told_once_with_all_of_them() -> None:
    (row,) = rows([minute(17, 0), minute(17, 0, "service:roblox")])
    assert row.limits == ("Play", "Service:Roblox")
    assert row.bytes == 500_000


def test_two_devices_in_the_same_minutes_have_a_row_each_and_one_minute_of_the_limit() -> None:
    both = [minute(17, n, device=device) for n in range(5) for device in (TABLET, PHONE)]
    assert [row.minutes for row in rows(both)] == [5, 5]
    (lane,) = lanes(of(*both))
    assert (lane.minutes, lane.spans) == (5, ((17 * 60, 17 * 60 + 4),))


def test_the_limit_that_was_used_most_is_first() -> None:
    found = lanes(of(minute(17, 0), minute(18, 0, "internet"), minute(18, 1, "internet")))
    assert [lane.name for lane in found] == ["Internet", "Play"]


def test_without_single_minutes_it_is_told_how_much() -> None:
    totals = (LimitTotal("play", "Play", 50), LimitTotal("service:roblox", "Roblox", 60))
    assert [(lane.name, lane.minutes, lane.spans) for lane in lanes(of(totals=totals))] == [
        ("Roblox", 60, ()),
        ("Play", 50, ()),
    ]


def test_minutes_that_are_left_off_are_in_the_total() -> None:
    (lane,) = lanes(of(minute(17, 0), totals=(LimitTotal("play", "Play", 41),), left_off=40))
    assert (lane.minutes, len(lane.spans)) == (41, 1)


@pytest.mark.parametrize(
    ("at", "start"),
    [
        ((4, 0), 240),
        ((23, 59), 240),
        ((2, 30), 120),
        ((0, 0), 0),
    ],
)
def test_the_strip_begins_where_the_family_s_day_does(at: tuple[int, int], start: int) -> None:
    assert starts(of(minute(*at))) == start


def test_a_day_that_turns_late_is_shown_to_its_end() -> None:
    late = minute(17, 0)
    after = LedgerMinute(
        late.at.replace(hour=5, minute=10) + timedelta(days=1), TABLET, "play", "Play", 1, "", "moved"
    )
    assert starts(of(late, after)) == 6 * 60


def test_an_empty_day_begins_at_four() -> None:
    assert starts(of()) == 240


def test_the_child_reads_which_minutes_counted_for_what_where_and_why(tablet: Browser) -> None:
    text = text_of(tablet.get("/my/time").text)
    for expected in (
        "Play 50 min",
        "Roblox 20 min",
        "17:00–17:40 40 min YouTube Phone Play 36 MB",
        "17:30–17:50 20 min Roblox Tablet Play, Roblox 18 MB",
        "A minute counts when a device moves enough data in it",
    ):
        assert expected in text


def test_a_rest_that_counts_says_so(tablet: Browser, household: Household) -> None:
    household.counted[-1].update(why="linger", at=NOW)
    assert "a short rest within it" in text_of(tablet.get("/my/time").text)


@pytest.mark.parametrize("day", DAYS)
def test_today_and_the_seven_days_before_can_be_read(
    tablet: Browser, household: Household, day: date
) -> None:
    household.counted = counted(day)
    page = tablet.get(f"/my/time?day={day}")
    assert page.status_code == 200
    assert "17:00–17:40" in page.text
    assert page.text.count("aria-current=page") == 1


@pytest.mark.parametrize("day", ["2026-11-16", "2026-11-25", "yesterday", "0000-00-00", "<b>"])
def test_no_other_day_can(tablet: Browser, day: str) -> None:
    assert tablet.get(f"/my/time?day={day}").status_code == 404


def test_a_day_without_minutes_says_so(tablet: Browser, household: Household) -> None:
    household.counted.clear()
    assert "No minute counted" in tablet.get("/my/time").text


def test_minutes_that_did_not_fit_are_said_to_be_left_off(tablet: Browser, household: Household) -> None:
    household.left_off = 12
    assert "12 earlier minutes are not shown." in tablet.get("/my/time").text


def test_a_child_reads_its_own_ledger_alone(
    app: Flask, tablet: Browser, daemon: Running, household: Household
) -> None:
    assert tablet.get("/parent/time/son").headers["Location"] == "/signin"
    brother = text_of(browser_on(app, "192.168.1.22").get("/my/time").text)
    assert "Roblox" not in brother
    assert "No minute counted" in brother
    asked = [values for do, values in household.asked if do == "ledger"]
    assert asked == [{"device": household.devices["192.168.1.22"]["mac"]}]


def test_a_device_of_no_child_has_none(stranger: Browser) -> None:
    assert stranger.get("/my/time").headers["Location"] == "/"


def test_a_parent_reads_it_where_the_log_level_shows_names(mum: Browser) -> None:
    text = text_of(mum.get("/parent/time/daughter").text)
    assert "Where Aruzhan’s time went" in text
    assert "17:30–17:50 20 min Roblox Tablet Play, Roblox 18 MB" in text


@pytest.mark.parametrize("level", [0, 1])
def test_below_it_a_parent_reads_how_much_alone_or_nothing(
    mum: Browser, monkeypatch: pytest.MonkeyPatch, level: int
) -> None:
    monkeypatch.setitem(RULES["daughter"], "log_level", level)
    page = mum.get("/parent/time/daughter").text
    text = text_of(page)
    assert ("Play 50 min" in text) == (level > 0)
    assert ("show parents how much, not which minutes and for what." in text) == (level > 0)
    assert ("rules show parents nothing about the use of time." in text) == (level == 0)
    assert "No minute counted" not in text
    for hidden in ("17:30", "YouTube", "Tablet", 'class="strip"'):
        assert hidden not in page


@pytest.mark.parametrize("profile", ["nobody", "all", "02:00:00:00:00:0a"])
def test_there_is_none_of_who_is_no_child(mum: Browser, profile: str) -> None:
    assert mum.get(f"/parent/time/{profile}").status_code == 404


def test_hostile_names_come_to_nothing(tablet: Browser, household: Household) -> None:
    for one in household.counted:
        one.update(service=HOSTILE, name=HOSTILE)
    household.devices["192.168.1.20"]["name"] = HOSTILE
    page = tablet.get("/my/time").text
    assert "<script>alert" not in page
    assert "\u202e" not in page
