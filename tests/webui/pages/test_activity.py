"""Activity: the family's week, a child's day and week, what guardians changed; the table, and its end."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

import pytest

from gateway.control.protocol import ControlRequest, Role
from tests.webui.conftest import Browser
from tests.webui.standin.changed import CHANGES
from tests.webui.standin.household import NOW, Household, asked_of
from tests.webui.standin.living import change, minutes_of
from tests.webui.standin.pages import HOSTILE, text_of
from tests.webui.standin.places import TABLET
from tests.webui.standin.ruled import RULES
from webui.features.activity.activity_table import cell
from webui.language import words

PAGES = ("/parent/activity/", "/parent/activity/daughter", "/parent/activity/daughter/week",
         "/parent/activity/daughter/day.csv", "/parent/activity/daughter/delete")  # fmt: skip


def shown(browser: Browser, path: str) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200
    return text_of(answer.text)


@pytest.fixture
def level(monkeypatch: pytest.MonkeyPatch) -> object:
    """Sets the daughter's log level."""
    return lambda value: monkeypatch.setitem(RULES["daughter"], "log_level", value)


@pytest.mark.parametrize("path", PAGES)
def test_nobody_else_sees_activity(tablet: Browser, household: Household, path: str) -> None:
    assert tablet.get(path).headers["Location"] == "/signin"
    assert asked_of(household, "history") == []


@pytest.mark.parametrize("path", ["delete"])
def test_nobody_else_changes_anything(tablet: Browser, household: Household, path: str) -> None:
    values = {"what": "all", "entry": "service:instagram", "revision": "7", "view": "day"}
    answer = tablet.post(f"/parent/activity/daughter/{path}", values)
    assert answer.headers["Location"] == "/signin"
    assert {do for do, _ in household.asked}.isdisjoint({"edit", "unedit", "erase"})


def test_the_family_comes_first_then_a_child(mum: Browser, household: Household) -> None:
    page = mum.get("/parent/activity/").text
    text = text_of(page)
    assert "Aruzhan 53 min today · 9 blocked attempts" in text
    assert "Dana Nothing is stored" in text
    assert 'href="/parent/activity/daughter"' in page
    weeks = [values for values in asked_of(household, "history") if values["id"] == "daughter"]
    assert weeks == [{"id": "daughter", "from": "2026-11-18", "to": "2026-11-24"}]


def test_a_day_has_its_strip_its_services_and_what_was_refused(mum: Browser) -> None:
    page = mum.get("/parent/activity/daughter").text
    text = text_of(page)
    for expected in (
        "Today",
        "Used 53 min",
        "By service What Minutes Y YouTube 31 min R Roblox 21 min",
        "By category What Minutes V Video sharing 31 min G Games uses daily time 21 min",
        "TikTok 12 attempts",
        "TikTok is blocked. Your family set this.",
        "Background attempts 2",
        "During bedtime 80 attempts",
    ):
        assert expected in text
    assert 'class="strip"' in page
    assert "<td>17:00</td><td>17:50</td>" in page  # for who cannot see the strip
    assert text.index("Instagram") < text.index("Ads and trackers")


def test_a_week_has_bars_and_their_table(mum: Browser) -> None:
    page = mum.get("/parent/activity/daughter/week").text
    text = text_of(page)
    assert 'class="bars"' in page
    assert page.count('<rect class="bar"') == 7
    assert "18.11. – 24.11." in text
    assert "Wednesday 18 1 h 1 min 9" in text
    assert "Today 53 min 9" in text


