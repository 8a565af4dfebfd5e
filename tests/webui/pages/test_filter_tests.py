"""The page of the filter tests: from a device, of bypass methods, of one site, and one headline for all."""

from __future__ import annotations

import re

import pytest

from gateway.filter_test.catalogue import CHECKS
from gateway.filter_test.titles import GROUPS, check_titles, group_titles
from gateway.policy.language import ENGLISH
from tests.webui.conftest import Browser
from tests.webui.standin.household import Household, asked_of
from tests.webui.standin.pages import text_of
from tests.webui.standin.places import PHONE, TABLET
from tests.webui.standin.testing import ADULT, SCHOOL, TIKTOK, WHATSAPP

PAGE = "/parent/child/daughter/tests/"
ALL = [
    f"failed {TIKTOK}", f"opened {SCHOOL}", f"failed {ADULT}", f"opened {WHATSAPP}", "failed dns.google",
]  # fmt: skip
BYPASS = {"method": "bypass"}
NAMES = ("device", "bypass", "site")


def part(page: str, name: str) -> str:
    """Return the HTML of a card of the page."""
    return page.partition(f'aria-labelledby="{name}"')[2].partition("</section>")[0]


def last(page: str, name: str) -> str:
    """Return when a test was last run, as the headline's card says it."""
    return text_of(page.partition(f'id="{name}-result"')[2].partition(">")[2].partition("</li>")[0]).strip()


def begin(mum: Browser) -> None:
    assert mum.post(PAGE, {"device": TABLET}).status_code == 303


def tell(tablet: Browser, *results: str) -> int:
    answer = tablet.client.post(
        "/proof",
        base_url="http://192.168.1.1:8080",
        data={"result": list(results)},
        headers={"Origin": "http://192.168.1.1:8080"},
        environ_overrides={"REMOTE_ADDR": tablet.ip},
    )
    return answer.status_code


def test_it_is_reached_from_the_rules_and_nothing_starts_without_a_tap(
    mum: Browser, household: Household
) -> None:
    assert PAGE in mum.get("/parent/child/daughter/").text
    assert PAGE in mum.get("/parent/activity/daughter").text
    page = mum.get(PAGE).text
    assert all(last(page, name).endswith("not tested lately") for name in NAMES)
    assert 'class="verdict"' not in page, "nothing is claimed"
    assert "Test now" in page
    assert not household.testing.running


def test_one_headline_says_what_was_tested_and_what_could_not_be(
    mum: Browser, tablet: Browser, household: Household
) -> None:
    household.testing.end()
    begin(mum)
    assert last(mum.get(PAGE).text, "device").endswith("running now")
    tell(tablet, *ALL)
    page = mum.get(PAGE).text
    checks = len(CHECKS) - 2 + 6
    assert f"All {checks} checks match the rules. 3 could not be tested." in part(page, "result")
    opened = sum(check.passes for check in CHECKS) + 4 + 2
    assert f"Blocked: {checks - opened}. Allowed: {opened}." in part(page, "result")
    assert last(page, "bypass").endswith("2 minutes ago")
    assert page.count('class="verdict"') == 1


def test_a_fault_of_any_test_is_in_the_headline(mum: Browser, tablet: Browser, household: Household) -> None:
    household.testing.end(faults=("wireguard",))
    household.testing.saw[TIKTOK] = "passed"
    begin(mum)
    tell(tablet, f"opened {TIKTOK}", *ALL[1:])
    count = len(CHECKS) - 2 + 6
    assert f"{count - 2} of {count} checks match the rules." in part(mum.get(PAGE).text, "result")


def test_a_site_s_decision_names_who_decided_and_until_when(mum: Browser, household: Household) -> None:
    asked = {"host": "https://www.youtube.com/x", "day": "2026-11-24", "time": "21:30"}
    assert mum.post(f"{PAGE}site", asked).status_code == 303
    page = mum.get(PAGE).text
    assert "It is bedtime: the internet is blocked until 07:00." in text_of(page)
    assert "Blocked · The 10-12 rules · until 07:00 tomorrow" in text_of(page)
    assert "The only check matches the rules." in part(page, "result")
    [sent] = asked_of(household, "filter_test_site")
    assert (sent["id"], sent["host"], sent["at"]) == ("daughter", "www.youtube.com", "2026-11-24T21:30")


