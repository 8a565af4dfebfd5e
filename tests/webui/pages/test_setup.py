"""The first run: four steps by forms alone, each in force when it is sent, nothing twice, nothing lost."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from gateway.control.contract.lists import ListSource
from gateway.policy.accounts.people import Account
from gateway.policy.profile import edits
from tests.control.running import Running
from tests.web_forms import form_with
from tests.webui.conftest import Browser, browser_on
from tests.webui.standin.household import Household
from tests.webui.standin.pages import text_of
from tests.webui.standin.places import GUEST, LAPTOP, NOW, PHONE, TABLET, TELEVISION
from tests.webui.standin.testing import ADULT, SCHOOL, TIKTOK, WHATSAPP
from tests.webui.standin.things import KITCHEN
from webui.first_run import PROPOSED, wanted_lists
from webui.settings import FirstRunProposal

FAMILY = {
    "name-0": "Mum", "band-0": "adult", "name-1": "Dad", "band-1": "adult",
    "name-2": "Aruzhan", "band-2": "10-12", "name-3": "Timur", "band-3": "6-9",
}  # fmt: skip


@pytest.fixture
def empty(household: Household, daemon: Running) -> Household:
    """Nobody is there yet; the devices are of the house, as on a router that runs already."""
    household.children = ()
    household.editing.files.clear()
    assert household.editing.rules.household.profiles is not None
    for one in household.things.found:
        one.update(profile="home", shared=[], managed=[])
    for device in household.devices.values():
        device["profile"] = "home"
    return household


def people(household: Household) -> list[tuple[str, str]]:
    found = household.editing.rules.household.profiles.values()
    return sorted((one.name, one.band.value) for one in found if not one.built_in)


def whose(household: Household) -> dict[str, str]:
    return {one["mac"]: one["profile"] for one in household.things.found}


def test_from_an_empty_home_to_what_holds(empty: Household, mum: Browser) -> None:
    assert "/parent/setup/" in mum.get("/parent/").text, "the empty first page leads there"
    assert "/parent/setup/" in mum.get("/parent/more").text
    first = mum.get("/parent/setup/")
    assert 'name="language" value="kk"' in first.text
    answer = mum.post("/parent/setup/", {"language": "en"})
    assert answer.headers["Location"].endswith("/parent/setup/people")
    assert 'value="Mum"' in mum.get("/parent/setup/people").text, "who looks after it stands there already"
    answer = mum.post("/parent/setup/people", FAMILY)
    assert answer.headers["Location"].endswith("/parent/setup/devices")
    assert people(empty) == [("Aruzhan", "10-12"), ("Dad", "adult"), ("Mum", "adult"), ("Timur", "6-9")]
    page = mum.get("/parent/setup/devices").text
    assert f'name="of-{TABLET}" value="aruzhan"' in page
    answer = mum.post(
        "/parent/setup/devices",
        {f"of-{TABLET}": "aruzhan", f"of-{LAPTOP}": "timur", f"of-{GUEST}": "home", "unknown": "quarantine"},
    )
    assert answer.headers["Location"].endswith("/parent/setup/summary")
    assert (whose(empty)[TABLET], whose(empty)[LAPTOP], whose(empty)[GUEST]) == ("aruzhan", "timur", "home")
    told = mum.get("/parent/setup/summary").text
    assert "Bedtime" in told
    assert "On a new device only help lines work until you choose who uses it." in told
    assert "/parent/child/timur/" in told


def marked(page: str, mac: str) -> str:
    """The owner that is preselected for a device."""
    return next(iter(re.findall(rf'name="of-{mac}" value="([a-z-]+)" checked', page)), "")


@pytest.fixture
def first_run(empty: Household) -> Household:
    """Nobody has said of any device who uses it, and the switch of the network is an appliance."""
    for one in empty.things.found:
        one.update(undecided=True)
    empty.things.of(KITCHEN).update(kind="thing")
    return empty


def test_it_proposes_that_all_children_share_what_is_no_appliance(first_run: Household, mum: Browser) -> None:
    assert marked(mum.get("/parent/setup/devices").text, TELEVISION) == "home", "there is no child yet"
    mum.post("/parent/setup/people", FAMILY)
    page = mum.get("/parent/setup/devices").text
    assert "Shared by all children" in page
    assert {mac: marked(page, mac) for mac in (TELEVISION, LAPTOP, KITCHEN)} == {
        TELEVISION: "children",
        LAPTOP: "children",
        KITCHEN: "home",
    }
    sent = {f"of-{TELEVISION}": "children", f"of-{TABLET}": "aruzhan", f"of-{KITCHEN}": "home"}
    mum.post("/parent/setup/devices", sent)
    assert first_run.things.of(TELEVISION)["shared"] == ["aruzhan", "timur"]
    assert whose(first_run)[TABLET] == "aruzhan"
    assert not first_run.things.of(KITCHEN)["undecided"], "now it is the parent's choice"
    first_run.things.of(TELEVISION)["undecided"] = False
    assert "have no answer yet: who uses them?" in text_of(mum.get("/parent/setup/summary").text)
    undo = re.search(r'name="was" value="([^"]+)"', mum.get("/parent/setup/summary").text)
    assert undo is not None
    mum.post("/parent/setup/devices/back", {"was": undo[1]})
    assert first_run.things.of(TELEVISION)["shared"] == []
    assert whose(first_run)[TABLET] == "home"


def test_it_asks_which_childs_device_has_no_mobile_data(first_run: Household, mum: Browser) -> None:
    mum.post("/parent/setup/people", FAMILY)
    page = mum.get("/parent/setup/devices").text
    assert f'name="mobile-data-{TABLET}" value="none" checked' in page
    assert f'name="mobile-data-{PHONE}" value="none" ' in page
    assert f'name="mobile-data-{PHONE}" value="none" checked' not in page
    none = {f"mobile-data-{mac}": "none" for mac in (TABLET, GUEST)}
    mum.post("/parent/setup/devices", {f"of-{TABLET}": "children", f"of-{GUEST}": "home", **none})
    assert [values["mac"] for verb, values in first_run.asked if verb == "device_mark"] == [TABLET]


def test_a_device_that_is_not_given_gets_no_mark(first_run: Household, mum: Browser) -> None:
    mum.post("/parent/setup/people", FAMILY)
    first_run.things.refuses_edits = True
    mum.post("/parent/setup/devices", {f"of-{TABLET}": "children", f"mobile-data-{TABLET}": "none"})
    assert first_run.things.of(TABLET)["shared"] == []
    assert [values for verb, values in first_run.asked if verb == "device_mark"] == []


def test_an_only_child_shares_with_the_adults(first_run: Household, mum: Browser) -> None:
    alone = {key: value for key, value in FAMILY.items() if key[-1] in "02"}
    mum.post("/parent/setup/people", alone)
    page = mum.get("/parent/setup/devices").text
    assert (marked(page, TELEVISION), "Shared by all</span>" in page) == ("children", True)
    mum.post("/parent/setup/devices", {f"of-{TELEVISION}": "children"})
    assert sorted(first_run.things.of(TELEVISION)["shared"]) == ["aruzhan", "mum"]


def test_an_only_person_is_proposed_alone(first_run: Household, mum: Browser) -> None:
    mum.post("/parent/setup/people", {"name-2": "Aruzhan", "band-2": "10-12"})
    page = mum.get("/parent/setup/devices").text
    assert (marked(page, TELEVISION), 'value="children"' in page) == ("aruzhan", False)
    mum.post("/parent/setup/devices", {f"of-{TELEVISION}": "children"})
    assert first_run.things.of(TELEVISION)["shared"] == [], "no form of ours sends it"


def settings(household: Household) -> dict[str, object]:
    path = household.editing.folder / "qalqan.yaml"
    return dict(edits.read(path.read_bytes(), "qalqan.yaml"))


def test_it_says_that_lists_are_downloaded_and_lets_one_switch_that_off(
    empty: Household, mum: Browser
) -> None:
    page = mum.get("/parent/setup/people")
    assert 'name="lists" value="daily" checked' in page.text
    assert "The gateway downloads the lists from public servers." in text_of(page.text)
    mum.post("/parent/setup/people", FAMILY | {"lists": "daily"})
    assert "lists" not in settings(empty), "it is the default"
    empty.asked.clear()
    mum.post("/parent/setup/people", FAMILY | {"lists": "off", "name-4": "Dana", "band-4": "16-17"})
    assert settings(empty)["lists"] == {"update": "off"}
    changes = [do for do, _ in empty.asked if do in ("edit_family", "add_profile")]
    assert changes == ["edit_family", "add_profile"], "before a child's profile starts the first download"
    assert 'name="lists" value="off" checked' in mum.get("/parent/setup/people").text
    mum.post("/parent/setup/people", FAMILY | {"lists": "hourly"})
    assert settings(empty)["lists"] == {"update": "off"}


def test_what_was_chosen_of_the_lists_stays_in_a_form_that_is_refused(empty: Household, mum: Browser) -> None:
    answer = mum.post("/parent/setup/people", {"name-0": "Mum", "lists": "off"})
    assert answer.status_code == 422
    assert 'name="lists" value="off" checked' in answer.text
    assert "lists" not in settings(empty)


def test_the_summary_says_when_lists_are_downloaded(empty: Household, mum: Browser) -> None:
    def summary() -> str:
        return text_of(mum.get("/parent/setup/summary").text)

    mum.post("/parent/setup/people", FAMILY)
    assert "The gateway downloads them from public servers. The next update is at 03:12" in summary()
    empty.listed.plan |= {"running": True, "next": None}
    assert "A download runs now; it takes some minutes." in summary()
    empty.listed.plan["percent"] = 55
    for page in ("/parent/setup/summary", "/parent/setup/now"):
        assert '<progress class="wide" max="100" value="55"' in mum.get(page).text
    empty.listed.plan |= {"running": False, "interval": "off"}
    assert "The gateway does not download them." in summary()


def test_a_form_that_is_sent_twice_or_again_after_back_makes_nobody_twice(
    empty: Household, mum: Browser
) -> None:
    for _ in range(3):
        assert mum.post("/parent/setup/people", FAMILY).status_code == 303
    assert len(people(empty)) == 4
    mum.post("/parent/setup/people", FAMILY | {"name-2": " aruzhan ", "band-2": "13-15"})
    assert ("Aruzhan", "13-15") in people(empty) or ("aruzhan", "13-15") in people(empty)
    assert len(people(empty)) == 4


def test_it_is_taken_up_again_where_it_was_left(empty: Household, mum: Browser) -> None:
    mum.post(
        "/parent/setup/people", {"name-0": "Mum", "band-0": "adult", "name-1": "Dana", "band-1": "16-17"}
    )
    page = mum.get("/parent/setup/people").text
    assert 'value="Dana"' in page
    assert re.search(r'name="band-\d" value="16-17" checked', page)
    mum.post("/parent/setup/devices", {f"of-{TABLET}": "dana"})
    page = mum.get("/parent/setup/devices").text
    assert f'name="of-{TABLET}" value="dana" checked' in page


def test_what_is_missing_is_said_and_what_was_typed_stays(empty: Household, mum: Browser) -> None:
    answer = mum.post("/parent/setup/people", {"name-0": "Mum", "band-0": "adult", "name-1": "Aruzhan"})
    assert answer.status_code == 422
    assert "Choose the age." in answer.text
    assert 'value="Aruzhan"' in answer.text
    assert people(empty) == [], "all of a form or nothing"
    answer = mum.post(
        "/parent/setup/people", {"name-0": "Ai", "band-0": "6-9", "name-1": "ai ", "band-1": "6-9"}
    )
    assert "This name appears twice." in answer.text


def test_who_was_taken_out_comes_back(empty: Household, mum: Browser) -> None:
    mum.post("/parent/setup/people", FAMILY)
    for _ in range(2):
        mum.post("/parent/setup/people/remove", {"who": "timur"})
    assert ("Timur", "6-9") not in people(empty)
    page = mum.get("/parent/setup/people").text
    assert "Timur is removed." in page
    token = re.search(r'name="was" value="(\d+)"', page)
    assert token is not None
    mum.post("/parent/setup/people/restore", {"was": token[1]})
    assert ("Timur", "6-9") in people(empty)


def test_devices_that_were_given_go_back(empty: Household, mum: Browser) -> None:
    mum.post("/parent/setup/people", FAMILY)
    before = whose(empty)
    mum.post("/parent/setup/devices", {f"of-{TABLET}": "aruzhan", f"of-{LAPTOP}": "timur"})
    page = mum.get("/parent/setup/summary").text
    was = re.search(r'name="was" value="([^"]+)"', page)
    assert was is not None
    mum.post("/parent/setup/devices/back", {"was": was[1]})
    assert whose(empty) == before


def test_each_device_has_what_helps_to_recognise_it_and_not_what_it_was_used_for(
    empty: Household, mum: Browser
) -> None:
    mum.post("/parent/setup/people", FAMILY)
    empty.things.found[0].update(name="Living room", label="Living room", own_name="Galaxy-Tab")
    empty.in_use[:] = [{"target": "service:youtube", "name": "YouTube"}]
    page = text_of(mum.get("/parent/setup/devices").text)
    for told in (
        "Living room tablet · Samsung Electronics · online now · 192.168.1.20"
        " SM-X200 · Android 14 · calls itself Galaxy-Tab first seen on 15 October",
        "phone · last seen today at 16:40",
        "We do not show what a new device was used for, because nothing is",
    ):
        assert told in page
    assert "YouTube" not in page


def test_a_device_form_that_is_sent_twice_changes_nothing_twice(empty: Household, mum: Browser) -> None:
    mum.post("/parent/setup/people", FAMILY)
    values = {f"of-{TABLET}": "aruzhan", "unknown": "guest"}
    mum.post("/parent/setup/devices", values)
    empty.asked.clear()
    mum.post("/parent/setup/devices", values)
    assert [do for do, _ in empty.asked if do in ("assign", "edit_family")] == []


def test_names_are_hostile(empty: Household, mum: Browser) -> None:
    bad = "<script>alert(1)</script>\u202e"
    empty.things.found[0].update(name=bad, own_name=bad, vendor=bad, ip="<b>")
    mum.post("/parent/setup/people", FAMILY | {"name-2": "<img src=x>"})
    for path in ("", "people", "devices", "summary"):
        page = mum.get(f"/parent/setup/{path}").text
        assert "<script>alert" not in page
        assert "<img" not in page
        assert "\u202e" not in page


def test_what_nobody_may_choose_is_left_alone(empty: Household, mum: Browser) -> None:
    mum.post("/parent/setup/people", FAMILY)
    before = whose(empty)
    mum.post("/parent/setup/devices", {f"of-{TABLET}": "nobody", "unknown": "everything"})
    assert whose(empty) == before
    assert mum.post("/parent/setup/", {"language": "xx"}).status_code == 400
    assert mum.post("/parent/setup/devices/back", {"was": "one"}).status_code == 400
    assert mum.post("/parent/setup/people/restore", {"was": "../x"}).status_code == 400


def test_whether_this_very_device_is_behind_the_gateway(
    app: Flask, daemon: Running, household: Household
) -> None:
    def seen_from(ip: str) -> str:
        browser = browser_on(app, ip)
        browser.post("/signin", {"code": household.guardians.link("Mum")})
        return browser.get("/parent/setup/").text

    assert "Yes: Tablet." in seen_from("192.168.1.20")
    away = seen_from("127.0.0.1")
    assert "This device does not use the gateway." in away
    assert "mobile data" in away


def test_a_link_into_an_empty_home_leads_here(app: Flask, empty: Household) -> None:
    """As that of `make run ARGS=--first-run`; once somebody is there, it leads to the first page."""
    for path in ("/parent/setup/", "/parent/"):
        client = app.test_client()
        code = empty.guardians.link("Mum")
        answer = client.get(f"/signin?code={code}", base_url="http://127.0.0.1:8080")
        assert answer.headers["Location"] == path
        mum = browser_on(app, "192.168.1.7")
        mum.post("/signin", {"code": empty.guardians.link("Mum")})
        mum.post("/parent/setup/people", FAMILY)


@pytest.mark.parametrize("path", ["", "people", "devices", "password", "summary", "tests"])
def test_it_is_for_guardians(stranger: Browser, path: str) -> None:
    assert stranger.get(f"/parent/setup/{path}").status_code == 303


def months(household: Household) -> dict[str, str | None]:
    return {one.name: one.next_step for one in household.editing.rules.household.profiles.values()}


def test_the_month_of_the_next_step_may_be_said_and_is_all_that_is_kept(
    empty: Household, mum: Browser
) -> None:
    said = FAMILY | {"step-0": "2030-01", "step-2": "2027-05", "step-3": "6.2028"}
    mum.post("/parent/setup/people", said)
    assert months(empty) == {"Mum": None, "Dad": None, "Aruzhan": "2027-05", "Timur": "2028-06"}
    page = mum.get("/parent/setup/people").text
    assert 'type="month" value="2027-05"' in page
    again = {"name-0": "Aruzhan", "band-0": "13-15", "id-0": "aruzhan", "step-0": "2027-05",
             "name-1": "Timur", "band-1": "6-9", "id-1": "timur", "step-1": ""}  # fmt: skip
    mum.post("/parent/setup/people", again)
    assert months(empty) == {"Mum": None, "Dad": None, "Aruzhan": "2027-05", "Timur": None}
    assert ("Aruzhan", "13-15") in people(empty)


def test_an_old_form_changes_only_what_was_changed_in_it(empty: Household, mum: Browser) -> None:
    mum.post("/parent/setup/people", FAMILY | {"step-2": "2027-05"})
    old = form_with(mum.get("/parent/setup/people").text, "id-0").values
    assert (old["name-0"], old["band-0"], old["step-0"]) == ("Aruzhan", "10-12", "2027-05")
    now = {"name-0": "Aru", "band-0": "13-15", "id-0": "aruzhan", "step-0": "2028-09"}
    mum.post("/parent/setup/people", now)
    assert mum.post("/parent/setup/people", old | {"name-4": "Dana", "band-4": "16-17"}).status_code == 303
    assert {("Aru", "13-15"), ("Dana", "16-17")} < set(people(empty))
    assert months(empty)["Aru"] == "2028-09"
    mum.post("/parent/setup/people", old | {"band-0": "6-9"})
    assert ("Aru", "6-9") in people(empty)
    assert months(empty)["Aru"] == "2028-09"


def test_an_old_form_does_not_add_a_removed_person_again(empty: Household, mum: Browser) -> None:
    mum.post("/parent/setup/people", FAMILY)
    old = form_with(mum.get("/parent/setup/people").text, "id-0").values
    mum.post("/parent/setup/people/remove", {"who": "timur"})
    assert mum.post("/parent/setup/people", old | {"name-4": "Dana", "band-4": "16-17"}).status_code == 303
    assert people(empty) == [("Aruzhan", "10-12"), ("Dad", "adult"), ("Dana", "16-17"), ("Mum", "adult")]


def test_a_month_that_cannot_be_is_told_at_its_field(empty: Household, mum: Browser) -> None:
    answer = mum.post("/parent/setup/people", FAMILY | {"step-3": "2019-02"})
    assert answer.status_code == 422
    assert "The next age group starts this month or later, and within 18 years." in answer.text
    assert 'aria-describedby="about-step wrong-3" aria-invalid="true"' in answer.text
    assert people(empty) == []


# ---------------------------------------------------------------- a password, and the last screen


def by_link(app: Flask, household: Household) -> Browser:
    """Dad, without a password."""
    household.stamps.put(Account("Dad"))
    dad = browser_on(app, "192.168.1.9")
    answer = dad.post("/signin", {"code": household.guardians.link("Dad")})
    assert answer.location == "/parent/setup/", "set-up asks for the password"
    return dad


def test_set_up_asks_for_a_password_which_can_be_skipped(app: Flask, empty: Household) -> None:
    dad = by_link(app, empty)
    dad.post("/parent/setup/people", FAMILY)
    answer = dad.post("/parent/setup/devices", {f"of-{TABLET}": "aruzhan"})
    assert answer.location == "/parent/setup/password"
    page = dad.get("/parent/setup/password").text
    assert 'href="/parent/setup/summary">Go on without a password' in page
    assert dad.get("/parent/setup/summary").status_code == 200
    wrong = dad.post("/account/password", {"password": "short", "then": "setup"})
    assert (wrong.status_code, "aria-current=step" in wrong.text) == (403, True), "on the page of the step"
    sheet = dad.post("/account/password", {"password": "twelve green owls", "then": "setup"}).location
    assert 'name="then" value="setup"' in dad.get(sheet).text
    assert dad.post(sheet, {"then": "setup"}).location == "/parent/setup/summary"
    assert dad.get("/parent/setup/password").location == "/parent/setup/summary", "no second time"
    assert "/parent/setup/password" not in dad.get("/parent/setup/").text


def test_the_last_screen_tests_a_child_s_device_and_shows_the_results(
    household: Household, mum: Browser, tablet: Browser
) -> None:
    page = mum.get("/parent/setup/summary").text
    assert f'name="device" value="{TABLET}"' in page
    answer = mum.post("/parent/child/daughter/tests/", {"device": TABLET, "then": "setup"})
    assert answer.location == "/parent/setup/summary#test-daughter"
    for path in ("summary", "tests"):
        page = mum.get(f"/parent/setup/{path}").text
        assert "http://qalqan.home.arpa/proof" in page
        assert "A site for adults is blocked" in page
        assert "WhatsApp works" in page
    hosts = (TIKTOK, SCHOOL, ADULT, WHATSAPP, "dns.google")
    said = ("failed", "opened", "failed", "opened", "failed")
    results = [f"{word} {host}" for word, host in zip(said, hosts, strict=True)]
    assert tablet.post("/proof", {"result": results}).status_code == 303
    assert "All tests passed." in mum.get("/parent/setup/tests").text


def test_the_last_screen_sends_a_test_message_or_says_what_is_missing(
    household: Household, mum: Browser
) -> None:
    page = mum.get("/parent/setup/summary").text
    assert 'href="/parent/alerts/">Set up messages' in page
    assert 'id="cannot"' in page
    assert 'id="phone"' in page
    mum.post("/parent/alerts/add/ntfy", {"address": "https://ntfy.sh/a-long-name-that-is-hard"})
    form = mum.get("/parent/setup/summary").text.partition('action="/parent/alerts/test"')[2]
    assert form.partition("</form>")[0].count('name="then" value="setup"') == 1


def test_the_last_screen_has_the_next_bedtime(household: Household, mum: Browser) -> None:
    household.next_bedtime = NOW.replace(hour=20, minute=45)
    assert "Next bedtime: 20:45" in text_of(mum.get("/parent/setup/summary").text)


# ---------------------------------------------------------------- what a provider proposes


def proposing(app: Flask, *, lists: tuple[str, ...] = (), bands: tuple[str, ...] = ()) -> None:
    app.extensions[PROPOSED] = FirstRunProposal(lists, bands)


def test_proposed_ages_are_marked_and_hold_for_who_gets_a_name(
    app: Flask, empty: Household, mum: Browser
) -> None:
    assert "proposed by" not in mum.get("/parent/setup/people").text
    proposing(app, bands=("6-9", "13-15"))
    page = mum.get("/parent/setup/people").text
    assert "Qalqan suggests the ages" in page
    for number, band in enumerate(("adult", "6-9", "13-15")):
        assert f'name="band-{number}" value="{band}" checked' in page
    assert people(empty) == []
    sent = {"name-0": "Mum", "band-0": "adult", "band-1": "6-9", "name-2": "Timur", "band-2": "13-15"}
    mum.post("/parent/setup/people", sent)
    assert people(empty) == [("Mum", "adult"), ("Timur", "13-15")]
    assert "proposed by" not in mum.get("/parent/setup/people").text


def test_proposed_lists_are_fetched_when_a_guardian_says_yes(
    app: Flask, household: Household, mum: Browser
) -> None:
    assert 'id="proposed"' not in mum.get("/parent/setup/summary").text
    proposing(app, lists=("hostsvn-gambling", "ut1-games", "no-such-list"))
    page = mum.get("/parent/setup/summary").text
    assert "Lists that Qalqan proposes" in page
    assert 'name="list" value="hostsvn-gambling" checked' in page
    assert 'value="ut1-games"' not in page, "it is on"
    off = household.listed.of("hostsvn-gambling")
    for sent in ({}, {"list": "no-such-list"}, {"list": "own-00000001"}):
        mum.post("/parent/setup/lists", sent)
        assert not off["on"], sent
    answer = mum.post("/parent/setup/lists", {"list": "hostsvn-gambling"})
    assert answer.headers["Location"].endswith("/parent/setup/summary")
    assert off["on"]
    page = mum.get("/parent/setup/summary").text
    assert "To be fetched with the next update: hostsVN, gambling." in page
    assert 'id="proposed"' not in page


def test_a_kind_stands_for_the_lists_that_gateways_fetch_or_else_for_the_smallest() -> None:
    def source(key: str, category: str, about: int, *, on: bool = False, default: bool = False) -> ListSource:
        return ListSource(
            key, key, "", category, "", (), "", False, on, default, 0, about, 0, None, False, ""
        )

    some = [
        source("a-large", "adult", 900),
        source("a-default", "adult", 500, default=True),
        source("a-on", "adult", 400, default=True, on=True),
        source("g-large", "games", 900),
        source("g-small", "games", 10),
    ]
    assert [one.id for one in wanted_lists(some, ("adult", "games", "games"))] == ["a-default", "g-small"]
    assert [one.id for one in wanted_lists(some, ("a-large", "none"))] == ["a-large"]
    assert wanted_lists(some, ()) == ()
