"""Rules of one word each, the age band, and what would happen."""

from __future__ import annotations

from datetime import date

import pytest

from tests.webui.conftest import Browser
from tests.webui.rules.forms import PAGE, post, revision, send, text_of
from tests.webui.standin.household import Household, asked_of
from tests.webui.standin.ruling import said, write
from webui.rules.steps import NoMonthError, typed_month

pytestmark = pytest.mark.usefixtures("ruled")


def test_each_word_is_offered_with_what_it_means(mum: Browser) -> None:
    page = mum.get(f"{PAGE}basics/").text
    told = text_of(page)
    assert "Only what is on the list is allowed" in told
    assert "VPN: blocked as the 10-12 rules have it" in told
    assert "Stored: level 0 of 3. Aruzhan reads: “Nothing that you do is stored.”" in told
    assert 'name="mode" value="block-list" checked' in page


def test_the_log_is_never_more_than_the_band_lets_and_why_is_said(mum: Browser) -> None:
    page = mum.get(f"{PAGE}basics/").text
    assert 'name="log_level" value="2" checked' in page
    assert 'name="log_level" value="3"' not in page
    assert "The 10-12 rules allow level 2 at most." in text_of(page)
    assert send(mum, "basics/", log_level="3")[0] == 400


@pytest.mark.parametrize(("key", "sent", "value"), [
    ("mode", "allow-list", "allow-list"), ("unknown", "ask", "ask"), ("safe_search", "moderate", "moderate"),
    ("strict", "true", "true"), ("updates", "false", "false"), ("log_level", "0", "0"),
    ("failure", "open", "open"), ("clock_unset", "open", "open"), ("landing", "5", "5m"),
    ("linger", "10", "10m"), ("auto_approve", "60", "1h"),
])  # fmt: skip
def test_a_word_is_changed_and_goes_back_to_the_band_s(
    mum: Browser, household: Household, key: str, sent: str, value: str
) -> None:
    before = mum.get(f"{PAGE}basics/").text
    status, page = send(mum, "basics/", **{key: sent})
    assert status == 303
    assert "The rules of Aruzhan are changed." in text_of(page)
    assert said(household)[key] == value
    [band] = [one for one in before.split(f'name="{key}" value="')[1:] if " checked" in one.split(">")[0]]
    send(mum, "basics/", **{key: band.split('"')[0]})
    assert key not in said(household)


def test_a_way_is_opened_by_itself(mum: Browser, household: Household) -> None:
    send(mum, "basics/", **{"ways/ssh": "allow", "ways/vpn": "block"})
    assert said(household)["ways"] == {"ssh": "allow"}


def test_the_name_is_changed_and_one_that_is_taken_is_told_at_its_field(
    mum: Browser, household: Household
) -> None:
    assert send(mum, "basics/", name="  Asem  ")[0] == 303
    assert said(household)["name"] == "Asem"
    status, page = send(mum, "basics/", name="guest")
    assert status == 422
    assert 'value="guest" aria-invalid="true"' in page
    assert "means something else" in text_of(page)


@pytest.mark.parametrize(("key", "word"), [("mode", "open"), ("landing", "99"), ("ways/vpn", "maybe")])
def test_a_word_that_was_not_offered_is_refused(mum: Browser, key: str, word: str) -> None:
    assert send(mum, "basics/", **{key: word})[0] == 400


def test_another_band_is_told_before_it_is_taken(mum: Browser, household: Household) -> None:
    page = text_of(mum.get(f"{PAGE}band/?to=13-15").text)
    assert "From the 10-12 rules to the 13-15 rules" in page
    assert "Bedtime on school nights 20:45–07:00" in page
    assert "Bedtime on school nights 21:30–07:00" in page
    assert "Play: no limit" in page
    assert "SSH: blocked SSH: allowed" in page
    assert "Social networks" not in page, "the family has its own word on them"
    assert "What you have set yourself stays: 6 rules." in page
    assert said(household)["band"] == "10-12"
    status, page = send(mum, "band/", band="13-15")
    assert status == 303
    assert "Aruzhan has the 13-15 rules now." in text_of(page)
    assert said(household)["band"] == "13-15"


