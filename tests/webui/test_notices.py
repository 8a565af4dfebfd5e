"""The notice of the last action: for ten minutes, on its own page, on Home and on the child's pages."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.webui.conftest import GATEWAY, Browser
from tests.webui.rules.forms import send, text_of
from tests.webui.standin.household import Household
from webui.language import i18n
from webui.notices import STAYS

TOLD = "YouTube is blocked for Aruzhan."


def block_youtube(mum: Browser) -> None:
    """Change the rules of a child, and read the page that the change leads to."""
    status, page = send(mum, "services/youtube", state="refused")
    assert status == 303
    assert TOLD in text_of(page)


@pytest.mark.parametrize("path", ["/parent/", "/parent/child/daughter/", "/parent/activity/daughter"])
def test_home_and_the_pages_of_the_child_show_it(mum: Browser, path: str) -> None:
    block_youtube(mum)
    assert TOLD in text_of(mum.get(path).text)


@pytest.mark.parametrize("path", ["/parent/child/son/", "/parent/devices/", "/parent/lists/"])
def test_other_pages_do_not(mum: Browser, path: str) -> None:
    block_youtube(mum)
    assert TOLD not in text_of(mum.get(path).text)


def test_it_ends_after_ten_minutes(mum: Browser) -> None:
    block_youtube(mum)
    with mum.client.session_transaction(base_url=GATEWAY) as cookie:
        cookie["done"]["at"] -= int(STAYS.total_seconds()) - 5
        cookie.modified = True
    assert TOLD in text_of(mum.get("/parent/").text)
    with mum.client.session_transaction(base_url=GATEWAY) as cookie:
        cookie["done"]["at"] -= 6
        cookie.modified = True
    assert TOLD not in text_of(mum.get("/parent/").text)


def test_a_resume_ends_it_and_stores_none(mum: Browser) -> None:
    block_youtube(mum)
    mum.post("/parent/resume", {"who": "son"})
    assert TOLD not in text_of(mum.get("/parent/").text)
    with mum.client.session_transaction(base_url=GATEWAY) as cookie:
        assert "done" not in cookie


def test_it_is_in_the_language_of_the_reader(mum: Browser, household: Household) -> None:
    block_youtube(mum)
    assert TOLD in text_of(mum.get("/parent/").text)
    page = text_of(mum.get("/parent/", Accept_Language="ru").text)
    assert "YouTube: заблокировано (Aruzhan)." in page
    assert TOLD not in page


def test_a_stored_sentence_keeps_its_parts(app: Flask) -> None:
    with app.test_request_context(headers={"Accept-Language": "ru"}):
        app.preprocess_request()
        inner = i18n.gettext("%(num)d min", num=5)
        outer = i18n.gettext("%(name)s is paused until %(until)s.", name="Dana", until=inner)
        many = i18n.ngettext("%(num)d code no longer works.", "%(num)d codes no longer work.", 2)
        stored = [i18n.stored(text) for text in (outer, many, "as it is")]
        assert [i18n.restored(text) for text in stored] == [outer, many, "as it is"]
    with app.test_request_context():
        app.preprocess_request()
        assert [i18n.restored(text) for text in stored] == [
            "Dana is paused until 5 min.",
            "2 codes no longer work.",
            "as it is",
        ]
