"""The parents' search: what it finds, and where the results lead."""

from __future__ import annotations

import re
from urllib.parse import quote_plus

import pytest

from tests.webui.conftest import Browser
from tests.webui.standin.pages import text_of

SEARCH = "/parent/search/"


def results(mum: Browser, text: str) -> list[str]:
    """Return the addresses of all results, in the order of the page."""
    page = mum.get(f"{SEARCH}?q={quote_plus(text)}").text
    main = page[page.index("<h1>") : page.index("</main>")]
    return re.findall(r'<a class="link" href="([^"]+)"', main)


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("youtube", "/parent/child/daughter/services/youtube"),
        ("ютуб", "/parent/child/daughter/services/youtube"),
        ("Aruzhan", "/parent/child/daughter/"),
        ("аружан", "/parent/child/daughter/"),
        ("bedtime", "/parent/child/daughter/week/bedtime"),
        ("bedtiem", "/parent/child/daughter/week/bedtime"),
        ("safe search", "/parent/child/daughter/basics/#safe_search"),
        ("gambling", "/parent/child/daughter/kinds/#categories-gambling"),
        ("backup", "/parent/backup/"),
        ("health", "/parent/health/"),
    ],
)
def test_it_finds_children_rules_apps_categories_and_pages(mum: Browser, typed: str, address: str) -> None:
    found = results(mum, typed)
    assert address in found
    assert mum.get(address).status_code == 200


def test_a_childs_name_restricts_the_rest(mum: Browser) -> None:
    found = results(mum, "Timur YouTube")
    assert "/parent/child/son/services/youtube" in found
    assert not any("/daughter/" in address for address in found)


def test_an_explanation_is_found(mum: Browser) -> None:
    assert "/learn/category:gambling" in results(mum, "gambling")


def test_nothing_found_and_an_empty_search(mum: Browser) -> None:
    assert "Nothing found" in text_of(mum.get(f"{SEARCH}?q=zzzzzz").text)
    assert "Nothing found" not in text_of(mum.get(SEARCH).text)


def test_a_hostile_search_is_shown_as_text_and_cut(mum: Browser) -> None:
    page = mum.get(f"{SEARCH}?q={quote_plus('<script>' + 'x' * 500)}")
    assert page.status_code == 200
    assert "<script>x" not in page.text
    assert "x" * 61 not in page.text


def test_more_has_the_search_field(mum: Browser) -> None:
    assert f'action="{SEARCH}"' in mum.get("/parent/more").text


def test_it_is_for_guardians(tablet: Browser) -> None:
    assert tablet.get(f"{SEARCH}?q=youtube").status_code in (303, 403)