@pytest.mark.parametrize(
    ("path", "earlier", "later"),
    [
        ("/parent/activity/daughter", "/parent/activity/daughter?day=2026-11-23", None),
        ("/parent/activity/daughter?day=2026-11-23", "/parent/activity/daughter?day=2026-11-22",
         "/parent/activity/daughter"),
        ("/parent/activity/daughter?day=2026-10-25", None, "/parent/activity/daughter?day=2026-10-26"),
        ("/parent/activity/daughter/week", "/parent/activity/daughter/week?day=2026-11-17", None),
        ("/parent/activity/daughter/week?day=2026-10-31", None,
         "/parent/activity/daughter/week?day=2026-11-07"),
    ],
)  # fmt: skip
def test_days_step_back_as_far_as_they_are_kept(
    mum: Browser, path: str, earlier: str | None, later: str | None
) -> None:
    page = mum.get(path).text
    found = dict(re.findall(r'<a class="button" href="([^"]+)" aria-label="(Earlier|Later)"', page))
    assert {name: url for url, name in found.items()} == {
        name: url for name, url in (("Earlier", earlier), ("Later", later)) if url
    }


def test_each_row_leads_to_the_rules_of_its_service_or_category(mum: Browser) -> None:
    page = mum.get("/parent/activity/daughter").text
    for path in ("services/youtube", "kinds/#categories-video_sharing"):
        assert f'href="/parent/child/daughter/{path}"' in page
        assert mum.get(f"/parent/child/daughter/{path}").status_code == 200
    assert '<tr class="hue-games">' in page


def test_a_usual_day_is_the_median_of_the_week_before(mum: Browser, household: Household) -> None:
    page = text_of(mum.get("/parent/activity/daughter").text)
    week = sorted(minutes_of(NOW.date() - timedelta(days=number)) for number in range(1, 8))
    assert f"Usual for this child: {words.duration(week[3])} a day" in page
    assert "Usual for this child" not in text_of(mum.get("/parent/activity/daughter/week").text)
    assert "Usual for this child" not in text_of(mum.get("/parent/activity/daughter?day=2026-10-25").text)
    household.edited["daughter"] = {"band": "13-15"}
    assert "Usual for this child" not in text_of(mum.get("/parent/activity/daughter").text)


def test_a_month(mum: Browser) -> None:
    page = mum.get("/parent/activity/daughter/month").text
    assert page.count('class="bar') >= 28
    assert 'href="/parent/activity/daughter/month" aria-current=page' in page
    assert mum.get("/parent/activity/daughter/month.csv").status_code == 200


@pytest.mark.parametrize("query", ["day=2026-11-25", "day=2026-10-24", "day=x"])
def test_other_days_are_not_there(mum: Browser, query: str) -> None:
    assert mum.get(f"/parent/activity/daughter?{query}").status_code == 404
    assert mum.get(f"/parent/activity/daughter/week?{query}").status_code == 404


@pytest.mark.parametrize("path", ["/parent/activity/nobody", "/parent/activity/daughter/x.csv"])
def test_there_is_no_page_of_what_does_not_exist(mum: Browser, path: str) -> None:
    assert mum.get(path).status_code == 404


def test_after_a_week_kinds_are_left(mum: Browser, household: Household) -> None:
    text = shown(mum, "/parent/activity/daughter?day=2026-11-10")
    assert "Services and sites are stored for 7 days, totals by category for 30." in text
    assert "Social networks 16" in text
    assert "TikTok" not in text
    assert asked_of(household, "ledger") == []


def test_at_level_one_a_parent_reads_kinds_and_no_name(
    mum: Browser, household: Household, level: object
) -> None:
    level(1)  # type: ignore[operator]
    for path in ("/parent/activity/daughter?day=2026-11-23", "/parent/activity/daughter/week"):
        text = shown(mum, path)
        assert "By category What Minutes V Video sharing" in text
        assert "Social networks 16" in text
        assert "not which service and when" in text
        for name in ("TikTok", "YouTube", "17:00", "Minute by minute"):
            assert name not in text
    assert asked_of(household, "ledger") == []


