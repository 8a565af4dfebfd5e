"""Hours and minutes by day: as a list of times and numbers, which is what comes without script."""

from __future__ import annotations

from pathlib import Path

import pytest

import webui
from gateway.policy.time.time_text import DAYS
from tests.webui.conftest import Browser
from tests.webui.rules.forms import PAGE, revision, text_of
from tests.webui.standin.household import Household, asked_of
from tests.webui.standin.ruling import said, write

Fields = dict[str, str | list[str]]

pytestmark = pytest.mark.usefixtures("ruled")


def send(mum: Browser, path: str, fields: Fields) -> tuple[int, str]:
    """As the form does, with a field for each of its names; the status, and the page that follows."""
    fields = {"revision": revision(mum.get(PAGE).text), **fields}
    answer = mum.post(PAGE + path, fields)
    if answer.status_code == 303:
        return 303, mum.get(answer.headers["Location"]).text
    return answer.status_code, answer.text


def week(**hows: str | tuple[str, ...]) -> Fields:
    """A day is one of the words of its select, or times."""
    fields: Fields = {}
    for day in DAYS:
        how = hows.get(day, "none" if day in ("school", "free") else "same")
        fields[f"{day}-how"] = how if isinstance(how, str) else "times"
        if not isinstance(how, str):
            fields[f"{day}-from"] = [one.partition("-")[0] for one in how]
            fields[f"{day}-to"] = [one.partition("-")[2] for one in how]
    return fields


def test_the_hours_that_hold_are_in_the_fields_and_drawn(mum: Browser) -> None:
    page = mum.get(f"{PAGE}week/service:roblox").text
    assert "Roblox on school days: 16:00–18:00" in text_of(page)
    assert 'name="school-from" value="16:00" aria-label="School days, from"' in page
    assert page.count('name="free-from"') == 3, "two windows and an empty one"
    assert '<rect class="mark" x="960" width="120"' in page
    night = mum.get(f"{PAGE}week/bedtime").text
    assert '<rect class="mark" x="525" width="615"' in night, "from noon on"
    assert "Before school days" in night
    assert "A night belongs to the morning on which it ends." in night


@pytest.mark.parametrize(("sent", "value"), [
    (week(school=("16:00-18:30",), free="none"), {"school": ["16:00-18:30"], "free": {}}),
    (week(school=("16:00-18:00",), free=("16:00-18:00",)), ["16:00-18:00"]),
    (week(school=("22:00-01:00", "07:07-08:00"), free=("20:00-00:00",)),
     {"school": ["07:07-08:00", "22:00-01:00"], "free": ["20:00-24:00"]}),
    (week(school="never", free=("10:00-12:00",), fri=("14:00-16:00",), sun="never"),
     {"school": [], "free": ["10:00-12:00"], "fri": ["14:00-16:00"], "sun": []}),
])  # fmt: skip
def test_windows_are_set_to_the_minute(
    mum: Browser, household: Household, sent: Fields, value: object
) -> None:
    status, page = send(mum, "week/service:youtube", sent)
    assert status == 303
    assert "YouTube: the allowed hours of Aruzhan are changed." in text_of(page)
    assert said(household)["windows"]["service:youtube"] == value


def test_times_that_are_typed_are_meant_and_a_choice_stands_before_them(
    mum: Browser, household: Household
) -> None:
    typed = week(school="none") | {"school-from": ["16:00"], "school-to": ["18:00"]}
    send(mum, "week/service:youtube", typed)
    assert said(household)["windows"]["service:youtube"] == {"school": ["16:00-18:00"], "free": {}}
    send(mum, "week/service:youtube", typed)
    assert "service:youtube" not in said(household)["windows"], "the choice was changed, the times were not"


def test_windows_that_are_none_leave_the_file(mum: Browser, household: Household) -> None:
    assert send(mum, "week/service:roblox", week())[0] == 303
    assert "windows" not in said(household)


