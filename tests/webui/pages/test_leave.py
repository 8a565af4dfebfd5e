"""Where the quick exit leads: a page that tells nobody anything."""

from __future__ import annotations

import re
from datetime import date

import pytest

from tests.webui.conftest import Browser
from tests.webui.standin.household import Household
from webui.language import words


def test_it_is_a_calendar_that_names_neither_the_filter_nor_the_child(
    tablet: Browser, household: Household
) -> None:
    page = tablet.get("/calendar")
    assert page.status_code == 200
    today = date.today()
    assert f"<title>{words.month(today)}</title>" in page.text
    assert re.search(rf'<td class="today" aria-current="date">{today.day}</td>', page.text)
    for told in ("Qalqan", "Aruzhan", "/my", "refused</", "rules"):
        assert told not in page.text
    assert household.asked == [], "nobody is asked, so nothing can be written down"


def test_it_is_there_while_the_daemon_is_not(app: object) -> None:
    page = app.test_client().get("/calendar", base_url="http://192.168.1.1:8080")  # type: ignore[attr-defined]
    assert page.status_code == 200


@pytest.mark.parametrize("name", ["calendar.svg", "calendar.css", "style.css"])
def test_what_it_loads_is_there(tablet: Browser, name: str) -> None:
    assert f"/static/{name}" in tablet.get("/calendar").text
    with tablet.get(f"/static/{name}") as part:
        assert part.status_code == 200
