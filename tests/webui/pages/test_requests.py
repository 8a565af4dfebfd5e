from __future__ import annotations

import re
from datetime import timedelta

import pytest

from tests.webui.conftest import Browser
from tests.webui.standin.household import NOW, Household, asked_of
from tests.webui.standin.pages import HOSTILE, text_of


@pytest.fixture
def asked(tablet: Browser, household: Household) -> Household:
    """Request 1 is for time, 2 for a site."""
    tablet.post("/my/ask", {"minutes": "30", "reason": "One more round"})
    tablet.post("/my/ask/site", {"host": "www.instagram.com"})
    household.requests[1]["at"] = NOW - timedelta(minutes=12)
    return household


def test_nothing_that_waits_says_so(mum: Browser) -> None:
    text = text_of(mum.get("/parent/requests").text)
    assert "No open requests" in text
    assert "Before" not in text
    assert "Answered" not in text


def test_requests_of_a_removed_child_are_not_shown(mum: Browser, asked: Household) -> None:
    asked.children = ("son", "teen")
    asked.asked.clear()
    for path in ("/parent/requests", "/parent/requests/now"):
        assert "No open requests" in text_of(mum.get(path).text)
    assert asked_of(asked, "profile") == []
    assert "One more round" not in mum.get("/parent/").text


def test_each_request_tells_who_asks_for_what_and_why(mum: Browser, asked: Household) -> None:
    page = mum.get("/parent/requests").text
    text = text_of(page)
    for expected in (
        "Aruzhan: 30 min more 12 minutes ago · waits until 23:40",
        "One more round",
        "Aruzhan: Instagram just now",
        "Open until bedtime at 20:45. Play: 40 min left of 1 h 30 min",
        "15 min 30 min 1 h No",
        "Once 1 h Today Always No",
        "No: Homework first",
    ):
        assert expected in text
    assert '<option value="30" selected>' in page
    assert '<option value="60" selected>' in page


def test_minutes_that_no_list_has_can_be_given_as_asked(mum: Browser, asked: Household) -> None:
    asked.requests[1]["minutes"] = 25
    assert '<option value="25" selected>' in mum.get("/parent/requests").text
    assert mum.post("/parent/requests", {"id": "1", "answer": "once", "minutes": "25"}).status_code == 303


def test_time_is_given_with_other_minutes_and_a_word(mum: Browser, asked: Household) -> None:
    answer = mum.post(
        "/parent/requests", {"id": "1", "answer": "once", "minutes": "15", "because": "Then  to\nbed"}
    )
    assert (answer.status_code, answer.headers["Location"]) == (303, "/parent/requests")
    assert asked_of(asked, "answer") == [
        {
            "id": 1,
            "answer": "once",
            "minutes": 15,
            "because": "Then to bed",
            "by": "Mum",
            "origin": "192.168.1.7",
        }
    ]
    page = mum.get("/parent/requests").text
    text = text_of(page)
    assert "Aruzhan has 15 more minutes, until 21:00. Undo" in text
    assert "Answered today Aruzhan: 30 min more Mum gave 15 min Then to bed just now" in text
    mum.post("/parent/undo", {"grant": "1"})
    assert asked.given == {}


@pytest.mark.parametrize("minutes", [15, 30, 60])
def test_one_tap_gives_the_usual_minutes(mum: Browser, asked: Household, minutes: int) -> None:
    page = mum.get("/parent/requests").text
    assert f'<button name="give" value="{minutes}" {"class=primary" if minutes == 30 else ""}>' in page
    mum.post("/parent/requests", {"id": "1", "give": str(minutes), "minutes": "5", "because": ""})
    (values,) = asked_of(asked, "answer")
    assert (values["answer"], values["minutes"]) == ("once", minutes)
    assert "because" not in values


def test_one_tap_gives_what_was_asked_for_too(mum: Browser, asked: Household) -> None:
    asked.requests[1]["minutes"] = 25
    assert '<button name="give" value="25" class=primary>' in mum.get("/parent/requests").text


def test_one_tap_opens_a_site_once(mum: Browser, asked: Household) -> None:
    mum.post("/parent/requests", {"id": "2", "give": "60", "minutes": "5"})
    (values,) = asked_of(asked, "answer")
    assert (values["answer"], values["minutes"]) == ("once", 60)


def test_a_no_can_have_ready_words(mum: Browser, tablet: Browser, asked: Household) -> None:
    mum.post("/parent/requests", {"id": "1", "say": "homework", "because": "half a sen", "minutes": "30"})
    (values,) = asked_of(asked, "answer")
    assert (values["answer"], values["because"]) == ("no", "Homework first")
    assert "Mum said no Homework first" in text_of(tablet.get("/my").text)


