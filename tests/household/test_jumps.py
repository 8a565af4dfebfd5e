"""A jump of the clock neither gives nor takes a minute of what guardians and children have set."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from unittest.mock import MagicMock

import pytest

from gateway.app.daemon import Daemon
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.policy.time.clock_changes import MomentKind
from gateway.policy.values import Reason
from gateway.store.tables.pauses import DOUBT
from tests.features.conftest import Make, at
from tests.features.desk import EVENING, LATE, NOON, STRANGER, TABLET, Desk
from tests.sentences import sentence

MINUTE = timedelta(minutes=1)
HOUR = 60 * MINUTE
DAY = 24 * HOUR
ASKS = {"categories": {"social_networks": "ask"}, "unknown": "ask"}

jumps = pytest.mark.parametrize("by", [HOUR, -HOUR, -10 * MINUTE, 400 * DAY, -400 * DAY])


def until(desk: Desk) -> datetime | None:
    """Of the only pause, `off`, grant or opening that holds."""
    force = desk.store.state(desk.local_now())
    off = () if force.off is None else (force.off,)
    ends = {one.until for one in (*force.pauses, *off, *force.given, *force.openings)}
    assert len(ends) <= 1
    return next(iter(ends), None)


@jumps
def test_a_pause_is_as_long_as_it_was(make: Make, by: timedelta) -> None:
    desk = make(NOON)
    desk.ask("pause", who="daughter", minutes=30)
    desk.go(10 * MINUTE)
    desk.jump(by)
    assert desk.reason(TABLET) is Reason.PAUSED
    desk.restart()
    assert until(desk) == desk.clock.at + 20 * MINUTE


def test_a_pause_until_a_time_of_day_ends_then(make: Make) -> None:
    desk = make(NOON)
    desk.ask("pause", who="daughter", until=at("2026-11-24T18:00").isoformat())
    desk.jump(HOUR)
    assert until(desk) == at("2026-11-24T18:00")
    desk.ask("pause", who="daughter", till_wake=True)
    wake = until(desk)
    desk.jump(-3 * HOUR)
    assert until(desk) == wake
    (pause,) = desk.store.state(desk.clock.at).pauses
    assert pause.span is MomentKind.OF_DAY


@jumps
def test_off_is_as_long_as_it_was(make: Make, by: timedelta) -> None:
    desk = make(NOON)
    desk.ask("off", minutes=30)
    desk.jump(by)
    assert until(desk) == desk.clock.at + 30 * MINUTE


@jumps
@pytest.mark.parametrize("by_what", ["grant", "landing", "code"])
def test_what_was_counted_from_the_tap_is_as_long_as_it_was(make: Make, by: timedelta, by_what: str) -> None:
    desk = make(LATE)
    if by_what == "code":
        (code,) = desk.ask("ticket", who="daughter", minutes=10)["codes"]
        desk.ask("redeem", device=TABLET, code=code)
    elif by_what == "landing":
        desk.ask("landing", device=TABLET, minutes=10)
    else:
        desk.ask("grant", who="daughter", minutes=10)
    desk.go(3 * MINUTE)
    desk.jump(by)
    assert until(desk) == desk.clock.at + 7 * MINUTE
    assert desk.reason(TABLET) is Reason.OPEN
    desk.go(7 * MINUTE)
    assert until(desk) is None


@jumps
def test_an_opened_site_is_open_for_as_long_as_it_was(make: Make, by: timedelta) -> None:
    desk = make(NOON, daughter={**ASKS, "bedtime": {}})
    number = desk.ask("request", device=TABLET, site="reddit.com")["request"]["id"]
    desk.ask("answer", id=number, answer="once", by="Mum")
    desk.go(20 * MINUTE)
    desk.jump(by)
    assert until(desk) == desk.clock.at + 40 * MINUTE
    desk.go(40 * MINUTE - MINUTE)
    assert desk.reason(TABLET, "reddit.com") is Reason.FAMILY_ALLOW
    desk.go(MINUTE)
    assert desk.reason(TABLET, "reddit.com") is Reason.CATEGORY


def test_a_site_that_is_open_today_is_open_till_the_day_turns(make: Make) -> None:
    desk = make(NOON, daughter={**ASKS, "bedtime": {}})
    number = desk.ask("request", device=TABLET, site="reddit.com")["request"]["id"]
    desk.ask("answer", id=number, answer="today", by="Mum")
    desk.jump(HOUR)
    assert until(desk) == at("2026-11-25T04:00")


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        (4 * MINUTE, "2026-11-24T21:00"),
        (2 * HOUR, "2026-11-24T22:55"),  # in the middle of the night: from now on
        (-5 * HOUR, "2026-11-24T21:00"),
        (16 * HOUR, "2026-11-25T21:00"),  # the next bedtime is another one
        (-DAY + HOUR, "2026-11-23T21:55"),  # 21:40 of the day before, which has its own
        (-DAY - 2 * HOUR, "2026-11-23T21:00"),
    ],
)
def test_minutes_beyond_bedtime_come_behind_bedtime(make: Make, by: timedelta, expected: str) -> None:
    desk = make(EVENING)
    desk.ask("grant", who="daughter", minutes=15)
    desk.jump(by)
    assert until(desk) == at(expected)
    desk.restart()
    assert until(desk) == at(expected)


def test_a_second_grant_goes_with_the_first(make: Make) -> None:
    desk = make(EVENING)
    desk.ask("grant", who="daughter", minutes=15)
    desk.go(10 * MINUTE)
    desk.ask("grant", who="daughter", minutes=15)
    desk.jump(HOUR)
    ends = [one.until for one in desk.store.state(desk.local_now()).given]
    assert ends == [desk.clock.at + 10 * MINUTE, desk.clock.at + 25 * MINUTE]
    desk.jump(-2 * HOUR)
    ends = [one.until for one in desk.store.state(desk.local_now()).given]
    assert ends == [at("2026-11-24T20:55"), at("2026-11-24T21:10")]


def test_minutes_beyond_a_limit_are_of_today_whatever_the_clock_does(make: Make) -> None:
    desk = make(NOON, daughter={"limits": {"internet": "1h"}})
    desk.use("daughter", internet=60)
    desk.ask("grant", who="daughter", minutes=15)
    desk.jump(2 * HOUR)
    assert desk.reason(TABLET) is Reason.OPEN
    desk.use("daughter", internet=75)
    desk.jump(-2 * HOUR)
    assert desk.reason(TABLET) is Reason.OUT_OF_TIME


def test_what_has_ended_stays_ended_when_the_clock_goes_back(make: Make) -> None:
    desk = make(LATE)
    desk.ask("pause", who="son", minutes=10)
    desk.ask("grant", who="daughter", minutes=10)
    desk.go(20 * MINUTE)
    desk.jump(-15 * MINUTE)
    assert until(desk) is None
    assert desk.reason(TABLET) is Reason.BEDTIME
    desk.restart()
    assert until(desk) is None


def test_what_was_set_before_the_time_was_known_keeps_its_length(make: Make) -> None:
    desk = make(NOON)
    desk.watch.known = False
    desk.ask("pause", who="daughter", minutes=30)
    desk.jump(4 * DAY)
    assert until(desk) == desk.clock.at + 30 * MINUTE
    desk.watch.known = False  # as after a power cut; it was set by a clock that is right by now
    before = until(desk)
    desk.jump(10 * MINUTE)
    assert until(desk) == before


def test_time_added_to_a_grant_by_an_unknown_clock_is_as_right_as_the_grant(make: Make) -> None:
    """A start after a power cut, whose clock is four days behind."""
    desk = make(LATE)
    desk.ask("grant", who="daughter", minutes=15)
    desk.jump(-4 * DAY, known=False)
    (first,) = desk.store.state(desk.local_now()).given
    assert not first.clock_trusted  # the clock that gave it is gone
    desk.ask("grant", who="daughter", minutes=15)
    desk.jump(4 * DAY)
    ends = [one.until for one in desk.store.state(desk.local_now()).given]
    assert ends == [desk.clock.at + 15 * MINUTE, desk.clock.at + 30 * MINUTE]


def test_wrong_codes_are_slowed_by_no_jump_and_no_less(make: Make) -> None:
    desk = make(NOON)
    for _ in range(5):
        with pytest.raises(ControlError, match=sentence(Code.CODE_UNKNOWN)):
            desk.ask("redeem", device=TABLET, code="22222222")
    for by in (DAY, -2 * DAY):
        desk.jump(by)
        with pytest.raises(ControlError, match=sentence(Code.TOO_MANY_TRIES, minutes=10)):
            desk.ask("redeem", device=TABLET, code="22222222")
    desk.go(10 * MINUTE)
    with pytest.raises(ControlError, match=sentence(Code.CODE_UNKNOWN)):
        desk.ask("redeem", device=TABLET, code="22222222")


@pytest.mark.parametrize("seed", range(12))
def test_no_jumps_and_waits_open_more_of_the_night_than_was_given(make: Make, seed: int) -> None:
    """Minute for minute: open while bedtime's own rule shuts."""
    chance = random.Random(seed)
    desk = make(
        f"2026-11-24T{chance.choice(['12:00', '20:40', '23:00'])}", daughter={"bedtime": "20:45-07:00"}
    )
    given = chance.randint(1, 60)
    desk.ask("grant", who="daughter", minutes=given)
    night = 0
    for _ in range(10):
        for _ in range(chance.randint(0, 8)):
            hour = desk.clock.at.hour * 60 + desk.clock.at.minute
            asleep = hour >= 20 * 60 + 45 or hour < 7 * 60
            opened = desk.reason(TABLET) is Reason.OPEN
            night += asleep and opened
            assert opened or asleep
            desk.go(MINUTE)
        desk.jump(timedelta(minutes=chance.randint(-2000, 2000)))
    assert night <= given
    if until(desk) is not None:  # what is left is to be had
        desk.jump(at("2026-11-27T21:00") - desk.clock.at)
        while desk.reason(TABLET) is Reason.OPEN:
            night += 1
            desk.go(MINUTE)
        assert night == given or desk.store.grants.given()[0].boundary is None


