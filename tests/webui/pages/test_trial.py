"""Ways around: a guardian has them tried against a child's rules, and reads what came in a family's words."""

from __future__ import annotations

import re

from gateway.audit.catalogue import CHECKS
from gateway.audit.titles import GROUPS, check_titles, group_titles
from gateway.policy.language import ENGLISH
from tests.webui.conftest import Browser
from tests.webui.standin.household import Household
from tests.webui.standin.pages import text_of

PAGE = "/parent/child/daughter/around/"


def test_every_check_is_shown_in_its_group(mum: Browser, household: Household) -> None:
    household.trying.end()
    page = text_of(mum.get(PAGE).text)
    groups, titles = group_titles(ENGLISH), check_titles(ENGLISH)
    at = 0
    for group, checks in GROUPS.items():
        for title in (groups[group], *(titles[check] for check in checks)):
            assert title in page[at:], title
            at = page.index(title, at) + len(title)


def test_every_setting_that_closes_a_way_leads_to_a_page(mum: Browser, household: Household) -> None:
    household.trying.end(faults=[one.id for one in CHECKS])
    page = mum.get(PAGE).text
    for one in {one.closes for one in CHECKS if one.closes}:
        assert page.count("Setting that blocks it:") >= 1, one
    expected = sum(bool(one.closes) and not one.passes for one in CHECKS)
    assert page.count("Setting that blocks it:") == expected
    for name in ("VPN", "Safe search", "Addresses without a name", "VPN and proxies"):
        assert re.search(rf'<a class="link" href="[^"]+">Setting that blocks it: {name}</a>', page), name


def test_it_is_reached_from_the_rules_and_nothing_is_tried_by_itself(
    mum: Browser, household: Household
) -> None:
    assert PAGE in mum.get("/parent/child/daughter/tests/").text
    page = mum.get(PAGE).text
    assert "Test now" in page
    assert not household.trying.running


def test_it_runs_and_then_tells_what_is_open_and_what_closes_it(mum: Browser, household: Household) -> None:
    assert mum.post(PAGE, {}).status_code == 303
    page = mum.get(PAGE).text
    assert "The test is running." in page
    assert re.search(r"<button[^>]* disabled>", page)
    household.trying.end()
    page = mum.get(PAGE).text
    assert "Everything tested is blocked as set." in page
    assert "84 of 88" not in page
    ways = [one for one in CHECKS if not one.passes]
    assert f"{len(ways) - 6} of {len(ways) - 2} that could be tested are blocked." in page
    assert "These rules allow 4." in page
    assert "2 could not be tested." in page
    untested = page.partition('id="untested"')[2].partition("</section>")[0]
    assert untested.count("<li>") == 2
    assert page.count("SSH on the port of the web") == 2, "among the open ones, and in its group"


def test_a_fault_is_told_first_with_where_to_look(mum: Browser, household: Household) -> None:
    household.trying.end(faults=("wireguard", "tls", "help"))
    page = mum.get(PAGE).text
    assert "3 do not match the rules." in page
    told = page.partition("Does not match the rules")[2].partition("</section>")[0]
    assert "WireGuard" in told and "IPv4: not blocked, IPv6: blocked" in told  # noqa: PT018 - one line of the page
    assert "No setting allows it, so it should be blocked." in told
    assert "This should always work." in told
    assert "Setting that blocks it:" in told


def test_why_it_came_to_no_end_is_told_and_nothing_is_claimed(mum: Browser, household: Household) -> None:
    household.trying.end(problem="the LAN has no <bridge>")
    page = mum.get(PAGE).text
    assert "The test did not finish." in page
    assert "bridge" not in page
    assert "Everything tested" not in page


def test_a_sibling_s_result_is_not_this_child_s(mum: Browser, household: Household) -> None:
    household.trying.end("son")
    page = mum.get(PAGE).text
    assert "that could be tested" not in page


def test_no_child_and_no_helper_sees_what_is_open(tablet: Browser, household: Household) -> None:
    household.trying.end()
    answer = tablet.get(PAGE)
    assert answer.status_code in (302, 303)
    assert "SSH" not in answer.text
