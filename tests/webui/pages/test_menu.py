"""Navigation: four tabs on each page, and what More leads to."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from flask import Flask

from tests.webui.conftest import Browser
from tests.webui.standin.pages import text_of
from webui import menu
from webui.accounts.session import Person
from webui.menu import MenuEntry, MenuGroup

TABS = {
    "/parent/": "Home",
    "/parent/activity/": "Activity",
    "/parent/requests": "Requests",
    "/parent/more": "More",
}
MUM = Person("Mum", "guardian", minutes=0, password=True, proposed=False)


@pytest.mark.parametrize("path", TABS)
def test_four_tabs_and_the_one_that_is_shown_is_said(mum: Browser, path: str) -> None:
    page = mum.get(path).text
    nav = page.partition('<nav class="tabs"')[2].partition("</nav>")[0]
    assert page.index('class="skip"') < page.index('<nav class="tabs"') < page.index("<header")
    found = re.findall(r'<a href="([^"]+)"\s*(aria-current=page)?\s*>.*?<span>([^<]+)</span>', nav, re.DOTALL)
    assert [(url, name) for url, _, name in found] == list(TABS.items())
    assert [name for _, current, name in found if current] == [TABS[path]]


def test_the_requests_that_wait_are_counted_in_the_tab(mum: Browser, tablet: Browser) -> None:
    tablet.post("/my/ask", {"minutes": "30", "reason": ""})
    page = mum.get("/parent/activity/").text
    assert "Requests 1" in text_of(page[page.index('<nav class="tabs"') :])


def test_each_entry_of_more_leads_to_a_page_and_has_an_icon(app: Flask, mum: Browser) -> None:
    page = mum.get("/parent/more").text
    with app.test_request_context():
        entries = [entry for group in menu.groups(MUM) for entry in group.entries]
        urls = [app.url_for(entry.endpoint) for entry in entries]
    assert entries
    for entry, url in zip(entries, urls, strict=True):
        assert f'<a href="{url}">' in page
        assert entry.title in page
        assert mum.get(url).status_code == 200


def test_who_may_open_nothing_of_a_group_does_not_see_it(app: Flask) -> None:
    with app.test_request_context():
        assert menu.groups(replace(MUM, role="nobody")) == ()
        assert all(
            isinstance(one, MenuGroup) and isinstance(one.entries[0], MenuEntry) for one in menu.groups(MUM)
        )
