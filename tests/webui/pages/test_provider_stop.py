"""The provider's stop is on every page, of parents and of children, with its end."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from tests.browser.every import CHILDS, PARENTS
from tests.control.running import Running
from tests.webui.conftest import Browser, browser_on
from tests.webui.standin.household import NOW, Household
from tests.webui.standin.pages import text_of

TABLET_IP = "192.168.1.20"
SENTENCE = "Your internet provider turned time rules and categories off for everyone until 20:40."
# Hides which page was left; shown without the gateway; pages of help, which say nothing about the home.
LEFT_OUT = ("/calendar", "/offline", "/mean", "/rights", "/learn/")


@pytest.fixture
def stopped(household: Household) -> Household:
    household.extra.update(mode="off", off_until=NOW + timedelta(hours=1), stopped_by_provider=True)
    return household


@pytest.mark.parametrize("seat", ["child", "parent"])
def test_it_is_on_every_page(
    app: Flask, mum: Browser, stopped: Household, daemon: Running, seat: str
) -> None:
    browser, pages = (mum, PARENTS) if seat == "parent" else (browser_on(app, TABLET_IP), CHILDS)
    paths = {path for path, _ in pages.values() if not path.startswith(LEFT_OUT)}
    found = {path: browser.get(path) for path in paths}
    shown = {path: text_of(answer.text) for path, answer in found.items() if answer.status_code == 200}
    assert len(shown) > (15 if seat == "child" else 60)
    assert sorted(path for path, text in shown.items() if SENTENCE not in text) == []
