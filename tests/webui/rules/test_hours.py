"""Hours and durations: what is read from a file and written into one means the same to the daemon."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.time import time_text as timetext
from gateway.policy.time.time_text import DAYS, WEEKDAYS
from gateway.policy.yaml.documents import parse_document
from gateway.policy.yaml.fields import Node
from webui.rules import hours
from webui.rules.hours import DAY, FREE, NOON, SCHOOL, Span, Unreadable
from webui.rules.weekform import (
    DAYS_OF_TYPE,
    NoHoursError,
    ScheduleRow,
    folded,
    rows,
    same,
    sleeping,
    typed_rows,
    value_of,
    week_of,
)

QUARTERS = st.integers(0, DAY // 15 - 1).map(lambda one: one * 15)
MINUTES = st.integers(0, DAY - 1)


def of_daemon(value: object, read: Callable[[Node], Any]) -> tuple[Any, ...]:
    """As the daemon's own parser reads it: by weekday, as school days and as free days."""
    node = parse_document(json.dumps({"rule": value}), "a.yaml").entries["rule"]
    return timetext.by_day(node, read, timetext.every_day(None)).values


@st.composite
def windows(draw: st.DrawFn) -> tuple[Span, ...]:
    """Of one day, apart from each other."""
    edges = sorted(draw(st.sets(MINUTES, max_size=10)))
    return tuple(zip(edges[::2], edges[1::2], strict=False))


@st.composite
def nights(draw: st.DrawFn) -> Span:
    start = draw(st.integers(NOON, DAY + 239))
    return start, draw(st.integers(max(start, DAY) + 1, min(start + DAY - 1, DAY + NOON)))


