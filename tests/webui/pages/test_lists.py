"""The page of lists: freshness, the family's own, what a site is on, wrong entries."""

from __future__ import annotations

import html
import re

import pytest

from gateway.policy.profile import edits
from tests.web_forms import form_with
from tests.webui.conftest import GATEWAY, Browser
from tests.webui.standin.household import Household
from tests.webui.standin.pages import HOSTILE, text_of
from tests.webui.standin.places import NOW
from webui.features.lists.lists_pages import URL_LIMIT
from webui.features.lists.lists_text import maker
from webui.language.words import many

LISTS = "/parent/lists/"
FORMS = ("update", "interval", "add", "add/back", "remove", "switch", "switch/back", "report", "unreport")


def sent(household: Household, do: str) -> list[dict[str, object]]:
    return [values for verb, values in household.asked if verb == do]


def read(mum: Browser, path: str = LISTS) -> str:
    return html.unescape(text_of(mum.get(path).text)).replace("\u00a0", " ")


def was(mum: Browser) -> str:
    return html.unescape(re.findall(r'name="was" value="([^"]+)"', mum.get(LISTS).text)[0])


@pytest.mark.parametrize("path", [LISTS, f"{LISTS}now"])
def test_nobody_else_sees_them(tablet: Browser, path: str) -> None:
    assert tablet.get(path).headers["Location"].endswith("/signin")


@pytest.mark.parametrize("form", FORMS)
def test_nobody_else_changes_anything(tablet: Browser, household: Household, form: str) -> None:
    answer = tablet.post(LISTS + form, {"id": "ut1-games", "on": "no", "was": "a b c", "host": "a.example"})
    assert answer.headers["Location"].endswith("/signin")
    assert {do for do, _ in household.asked} <= {"guardian"}


def test_how_fresh_they_are(mum: Browser) -> None:
    text = read(mum)
    for expected in (
        "65 912 names from 3 lists; the newest came today at 04:10.",
        "1 list is older than a week. What is new on the internet is missing from it: update now",
        "School's list Games · https://school.example/l.txt 12 names · fetched today at 04:10",
        "Gambling 1 of 2 on",
        "UT1 Toulouse, gambling CC-BY-SA-4.0 32 200 names · fetched on 15 November at 19:40 "
        "Older than a week The last download failed",
        "hostsVN, gambling CC-BY-SA-4.0 off · about 65 700 names Turn on",
    ):
        assert expected in text, expected


def test_before_the_first_update(mum: Browser, household: Household) -> None:
    household.listed.found[:] = [one | {"fetched": None} for one in household.listed.found]
    assert "No list was downloaded yet. 65 912 built-in sites are in use." in read(mum)


def test_an_update_tells_how_far_it_is_and_how_it_went(mum: Browser, household: Household) -> None:
    mum.post(f"{LISTS}update")
    assert sent(household, "list_update") == [{"force": True, "by": "Mum", "origin": "192.168.1.7"}]
    text = read(mum, f"{LISTS}now")
    assert "Being fetched: UT1 Toulouse, games, 0.4 MB so far" in text
    assert "Update now" not in text
    assert '<progress class="wide" max="100" value="40"' in mum.get(f"{LISTS}now").text
    household.listed.update = {"running": True, "ended": None, "problems": []}
    assert "The update has begun." in read(mum, f"{LISTS}now")
    household.listed.update = {"running": False, "ended": NOW, "problems": ["no internet: a.example"]}
    assert "The last update had problems" in read(mum)
    household.listed.update["problems"] = []
    assert "Updated just now." in read(mum)


def test_when_the_next_update_is(mum: Browser, household: Household) -> None:
    assert "The next update is at 03:12 tomorrow." in read(mum)
    household.listed.plan["failures"] = 2
    assert "The last update failed. The next try is at 03:12 tomorrow." in read(mum, f"{LISTS}now")


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        ({"interval": "off"}, "Automatic updates are off."),
        ({"waits_for": "memory"}, "The next update waits: the gateway has too little free memory."),
        ({"waits_for": "package"}, "A part that updates lists is not installed on the router."),
        (
            {"waits_for": "package", "interval": "off"},
            "A part that updates lists is not installed on the router.",
        ),
        ({"waits_for": "clock"}, "The next update waits until the gateway knows the time."),
    ],
)
def test_why_no_update_is_planned(
    mum: Browser, household: Household, plan: dict[str, str], expected: str
) -> None:
    household.listed.plan |= {"next": None, **plan}
    text = read(mum)
    assert expected in text
    assert "The next update is at" not in text
    assert ("Update now" in read(mum, f"{LISTS}now")) is (plan.get("waits_for") != "package")


