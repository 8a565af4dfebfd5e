"""Proof: a parent starts it, the child's device says what it met, and both see the same lines."""

from __future__ import annotations

import pytest

from tests.webui.conftest import Browser
from tests.webui.standin.household import Household
from tests.webui.standin.places import PHONE, TABLET
from tests.webui.standin.proving import ADULT, SCHOOL, TIKTOK, WHATSAPP

PAGE = "/parent/child/daughter/proof/"
ALL = [
    f"failed {TIKTOK}", f"opened {SCHOOL}", f"failed {ADULT}", f"opened {WHATSAPP}", "failed dns.google",
]  # fmt: skip


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


def test_it_is_reached_from_the_child_s_rules_and_from_activity(mum: Browser) -> None:
    for page in ("/parent/child/daughter/tests/", "/parent/activity/daughter"):
        answer = mum.get(page)
        assert PAGE in answer.text, page


def test_the_parent_chooses_a_device_and_is_told_what_to_open_there(mum: Browser) -> None:
    before = mum.get(PAGE).text
    assert TABLET in before
    assert "qalqan.home.arpa" not in before, "nothing waits yet"
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
    household.proving.saw.clear()
    tell(tablet, *ALL)
    page = mum.get(PAGE).text
    assert page.count("Not tested") == 5
    assert "uses another connection" in page
    assert "All tests passed." not in page


def test_what_came_through_is_said(mum: Browser, tablet: Browser, household: Household) -> None:
    begin(mum)
    household.proving.saw[TIKTOK] = "passed"
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
    assert mum.get("/parent/child/nobody/proof/").status_code == 404
