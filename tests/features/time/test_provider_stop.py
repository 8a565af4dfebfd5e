"""The provider's stop: it lasts a day at most, ends at its time, and the next begins a day later."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

import pytest

from gateway.features.time.provider_stop import CONNECTED_AFTER
from gateway.policy.values import Reason
from tests.features.conftest import Make, at
from tests.features.desk import LATE, TABLET, Desk
from tests.household.household_files import DAUGHTER, MUM, SON, write

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BEGIN = at(LATE)


def configure(desk: Desk, until: datetime | str | None) -> None:
    """Set or remove the provider's setting, and reload as the daemon does."""
    text = until.isoformat() if isinstance(until, datetime) else until
    settings = {} if text is None else {"provider": {"stop_until": text}}
    write(desk.folder, {"daughter": DAUGHTER, "son": SON, "mum": MUM}, **settings)
    desk.reload()


def audit(desk: Desk) -> list[tuple[str, str, str]]:
    return [(line.who, line.what, line.detail) for line in reversed(desk.store.audit.lines())]


def is_stopped(desk: Desk) -> bool:
    status = desk.ask("status")
    assert status["stopped_by_provider"] is (status["mode"] == "off")
    return bool(status["mode"] == "off")


@pytest.fixture
def desk(make: Make) -> Desk:
    return make(LATE)


def test_it_opens_what_time_rules_closed_and_ends_at_its_time(desk: Desk) -> None:
    assert desk.reason(TABLET) is Reason.BEDTIME
    configure(desk, BEGIN + HOUR)
    assert desk.ask("status")["off_until"] == BEGIN + HOUR
    assert desk.reason(TABLET) is Reason.UNFILTERED
    desk.go(HOUR)
    assert not is_stopped(desk)
    assert desk.reason(TABLET) is Reason.BEDTIME
    desk.reload()
    assert not is_stopped(desk), "the same setting does not stop the filter twice"
    assert audit(desk) == [("provider", "stop", "until 2026-11-24T22:30+05:00")]