def test_before_the_first_child_no_update_is_planned(mum: Browser, household: Household) -> None:
    household.listed.plan |= {"next": None}
    household.children = ()
    assert "Automatic updates begin with the first child." in read(mum)


def test_automatic_updates_are_switched_off_and_back_on(mum: Browser, household: Household) -> None:
    page = mum.get(LISTS).text
    assert 'name="interval" value="daily" checked' in page
    assert "A server sees the internet address of this home and the time, and nothing about" in read(mum)
    mum.post(f"{LISTS}interval", {"interval": "off"})
    assert settings(household)["lists"] == {"update": "off"}
    assert "Automatic downloads of lists are off." in read(mum)
    undo = form_with(mum.get(LISTS).text, "was")
    assert mum.post(undo.action, undo.values | {"was": was(mum)}).headers["Location"] == LISTS
    assert "lists" not in settings(household)
    mum.post(f"{LISTS}interval", {"interval": "weekly"})
    assert settings(household)["lists"] == {"update": "weekly"}
    assert "Lists are downloaded automatically." in read(mum)
    mum.post(f"{LISTS}interval", {"interval": "weekly"})
    assert "Nothing was changed." in read(mum)
    assert len(sent(household, "edit_family")) == 2


def settings(household: Household) -> dict[str, object]:
    path = household.editing.folder / "qalqan.yaml"
    return dict(edits.read(path.read_bytes(), "qalqan.yaml"))


def test_the_first_page_says_that_lists_are_missing_or_old(mum: Browser, household: Household) -> None:
    assert "No list of sites" not in read(mum, "/parent/")
    household.listed.plan["warning"] = "none"
    assert "No list of sites was downloaded yet, so most sites of blocked categories are open." in read(
        mum, "/parent/"
    )
    household.listed.plan |= {"running": True, "percent": 12}
    assert "No list of sites" not in read(mum, "/parent/"), "it is being done"
    assert "Lists of sites are being downloaded Most sites of blocked categories are" in read(mum, "/parent/")
    assert '<progress class="wide" max="100" value="12"' in mum.get("/parent/cards").text
    household.listed.plan["percent"] = None
    assert '<progress class="wide" max="100" aria-label="Progress of the update">' in mum.get("/parent/").text
    household.listed.plan |= {"running": False, "warning": "old"}
    assert "The lists of sites are older than a week, so new sites are missing." in read(mum, "/parent/")
    household.listed.plan["interval"] = "off"
    off = "Automatic updates of the lists are off and the lists are older than a week, so new sites are"
    assert f"{off} missing. Update them, or turn the updates on." in read(mum, "/parent/")
    household.listed.plan["warning"] = "none"
    assert "No list of sites was downloaded, and automatic updates are off." in read(mum, "/parent/")


def test_the_tier_is_shown_and_changed(mum: Browser, household: Household) -> None:
    page = mum.get(LISTS).text
    assert "Selection of lists: Medium. It fits the memory of this gateway." in read(mum)
    assert 'name="tier" value="auto" checked' in page
    mum.post(f"{LISTS}interval", {"interval": "daily", "tier": "small"})
    assert settings(household)["lists"] == {"tier": "small"}
    assert "The selection of lists changes with the next update." in read(mum)
    household.listed.plan |= {"tier": "small", "tier_chosen": True}
    assert "Selection of lists: Small, as you chose." in read(mum, f"{LISTS}now")
    assert 'name="tier" value="small" checked' in mum.get(LISTS).text
    mum.post("/parent/settings/undo", {"was": was(mum)})
    assert "lists" not in settings(household)
    assert mum.post(f"{LISTS}interval", {"interval": "daily", "tier": "huge"}).status_code == 400


def test_one_of_our_own_is_added_and_taken_out_and_back(mum: Browser, household: Household) -> None:
    values = {"name": " Mine ", "url": "https://lists.example/mine.txt", "category": "games"}
    mum.post(f"{LISTS}add", values)
    assert sent(household, "list_add")[-1] == {
        **values, "name": "Mine", "by": "Mum", "origin": "192.168.1.7",
    }  # fmt: skip
    assert "Mine is fetched with the next update." in read(mum)
    for _ in range(2):
        assert mum.post(f"{LISTS}remove", {"id": "own-00000002"}).status_code == 303
    assert "Mine is removed. Its sites go with the next update." in read(mum)
    mum.post(f"{LISTS}add/back", {"was": was(mum)})
    assert household.listed.of("own-00000002")["url"] == values["url"]