def test_a_pause_till_morning_outlives_a_clock_that_was_wrongly_ahead(make: Make) -> None:
    for ahead in (11 * HOUR, 13 * HOUR, 30 * HOUR, 400 * DAY):
        desk = make("2026-11-24T22:00", daughter={"bedtime": "20:45-07:00"})
        desk.ask("pause", who="daughter", till_wake=True)
        desk.jump(ahead)
        desk.store.purge(desk.local_now())
        desk.restart()
        desk.go(5 * MINUTE)
        desk.jump(-ahead)
        assert until(desk) == at("2026-11-25T07:00")
        assert desk.reason(TABLET) is Reason.PAUSED
        desk.restart()
        desk.go(9 * HOUR)
        assert desk.reason(TABLET) is Reason.OPEN
        desk.stop()


def test_till_morning_is_till_the_right_morning(make: Make) -> None:
    """Set by a clock that nobody vouched for; a day later than the right one, its first morning ends it."""
    desk = make("2026-11-20T03:00", daughter={"bedtime": "20:45-07:00"})
    desk.watch.known = False
    desk.ask("pause", who="daughter", till_wake=True)
    desk.go(10 * MINUTE)
    desk.jump(at("2026-11-24T17:00") - desk.clock.at)
    assert until(desk) == at("2026-11-25T07:00")


