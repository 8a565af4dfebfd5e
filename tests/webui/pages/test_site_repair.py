"""Fix a broken site: begin, look, keep, on the pages of parent and child."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from gateway.control.contract.rules import AuditLogLine
from tests.webui.conftest import Browser
from tests.webui.standin.household import LAPTOP, NOW, PHONE, TABLET, Household, asked_of
from tests.webui.standin.pages import HOSTILE, text_of
from tests.webui.standin.ruling import said
from tests.webui.standin.site_repairs import CLOSED, REFUSED, needed, some_names
from webui.features.rules.audit_log_text import describe

PAGE = "/parent/child/daughter/teach/"
SITES = "/parent/child/daughter/sites/"
SITE = "kundelik.kz"

pytestmark = pytest.mark.usefixtures("ruled")


def begun(household: Household, names: list[dict[str, Any]] | None = None, **how: str) -> dict[str, Any]:
    repair = household.site_repairs.begin("daughter", SITE, **how)
    repair["names"] = some_names() if names is None else names
    return repair


def mark(page: str) -> str:
    found = re.search(r'name="repair" value="([^"]*)"', page)
    assert found is not None
    return found[1]


def ticked(page: str) -> list[str]:
    return re.findall(r'name="keep" value="(\d+)" checked', page)


def end(mum: Browser, do: str = "keep", *keep: str, repair: str | None = None) -> str:
    form = {"repair": mark(mum.get(PAGE).text) if repair is None else repair, "do": do, "keep": list(keep)}
    answer = mum.post(PAGE + "end", form)  # type: ignore[arg-type]
    assert answer.status_code == 303
    return mum.get(answer.headers["Location"]).text


def test_it_begins_from_the_sites_page_on_the_device_at_hand(mum: Browser, household: Household) -> None:
    page = mum.get(SITES).text
    assert f'action="{PAGE}"' in page
    assert f'name="device" value="{TABLET}" checked' in page
    answer = mum.post(PAGE, {"host": "https://www.kundelik.kz/login", "device": TABLET})
    assert (answer.status_code, answer.headers["Location"]) == (303, PAGE)
    [asked] = asked_of(household, "teach")
    assert asked == {"id": "daughter", "host": SITE, "device": TABLET, "by": "Mum", "origin": "192.168.1.7"}
    text = text_of(mum.get(PAGE).text)
    assert "Open kundelik.kz on Aruzhan’s Tablet now and click through it. 4:12 left, until 19:44" in text
    assert "So far the site needed nothing that is blocked." in text
    assert "reload it on the device" in text
    assert "Stop, keep nothing" in text
    assert "Keep what is ticked" not in text


def test_all_of_the_childs_devices_or_only_its_own(mum: Browser, household: Household) -> None:
    assert mum.post(PAGE, {"host": SITE, "device": "all"}).status_code == 303
    assert "device" not in asked_of(household, "teach")[0]
    assert "on a device of Aruzhan’s now" in text_of(mum.get(PAGE).text)
    for device in (LAPTOP, "", "x"):
        assert mum.post(PAGE, {"host": SITE, "device": device}).status_code == 400


def test_www_stays_before_a_public_suffix(mum: Browser, household: Household) -> None:
    assert mum.post(PAGE, {"host": "www.gov.kz", "device": "all"}).status_code == 303
    assert asked_of(household, "teach")[0]["host"] == "www.gov.kz"


@pytest.mark.parametrize(("host", "told"), [
    ("not a site", "is not a site"),
    (CLOSED, "A pause, bedtime, schedule or limit blocks Aruzhan now"),
    (REFUSED, "A rule that a repair cannot lift blocks casino.example for Aruzhan."),
])  # fmt: skip
def test_what_cannot_begin_says_why_and_keeps_what_was_typed(mum: Browser, host: str, told: str) -> None:
    answer = mum.post(PAGE, {"host": host, "device": PHONE})
    assert answer.status_code == 422
    assert told in text_of(answer.text)
    assert f'value="{host}"' in answer.text
    assert f'value="{PHONE}" checked' in answer.text


def test_names_are_in_groups_and_what_the_site_needed_is_ticked(mum: Browser, household: Household) -> None:
    begun(household)
    page = mum.get(PAGE).text
    text = text_of(page)
    assert ticked(page) == ["0", "1", "2", "3", "4", "5"]
    assert "kundelik.kz www.kundelik.kz login.kundelik.kz school-parts.kz a.school-parts.kz" in text
    assert "Opened at other times 1" in text
    assert 'name="keep" value="6" >' in page
    assert 'value="7"' not in page, "what was refused cannot be ticked"
    assert "Stayed blocked www.tiktok.com TikTok TikTok is blocked. Your family set this." in text


def test_what_was_not_opened_is_told_in_the_reader_s_language(mum: Browser, household: Household) -> None:
    begun(household)
    text = text_of(mum.get(PAGE + "now", Accept_Language="ru").text)
    assert "TikTok is blocked" not in text
    assert "www.tiktok.com: заблокировано." in text


def test_what_is_ticked_is_kept_and_can_be_taken_back(mum: Browser, household: Household) -> None:
    begun(household)
    page = end(mum, "keep", "0", "4")
    assert "kundelik.kz stays allowed for Aruzhan, with what it needed: 2 entries in the list." in text_of(
        page
    )
    assert household.site_repairs.ended == [("daughter", ("www.kundelik.kz", "static.school-parts.kz"))]
    assert said(household)["allow"] == ["khanacademy.org", "www.kundelik.kz", "static.school-parts.kz"]
    revision = re.search(r'name="revision" value="(\d+ \d+)">Undo', page)
    assert revision is not None
    mum.post("/parent/child/daughter/undo", {"revision": revision[1]})
    assert said(household)["allow"] == ["khanacademy.org"]


@pytest.mark.parametrize(("do", "keep"), [("none", ("0", "1")), ("keep", ())])
def test_nothing_is_kept(mum: Browser, household: Household, do: str, keep: tuple[str, ...]) -> None:
    begun(household)
    page = end(mum, do, *keep)
    assert "The repair is over. Nothing of kundelik.kz is kept for Aruzhan." in text_of(page)
    assert household.site_repairs.ended == [("daughter", ())]


def test_after_five_minutes_it_may_still_be_kept(mum: Browser, household: Household) -> None:
    begun(household, state="over")
    text = text_of(mum.get(PAGE).text)
    assert (
        "The five minutes are over, and kundelik.kz is as before. You can still keep what it needed." in text
    )
    assert "left, until" not in text
    assert "Another site" in text
    end(mum, "keep", "0")
    assert household.site_repairs.ended == [("daughter", ("www.kundelik.kz",))]


def test_a_form_of_another_repair_keeps_nothing(mum: Browser, household: Household) -> None:
    begun(household)
    old = mark(mum.get(PAGE).text)
    begun(household, [needed("other.kz", "other.kz")])["until"] = NOW + timedelta(minutes=5)
    assert "This repair is over" in end(mum, "keep", "0", repair=old)
    assert household.site_repairs.ended == []
    form = {"repair": mark(mum.get(PAGE).text), "do": "keep", "keep": "9"}
    assert mum.post(PAGE + "end", form).status_code == 400


def test_no_other_child_and_nobody_else(mum: Browser, tablet: Browser, household: Household) -> None:
    begun(household)
    for path in (PAGE, PAGE + "now"):
        assert tablet.get(path).headers["Location"] == "/signin"
    for path in (PAGE, PAGE + "end"):
        assert tablet.post(path, {"host": SITE, "device": TABLET}).headers["Location"] == "/signin"
    assert asked_of(household, "teach") == asked_of(household, "teach_end") == []
    assert mum.get("/parent/child/nobody/teach/now").status_code == 404
    assert mum.get("/parent/child/nobody/teach/").status_code == 404
    assert SITE not in mum.get("/parent/child/son/teach/").text


def test_hostile_names_come_to_nothing(mum: Browser, household: Household) -> None:
    begun(household, [
        needed(HOSTILE, HOSTILE), needed("x\u202e.kz", "x\u202e.kz", service=HOSTILE),
        needed("y.kz", "y.kz", proposed=False, refused="category", sentence=HOSTILE),
    ])  # fmt: skip
    page = mum.get(PAGE).text
    assert "<script>alert" not in page
    assert "\u202e" not in page


def test_the_audit_log_has_it_in_words() -> None:
    for what, phrase in (
        ("teach", "began to fix a site for Aruzhan"),
        ("teach_end", "ended the repair of a site for Aruzhan: 8 addresses kept"),
    ):
        line = AuditLogLine(
            at=NOW, day_only=False, who="Mum", what=what, about="Aruzhan",
            detail="8 names kept, as 5 entries", until=None, address="", device="", token="",
        )  # fmt: skip
        assert describe(line, NOW) == phrase


def test_two_hundred_long_names_fit_into_the_form(mum: Browser, household: Household) -> None:
    long = f"{'n' * 60}.{'n' * 60}.{'n' * 60}.example"
    begun(household, [needed(f"n{number}.{long}", long) for number in range(200)])
    form = ticked(mum.get(PAGE).text)
    assert len(form) == 200
    end(mum, "keep", *form)
    assert len(household.site_repairs.ended[0][1]) == 200


def test_the_parents_home_says_so_while_it_runs_and_until_it_is_answered(
    mum: Browser, household: Household
) -> None:
    assert "Teaching" not in mum.get("/parent/").text
    repair = begun(household)
    page = mum.get("/parent/").text
    assert "Fixing kundelik.kz until 19:44" in text_of(page)
    assert f'href="{PAGE}"' in page
    repair["state"] = "over"
    assert "The repair of kundelik.kz is over. Choose what to keep" in text_of(mum.get("/parent/").text)


@pytest.mark.parametrize("band", ["6-9", "10-12", "16-17"])
def test_the_child_is_told_on_the_device_that_it_is_about(
    mum: Browser, tablet: Browser, household: Household, band: str
) -> None:
    household.edited["daughter"] = {"band": band}
    assert "is trying" not in tablet.get("/my").text
    repair = begun(household, device=TABLET)
    text = text_of(tablet.get("/my").text)
    assert "Mum is trying kundelik.kz on this device" in text
    assert "It is allowed until 19:44. Until then Mum sees which sites this device asks for." in text
    repair["by"] = "qalqan"
    assert "The gateway is trying kundelik.kz" in text_of(tablet.get("/my").text)
    repair["devices"] = [PHONE]
    assert "is trying" not in tablet.get("/my").text
    begun(household, state="over", device=TABLET)
    assert "is trying" not in tablet.get("/my").text


def test_a_request_for_a_site_leads_to_it_where_names_ask_first(
    mum: Browser, tablet: Browser, household: Household
) -> None:
    tablet.post("/my/ask/site", {"host": "bet.example"})
    assert "Teach it" not in mum.get("/parent/requests").text
    household.edited["daughter"] = {"mode": "allow-list"}
    page = mum.get("/parent/requests").text
    found = re.search(r'href="(/parent/child/daughter/teach/\?host=[^"]*)"', page)
    assert found is not None
    assert 'value="bet.example"' in mum.get(found[1]).text