def test_a_log_level_that_the_other_band_has_not_is_told_and_falls(
    mum: Browser, household: Household
) -> None:
    write(household, log_level="2")
    assert "These rules allow less to be stored than you chose." in text_of(
        mum.get(f"{PAGE}band/?to=13-15").text
    )
    assert send(mum, "band/", band="13-15")[0] == 303
    assert "log_level" not in said(household)


def test_a_band_that_is_none_is_refused(mum: Browser) -> None:
    assert mum.get(f"{PAGE}band/?to=7-8").status_code == 404
    assert send(mum, "band/", band="7-8")[0] == 400


def test_what_would_happen_names_who_decided_and_until_when(mum: Browser, household: Household) -> None:
    page = text_of(mum.get(f"{PAGE}preview/?host=https://www.youtube.com/x&day=2026-11-24&time=21:30").text)
    assert "It is bedtime: the internet is blocked until 07:00." in page
    assert "Blocked · The 10-12 rules · until 07:00 tomorrow" in page
    assert asked_of(household, "preview") == [
        {"id": "daughter", "host": "youtube.com", "at": "2026-11-24T21:30"}
    ]


def test_what_would_happen_now_is_asked_where_no_time_is_given(mum: Browser, household: Household) -> None:
    assert "Allowed" in text_of(mum.get(f"{PAGE}preview/?host=khanacademy.org").text)
    assert asked_of(household, "preview")[0]["at"] == "2026-11-24T19:40"


@pytest.mark.parametrize(("asked", "told"), [
    ("host=nonsense", "“nonsense” is not a site."),
    ("host=example.com&day=2026-99-99&time=12:00", "is not a time"),
])  # fmt: skip
def test_a_question_that_is_none_is_told(mum: Browser, asked: str, told: str) -> None:
    answer = mum.get(f"{PAGE}preview/?{asked}")
    assert answer.status_code == 422
    assert told in text_of(answer.text)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("2027-05", "2027-05"), ("2027-5", "2027-05"), ("05.2027", "2027-05"), ("5 / 2027", "2027-05"),
     ("2026-11", "2026-11"), (" ", "")],
)  # fmt: skip
def test_a_month_is_understood_as_it_is_typed(typed: str, kept: str) -> None:
    assert typed_month(typed, date(2026, 11, 24)) == kept


@pytest.mark.parametrize(
    "typed", ["2026-10", "2044-12", "2027-13", "May", "2027", "27-05", "-1-05", "²027-05"]
)
def test_a_month_that_is_past_or_beyond_a_childhood_or_none_is_refused(typed: str) -> None:
    with pytest.raises(NoMonthError):
        typed_month(typed, date(2026, 11, 24))


def test_the_month_of_the_next_step_is_kept_told_and_taken_out(mum: Browser, household: Household) -> None:
    def kept() -> str | None:
        return household.editing.rules.household.profiles["daughter"].next_step

    page = mum.get(PAGE + "basics/").text
    assert "The month in which the 13-15 rules begin to fit." in page
    told = post(mum, "basics/", next_step="5/2027")
    assert "Next age group, 13-15: due in May 2027" in told
    assert kept() == "2027-05"
    assert 'name="next_step" type="month" value="2027-05"' in mum.get(PAGE + "basics/").text
    answer = mum.post(PAGE + "basics/", {"revision": revision(mum.get(PAGE).text), "next_step": "2025-01"})
    assert answer.status_code == 422
    assert "this month or later" in answer.text
    assert 'value="2025-01"' in answer.text
    assert kept() == "2027-05"
    post(mum, "basics/", name="Aruzhan")
    assert kept() == "2027-05", "a form without it leaves it alone"
    post(mum, "basics/", next_step="")
    assert kept() is None


def test_a_month_that_is_past_by_now_stays_until_somebody_changes_it(
    mum: Browser, household: Household
) -> None:
    write(household, next_step="2025-01")
    assert "due in January 2025" in text_of(mum.get(PAGE).text)
    told = post(mum, "basics/", next_step="2025-01", safe_search="off")
    assert "The rules of Aruzhan are changed." in told


def test_another_band_takes_the_month_out_and_says_so(mum: Browser, household: Household) -> None:
    post(mum, "basics/", next_step="2027-05")
    assert (
        "The month of the next age group belongs to the current one and is"
        in mum.get(PAGE + "band/?to=13-15").text
    )
    post(mum, "band/", band="13-15")
    assert household.editing.rules.household.profiles["daughter"].next_step is None
