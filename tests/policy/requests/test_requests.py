"""What becomes of a request: asked again, answered, expired; and what is kept of many."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import ControlError, GatewayError
from gateway.core.reason_codes import Code
from gateway.policy.requests import requests
from gateway.policy.requests.requests import (
    MAX_A_DAY,
    MAX_KEPT,
    MAX_WAITING,
    Answer,
    ChildRequest,
    RequestState,
    RequestTopic,
)
from gateway.policy.time.clock_changes import Jump
from gateway.policy.time.schedule import Calendar
from tests.sentences import sentence

ALMATY = ZoneInfo("Asia/Almaty")
CALENDAR = Calendar(ALMATY)
NOW = datetime(2026, 11, 24, 19, 0, tzinfo=ALMATY)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def new(
    topic: RequestTopic = RequestTopic.TIME, thing: str = "", at: datetime = NOW, **more: object
) -> ChildRequest:
    minutes = 15 if topic is RequestTopic.TIME else 0
    one = ChildRequest(
        0,
        "daughter",
        "02:00:00:00:00:0a",
        topic,
        thing,
        minutes,
        "why",
        at,
        requests.expires(topic, at, CALENDAR),
    )
    return replace(one, **more)  # type: ignore[arg-type]


SITE = new(RequestTopic.SITE, "service:tiktok", id=1)
TIME = new(id=1)


def test_time_is_asked_for_until_midnight_and_a_site_for_a_week() -> None:
    assert TIME.expires == datetime(2026, 11, 25, tzinfo=ALMATY)
    assert SITE.expires == NOW + 7 * DAY


def test_asking_again_puts_new_words_to_the_one_that_waits() -> None:
    first = requests.asked((), new(), 0)
    again = requests.asked((first,), new(minutes=30, reason="please"), 0)
    assert (again.id, again.minutes, again.reason, again.times, again.at) == (1, 30, "please", 2, NOW)
    silent = requests.asked((again,), new(reason=""), 0)
    assert silent.reason == "please"
    for other in (new(thing="youtube"), new(who="son"), new(RequestTopic.SITE, "example.com")):
        assert requests.asked((first,), other, 0).id == 2
    done = requests.answered(first, Answer.NO, by="Mum", now=NOW)
    assert requests.asked((done,), new(), 0).id == 2


def test_twenty_a_child_and_day() -> None:
    assert requests.asked((SITE,), new(), MAX_A_DAY - 1).id == 2
    for repeated in (new(), SITE):
        with pytest.raises(ControlError, match=sentence(Code.ASKED_TOO_OFTEN, times=20)):
            requests.asked((SITE,), repeated, MAX_A_DAY)


def test_more_pending_requests_than_one_answer_holds_are_refused() -> None:
    known = tuple(
        new(RequestTopic.SITE, f"s{n}.example", id=n + 1, who=f"child{n % 20}") for n in range(MAX_WAITING)
    )
    with pytest.raises(ControlError, match=sentence(Code.TOO_MANY_WAIT, most=MAX_WAITING)):
        requests.asked(known, new(), 0)
    assert requests.asked(known[:-1], new(), 0).id == MAX_WAITING
    repeated = new(RequestTopic.SITE, "s0.example", who="child0")
    assert requests.asked(known, repeated, 0).times == 2


def test_a_reason_is_short() -> None:
    requests.asked((), new(reason="x" * 200), 0)
    with pytest.raises(ControlError, match=sentence(Code.REASON_TOO_LONG, most=200)):
        requests.asked((), new(reason="x" * 201), 0)
    with pytest.raises(ControlError, match=sentence(Code.REASON_TOO_LONG, most=200)):
        requests.answered(TIME, Answer.NO, by="Mum", now=NOW, because="x" * 201)


@pytest.mark.parametrize(
    ("one", "answer", "minutes", "given"),
    [
        (TIME, Answer.ONCE, None, 15),
        (TIME, Answer.ONCE, 5, 5),
        (TIME, Answer.NO, None, 0),
        (SITE, Answer.ONCE, None, 60),
        (SITE, Answer.ONCE, 20, 20),
        (SITE, Answer.TODAY, None, 0),
        (SITE, Answer.ALWAYS, None, 0),
    ],
)
def test_answers(one: ChildRequest, answer: Answer, minutes: int | None, given: int) -> None:
    done = requests.answered(one, answer, by="Dad", now=NOW, because="ok", minutes=minutes)
    assert (done.state, done.answer, done.given) == (RequestState.ANSWERED, answer, given)
    assert (done.by, done.because, done.answered) == ("Dad", "ok", NOW)
    assert not done.waits


@pytest.mark.parametrize(
    ("one", "answer", "minutes", "said"),
    [
        (TIME, Answer.TODAY, None, sentence(Code.NOT_FOR_TIME)),
        (TIME, Answer.ALWAYS, None, sentence(Code.NOT_FOR_TIME)),
        (TIME, Answer.NO, 5, "takes no minutes"),
        (SITE, Answer.TODAY, 5, "takes no minutes"),
        (
            requests.answered(TIME, Answer.NO, by="Mum", now=NOW),
            Answer.ONCE,
            None,
            sentence(Code.ANSWERED_BEFORE),
        ),
        (requests.auto_granted(TIME, NOW), Answer.NO, None, sentence(Code.ANSWERED_BEFORE)),
        (replace(TIME, state=RequestState.EXPIRED), Answer.ONCE, None, sentence(Code.REQUEST_EXPIRED)),
        (replace(TIME, expires=NOW), Answer.ONCE, None, sentence(Code.REQUEST_EXPIRED)),
    ],
)
def test_answers_that_do_not_fit(one: ChildRequest, answer: Answer, minutes: int | None, said: str) -> None:
    with pytest.raises(GatewayError, match=said) as refused:
        requests.answered(one, answer, by="Dad", now=NOW, minutes=minutes)
    assert "\n" not in str(refused.value)


def test_a_site_is_brought_to_mind_after_a_day_once_and_expires_after_a_week() -> None:
    assert requests.due(SITE) == NOW + DAY
    assert requests.advanced(SITE, NOW + DAY - HOUR) is SITE
    reminded = requests.advanced(SITE, NOW + DAY)
    assert reminded.reminded
    assert reminded.waits
    assert requests.advanced(reminded, NOW + 2 * DAY) is reminded
    assert requests.due(reminded) == NOW + 7 * DAY
    gone = requests.advanced(reminded, NOW + 8 * DAY)
    assert (gone.state, gone.answered) == (RequestState.EXPIRED, NOW + 7 * DAY)
    assert requests.due(gone) is None


def test_time_expires_at_midnight_without_a_word() -> None:
    assert requests.due(TIME) == TIME.expires
    assert requests.advanced(TIME, TIME.expires).state is RequestState.EXPIRED


def test_a_daily_amount() -> None:
    amount = timedelta(minutes=30)
    assert requests.is_within(amount, 15, 15)
    assert not requests.is_within(amount, 16, 15)
    assert not requests.is_within(timedelta(), 0, 1)


def test_old_ones_go_but_none_that_waits() -> None:
    done = requests.answered(TIME, Answer.NO, by="Mum", now=NOW)
    assert requests.kept((done, SITE), NOW + 30 * DAY - HOUR) == (done, SITE)
    assert requests.kept((done, SITE), NOW + 30 * DAY) == (SITE,)


def test_the_name_of_a_site_goes_a_week_after_its_answer() -> None:
    late = NOW + 6 * DAY
    done = requests.answered(SITE, Answer.NO, by="Mum", now=late)
    assert requests.kept((done,), late + 7 * DAY - HOUR) == (done,)
    assert requests.kept((done,), late + 7 * DAY) == ()
    gone = requests.advanced(SITE, NOW + 7 * DAY)
    assert requests.kept((gone,), NOW + 14 * DAY) == ()


@given(st.lists(st.booleans(), min_size=MAX_KEPT, max_size=MAX_KEPT + 50))
def test_never_more_than_so_many(waits: list[bool]) -> None:
    state = {True: RequestState.PENDING, False: RequestState.ANSWERED}
    base = NOW.astimezone(UTC)
    known = [
        replace(SITE, id=number, at=base + timedelta(minutes=number), state=state[one])
        for number, one in enumerate(waits)
    ]
    left = requests.kept(known, base + DAY)
    assert len(left) == MAX_KEPT
    assert [one.id for one in left] == sorted(one.id for one in left)
    dropped = [one for one in known if one not in left]
    if any(one.waits for one in dropped):
        assert all(one.waits for one in left)


def test_a_jump_gives_no_second_evening_to_what_has_expired() -> None:
    late = NOW + 6 * HOUR
    for by in (timedelta(), HOUR, DAY):
        found = requests.after_jump(TIME, Jump(late, late + by, was_known=True, known=True), CALENDAR)
        assert requests.advanced(found, late + by).state is RequestState.EXPIRED