def place(desk: Desk, mac: str) -> str:
    return str(next(one["profile"] for one in desk.ask("devices")["devices"] if one["mac"] == mac))


@pytest.mark.parametrize("known", [True, False])
def test_a_visitor_stays_until_the_right_morning(make: Make, known: bool) -> None:
    desk = make(NOON)
    desk.watch.known = known
    desk.ask("assign", mac=STRANGER, profile="visitor")
    desk.jump(3 * DAY)
    assert desk.store.devices.all()[STRANGER].until == at("2026-11-28T06:00")
    desk.restart()
    assert desk.store.devices.all()[STRANGER].until == at("2026-11-28T06:00")
    assert place(desk, STRANGER) == "visitor"


def test_a_visitor_outlives_a_clock_that_was_wrongly_ahead(make: Make) -> None:
    desk = make("2026-11-24T23:00")
    desk.ask("assign", mac=STRANGER, profile="visitor")
    assert desk.reason(STRANGER) is Reason.OPEN
    desk.jump(8 * HOUR)
    assert not desk.store.devices.lapse(desk.local_now())
    assert place(desk, STRANGER) == "guest"
    desk.jump(-8 * HOUR)
    assert desk.reason(STRANGER) is Reason.OPEN
    assert place(desk, STRANGER) == "visitor"
    desk.go(8 * HOUR)
    assert desk.store.devices.lapse(desk.local_now())