def test_without_a_time_a_site_is_tested_now(mum: Browser, household: Household) -> None:
    mum.post(f"{PAGE}site", {"host": "khanacademy.org"})
    assert "Allowed" in text_of(mum.get(PAGE).text.partition('id="answered"')[2])
    assert asked_of(household, "filter_test_site")[0]["at"] == "2026-11-24T19:40"


@pytest.mark.parametrize(("asked", "told"), [
    ({"host": "nonsense"}, "“nonsense” is not a site."),
    ({"host": "example.com", "day": "2026-99-99", "time": "12:00"}, "is not a time"),
])  # fmt: skip
def test_what_is_no_site_or_no_time_is_said(mum: Browser, asked: dict[str, str], told: str) -> None:
    answer = mum.post(f"{PAGE}site", asked)
    assert answer.status_code == 422
    assert told in text_of(answer.text)


def test_the_parent_chooses_a_device_and_is_told_what_to_open_there(mum: Browser) -> None:
    before = mum.get(PAGE).text
    assert TABLET in before
    assert "qalqan.home.arpa/proof" not in before, "nothing waits yet"
    begin(mum)
    page = mum.get(PAGE).text
    assert "http://qalqan.home.arpa/proof" in page
    assert '<svg class="qr"' in page or 'class="qr' in page
    assert "TikTok is blocked" in page
    assert page.count("Not tried yet") == 5
    assert "A site for adults is blocked" in page
    assert "WhatsApp works" in page
    assert "Bedtime begins at 20:45" in page


def test_all_lines_pass_by_what_was_seen(mum: Browser, tablet: Browser) -> None:
    begin(mum)
    assert tell(tablet, *ALL) == 303
    for page in (mum.get(PAGE).text, tablet.get("/proof").text):
        assert "All tests passed." in page
        assert "It took 4 seconds." in page
        assert "Not tried" not in page
        assert "Nothing to try" in page, "what cannot be tried is not shown as passed"


def test_what_was_not_seen_is_never_shown_as_passed(
    mum: Browser, tablet: Browser, household: Household
) -> None:
    begin(mum)
    household.testing.saw.clear()
    tell(tablet, *ALL)
    page = mum.get(PAGE).text
    assert page.count("Not tested") == 5
    assert "uses another connection" in page
    assert "All tests passed." not in page


def test_what_came_through_is_said(mum: Browser, tablet: Browser, household: Household) -> None:
    begin(mum)
    household.testing.saw[TIKTOK] = "passed"
    tell(tablet, f"opened {TIKTOK}")
    page = mum.get(PAGE).text
    assert "Does not work" in page
    assert "It came through." in page
    assert "All tests passed." not in page


def test_without_script_each_line_has_a_link_and_two_answers(mum: Browser, tablet: Browser) -> None:
    begin(mum)
    page = tablet.get("/proof").text
    assert f'href="https://{TIKTOK}/"' in page
    assert f'value="failed {TIKTOK}"' in page
    tell(tablet, f"failed {TIKTOK}")
    page = tablet.get("/proof").text
    assert f'value="failed {TIKTOK}"' not in page
    assert f'value="opened {SCHOOL}"' in page, "the others wait"
    assert f'href="https://{ADULT}/"' not in page, "a child is shown no address of a site for adults"


def test_this_page_alone_may_reach_those_sites(mum: Browser, tablet: Browser) -> None:
    assert tablet.get("/proof").headers["Content-Security-Policy"].count("https://") == 0
    begin(mum)
    policy = tablet.get("/proof").headers["Content-Security-Policy"]
    assert "connect-src 'self' https://tiktok.com https://*.tiktok.com https://bilimland.kz" in policy
    assert "script-src 'self';" in policy
    for page in ("/my", "/why"):
        assert "tiktok.com" not in tablet.get(page).headers["Content-Security-Policy"]
    tell(tablet, *ALL)
    assert "https://" not in tablet.get("/proof").headers["Content-Security-Policy"]


def test_again_and_end(mum: Browser, tablet: Browser) -> None:
    begin(mum)
    tell(tablet, *ALL)
    assert tablet.post("/proof/again").status_code == 303
    assert "Not tried yet" in tablet.get("/proof").text
    mum.post(f"{PAGE}end")
    page = mum.get(PAGE).text
    assert "Was not tried" in page
    assert "Start again." in page