def test_what_was_answered_on_other_days_is_folded_away(mum: Browser, asked: Household) -> None:
    asked.requests[1].update(state="answered", answer="no", by="Dad", answered=NOW - timedelta(days=1))
    page = mum.get("/parent/requests").text
    assert 'id="before"' not in page
    assert "Before Aruzhan: 30 min more Dad said no" in text_of(page)
    asked.requests[0].update(state="answered", answer="today", by="Dad", answered=NOW)
    page = mum.get("/parent/requests").text
    assert "Answered today Aruzhan: Instagram Dad allowed it for today" in text_of(page)
    assert '<details id="before">' in page


def test_a_no_has_its_word_and_no_undo(mum: Browser, tablet: Browser, asked: Household) -> None:
    mum.post("/parent/requests", {"id": "1", "answer": "no", "minutes": "30", "because": "Homework first"})
    (values,) = asked_of(asked, "answer")
    assert "minutes" not in values
    page = mum.get("/parent/requests").text
    assert "The request of Aruzhan is declined." in page
    assert "Undo" not in page
    assert "Mum said no Homework first" in text_of(tablet.get("/my").text)


def test_a_wrongly_blocked_site_is_reported_and_allowed(mum: Browser, asked: Household) -> None:
    assert 'name="wrong"' not in mum.get("/parent/requests").text
    asked.requests[0]["wrong"] = True
    page = mum.get("/parent/requests").text
    assert page.count('name="wrong"') == 1, "only for a site, not for time"
    assert "Blocked by mistake, says Aruzhan" in page
    assert mum.post("/parent/requests", {"id": "2", "wrong": "yes"}).status_code == 303
    (report,) = asked_of(asked, "list_report")
    assert (report["host"], report["open"]) == ("www.instagram.com", [])
    (values,) = asked_of(asked, "answer")
    assert values["answer"] == "always"


@pytest.mark.parametrize(
    "about",
    [{"id": "2"}, {"who": "daughter", "site": "www.instagram.com"}],
)
@pytest.mark.parametrize("tap", [{"answer": "always"}, {"wrong": "yes"}])
def test_always_asks_again_for_a_site_of_a_blocked_category(
    mum: Browser, asked: Household, about: dict[str, str], tap: dict[str, str]
) -> None:
    asked.in_blocked |= {"www.instagram.com", "service:instagram"}
    back = {"back": "day", "child": "daughter", "day": "2026-11-23"}
    page = mum.post("/parent/requests", {**about, **tap, **back})
    assert page.status_code == 200
    assert "Always allow Instagram for Aruzhan?" in text_of(page.text)
    assert "block this category: Gambling." in text_of(page.text)
    assert 'href="/parent/activity/daughter?day=2026-11-23">Back' in page.text
    assert asked_of(asked, "list_report") == []
    assert asked.requests[0]["state"] == "pending"
    fields = dict(
        re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text.partition("</main>")[0])
    )
    assert fields == {**about, **back, "confirmed": "yes"}
    assert ('value="yes" checked' in page.text) is ("wrong" in tap and "id" not in about)
    answer = mum.post("/parent/requests", {**fields, "wrong": "yes", "answer": "always"})
    assert answer.headers["Location"] == "/parent/activity/daughter?day=2026-11-23"
    assert asked_of(asked, "answer")[-1]["confirmed"] is True
    assert len(asked_of(asked, "list_report")) == 1


@pytest.mark.parametrize(
    ("path", "back"), [("/parent/", "home"), ("/parent/child/daughter/", "rules"), ("/parent/requests", "")]
)
def test_a_request_is_answered_on_each_list(mum: Browser, asked: Household, path: str, back: str) -> None:
    page = mum.get(path).text
    assert "One more round" in page
    assert page.count('name="answer" value="always"') == 1
    assert page.count('name="answer" value="today"') == 1
    form = {"id": "2", "give": "60", **({"back": back, "child": "daughter"} if back else {})}
    assert mum.post("/parent/requests", form).headers["Location"] == path
    assert asked.requests[0]["answer"] == "once"


@pytest.mark.parametrize(
    "form", [{"who": "mum", "site": "x.example"}, {"who": "daughter"}, {"site": "x.example"}]
)
def test_an_answer_names_a_child_and_a_site(mum: Browser, household: Household, form: dict[str, str]) -> None:
    assert mum.post("/parent/requests", {**form, "answer": "always"}).status_code in (400, 404)
    assert asked_of(household, "answer") == []