@pytest.mark.parametrize(("sent", "value"), [
    (week(school=("20:30-07:00",), free=("21:45-08:00",)), {"school": "20:30-07:00", "free": "21:45-08:00"}),
    (week(school=("20:45-07:00",), free=("21:45-08:00",)), None),
    (week(school=("00:30-07:00",), free="none", fri=("21:15-08:00",)),
     {"school": "00:30-07:00", "free": {}, "fri": "21:15-08:00"}),
    (week(), {}),
])  # fmt: skip
def test_a_bedtime_is_set_and_is_the_band_s_where_it_is_the_same(
    mum: Browser, household: Household, sent: Fields, value: object
) -> None:
    send(mum, "week/bedtime", week(school=("20:00-06:00",), free=("20:00-06:00",)))
    status, page = send(mum, "week/bedtime", sent)
    assert status == 303
    assert "Bedtime: the allowed hours of Aruzhan are changed." in text_of(page)
    assert said(household).get("bedtime") == value


@pytest.mark.parametrize("target", ["service:youtube", "bedtime"])
@pytest.mark.parametrize("hours", ["16:00-", "16:00-12:75", "16:00-22:99"])
def test_times_that_are_missing_are_told_at_their_day_and_the_rest_is_kept(
    mum: Browser, household: Household, target: str, hours: str
) -> None:
    status, page = send(mum, f"week/{target}", week(school=(hours,), free=("10:10-11:11",)))
    assert status == 422
    assert "School days: enter a start and an end from 00:00 to 23:59." in text_of(page)
    assert 'value="10:10"' in page
    assert 'name="school-from" value="16:00"' in page
    assert asked_of(household, "edit") == []


def test_hours_that_the_daemon_refuses_are_told_and_kept(mum: Browser) -> None:
    status, page = send(mum, "week/service:youtube", week(school=("16:00-18:00", "17:00-19:00")))
    assert status == 422
    assert "This cannot be set: '17:00-19:00' overlaps '16:00-18:00'" in text_of(page)
    assert 'name="school-from" value="17:00"' in page
    status, page = send(mum, "week/bedtime", week(school=("07:00-20:45",)))
    assert status == 422
    assert "is a day, not a night" in text_of(page)


def test_somebody_else_s_change_is_told_and_the_hours_are_kept(mum: Browser) -> None:
    old = revision(mum.get(f"{PAGE}week/bedtime").text)
    send(mum, "week/bedtime", week(school=("20:00-06:00",)))
    status, page = send(mum, "week/bedtime", week(school=("20:10-06:10",)) | {"revision": old})
    assert status == 409
    assert "Bedtime on school nights 20:00–06:00" in text_of(page), "what holds now"
    assert 'name="school-from" value="20:10"' in page, "what was typed"


def test_hours_are_tried_before_they_are_saved(mum: Browser, household: Household) -> None:
    fields = week(school=("16:00-18:00",)) | {
        "do": "try", "host": "youtube.com", "day": "2026-11-24", "time": "18:30"
    }  # fmt: skip
    status, page = send(mum, "week/service:youtube", fields)
    assert status == 200
    assert "Nothing is saved yet." in page
    assert "Blocked" in text_of(page)
    assert 'name="school-from" value="16:00"' in page
    assert "service:youtube" not in said(household)["windows"]


def test_what_hours_and_limits_can_be_about_is_chosen_by_a_form(mum: Browser) -> None:
    for path in ("week", "limits"):
        page = mum.get(f"{PAGE}{path}/").text
        assert 'value="group:video"' in page
        assert page.count(">Games</option>") == 1, "the category, not the group of this name too"
        answer = mum.get(f"{PAGE}{path}/?of=group:games")
        assert answer.headers["Location"] == f"{PAGE}{path}/group:games"
        assert mum.get(f"{PAGE}{path}/group:nothing").status_code == 404
        assert mum.get(f"{PAGE}{path}/example.com").status_code == 404
    assert mum.post(f"{PAGE}week/internet", {"school-how": "perhaps"}).status_code == 400


