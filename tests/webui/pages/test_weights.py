"""What a first visit weighs: each page that a browser can open, with what it loads, in three languages."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest

from gateway.control.contract.rules import help_line_entry
from gateway.control.schema import values_of
from gateway.household.loading import load_countries
from gateway.policy.names.countries import lines_for
from tests.browser.every import CHILDS, PARENTS
from tests.webui.conftest import Browser

MOST = 80_000  # bytes
LONGEST = "gb"  # the country with the most help lines


@pytest.fixture(autouse=True)
def lines(monkeypatch: pytest.MonkeyPatch) -> None:
    countries = load_countries()
    assert len(lines_for(countries, LONGEST)) == max(len(lines_for(countries, one)) for one in countries)
    told = [values_of(help_line_entry(line)) for line in lines_for(countries, LONGEST)]
    monkeypatch.setattr("tests.webui.standin.refusing.HELP", told)


def weigh(browser: Browser, paths: Iterable[str], language: str) -> dict[str, int]:
    parts: dict[str, int] = {}
    found = {}
    for path in paths:
        page = browser.get(path, Accept_Language=language)
        loads = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text))
        for one in loads - parts.keys():
            with browser.get(one) as part:
                parts[one] = len(part.data)
        found[path] = len(page.data) + sum(parts[one] for one in loads)
    return found


@pytest.mark.system  # loads every page with all its files
@pytest.mark.parametrize("language", ["en", "kk", "ru"])
def test_no_page_is_heavier_than_80_kb(tablet: Browser, mum: Browser, language: str) -> None:
    for browser, pages in ((tablet, CHILDS), (mum, PARENTS)):
        weights = weigh(browser, {path for path, _prepare in pages.values()}, language)
        assert len(weights) > 30
        assert {path: weight for path, weight in weights.items() if weight > MOST} == {}
