"""The step into the next age band on the pages: proposed, answered, put off, and read by the child."""

from __future__ import annotations

from flask import Flask

from gateway.age.bands import AgeBand
from gateway.control.protocol import ControlRequest, Role
from tests.webui.conftest import Browser, browser_on
from tests.webui.standin.household import Household
from tests.webui.standin.pages import text_of

PAGE = "/parent/child/daughter/step/"
LAPTOP = "192.168.1.22"  # the son's


def says(household: Household, who: str) -> tuple[str, str | None]:
    one = household.editing.rules.household.profiles[who]
    return one.band.value, one.next_step


def test_before_its_month_the_page_says_when_and_what_will_change(mum: Browser, household: Household) -> None:
    assert "No month is known" in text_of(mum.get(PAGE).text)
    household.editing.rules  # noqa: B018
    mum.post("/parent/child/daughter/basics/", {"next_step": "2027-05"})
    assert "the next step" not in text_of(mum.get("/parent/").text)


def test_a_step_is_proposed_at_home_and_its_page_says_what_changes_in_both_directions(
    mum: Browser, household: Household
) -> None:
    household.growing.propose("daughter")
    home = text_of(mum.get("/parent/").text)
    assert "Aruzhan: next age group" in home
    assert "Aruzhan gets the 13-15 rules on 24 December if no parent answers." in home
    assert "Aruzhan gets the 13-15 rules on 24 December" in text_of(mum.get("/parent/more").text)
    told = text_of(mum.get(PAGE).text)
    opens, time, written = (told.index(one) for one in ("Newly allowed", "Time and limits", "What is stored"))
    stays = told.index("What stays as it is")
    assert opens < told.index("AI assistants: allowed") < time
    assert time < told.index("Play on school days: 2 h a day") < written
    assert written < told.index("Stored: level 1 of 3.") < stays
    assert stays < told.index("TikTok is blocked", stays)
    assert "Social networks: needs approval" in told[stays:], "set by the family"
    assert "Social networks" not in told[:stays]


def test_yes_takes_it_and_the_undo_has_it_back(mum: Browser, household: Household) -> None:
    household.growing.propose("daughter")
    answer = mum.post(f"{PAGE}take")
    assert (answer.status_code, answer.location) == (303, "/parent/child/daughter/")
    assert says(household, "daughter") == ("13-15", "2029-11")
    assert mum.post(f"{PAGE}take").location == "/parent/child/daughter/", "tapped twice"
    page = mum.get("/parent/child/daughter/").text
    assert "Aruzhan has the 13-15 rules now." in text_of(page)
    form = page.split('action="/parent/child/daughter/undo"')[1].split("</form>")[0]
    revision = form.split('value="')[1].split('"')[0]
    mum.post("/parent/child/daughter/undo", {"revision": revision})
    assert says(household, "daughter") == ("10-12", "2026-11")


def test_not_yet_needs_a_reason_and_the_child_reads_it(
    mum: Browser, tablet: Browser, household: Household
) -> None:
    household.growing.propose("daughter")
    mine = text_of(tablet.get("/my").text)
    assert "You have the 13-15 rules from 24 December on. A parent may say yes sooner." in mine
    wrong = mum.post(f"{PAGE}later", {"until": "2027-02", "reason": "  "})
    assert wrong.status_code == 422
    assert "Write a reason" in text_of(wrong.text)
    assert 'value="2027-02" selected' in wrong.text
    assert mum.post(f"{PAGE}later", {"until": "soon", "reason": "x"}).status_code == 400
    late = mum.post(f"{PAGE}later", {"until": "2027-11", "reason": "x"})
    assert "one of the six months after its own" in text_of(late.text)
    assert mum.post(f"{PAGE}later", {"until": "2027-02", "reason": "School <b>first"}).status_code == 303
    again = mum.post(f"{PAGE}later", {"until": "2027-02", "reason": "School <b>first"})
    assert again.status_code == 303, "tapped twice"
    told = text_of(mum.get(PAGE).text)
    assert "It is put off to February 2027. The child reads why." in told
    assert "Put off to" not in told, "once"
    page = tablet.get("/my").text
    assert "School &lt;b&gt;first" in page
    assert "You have the 13-15 rules from 1 February 2027 on. Mum put them off: “School" in text_of(page)
    own = text_of(tablet.get("/my/step").text)
    assert "Mum put them off: “School" in own
    assert "Newly allowed" in own
    assert "TikTok is blocked" in own