def test_at_level_one_the_running_day_is_private(mum: Browser, level: object) -> None:
    level(1)  # type: ignore[operator]
    for path in ("/parent/activity/", "/parent/activity/daughter"):
        text = shown(mum, path)
        assert "Today is shown tomorrow." in text
        assert "53 min" not in text, "as much as she used today"
        assert "No minute counted." not in text


def test_a_site_that_is_allowed_now_says_so_and_offers_nothing(mum: Browser, household: Household) -> None:
    household.hostile = {"allowed_now": True}
    page = mum.get("/parent/activity/daughter").text
    assert "Allowed now." in text_of(page)
    assert "is blocked" not in text_of(page)
    assert "/open" not in page


def test_a_bypass_is_never_in_the_background_list(mum: Browser, household: Household) -> None:
    household.hostile = {"bypass": True, "times": 0, "background": 4}
    text = shown(mum, "/parent/activity/daughter")
    assert "Bypass attempts" in text
    assert "TikTok 4 attempts" in text
    assert "Background attempts" not in text


def test_at_level_zero_there_is_nothing_and_it_says_so(mum: Browser) -> None:
    text = shown(mum, "/parent/activity/teen")
    assert "The rules of Dana store nothing" in text
    assert "CSV" not in text
    assert "Delete…" in text  # of what was written down under other rules


def test_without_a_limit_it_says_how_often_what_kind_was_asked_for(
    mum: Browser, household: Household
) -> None:
    household.kinds = [
        {"target": "category:games", "name": "games", "refused": 0, "opened": 4},
        {"target": "category:music", "name": "music", "refused": 0, "opened": 40},
        {"target": "reason:open", "name": None, "refused": 0, "opened": 900},
    ]
    text = shown(mum, "/parent/activity/son")
    assert "by type What Times Music 40 Games 4" in text
    assert "900" not in text


def test_at_level_three_what_was_visited_is_there(mum: Browser, household: Household) -> None:
    site = {"times": 4, "first": NOW, "last": NOW, "hosts": [], "sample": False}
    household.visited = [
        {**site, "target": f"site{number}.example", "name": f"site{number}.example"} for number in range(14)
    ]
    text = shown(mum, "/parent/activity/son")
    assert "Visited site0.example 4 times just now" in text
    assert "More 2" in text  # folded, and there
    assert "site13.example" in text
    assert "not shown" not in text
    assert "Visited" not in shown(mum, "/parent/activity/daughter")


@pytest.mark.parametrize(
    ("count", "told"), [(1, "1 more site is not shown."), (30, "30 more sites are not shown.")]
)
def test_a_list_of_visits_that_is_cut_says_so(
    mum: Browser, household: Household, count: int, told: str
) -> None:
    site = {"times": 4, "first": NOW, "last": NOW, "hosts": [], "sample": False}
    household.visited = [{**site, "target": "site.example", "name": "site.example"}]
    household.visited_left_off = count
    visited = shown(mum, "/parent/activity/son").partition("Visited")[2]
    assert told in visited


def test_made_up_days_say_so(mum: Browser, household: Household) -> None:
    assert "made up" not in shown(mum, "/parent/activity/daughter/week")
    assert "sample" not in shown(mum, "/parent/activity/")
    household.sample_until = "2026-11-24"
    assert "Aruzhan sample · 53 min today" in shown(mum, "/parent/activity/")
    household.hostile = {"sample": True}
    assert "these days are made up" in shown(mum, "/parent/activity/daughter/week")
    assert "TikTok sample 12 attempts" in shown(mum, "/parent/activity/daughter/week")
    assert "these days are made up" not in shown(mum, "/parent/activity/daughter")


def test_each_blocked_site_has_the_answers_of_requests(mum: Browser, household: Household) -> None:
    page = mum.get("/parent/activity/daughter").text
    for entry in ("service:tiktok", "service:instagram", "a-club.example"):
        assert page.count(f'name="site" value="{entry}"') == 1
    assert page.count('name="answer" value="always"') == 3
    assert 'name="answer" value="no"' not in page, "no child waits for one"
    assert "Open it" not in page