def test_one_with_a_longer_address_than_the_form_takes_is_taken_out_without_an_undo(
    mum: Browser, household: Household
) -> None:
    url = "https://lists.example/" + "x" * URL_LIMIT
    mum.post(f"{LISTS}add", {"name": "Mine", "url": "https://lists.example/", "category": "games"})
    household.listed.of("own-00000002")["url"] = url
    mum.post(f"{LISTS}remove", {"id": "own-00000002"})
    page = read(mum)
    assert "Mine is removed. Its sites go with the next update." in page
    assert "Undo" not in page
    assert mum.post(f"{LISTS}add/back", {"was": f"games {url} Mine"}).status_code == 400


def test_one_for_chosen_children_says_for_whom_it_is(mum: Browser, household: Household) -> None:
    values = {"name": "For Timur", "url": "https://lists.example/t.txt", "category": "own"}
    mum.post(f"{LISTS}add", values)
    assert sent(household, "list_add") == []
    assert "Choose the children for whom this list applies." in read(mum)
    mum.post(f"{LISTS}add", {**values, "people": ["son", "nobody"]})
    assert sent(household, "list_add")[-1]["people"] == ["son"]
    page = read(mum)
    assert "For Timur https://lists.example/t.txt" in page
    assert "Only for Timur" in page
    mum.post(f"{LISTS}remove", {"id": "own-00000002"})
    page = read(mum)
    assert "For Timur is removed." in page
    assert "Undo" not in page, "its rules went with it"


@pytest.mark.parametrize(
    ("values", "status"),
    [({"category": "nothing"}, 400), ({"name": " "}, 422), ({"url": ""}, 422), ({"url": "x" * 201}, 422)],
)
def test_what_is_no_list(mum: Browser, household: Household, values: dict[str, str], status: int) -> None:
    form = {"name": "Mine", "url": "https://lists.example/", "category": "games", **values}
    assert mum.post(f"{LISTS}add", form).status_code == status
    assert sent(household, "list_add") == []


def test_an_address_in_our_own_network_is_refused(mum: Browser) -> None:
    answer = mum.post(f"{LISTS}add", {"name": "Mine", "url": "http://192.168.1.1/", "category": "games"})
    assert answer.status_code == 422
    for kept in ('value="Mine"', 'value="http://192.168.1.1/"', '<option value="games" selected>'):
        assert kept in answer.text
    assert "Lists are downloaded from the internet." in read(mum)


def test_a_published_list_is_switched_and_back(mum: Browser, household: Household) -> None:
    mum.post(f"{LISTS}switch", {"id": "ut1-games", "on": "no"})
    assert not household.listed.of("ut1-games")["on"]
    assert "UT1 Toulouse, games is off. Its sites go with the next update." in read(mum)
    mum.post(f"{LISTS}switch/back", {"was": was(mum)})
    assert household.listed.of("ut1-games")["on"]


@pytest.mark.parametrize(
    ("form", "values", "status"),
    [
        ("switch", {"id": "ut1-games", "on": "perhaps"}, 400),
        ("switch", {"id": "own-00000001", "on": "no"}, 400),
        ("switch", {"id": "nobody", "on": "no"}, 404),
        ("switch/back", {"was": "ut1-games"}, 400),
        ("interval", {"interval": "hourly"}, 400),
        ("interval", {}, 400),
        ("switch/back", {"was": "ut1-games maybe"}, 400),
        ("remove", {"id": "ut1-games"}, 400),
        ("add/back", {"was": "games https://a.example"}, 400),
        ("unreport", {"host": ""}, 400),
    ],
)
def test_what_no_form_of_ours_sends(
    mum: Browser, household: Household, form: str, values: dict[str, str], status: int
) -> None:
    assert mum.post(LISTS + form, values).status_code == status
    assert not [do for do, _ in household.asked if do.startswith("list_")]


@pytest.mark.parametrize(
    "typed", ["www.bet.example", "https://WWW.bet.example/page?x=1", " www.bet.example "]
)
def test_what_a_site_is_on_and_what_that_means(mum: Browser, typed: str) -> None:
    text = read(mum, f"{LISTS}?host={typed}")
    for expected in (
        "www.bet.example Gambling The entry is bet.example. It may be from: UT1 Toulouse, gambling.",
        "Aruzhan A gambling site. The 10-12 rules refuse these.",
        "Dana allowed now",
        "This is a mistake",
    ):
        assert expected in text, expected