def plans(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    whole = st.fixed_dictionaries({SCHOOL: st.none() | values, FREE: st.none() | values})
    some = st.dictionaries(st.sampled_from(WEEKDAYS), st.none() | values)
    return st.tuples(whole, some).map(
        lambda both: {day: (both[0] | both[1])[day] for day in DAYS if day in both[0] | both[1]}
    )


@given(plans(windows()))
def test_windows_come_back_as_they_were_and_the_daemon_reads_the_same(plan: dict[str, Any]) -> None:
    value = hours.write_plan(plan, hours.write_spans)
    assert hours.read_plan(value, hours.read_spans) == plan
    read = of_daemon(value, timetext.spans)
    for day in DAYS:
        number = 7 * (day == FREE) if day in (SCHOOL, FREE) else WEEKDAYS.index(day)
        if day in WEEKDAYS and day not in plan:
            continue
        if day in (SCHOOL, FREE) and "mon" in plan:
            continue
        found = read[number]
        told = (
            None
            if found is None
            else tuple((one.start, one.end if one.end > one.start else one.end + DAY) for one in found)
        )
        assert told == plan[day]


@given(plans(nights()))
def test_nights_come_back_as_they_were_and_the_daemon_takes_them(plan: dict[str, Any]) -> None:
    value = hours.write_plan(plan, hours.write_span)
    assert hours.read_plan(value, hours.read_night) == plan
    read = of_daemon(value, timetext.night)
    assert {one.end for one in read if one is not None} <= {span[1] % DAY for span in plan.values() if span}


@given(plans(st.integers(0, DAY)))
def test_minutes_come_back_as_they_were_and_the_daemon_reads_the_same(plan: dict[str, Any]) -> None:
    value = hours.write_plan(plan, hours.write_minutes)
    assert hours.read_plan(value, hours.read_minutes) == plan
    told = {
        None if one is None else int(one.total_seconds() // 60) for one in of_daemon(value, timetext.duration)
    }
    assert told <= set(plan.values())


@given(plans(windows()))
def test_the_form_of_windows_sends_what_it_shows(plan: dict[str, Any]) -> None:
    value = hours.write_plan(plan, hours.write_spans)
    assert same(_sent(rows(value, night=False), night=False), value, night=False)


@given(plans(nights()))
def test_the_form_of_nights_sends_what_it_shows(plan: dict[str, Any]) -> None:
    value = hours.write_plan(plan, hours.write_span)
    assert same(_sent(rows(value, night=True), night=True), value, night=True)


def _sent(shown: tuple[ScheduleRow, ...], *, night: bool) -> object:
    """What a browser sends of these fields, as the file will have it."""
    hows = {f"{row.day}-how": row.how for row in shown}
    many = {f"{row.day}-from": [one for one, _ in row.hours] for row in shown}
    many |= {f"{row.day}-to": [other for _, other in row.hours] for row in shown}
    return value_of(typed_rows(hows.get, lambda key: many.get(key, []), shown, night=night), night=night)


@given(plans(windows()), st.dictionaries(st.sampled_from(WEEKDAYS), st.none() | windows()))
def test_a_painted_week_is_saved_as_it_was_painted(plan: dict[str, Any], painted: dict[str, Any]) -> None:
    saved = folded({**plan, **painted}, painted)
    assert week_of(saved) == {**week_of(plan), **painted}
    value = hours.write_plan(saved, hours.write_spans)
    assert week_of(hours.read_plan(value, hours.read_spans)) == week_of(saved)
    assert folded(saved, painted) == saved


@given(plans(nights()), st.dictionaries(st.sampled_from(WEEKDAYS), st.none() | nights()))
def test_painted_nights_are_saved_as_they_were_painted(plan: dict[str, Any], painted: dict[str, Any]) -> None:
    saved = folded({**plan, **painted}, painted)
    value = hours.write_plan(saved, hours.write_span)
    assert week_of(hours.read_plan(value, hours.read_night)) == {**week_of(plan), **painted}


@given(plans(windows()))
def test_a_week_that_was_not_painted_keeps_its_rules(plan: dict[str, Any]) -> None:
    assert folded(plan, ()) == plan


@given(plans(windows()), windows(), st.sampled_from((SCHOOL, FREE)))
def test_days_that_are_painted_alike_are_saved_as_their_day_type(
    plan: dict[str, Any], spans: tuple[Span, ...], day_type: str
) -> None:
    days = DAYS_OF_TYPE[day_type]
    saved = folded({**plan, **dict.fromkeys(days, spans)}, days)
    assert saved[day_type] == spans
    assert saved.keys().isdisjoint(days)
    others = {day: value for day, value in plan.items() if day != day_type and day not in days}
    assert {day: saved[day] for day in others} == others


@given(plans(nights()))
def test_the_half_hours_of_a_bedtime_cover_its_minutes(plan: dict[str, Any]) -> None:
    found = sleeping(hours.write_plan(plan, hours.write_span))
    week = [False] * (7 * 48)
    for number, span in enumerate(week_of(plan).values()):
        for minute in () if span is None else range(*span):
            week[((number - 1) * DAY + minute) // 30 % len(week)] = True
    assert [half for day in found for half in day] == week


@given(st.lists(st.tuples(QUARTERS, QUARTERS), max_size=4))
def test_a_drawing_stays_within_its_day(spans: list[Span]) -> None:
    found = [(start, start + 15) for start, _ in spans]
    for start in (0, NOON):
        assert all(last < start + DAY for _, last in hours.drawn(found, start))


@pytest.mark.parametrize(
    "value", ["20:45", "25:00-26:00", "07:00-07:00", 12, ["x"], {"holiday": "07:00-08:00"}]
)
def test_what_is_no_hours_is_said_to_be_none(value: object) -> None:
    with pytest.raises(Unreadable):
        hours.read_plan(value, hours.read_spans)


@pytest.mark.parametrize("text", ["", "2 hours", "h", "1:30", None])
def test_what_is_no_duration_is_said_to_be_none(text: object) -> None:
    with pytest.raises(Unreadable):
        hours.read_minutes(text)


@pytest.mark.parametrize(("pair", "span"), [
    (("16:00", "18:00"), (960, 1080)), (("22:00", "00:00"), (1320, 1440)), (("22:00", "01:00"), (1320, 1500)),
    (("00:00", "00:00"), (0, 1440)), (("16:00", "16:00"), None),
    (("", "18:00"), None), (("25:00", "26:00"), None),
    (("16:00:00", "18:00:00"), (960, 1080)), (("7:00", "8:30"), (420, 510)),
    (("12:75", "13:30"), None), (("20:45", "22:99"), None), (("24:00", "07:00"), None),
    (("20:455", "07:00"), None),
])  # fmt: skip
def test_two_fields_of_time_are_a_stretch(pair: tuple[str, str], span: Span | None) -> None:
    assert hours.typed_span(*pair) == span


@pytest.mark.parametrize("hours_typed", [(), (("16:00", ""),), (("16:00", "18:00"), ("19:00", ""))])
def test_a_day_with_times_needs_both_ends(hours_typed: tuple[tuple[str, str], ...]) -> None:
    how = {"school-how": "times", "free-how": "none"}
    many = {"school-from": [one for one, _ in hours_typed], "school-to": [one for _, one in hours_typed]}
    with pytest.raises(NoHoursError) as error:
        value_of(typed_rows(how.get, lambda key: many.get(key, []), (), night=False), night=False)
    assert error.value.day == "school"


def test_a_night_is_one_stretch() -> None:
    how = {"school-how": "times", "free-how": "none"}
    many = {"school-from": ["20:45", "22:00"], "school-to": ["07:00", "08:00"]}
    with pytest.raises(NoHoursError):
        value_of(typed_rows(how.get, lambda key: many.get(key, []), (), night=True), night=True)