@pytest.mark.parametrize(("sent", "value"), [
    ({"school": "60", "free": "60"}, "1h"),
    ({"school": "1 h 30", "free": "1:30"}, "90m"),
    ({"school": "1 ч 30 мин", "free": "2 сағ"}, {"school": "90m", "free": "2h"}),
    ({"school": "45", "free": "90"}, {"school": "45m", "free": "90m"}),
    ({"school": "0", "free": ""}, {"school": "0m", "free": {}}),
    ({"school": "45", "free": "45", "sat": "120"}, {"school": "45m", "free": "45m", "sat": "2h"}),
    ({"school": "", "free": "", "week": "600"}, {"school": {}, "free": {}, "week": "10h"}),
    ({"school": "45", "free": "90", "week": "10080"}, {"school": "45m", "free": "90m", "week": "168h"}),
])  # fmt: skip
def test_minutes_are_set_for_all_days_or_each(
    mum: Browser, household: Household, sent: Fields, value: object
) -> None:
    status, page = send(mum, "limits/category:games", sent)
    assert status == 303
    assert "Games: the time limit of Aruzhan is changed." in text_of(page)
    assert said(household)["limits"]["category:games"] == value


def test_minutes_as_the_band_has_them_leave_the_file(mum: Browser, household: Household) -> None:
    send(mum, "limits/play", {"school": "60", "free": "60"})
    assert said(household)["limits"]["play"] == "1h"
    send(mum, "limits/play", {"school": "120", "free": "180"})
    assert said(household)["limits"] == {"service:youtube": "1h"}
    send(mum, "limits/service:youtube", {"school": "", "free": ""})
    assert "limits" not in said(household)


def test_minutes_that_stay_are_no_change(mum: Browser, household: Household) -> None:
    before = said(household)
    status, page = send(mum, "limits/service:youtube", {"school": "60", "free": "60"})
    assert status == 303
    assert "Nothing was changed." in text_of(page)
    assert "Undo" not in page
    assert "The notes are removed." not in page
    assert said(household) == before


@pytest.mark.parametrize("text", ["1d", "-5", "1441", "12.5", "٣٠", "99999", "25 h", "1:75"])
def test_what_is_no_number_of_minutes_is_told_at_its_field_and_kept(
    mum: Browser, household: Household, text: str
) -> None:
    status, page = send(mum, "limits/play", {"school": "60", "free": text})
    assert status == 422
    assert "Free days: write a time such as 1 h 30 min or 90, at most 24 h." in text_of(page)
    assert f'value="{text}" aria-invalid="true"' in page
    assert 'list="minutes" value="60"' in page
    assert asked_of(household, "edit") == []


def test_durations_are_readable(mum: Browser) -> None:
    page = mum.get(f"{PAGE}limits/service:youtube").text
    assert "YouTube: 1 h a day" in text_of(page)
    assert 'value="1 h"' in page


def test_minutes_a_week_are_shown_and_checked(mum: Browser, household: Household) -> None:
    write(household, limits={"play": {"school": "2h", "free": "3h", "week": "10h"}})
    page = mum.get(f"{PAGE}limits/play").text
    assert "Play: 10 h a week" in text_of(page)
    assert 'id="week" name="week" maxlength="24"' in page
    assert 'list="minutes-week" value="10 h"' in page
    assert "Play: 10 h a week" in text_of(mum.get(PAGE).text)
    status, page = send(mum, "limits/play", {"school": "60", "free": "60", "week": "10081"})
    assert status == 422
    assert "Each week: write a time such as 1 h 30 min or 90, at most 168 h." in text_of(page)
    send(mum, "limits/play", {"school": "60", "free": "60", "week": ""})
    assert said(household)["limits"]["play"] == "1h"


def test_a_limit_of_a_week_alone_is_one_sentence(mum: Browser, household: Household) -> None:
    write(household, limits={"service:youtube": {"week": "3h"}})
    page = text_of(mum.get(f"{PAGE}limits/service:youtube").text)
    assert "YouTube: 3 h a week" in page
    assert "no limit on" not in page


def test_a_limit_that_the_form_cannot_show_is_left_to_the_file(mum: Browser, household: Household) -> None:
    write(household, limits={"internet": {"school": "2h", "free": "3h", "fri": {}}})
    page = text_of(mum.get(f"{PAGE}limits/internet").text)
    assert "The internet, Fridays: no limit" in page
    assert "It was set on the gateway itself and can be changed there." in page


def test_the_scripts_that_paint_are_small() -> None:
    for name in ("week.js", "grid.js"):
        assert (Path(webui.__file__).parent / "static" / name).stat().st_size <= 6000