def test_one_that_happened_by_itself_is_told_to_both_and_goes_back_with_a_reason(
    mum: Browser, tablet: Browser, household: Household
) -> None:
    household.growing.propose("daughter")
    household.growing.pass_days(30)
    assert says(household, "daughter") == ("13-15", "2029-11")
    for path in ("/parent/", "/parent/activity/", PAGE):
        assert "They started automatically." in text_of(mum.get(path).text), path
    assert "You have the 13-15 rules since 24 December." in text_of(tablet.get("/my").text)
    assert "Back to the rules of before" in text_of(mum.get(PAGE).text)
    mum.post(f"{PAGE}later", {"until": "2027-03", "reason": "Exams."})
    assert says(household, "daughter") == ("10-12", "2026-11")
    assert "Mum put them off: “Exams.”" in text_of(tablet.get("/my").text)


def test_at_18_yes_needs_a_box_and_both_are_told(mum: Browser, app: Flask, household: Household) -> None:
    household.editing.files["teen"]["devices"] = ["02:00:00:00:00:0d"]
    household.devices["192.168.1.24"] = {"mac": "02:00:00:00:00:0d", "profile": "teen", "name": "Phone"}
    household.growing.propose("teen")
    page = "/parent/child/teen/step/"
    told = text_of(mum.get(page).text)
    assert "The rules of Dana end on 1 December, at 18. This cannot be put off." in told
    assert "Put off to" not in told
    assert "What ends at 18" in told
    refused = mum.post(f"{page}take")
    assert refused.status_code == 422
    assert says(household, "teen")[0] == "16-17"
    assert "Tick the box first" in text_of(refused.text)
    answer = mum.post(f"{page}take", {"sure": "yes"})
    assert (answer.status_code, answer.location) == (303, "/parent/")
    assert household.editing.rules.household.profiles["teen"].band is AgeBand.ADULT
    assert mum.post(f"{page}take", {"sure": "yes"}).location == "/parent/", "tapped twice"
    home = text_of(mum.get("/parent/").text)
    assert "Dana is an adult since 24 November: the rules have ended" in home
    household.devices["192.168.1.24"]["profile"] = "adult"
    own = text_of(browser_on(app, "192.168.1.24").get("/").text)
    assert "You are an adult here since 24 November." in own


def test_nobody_reads_the_step_of_somebody_else(tablet: Browser, app: Flask, household: Household) -> None:
    household.growing.propose("son")
    assert "rules from" not in text_of(tablet.get("/my").text)
    assert "10-12 rules from" in text_of(browser_on(app, LAPTOP).get("/my").text)
    assert browser_on(app, "192.168.1.31").get("/my/step").status_code == 303


def test_a_page_without_a_step_to_answer_says_so(mum: Browser, household: Household) -> None:
    household.editing.files["daughter"]["next_step"] = "2027-05"
    told = text_of(mum.get(PAGE).text)
    assert "Next age group, 13-15: due in May 2027" in told
    assert "Newly allowed" in told
    assert "Put off to" not in told
    assert "There is no next age group of Aruzhan to answer now" in text_of(mum.post(f"{PAGE}take").text)


def test_at_16_bedtime_is_a_suggestion_until_somebody_sets_it_and_then_who_did(
    mum: Browser, household: Household
) -> None:
    page = "/parent/child/teen/"
    assert "The 16-17 rules suggest: Bedtime on school nights 22:00–07:00" in text_of(
        mum.get(f"{page}week/bedtime").text
    )
    household.editing._table["edit"](
        ControlRequest("edit", Role.WEB, 0, {"id": "teen", "set": {"bedtime": "23:00-07:00"}, "by": "Mum"})
    )
    assert "The 16-17 rules suggest" not in text_of(mum.get(f"{page}week/bedtime").text)
    assert "Bedtime every night 23:00–07:00 Mum set this" in text_of(mum.get(page).text)