def test_a_site_of_activity_is_opened_once_and_an_undo_closes_it(mum: Browser, household: Household) -> None:
    form = {"who": "daughter", "site": "service:tiktok", "back": "week", "child": "daughter"}
    answer = mum.post("/parent/requests", {**form, "day": "2026-11-24", "give": "60"})
    assert answer.headers["Location"] == "/parent/activity/daughter/week?day=2026-11-24"
    (values,) = asked_of(household, "answer")
    assert (values["who"], values["site"], values["answer"]) == ("daughter", "service:tiktok", "once")
    page = mum.get("/parent/activity/daughter").text
    assert re.search(r'class="notice".*?name="grant" value="\d+">', page, re.S)


def test_a_request_is_answered_from_activity(mum: Browser, tablet: Browser, household: Household) -> None:
    tablet.post("/my/ask/site", {"host": "www.tiktok.com", "wrong": "yes"})
    page = mum.get("/parent/activity/daughter").text
    assert "Aruzhan asked for it." in page
    assert "Blocked by mistake, says Aruzhan" in page
    assert page.count('name="answer" value="no"') == 1
    answer = mum.post("/parent/requests", {"id": "1", "answer": "no", "back": "day", "child": "daughter"})
    assert answer.headers["Location"] == "/parent/activity/daughter"
    assert household.requests[0]["answer"] == "no"
    assert 'name="answer" value="no"' not in mum.get("/parent/activity/daughter").text


def test_deleting_asks_first_and_says_what_goes(mum: Browser, household: Household) -> None:
    text = shown(mum, "/parent/activity/daughter/delete")
    for expected in (
        "Only sites",
        "Everything",
        "Neither can be undone",
        "Today’s minutes stay until tomorrow, because the limits need them",
        "Keep it",
    ):
        assert expected in text
    assert household.erased == {}
    mum.post("/parent/activity/daughter/delete", {"what": "names"})
    (asked,) = asked_of(household, "erase")
    assert asked.pop("session"), "for the daemon, which may ask for the password"
    assert asked == {"id": "daughter", "what": "names", "by": "Mum", "origin": "192.168.1.7"}
    assert "The sites of Aruzhan are deleted." in shown(mum, "/parent/activity/daughter")
    mum.post("/parent/activity/daughter/delete", {"what": "all"})
    text = shown(mum, "/parent/activity/daughter")
    assert "The activity of Aruzhan is deleted." in text
    assert "No minute counted." in text
    assert "Undo" not in text


@pytest.mark.parametrize("what", ["", "rules", "ALL"])
def test_nothing_else_can_be_deleted(mum: Browser, household: Household, what: str) -> None:
    assert mum.post("/parent/activity/daughter/delete", {"what": what}).status_code == 400
    assert household.erased == {}


def test_what_was_changed_today_is_there_with_its_undo(mum: Browser, household: Household) -> None:
    household.changes = CHANGES
    page = mum.get("/parent/activity/").text
    text = text_of(page)
    for expected in (
        "Mum turned time rules and categories off until 19:40. 4 minutes ago Undo",
        "Mum paused every child. 5 minutes ago Undo",
        "Mum gave Aruzhan 15 min more. 9 minutes ago Undo",
        "Mum allowed Reddit for Aruzhan until 20:40. today at 17:40 Undo",
        "Mum gave Timur 30 min more of Roblox. today at 16:40 · over, or taken back",
    ):
        assert expected in text
    assert "example.com is blocked and 2 more of them" in text
    assert page.count(">Undo</button>") == 5
    household.given[3] = ("daughter", "Mum")
    answer = mum.post("/parent/undo", {"grant": "3", "back": "activity"})
    assert answer.headers["Location"] == "/parent/activity/"
    assert household.given == {}