def test_who_sees_it(mum: Browser, tablet: Browser, stranger: Browser) -> None:
    begin(mum)
    assert "TikTok" not in stranger.get("/proof").text
    assert stranger.get(PAGE).status_code == 303
    assert tablet.get(PAGE).status_code == 303
    assert tell(stranger, *ALL) == 303
    assert "Not tried yet" in mum.get(PAGE).text


@pytest.mark.parametrize(
    "said", ["", "perhaps www.tiktok.com", "opened ", "opened \x00", f"opened {'a' * 300}"]
)
def test_what_is_no_result(mum: Browser, tablet: Browser, said: str) -> None:
    begin(mum)
    assert tell(tablet, said) == 400


def test_a_device_that_is_not_hers_is_no_choice(mum: Browser) -> None:
    assert mum.post(PAGE, {"device": "02:00:00:00:00:0c"}).status_code == 400
    assert mum.post(PAGE, {"device": PHONE}).status_code == 303
    assert mum.get("/parent/child/nobody/tests/").status_code == 404


def test_every_check_is_shown_in_its_group(mum: Browser, household: Household) -> None:
    household.testing.end()
    page = text_of(mum.get(PAGE).text)
    groups, titles = group_titles(ENGLISH), check_titles(ENGLISH)
    at = 0
    for group, checks in GROUPS.items():
        for title in (groups[group], *(titles[check] for check in checks)):
            assert title in page[at:], title
            at = page.index(title, at) + len(title)


def test_every_setting_that_closes_a_way_leads_to_a_page(mum: Browser, household: Household) -> None:
    household.testing.end(faults=[one.id for one in CHECKS])
    page = mum.get(PAGE).text
    for one in {one.closes for one in CHECKS if one.closes}:
        assert page.count("Setting that blocks it:") >= 1, one
    expected = sum(bool(one.closes) and not one.passes for one in CHECKS)
    assert page.count("Setting that blocks it:") == expected
    for name in ("VPN", "Safe search", "Addresses without a name", "VPN and proxies"):
        assert re.search(rf'<a class="link" href="[^"]+">Setting that blocks it: {name}</a>', page), name


def test_it_runs_and_then_tells_what_is_open_and_what_closes_it(mum: Browser, household: Household) -> None:
    assert mum.post(PAGE, BYPASS).status_code == 303
    page = mum.get(PAGE).text
    assert "The test is running." in page
    assert re.search(r"<button[^>]* disabled>", page)
    household.testing.end()
    page = mum.get(PAGE).text
    assert f"All {len(CHECKS) - 2} checks match the rules. 2 could not be tested." in page
    chosen = page.partition('id="chosen"')[2].partition("</ul>")[0]
    assert chosen.count("<li>") == 4
    untested = page.partition('id="untested"')[2].partition("</ul>")[0]
    assert untested.count("<li>") == 2
    assert page.count("SSH on the port of the web") == 2, "among the open ones, and in its group"


def test_a_fault_is_told_first_with_where_to_look(mum: Browser, household: Household) -> None:
    household.testing.end(faults=("wireguard", "tls", "help"))
    page = mum.get(PAGE).text
    assert f"{len(CHECKS) - 5} of {len(CHECKS) - 2} checks match the rules." in page
    told = page.partition("Does not match the rules")[2].partition("</ul>")[0]
    assert "WireGuard" in told and "IPv4: allowed, IPv6: blocked" in told  # noqa: PT018 - one line of the page
    assert "No setting allows it, so it should be blocked." in told
    assert "This should always work." in told
    assert "Setting that blocks it:" in told


def test_why_it_came_to_no_end_is_told_and_nothing_is_claimed(mum: Browser, household: Household) -> None:
    household.testing.end(problem="the LAN has no <bridge>")
    page = mum.get(PAGE).text
    assert "The test did not finish." in page
    assert "bridge" not in page, "details of the gateway are on Health"
    assert "match the rules" not in page


def test_a_sibling_s_result_is_not_this_child_s(mum: Browser, household: Household) -> None:
    household.testing.end("son")
    page = mum.get(PAGE).text
    assert "match the rules" not in page


def test_no_child_and_no_helper_sees_what_is_open(tablet: Browser, household: Household) -> None:
    household.testing.end()
    answer = tablet.get(PAGE)
    assert answer.status_code in (302, 303)
    assert "SSH" not in answer.text