def test_a_later_end_is_cut_to_a_day_with_one_line(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        configure(desk, BEGIN + 30 * DAY)
    (line,) = [line for line in caplog.messages if "stop_until" in line]
    assert "more than 24 hours after the stop began" in line
    assert desk.ask("status")["off_until"] == BEGIN + DAY
    desk.go(DAY)
    desk.restart()
    assert not is_stopped(desk)


def test_each_change_of_its_end_is_in_the_audit_and_reported(desk: Desk) -> None:
    configure(desk, BEGIN + HOUR)
    for hours in (3, 2):
        configure(desk, BEGIN + hours * HOUR)
        assert desk.ask("status")["off_until"] == BEGIN + hours * HOUR
    desk.go(HOUR)
    assert [what for _, what, _ in audit(desk)] == ["stop"] * 3
    notices = [event for event in desk.heard("status") if event["what"] == "stop"]
    assert len(notices) == 3
    assert {event["by"] for event in notices} == {"provider"}


def test_a_new_value_does_not_prolong_a_stop_beyond_a_day(desk: Desk) -> None:
    configure(desk, BEGIN + 40 * HOUR)
    desk.go(23 * HOUR)
    configure(desk, BEGIN + 80 * HOUR)
    assert desk.ask("status")["off_until"] == BEGIN + DAY
    desk.go(HOUR)
    assert not is_stopped(desk)


def refusals(desk: Desk) -> int:
    return sum(what == "stop refused" for _, what, _ in audit(desk))


@pytest.mark.parametrize("end", ["its time", "a parent", "a removed setting"])
def test_the_next_stop_begins_a_day_after_the_end_of_the_last(
    desk: Desk, end: str, caplog: pytest.LogCaptureFixture
) -> None:
    """However that ended, so that the rules are never off for more than 24 of 48 hours."""
    configure(desk, BEGIN + HOUR)
    if end == "its time":
        desk.go(HOUR)
    elif end == "a parent":
        desk.ask("on", by="Mum")
    else:
        configure(desk, None)
    ended = desk.local_now()
    with caplog.at_level(logging.WARNING):
        configure(desk, ended + 10 * DAY)
    assert not is_stopped(desk)
    (line,) = [line for line in caplog.messages if "stop_until refused" in line]
    assert (ended + DAY).isoformat(timespec="minutes") in line
    assert audit(desk)[-1][:2] == ("provider", "stop refused")
    desk.reload()
    desk.restart()
    assert refusals(desk) == 1, "the same value is refused once"
    configure(desk, None)
    desk.go(DAY - timedelta(seconds=1))
    configure(desk, ended + 11 * DAY)
    assert not is_stopped(desk)
    assert refusals(desk) == 2
    desk.go(timedelta(seconds=1))
    desk.reload()
    assert not is_stopped(desk), "a refused value is not tried again"
    configure(desk, ended + 12 * DAY)
    assert desk.ask("status")["off_until"] == ended + 2 * DAY


def test_a_removed_setting_ends_it(desk: Desk) -> None:
    configure(desk, BEGIN + HOUR)
    configure(desk, None)
    assert not is_stopped(desk)
    assert [what for _, what, _ in audit(desk)] == ["stop", "stop end"]
    assert desk.heard("status")[-1]["what"] == "on"
    configure(desk, None)
    assert len(audit(desk)) == 2


def test_a_setting_that_is_removed_after_the_end_reports_nothing(desk: Desk) -> None:
    configure(desk, BEGIN + HOUR)
    desk.go(HOUR)
    before = len(desk.heard("status"))
    configure(desk, None)
    assert len(desk.heard("status")) == before


def test_a_parent_ends_it_and_the_same_setting_does_not_begin_it_again(desk: Desk) -> None:
    configure(desk, BEGIN + HOUR)
    desk.ask("on", by="Mum")
    assert not is_stopped(desk)
    desk.reload()
    desk.restart()
    assert not is_stopped(desk)
    assert [(who, what) for who, what, _ in audit(desk)] == [("provider", "stop"), ("Mum", "on")]


def test_a_parents_own_off_outlasts_it(desk: Desk) -> None:
    desk.ask("off", minutes=180, by="Mum")
    configure(desk, BEGIN + HOUR)
    status = desk.ask("status")
    assert (status["off_until"], status["stopped_by_provider"]) == (BEGIN + 3 * HOUR, False)
    configure(desk, None)
    assert desk.ask("status")["off_until"] == BEGIN + 3 * HOUR


def test_it_survives_a_restart_without_a_second_line(desk: Desk) -> None:
    configure(desk, BEGIN + 2 * HOUR)
    desk.go(HOUR)
    desk.restart()
    assert desk.ask("status")["off_until"] == BEGIN + 2 * HOUR
    assert len(audit(desk)) == 1


def test_a_setting_found_at_the_start_is_reported_when_the_pages_listen(desk: Desk) -> None:
    write(desk.folder, {"daughter": DAUGHTER}, provider={"stop_until": (BEGIN + HOUR).isoformat()})
    desk.restart()
    assert is_stopped(desk)
    assert not desk.heard("status")
    desk.go(timedelta(seconds=CONNECTED_AFTER))
    assert [event["what"] for event in desk.heard("status")] == ["stop"]


def test_a_time_that_has_passed_stops_nothing(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    configure(desk, BEGIN - HOUR)
    assert not is_stopped(desk)
    assert not audit(desk)
    assert "provider.stop_until has passed" in caplog.text


@pytest.mark.parametrize("text", ["tomorrow", "2026-11-24T22:30", "90m"])
def test_a_wrong_time_leaves_the_filter_on_and_is_a_problem_in_one_line(desk: Desk, text: str) -> None:
    configure(desk, text)
    assert not is_stopped(desk)
    (problem,) = desk.rules.problems()
    assert "provider.stop_until" in problem
    assert "is no time with an offset from UTC" in problem


def test_todays_changes_show_it_with_an_undo(desk: Desk) -> None:
    configure(desk, BEGIN + HOUR)
    (change,) = desk.ask("changes")["changes"]
    assert (change["what"], change["by"], change["until"]) == ("off", "provider", BEGIN + HOUR)
    assert change["undo"]["do"] == "on"