def test_a_device_goes_back_to_its_earlier_owner(mum: Browser, household: Household) -> None:
    undo = {"do": "assign", "mac": TABLET, "profile": "daughter"}
    devices = [{"mac": TABLET, "name": "Tablet"}]
    household.changes = [change(NOW, "device", "home", None, undo=undo, devices=devices)]
    page = mum.get("/parent/activity/").text
    assert "Mum: Tablet is not filtered" in text_of(page)
    household.things.of(TABLET)["profile"] = "home"
    answer = mum.post("/parent/device/assign/back", {"was": f"{TABLET} daughter", "back": "activity"})
    assert f'name="was" value="{TABLET} daughter"' in page
    assert answer.headers["Location"] == "/parent/activity/"
    assert household.things.of(TABLET)["profile"] == "daughter"


def test_what_no_guardian_did_is_told_as_what_it_was(mum: Browser, household: Household) -> None:
    household.changes = [
        change(NOW, "pause", "all", None) | {"by": "router"},
        change(NOW, "grant", "daughter", "Aruzhan", minutes=15) | {"by": "console"},
    ]
    text = text_of(mum.get("/parent/activity/").text).replace("&#39;", "'")
    assert "The router's own pages paused every child." in text
    assert "The gateway's console gave Aruzhan 15 min more." in text


def edit(household: Household, who: str = "daughter", /, **changes: object) -> None:
    """As Mum does it on the pages; ``bedtime__school`` is the key ``bedtime/school``."""
    told = {key.replace("__", "/"): one for key, one in changes.items()}
    verbs = household.editing.verbs()
    verbs["edit"](ControlRequest("edit", Role.WEB, 0, {"id": who, "set": told, "by": "Mum"}))


def test_a_day_says_what_is_counted_and_what_is_not(mum: Browser, household: Household) -> None:
    text = shown(mum, "/parent/activity/daughter")
    assert "We count the minutes of each category, with a limit or not." in text
    assert "Help, homework, school and health sites and updates never count." in text
    assert "Games uses daily time" in text
    assert "Video sharing uses daily time" not in text
    household.minutes["son"]["used"] = []
    assert "Timur 0 min today · 0 blocked attempts" in shown(mum, "/parent/activity/")
    household.kinds = [{"target": "category:messaging", "name": "messaging", "refused": 0, "opened": 40}]
    text = shown(mum, "/parent/activity/son")
    assert "We count the minutes of each category, with a limit or not." in text
    assert "Connections by type" in text
    assert "Messaging 40" in text
    assert "Minutes are counted" not in shown(mum, "/parent/activity/teen"), "level 0 has nothing of it"


def test_rules_that_were_edited_today_are_told_in_sentences_with_what_was_before(
    mum: Browser, household: Household
) -> None:
    edit(
        household,
        **{"bedtime/school": "21:15-07:00", "limits/service:roblox": "90m", "block/service:tiktok": None},
    )
    text = shown(mum, "/parent/activity/")
    for expected in (
        "Mum changed the rules of Aruzhan. just now",
        "Bedtime on school nights 21:15–07:00",
        "Before: Bedtime on school nights 20:45–07:00",
        "Roblox: 1 h 30 min a day Before: Roblox: 1 h a day",
        "Removed: TikTok is blocked",
    ):
        assert expected in text


def test_the_last_edit_is_taken_back_from_activity_and_earlier_ones_are_not(
    mum: Browser, household: Household
) -> None:
    edit(household, log_level=1)
    edit(household, safe_search="off")
    page = mum.get("/parent/activity/").text
    assert page.count(">Undo</button>") == 1
    revisions = re.findall(r'name="revision" value="(\d+ \d+)"', page)[0]
    answer = mum.post("/parent/activity/undo", {"revision": revisions, "who": "daughter"})
    assert answer.headers["Location"] == "/parent/activity/"
    rules = household.editing.rules.household.profiles["daughter"].rules
    assert (rules.safe_search.value.value, rules.log_level) == ("strict", 1)
    assert "The rules of Aruzhan are as they were before." in shown(mum, "/parent/activity/")