@pytest.mark.parametrize("page", ["//evil.example", "http://evil.example/", "day", "rules"])
def test_the_page_that_follows_is_always_one_of_ours(mum: Browser, asked: Household, page: str) -> None:
    answer = mum.post("/parent/requests", {"id": "2", "answer": "no", "back": page})
    assert answer.headers["Location"] == "/parent/requests"


def test_a_site_on_no_list_is_not_reported(mum: Browser, asked: Household) -> None:
    mum.post("/parent/requests", {"id": "1", "wrong": "yes"})
    assert asked_of(asked, "list_report") == [], "the first one is for time"


@pytest.mark.parametrize(
    ("choice", "told", "undo"),
    [
        ("once", "Mum allowed it for 1 h", True),
        ("today", "Mum allowed it for today", True),
        ("always", "Mum allowed it always", False),
    ],
)
def test_a_site_is_opened(
    mum: Browser, tablet: Browser, asked: Household, choice: str, told: str, undo: bool
) -> None:
    mum.post("/parent/requests", {"id": "2", "answer": choice, "minutes": "60", "because": ""})
    (values,) = asked_of(asked, "answer")
    assert values.get("minutes") == (60 if choice == "once" else None)
    page = mum.get("/parent/requests").text
    assert told in text_of(page)
    assert ("Undo" in page) is undo
    assert told in text_of(tablet.get("/my").text)


def test_an_answer_by_the_provider_names_it(mum: Browser, asked: Household) -> None:
    asked.requests[1].update(state="answered", answer="no", by="provider", answered=NOW)
    assert "30 min more Your internet provider said no" in text_of(mum.get("/parent/requests").text)


def test_what_the_other_parent_answered_is_told(mum: Browser, asked: Household) -> None:
    asked.requests[1].update(state="answered", answer="no", by="Dad", answered=NOW)
    mum.post("/parent/requests", {"id": "1", "answer": "once", "minutes": "30"})
    text = text_of(mum.get("/parent/requests").text)
    assert "This request was answered before. Each is answered once." in text
    assert "Aruzhan: 30 min more Dad said no" in text


def test_a_second_answer_to_a_request_that_is_no_longer_listed_says_so(
    mum: Browser, asked: Household
) -> None:
    asked.requests[1].update(
        profile="teen", name="Dana", state="answered", answer="no", by="Dad", answered=NOW
    )
    answer = mum.post("/parent/requests", {"id": "1", "say": "homework", "back": "home"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/parent/")
    assert "This request was answered before. Each is answered once." in text_of(mum.get("/parent/").text)
    assert asked_of(asked, "answer") == []


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({}, 400),
        ({"id": "x", "answer": "no"}, 400),
        ({"id": "0", "answer": "no"}, 400),
        ({"id": "7", "answer": "no"}, 303),
        ({"id": "1"}, 400),
        ({"id": "1", "answer": "maybe"}, 400),
        ({"id": "1", "answer": "today"}, 400),
        ({"id": "1", "answer": "always"}, 400),
        ({"id": "1", "answer": "once"}, 400),
        ({"id": "1", "answer": "once", "minutes": "0"}, 400),
        ({"id": "1", "answer": "once", "minutes": "31"}, 400),
        ({"id": "1", "answer": "once", "minutes": "9999"}, 400),
        ({"id": "2", "answer": "once", "minutes": "1e2"}, 400),
        ({"id": "1", "give": "31"}, 400),
        ({"id": "1", "give": ""}, 400),
        ({"id": "1", "say": "nonsense"}, 400),
    ],
)
def test_what_the_form_does_not_offer_answers_nothing(
    mum: Browser, asked: Household, values: dict[str, str], code: int
) -> None:
    assert mum.post("/parent/requests", values).status_code == code
    assert asked_of(asked, "answer") == []


def test_a_word_is_cut_at_two_hundred_letters(mum: Browser, asked: Household) -> None:
    mum.post("/parent/requests", {"id": "1", "answer": "no", "because": "x" * 900})
    (values,) = asked_of(asked, "answer")
    assert len(values["because"]) == 200


def test_what_a_child_writes_is_hostile_input(mum: Browser, asked: Household) -> None:
    asked.requests[0].update(reason=HOSTILE, name=HOSTILE, thing_name=HOSTILE)
    for page in (mum.get("/parent/requests").text, mum.get("/parent/requests/now").text):
        assert "<script>alert" not in page
        assert "<img" not in page
        assert "\u202e" not in page


def test_the_part_for_the_script_carries_the_count_for_the_tabs(mum: Browser, asked: Household) -> None:
    page = mum.get("/parent/requests/now").text
    assert '<template data-into="waiting"><b class="count"' in page
    assert "<html" not in page
