"""Times as people write them: the grammar, and its errors with file and line."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cli.durations import minutes
from gateway.core.errors import PolicyError
from gateway.policy.time.time_text import (
    ByDay,
    Span,
    TimeTextError,
    by_day,
    clock_span,
    day_names,
    duration,
    duration_minutes,
    every_day,
    night,
    span,
    spans,
    time_of_day,
    up_to,
    written_minutes,
)
from gateway.policy.yaml import fields
from gateway.policy.yaml.documents import parse_document
from gateway.policy.yaml.fields import Node
from tests.words.catalogues import FOLDER
from webui.language.i18n import load_catalogues
from webui.rules.hours import Unreadable, read_span


@pytest.mark.parametrize("text", ["12:75-13:30", "24:00-01:00", "10:00-24:30", "09:00-09:00", "9-10", ""])
def test_what_is_no_span_is_refused_by_every_reader(text: str) -> None:
    with pytest.raises(TimeTextError):
        clock_span(text)
    with pytest.raises(Unreadable):
        read_span(text)
    ((_, _, node),) = fields.pairs(parse_document(f'bedtime: "{text}"', "kid.yaml"))
    with pytest.raises(PolicyError):
        span(node)


def test_spans_durations_and_days() -> None:
    assert clock_span("20:45-07:00") == (1245, 420)
    assert clock_span("0:00 – 24:00") == (0, 1440)
    assert (duration_minutes("1h30m"), duration_minutes("0m")) == (90, 0)
    assert minutes("1d") == duration_minutes("24h")
    assert day_names("Sat, sun") == ("sat", "sun")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90", 90),
        ("1:30", 90),
        ("1 h 30", 90),
        ("1 h 30 min", 90),
        ("1h30m", 90),
        ("2 hours", 120),
        ("45 minutes", 45),
        ("1 ч 30 мин", 90),
        ("2 часа", 120),
        ("1\u00a0сағ 30 мин", 90),
        ("2 САҒАТ", 120),
        ("0", 0),
    ],
)
def test_durations_as_people_write_them(text: str, expected: int) -> None:
    assert written_minutes(text) == expected


@pytest.mark.parametrize(
    "text", ["", " ", "h", "1:75", "-5", "12.5", "٣٠", "1 hx", "90 90", "30 min 1 h", "1d"]
)
def test_what_nobody_writes_as_a_duration(text: str) -> None:
    with pytest.raises(TimeTextError):
        written_minutes(text)


@given(minutes=st.integers(0, 10_080), language=st.sampled_from(["en", "ru", "kk"]))
def test_what_the_pages_show_is_read_again(minutes: int, language: str) -> None:
    catalogue = load_catalogues(FOLDER)[language]
    hours, rest = divmod(minutes, 60)
    shown = (
        catalogue.gettext("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": rest}
        if hours and rest
        else catalogue.gettext("%(num)d h") % {"num": hours}
        if hours
        else catalogue.gettext("%(num)d min") % {"num": rest}
    )
    assert written_minutes(shown) == minutes


@pytest.mark.parametrize("text", ["school,free", "caturday", "mon,,tue", ""])
def test_what_is_no_day(text: str) -> None:
    with pytest.raises(TimeTextError, match="is not a day"):
        day_names(text)


def node(text: str) -> Node:
    return parse_document(f"key: {text}", "f").entries["key"]


@pytest.mark.parametrize(
    ("text", "minutes"), [("2h", 120), ("90m", 90), ("1h30m", 90), ("1h 30m", 90), ("0m", 0), ("24h", 1440)]
)
def test_durations(text: str, minutes: int) -> None:
    assert duration(node(text)) == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    "text", ["25h", "24h1m", "90", "1.5h", "h", "-2h", "2h30", "m30", "''", "２h", "9999h"]
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(PolicyError, match="f:1: key: "):
        duration(node(text))


@pytest.mark.parametrize(
    ("text", "start", "end", "crosses"),
    [
        ("20:45-07:00", 1245, 420, True),
        ("16:00-18:00", 960, 1080, False),
        ("7:00 - 8:30", 420, 510, False),
        ("22:00–24:00", 1320, 1440, False),
        ("20:00-00:00", 1200, 0, True),
        ("00:00-24:00", 0, 1440, False),
    ],
)
def test_windows(text: str, start: int, end: int, crosses: bool) -> None:
    read = span(node(f'"{text}"'))
    assert (read.start, read.end, read.crosses_midnight) == (start, end, crosses)


@pytest.mark.parametrize(
    "text",
    ["20:45", "24:00-07:00", "20:60-07:00", "20:45-24:01", "07:00-07:00", "8pm-7am", "20.45-07.00", "[]"],
)
def test_what_is_no_window(text: str) -> None:
    with pytest.raises(PolicyError, match="f:1: key: "):
        span(node(text))


def test_a_window_prints_as_it_is_read() -> None:
    assert str(Span(1245, 420)) == "20:45-07:00"


def test_several_windows_are_sorted_and_may_touch() -> None:
    assert spans(node('["15:00-19:00", "10:00-12:00", "12:00-13:00"]')) == (
        Span(600, 720),
        Span(720, 780),
        Span(900, 1140),
    )
    assert spans(node('"16:00-18:00"')) == (Span(960, 1080),)
    assert spans(node("[]")) == ()


@pytest.mark.parametrize(
    "text",
    [
        '["10:00-12:00", "11:00-13:00"]',
        '["10:00-12:00", "10:00-12:00"]',
        '["22:00-02:00", "23:00-23:30"]',
        '["22:00-02:00", "01:00-03:00"]',
    ],
)
def test_windows_that_overlap_are_refused(text: str) -> None:
    with pytest.raises(PolicyError, match="overlaps"):
        spans(node(text))


@pytest.mark.parametrize("text", ["", "~", "null", "[null]", "['']"])
def test_nothing_is_neither_never_nor_no_window(text: str) -> None:
    with pytest.raises(PolicyError, match="is empty"):
        spans(node(text))


def test_an_empty_value_says_what_it_may_mean() -> None:
    with pytest.raises(PolicyError, match=r"is empty; write \[\] for never, \{\} for no window"):
        by_day(node("{school: , free: ['10:00-12:00']}"), spans, every_day(None))


@pytest.mark.parametrize("text", ['"18:00-16:00"', '["10:00-12:00", "18:00-16:00"]', '"14:00-12:01"'])
def test_a_window_that_ends_before_it_starts_is_a_slip_of_the_pen(text: str) -> None:
    with pytest.raises(PolicyError, match="ends before it starts; write the earlier time first, or split it"):
        spans(node(text))


def test_a_window_may_reach_into_the_next_morning() -> None:
    assert spans(node('["22:00-12:00"]')) == (Span(1320, 720),)
    assert spans(node('["22:00-24:00", "00:00-14:00"]')) == (Span(0, 840), Span(1320, 1440))


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("20:45-24:00", 1245, 0),
        ("20:45-00:00", 1245, 0),
        ("20:45-07:00", 1245, 420),
        ("00:30-07:00", 30, 420),
    ],
)
def test_a_bedtime_that_ends_at_midnight_ends_on_the_next_morning(text: str, start: int, end: int) -> None:
    assert night(node(f'"{text}"')) == Span(start, end)
    assert night(node(f'"{text}"')).is_night


def test_a_bedtime_of_a_whole_day_is_none() -> None:
    with pytest.raises(PolicyError, match=r"has no morning; write windows: \{internet: \[\]\} instead"):
        night(node('"00:00-24:00"'))


@pytest.mark.parametrize(
    ("text", "most", "says"),
    [
        ("20m", timedelta(minutes=15), "'20m' is more than 15 minutes; write at most 15m"),
        ("3h", timedelta(hours=2), "'3h' is more than 2 hours; write at most 2h"),
        ("25h", timedelta(hours=24), "'25h' is more than 24 hours; write at most 24h"),
    ],
)
def test_a_duration_has_a_longest(text: str, most: timedelta, says: str) -> None:
    with pytest.raises(PolicyError, match=says):
        up_to(most)(node(text))
    assert up_to(most)(node("0m")) == timedelta()


def test_a_day_has_a_bounded_number_of_windows() -> None:
    many = ", ".join(
        f'"{hour // 2:02}:{hour % 2 * 30:02}-{hour // 2:02}:{hour % 2 * 30 + 10}"' for hour in range(48)
    )
    with pytest.raises(PolicyError, match="has 48 windows"):
        spans(node(f"[{many}]"))


def read_days(text: str, base: ByDay[timedelta] | None = None) -> ByDay[timedelta]:
    return by_day(node(text), duration, base or every_day(None))


def hours(days: ByDay[timedelta]) -> list[float | None]:
    return [None if one is None else one / timedelta(hours=1) for one in days.values]


def test_one_value_holds_every_day() -> None:
    assert hours(read_days("2h")) == [2] * 14


def test_day_types() -> None:
    days = read_days("{school: 2h, free: 3h}")
    assert days.on(0, free=False) == timedelta(hours=2)
    assert days.on(0, free=True) == timedelta(hours=3)
    assert hours(days) == [2] * 7 + [3] * 7


def test_a_weekday_goes_before_its_day_type_whatever_the_order_and_on_holidays_too() -> None:
    for text in ("{wed: 1h, school: 2h, free: 3h}", "{school: 2h, free: 3h, wed: 1h}"):
        days = read_days(text)
        assert days.on(2, free=False) == days.on(2, free=True) == timedelta(hours=1)
        assert days.on(3, free=False) == timedelta(hours=2)


def test_a_list_of_weekdays() -> None:
    days = read_days('{"sat, sun": 4h}')
    assert hours(days) == [None] * 5 + [4, 4] + [None] * 5 + [4, 4]


def test_a_mapping_adds_to_the_base_and_an_empty_one_clears() -> None:
    base = read_days("{school: 2h, free: 3h}")
    assert hours(read_days("{free: 4h}", base)) == [2] * 7 + [4] * 7
    assert hours(read_days("{free: {}}", base)) == [2] * 7 + [None] * 7
    assert not read_days("{}", base)
    assert hours(read_days("1h", base)) == [1] * 14


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{scool: 2h}", "did you mean 'school'?"),
        ("{weekend: 2h}", "'weekend' is not a day"),
        ("{'mon,tue': 1h, tue: 2h}", "names a day that line 1 names too"),
        ("{'mon,mon': 1h}", "names a day"),
        ("{'mon,': 1h}", "'' is not a day"),
        ("{school: 25h}", "key.school: '25h' is more than 24 hours"),
    ],
)
def test_what_is_no_mapping_by_day(text: str, says: str) -> None:
    with pytest.raises(PolicyError, match="; ") as refused:
        read_days(text)
    assert says in str(refused.value)


@pytest.mark.parametrize(("text", "minutes"), [("04:00", 240), ("0:00", 0), ("23:59", 1439)])
def test_times_of_day(text: str, minutes: int) -> None:
    assert time_of_day(node(text)) == minutes


@pytest.mark.parametrize("text", ["24:00", "4", "04:60", "4am"])
def test_what_is_no_time_of_day(text: str) -> None:
    with pytest.raises(PolicyError, match="is not a time of day"):
        time_of_day(node(text))


@given(st.integers(0, 1439), st.integers(0, 1440))
def test_every_window_survives_a_round_trip(start: int, end: int) -> None:
    if start != end:
        assert span(node(f'"{Span(start, end)}"')) == Span(start, end)