def test_an_edit_of_an_adults_file_is_taken_back_from_activity_too(
    mum: Browser, household: Household
) -> None:
    phone = "02:00:00:00:00:0f"
    household.editing.files["dad"] = {"name": "Berik", "band": "adult"}
    edit(household, "dad", devices=[phone])
    page = mum.get("/parent/activity/").text
    assert "Mum changed the rules of Berik." in text_of(page)
    who, revisions = re.findall(r'name="who" value="(\w+)"><button name="revision" value="(\d+ \d+)"', page)[
        0
    ]
    assert who == "dad"
    answer = mum.post("/parent/activity/undo", {"who": who, "revision": revisions})
    assert answer.headers["Location"] == "/parent/activity/"
    assert "The rules of Berik are as they were before." in shown(mum, "/parent/activity/")
    assert household.editing.rules.household.profiles["dad"].devices == ()


def test_an_undo_of_a_page_of_before_takes_back_no_newer_edit(mum: Browser, household: Household) -> None:
    edit(household, log_level=1)
    ask = household.editing.verbs()["edit_family"]
    ask(ControlRequest("edit_family", Role.WEB, 0, {"by": "Mum", "set": {"country": "de"}}))
    page = mum.get("/parent/activity/").text
    edit(household, safe_search="off")
    ask(ControlRequest("edit_family", Role.WEB, 0, {"by": "Mum", "set": {"country": "fr"}}))
    (childs,) = re.findall(r'name="revision" value="(\d+ \d+)"', page)
    (homes,) = re.findall(r'name="was" value="(\d+ \d+)"', page)
    for path, values in (
        ("/parent/activity/undo", {"who": "daughter", "revision": childs}),
        ("/parent/settings/undo", {"was": homes, "back": "activity"}),
    ):
        mum.post(path, values)
        assert "This has changed in the meantime." in shown(mum, "/parent/activity/")
    family = household.editing.rules.household
    rules = family.profiles["daughter"].rules
    assert (rules.log_level, rules.safe_search.value.value, family.config.country) == (1, "off", "fr")


@pytest.mark.parametrize("who", ["", "nobody", "../x", "x" * 300])
def test_an_undo_of_nobodys_file_is_told(mum: Browser, household: Household, who: str) -> None:
    mum.post("/parent/activity/undo", {"who": who, "revision": "7 8"})
    assert "are as they were before" not in shown(mum, "/parent/activity/")


def test_settings_people_and_devices_that_were_changed_are_told_and_taken_back(
    mum: Browser, household: Household
) -> None:
    verbs = household.editing.verbs()

    def ask(do: str, **values: object) -> None:
        verbs[do](ControlRequest(do, Role.WEB, 0, {"by": "Mum", **values}))

    settings = {"country": "de", "unknown_devices": "quarantine", "language": "kk", "lists/update": "weekly"}
    settings["gateway_access"] = "open"
    ask("edit_family", set=settings)
    ask("add_profile", name="Aigerim", band="6-9", devices=[])
    ask("remove_profile", id="teen")
    ask("edit", id="son", set={"devices/02:00:00:00:00:0a": True})
    page = mum.get("/parent/activity/").text
    for expected in (
        "Mum changed the settings.",
        "Country: Germany Before: Country: Kazakhstan",
        "New devices: Blocked until you choose who uses it Before: New devices: A guest",
        "What children and guests can reach on the gateway: Everything on it Before: What children",
        "Language: Қазақша Before: Language: None chosen",
        "Lists are downloaded: Once a week Before: Lists are downloaded: Every night",
        "Mum made rules for Aigerim.",
        "Mum removed the rules of Dana.",
        "Mum changed the rules of Timur.",
        "Tablet belongs to Timur now",
    ):
        assert expected in text_of(page)
    assert page.count(">Undo</button>") == 4
    token = re.findall(r'/setup/people/restore"[^§]*?name="was" value="(\d+)"', page)[0]
    for path, was in (
        ("/parent/setup/people/restore", token),
        ("/parent/import/undo", "aigerim"),
        ("/parent/settings/undo", re.findall(r'/settings/undo"[^§]*?name="was" value="(\d+ \d+)"', page)[0]),
    ):
        answer = mum.post(path, {"was": was, "back": "activity"})
        assert answer.headers["Location"] == "/parent/activity/", path
    family = household.editing.rules.household
    assert set(family.profiles) == {"daughter", "son", "teen"} | {"guest", "home"} & set(family.profiles)
    assert family.config.country == "kz"