def test_a_clock_that_was_set_while_no_daemon_ran_ends_nothing(make: Make) -> None:
    desk = make("2026-11-24T19:00", daughter=ASKS)
    number = desk.ask("request", device=TABLET, minutes=15)["request"]["id"]
    desk.ask("assign", mac=STRANGER, profile="visitor")
    desk.restart(missed=3 * DAY)
    (waiting,) = desk.ask("requests", pending=True)["requests"]
    assert (waiting["id"], waiting["expires"]) == (number, at("2026-11-28T00:00"))
    assert not desk.store.devices.lapse(desk.local_now())
    assert place(desk, STRANGER) == "visitor"


def test_the_daemon_reports_a_missed_jump_before_anything_can_end_by_the_new_time() -> None:
    daemon = MagicMock()
    Daemon._start(daemon)
    wanted = ("watch.start", "presence.start", "features.start")
    assert next(name for name, *_ in daemon.mock_calls if name in wanted) == "watch.start"


@pytest.mark.system  # simulates days, minute by minute
@jumps
@pytest.mark.parametrize("what", [{"minutes": 15}, {"site": "reddit.com"}])
def test_a_jump_expires_no_request(make: Make, by: timedelta, what: dict[str, object]) -> None:
    desk = make("2026-11-24T19:00", daughter=ASKS)
    number = desk.ask("request", device=TABLET, **what)["request"]["id"]
    desk.go(HOUR)
    desk.jump(by)
    desk.go(MINUTE)
    desk.restart()
    desk.jump(-by)
    (one,) = desk.ask("requests", pending=True)["requests"]
    assert (one["id"], one["at"]) == (number, at("2026-11-24T19:00"))
    ends = at("2026-11-25T00:00") if "minutes" in what else at("2026-12-01T19:00")
    assert one["expires"] == ends
    assert not [one for one in desk.heard("request") if one["reminder"]]
    desk.go(ends - desk.clock.at)
    assert desk.ask("requests", pending=True)["requests"] == []


def test_a_request_of_an_unknown_time_is_of_the_right_one(make: Make) -> None:
    desk = make("2026-11-20T22:00", daughter={"auto_approve": "20m"})
    desk.watch.known = False
    assert desk.ask("request", device=TABLET, minutes=15)["state"] == "auto"
    desk.ask("request", device=TABLET, minutes=10)
    desk.jump(at("2026-11-24T15:00") - desk.clock.at)
    (one,) = desk.ask("requests", pending=True)["requests"]
    assert one["expires"] == at("2026-11-25T00:00")
    assert desk.ask("request", device=TABLET, minutes=10)["state"] == "pending", "the day's amount is gone"
    desk.watch.known = False  # as after a power cut, with a clock that is years ahead
    desk.clock.at += 400 * DAY
    desk.grants.look()
    assert len(desk.ask("requests", pending=True)["requests"]) == 1


@pytest.mark.parametrize("known", [True, False])
def test_nor_does_a_restart_within_that_day(make: Make, known: bool) -> None:
    desk = make(NOON)
    desk.ask("grant", who="daughter", minutes=15)
    desk.jump(400 * DAY)
    desk.restart()
    if not known:  # as after a restart of the machine: a time service confirms the same time
        desk.watch.known = False
        desk.jump()
    desk.store.purge(desk.local_now())
    assert desk.store.audit.lines()
    desk.go(DAY)
    desk.store.purge(desk.local_now())
    assert desk.store.audit.lines() == []


def test_a_clock_that_was_set_back_again_is_not_doubted(make: Make) -> None:
    desk = make(NOON)
    desk.jump(400 * DAY)
    desk.jump(-400 * DAY)
    assert desk.store.pauses.switch(DOUBT, desk.local_now()) is None


def test_a_clock_that_was_set_far_ahead_erases_nothing_for_a_day(make: Make) -> None:
    desk = make(NOON, daughter={"limits": {"internet": "1h"}})
    desk.use("daughter", internet=60)
    desk.ask("grant", who="daughter", minutes=15)
    desk.jump(400 * DAY)
    desk.store.purge(desk.local_now())
    desk.jump(-400 * DAY)
    desk.use("daughter", internet=60)
    assert desk.reason(TABLET) is Reason.OPEN
    assert desk.store.audit.lines()
