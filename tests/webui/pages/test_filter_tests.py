"""The page of the three tests of the filter: each has its last result and a link."""

from __future__ import annotations

from gateway.audit.catalogue import CHECKS
from tests.webui.conftest import Browser
from tests.webui.pages.test_proof import ALL, begin, tell
from tests.webui.standin.household import Household
from tests.webui.standin.pages import text_of

PAGE = "/parent/child/daughter/tests/"


def result(page: str, name: str) -> str:
    return text_of(page.partition(f'id="{name}-result"')[2].partition(">")[2].partition("</p>")[0]).strip()


def test_it_is_reached_from_the_rules_and_leads_to_the_three_tests(mum: Browser) -> None:
    assert PAGE in mum.get("/parent/child/daughter/").text
    page = mum.get(PAGE).text
    for test in ("proof", "around", "preview"):
        assert f'href="/parent/child/daughter/{test}/"' in page or f"/daughter/{test}" in page, test
    assert result(page, "device") == result(page, "bypass") == "Not tested lately."


def test_each_test_has_its_last_result(mum: Browser, tablet: Browser, household: Household) -> None:
    household.trying.end()
    begin(mum)
    assert result(mum.get(PAGE).text, "device") == "The test is running."
    tell(tablet, *ALL)
    bypasses = sum(not check.passes for check in CHECKS)
    page = mum.get(PAGE).text
    assert f"{bypasses - 6} of {bypasses - 2} that could be tested are blocked." in result(page, "bypass")
    assert "2 could not be tested." in result(page, "bypass")


def test_no_child_sees_it(tablet: Browser) -> None:
    assert tablet.get(PAGE).headers["Location"] == "/signin"