def test_what_was_edited_is_told_in_the_readers_language(mum: Browser, household: Household) -> None:
    edit(household, **{"bedtime/school": "21:15-07:00"})
    text = text_of(mum.get("/parent/activity/", Accept_Language="ru").text)
    assert "Bedtime" not in text
    assert "21:15–07:00" in text


def test_a_day_on_which_nothing_was_changed_says_what_would_be_there(mum: Browser) -> None:
    assert "Nothing yet." in shown(mum, "/parent/activity/")


def test_a_family_without_children_has_an_empty_page(mum: Browser, household: Household) -> None:
    household.children = ()
    assert "No child has rules yet" in shown(mum, "/parent/activity/")


def table(browser: Browser, path: str) -> list[list[str]]:
    answer = browser.get(path)
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert "attachment" in answer.headers["Content-Disposition"]
    assert answer.text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))


def test_a_table_has_what_the_page_shows(mum: Browser) -> None:
    rows = table(mum, "/parent/activity/daughter/week.csv")
    assert rows[0] == ["Day", "What", "Name", "Minutes", "Times", "Last", "Why"]
    assert ["2026-11-24", "all", "", "53", "9", "", ""] in rows
    assert ["2026-11-24", "used", "YouTube", "31", "", "", ""] in rows
    assert ["2026-11-24", "used", "Games", "21", "", "", "uses daily time"] in rows
    assert [
        "2026-11-18 – 2026-11-24", "blocked", "TikTok", "", "12", "2026-11-24 19:38",
        "TikTok is blocked. Your family set this.",
    ] in rows  # fmt: skip


def test_a_table_of_level_one_has_no_names(mum: Browser, level: object) -> None:
    level(1)  # type: ignore[operator]
    assert "TikTok" not in str(table(mum, "/parent/activity/daughter/week.csv"))
    assert "YouTube" not in str(table(mum, "/parent/activity/daughter/week.csv"))


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\u202e=1", '=HYPERLINK("http://x")'],
)
def test_a_name_is_no_formula(text: str) -> None:
    assert cell(text).startswith("'")


@pytest.mark.parametrize("text", ["", "YouTube", "2026-11-24", "kk.wikipedia.org", "a-b"])
def test_other_names_stay_as_they_are(text: str) -> None:
    assert cell(text) == text


def test_hostile_names_come_to_nothing(mum: Browser, household: Household) -> None:
    household.hostile = {
        "name": HOSTILE, "hosts": [{"host": HOSTILE, "times": 2}], "sentence": HOSTILE, "entry": HOSTILE,
    }  # fmt: skip
    household.changes = [change(NOW, "open", "daughter", HOSTILE, thing_name=HOSTILE, until=NOW)]
    for path in PAGES[:3]:
        page = mum.get(path).text
        assert "<script>alert" not in page
        assert "<img" not in page
        assert "\u202e" not in text_of(page)
    household.hostile = {"name": "=cmd|' /C calc'!A0"}
    rows = table(mum, "/parent/activity/daughter/day.csv")
    assert any(row[2].startswith("'=cmd") for row in rows)
