"""Each page's title tells it from the others, in each language: it is what a screen reader says first."""

from __future__ import annotations

import re
from collections import defaultdict
from types import SimpleNamespace

import pytest
from flask import Flask

from tests.browser.every import CHILDS, PARENTS
from tests.browser.states import shared
from tests.control.running import Running
from tests.webui.conftest import Browser, browser_on
from tests.webui.standin.household import Household
from webui.language.i18n import COOKIE

TABLET_IP = "192.168.1.20"
LEFT_OUT = {
    "/support/",  # the same as Health, for whoever sees nothing else
    "/calendar",  # what the quick exit leads to tells nobody whose it is
    "/no-such-page",
}


def title(browser: Browser, path: str) -> str:
    """Empty for a page that is not there now, or leads on to another."""
    answer = browser.get(path)
    found = re.search(r"<title>(.*?)</title>", answer.text, re.S)
    assert found is not None, path
    return " ".join(found[1].split()) if answer.status_code == 200 else ""


@pytest.mark.parametrize("language", ["en", "kk", "ru"])
@pytest.mark.parametrize("seat", ["child", "parent"])
def test_no_two_pages_have_one_title(
    app: Flask, mum: Browser, household: Household, daemon: Running, seat: str, language: str
) -> None:
    browser, pages = (mum, PARENTS) if seat == "parent" else (browser_on(app, TABLET_IP), CHILDS)
    browser.client.set_cookie(COOKIE, language, domain="192.168.1.1")
    titled = defaultdict(set)
    shared(SimpleNamespace(household=household))  # type: ignore[arg-type]
    adapter = app.url_map.bind("192.168.1.1")
    for path in {path.partition("?")[0] for path, _ in pages.values()} - LEFT_OUT:
        titled[title(browser, path)].add((adapter.match(path)[0], path))
    titled.pop("")
    assert len(titled) > (10 if seat == "child" else 40)
    assert [places for places in titled.values() if len(places) > 1] == []
    assert all(one.endswith("Qalqan") and " · " in one for one in titled), sorted(titled)