def test_other_answers_of_a_look_up(mum: Browser) -> None:
    assert "It is on no list." in read(mum, f"{LISTS}?host=nothing.example")
    assert "It belongs to YouTube." in read(mum, f"{LISTS}?host=www.youtube.com")
    sealed = read(mum, f"{LISTS}?host=sealed.example")
    assert "It is blocked for everyone in this home. No one here can allow it." in sealed
    assert "This is a mistake" not in sealed
    assert "A b is no host name. Write one such as www.example.org." in read(mum, f"{LISTS}?host=a b")


def test_a_wrong_entry_is_written_down_opened_and_told(mum: Browser, household: Household) -> None:
    answer = mum.client.post(
        f"{LISTS}report",
        data={"host": "www.bet.example", "open": ["daughter", "son", "nobody"]},
        base_url=GATEWAY,
        headers={"Origin": GATEWAY},
        environ_overrides={"REMOTE_ADDR": mum.ip},
    )
    assert answer.headers["Location"] == f"{LISTS}#wrong"
    assert sent(household, "list_report")[-1]["open"] == ["daughter", "son"]
    text = read(mum)
    for expected in (
        "bet.example is reported, and allowed for Aruzhan, Timur.",
        "bet.example Gambling · Mum reported it today",
        "bet.example is on your list as Gambling (UT1 Toulouse, gambling). We think that this is a mistake.",
        "Each takes reports at its address.",
    ):
        assert expected in text, expected
    household.listed.wrong[0]["by"] = "console"
    assert "The gateway's console reported it today" in read(mum)
    assert 'href="https://github.com/olbat/ut1-blacklists/issues"' in mum.get(LISTS).text
    mum.post(f"{LISTS}unreport", {"host": "bet.example"})
    assert household.listed.wrong == []
    assert "Sites that you allowed stay allowed." in read(mum)


def test_hostile_text_comes_to_nothing(mum: Browser, household: Household) -> None:
    for one in household.listed.found:
        one.update(name=HOSTILE, url=f"https://a.example/{HOSTILE}", error=HOSTILE, category_name=HOSTILE)
    household.listed.found[1]["url"] = "javascript:alert(1)"
    household.listed.wrong.append({"host": HOSTILE, "category": HOSTILE, "by": HOSTILE, "at": "2026-11-24"})
    household.listed.wrong.append({"host": "x", "category": "games", "by": "Mum", "at": "2026-11-24"})
    household.listed.update = {"running": False, "ended": NOW, "problems": [HOSTILE]}
    for path in (LISTS, f"{LISTS}now", f"{LISTS}?host={HOSTILE}", f"{LISTS}?host=bet.example"):
        page = mum.get(path).text
        assert "<script>alert" not in page, path
        assert "<img" not in page, path
        assert "\u202e" not in page, path
        assert "49" not in text_of(page).split(), path
        assert 'href="javascript' not in page, path


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("https://raw.githubusercontent.com/a/b/master/x", "https://github.com/a/b/issues"),
        (
            "https://blocklistproject.github.io/Lists/alt/x.txt",
            "https://github.com/blocklistproject/Lists/issues",
        ),
        ("https://nsfw.oisd.nl/domainswild", "https://nsfw.oisd.nl/"),
        ("javascript:alert(1)", ""),
        ("https://[::1", ""),
    ],
)
def test_where_its_maker_takes_reports(url: str, where: str) -> None:
    assert maker(url) == where


def test_large_numbers() -> None:
    assert many(1_234_567) == "1\u00a0234\u00a0567"


def test_more_leads_there(mum: Browser) -> None:
    assert f'href="{LISTS}"' in mum.get("/parent/more").text


def test_the_version_of_data_from_a_feed_and_its_problem(mum: Browser, household: Household) -> None:
    assert "built-in lists: version" not in read(mum), "without a feed"
    feed = {"version": 2026113001, "packaged": False, "checked": NOW, "problem": ""}
    household.listed.plan["feed"] = feed
    assert "Services, help lines and built-in lists: version 2026113001. Checked just now." in read(mum)
    household.listed.plan["feed"] = feed | {"checked": None, "problem": "feed: a.example is late"}
    text = read(mum)
    assert "The last check for new data failed. The previous data stays in use." in text
    assert "a.example" not in text
    assert "Checked" not in text
