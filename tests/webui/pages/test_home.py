from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from tests.control.running import Running
from tests.web_forms import form_with
from tests.webui.conftest import Browser, browser_on
from tests.webui.standin.household import NOW, Household
from tests.webui.standin.pages import HOSTILE, text_of
from tests.webui.standin.places import GUEST, TELEVISION
from tests.webui.standin.ruled import RULES
from tests.webui.standin.things import KITCHEN

PARENTS_PAGES = ("/parent/", "/parent/cards")


@pytest.mark.parametrize("path", PARENTS_PAGES)
def test_nobody_else_sees_the_parents_pages(tablet: Browser, path: str) -> None:
    answer = tablet.get(path)
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/signin"


@pytest.mark.parametrize("path", ["/parent/pause", "/parent/resume", "/parent/on"])
def test_nobody_else_changes_anything(tablet: Browser, household: Household, path: str) -> None:
    assert tablet.post(path, {"who": "daughter", "minutes": "15"}).headers["Location"] == "/signin"
    assert {do for do, _ in household.asked}.isdisjoint({"pause", "resume", "on"})


def test_each_child_has_a_card_with_its_state(mum: Browser) -> None:
    text = text_of(mum.get("/parent/").text)
    for expected in (
        "Internet works",
        "Aruzhan online 40 min left for Play 40 min 40 min left for Play Open until bedtime at 20:45.",
        "Timur online Bedtime Bedtime until 07:00 tomorrow.",
        "Dana Open Open until bedtime at 20:45.",
    ):
        assert expected in text


def test_what_is_in_use_is_on_the_card_of_who_is_online(mum: Browser, household: Household) -> None:
    household.in_use = [
        {"target": "service:youtube", "name": "YouTube"},
        {"target": "category:games", "name": "games"},
    ]
    assert "In use YouTube, Games Open until bedtime" in text_of(mum.get("/parent/").text)
    household.paused["daughter"] = None
    assert "YouTube" not in mum.get("/parent/").text
    household.paused.clear()
    household.devices = {"192.168.1.21": household.devices["192.168.1.21"]}  # it is not online
    assert "YouTube" not in mum.get("/parent/").text


def test_devices_are_on_the_child_s_own_page(mum: Browser) -> None:
    assert "Tablet" not in mum.get("/parent/").text
    text = text_of(mum.get("/parent/activity/daughter").text)
    assert "Devices Tablet online Phone not online" in text


def test_a_child_without_a_device_has_no_taps(mum: Browser, household: Household) -> None:
    household.devices.clear()
    household.children = ("daughter",)
    page = mum.get("/parent/").text
    assert "No device yet. Join the Wi-Fi with one" in page
    assert 'class="pauses"' not in page
    assert 'class="extras"' not in page


def test_four_children_fit_a_phone(
    mum: Browser, household: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RULES, "fourth", {**RULES["daughter"], "id": "fourth", "name": "Айғаным"})
    monkeypatch.setitem(household.minutes, "fourth", household.minutes["daughter"])
    household.devices["192.168.1.40"] = {"mac": "02:00:00:00:00:2a", "profile": "fourth", "name": "Phone"}
    household.children = ("daughter", "son", "teen", "fourth")
    page = mum.get("/parent/").text
    assert page.count("Pause, or more time<") == 3  # one of them has no device
    assert "Айғаным" in text_of(page)
    household.paused["fourth"] = None
    page = mum.get("/parent/").text
    assert page.count("Pause, or more time<") == 2
    assert 'aria-label="Resume Айғаным"' in page  # in sight


@pytest.mark.parametrize(("minutes", "sent"), [("15", 15), ("30", 30), ("60", 60), ("", None)])
def test_one_tap_pauses(mum: Browser, household: Household, minutes: str, sent: int | None) -> None:
    answer = mum.post("/parent/pause", {"who": "daughter", "minutes": minutes})
    assert answer.status_code == 303
    values = next(values for do, values in household.asked if do == "pause")
    expected = {"who": "daughter", "by": "Mum", "origin": "192.168.1.7"}
    assert values == (expected if sent is None else {**expected, "minutes": sent})


def test_a_pause_can_be_undone_until_the_next_change(mum: Browser, household: Household) -> None:
    mum.post("/parent/pause", {"who": "daughter", "minutes": "30"})
    page = mum.get("/parent/").text
    assert "Aruzhan is paused until 20:10." in page
    assert 'name="who" value="daughter">Undo</button>' in page
    assert "Undo" in mum.get("/parent/").text
    mum.post("/parent/resume", {"who": "daughter"})
    assert household.paused == {}
    assert "Undo" not in mum.get("/parent/").text


def test_an_undo_of_a_pause_that_has_ended_is_not_offered(mum: Browser, household: Household) -> None:
    mum.post("/parent/pause", {"who": "daughter", "minutes": "15"})
    household.paused.clear()
    assert "Undo" not in mum.get("/parent/").text


def test_all_children_are_paused_and_resumed_at_once(mum: Browser, household: Household) -> None:
    mum.post("/parent/pause", {"who": "all", "minutes": ""})
    page = mum.get("/parent/").text
    assert household.paused == {"all": None}
    assert "Every child is paused." in page
    assert "Resume all" in page
    mum.post("/parent/resume", {"who": "all"})
    assert household.paused == {}


@pytest.mark.parametrize("minutes", ["0", "-5", "99999", "x", "15.0"])
def test_other_minutes_than_those_offered_change_nothing(
    mum: Browser, household: Household, minutes: str
) -> None:
    assert mum.post("/parent/pause", {"who": "daughter", "minutes": minutes}).status_code == 400
    assert household.paused == {}


@pytest.mark.parametrize("who", ["", "nobody", "02:00:00:00:00:1b", "../x"])
def test_who_is_no_child_cannot_be_paused(mum: Browser, household: Household, who: str) -> None:
    assert mum.post("/parent/pause", {"who": who, "minutes": "15"}).status_code == 400
    assert household.paused == {}


def test_what_the_daemon_refuses_is_said(mum: Browser) -> None:
    mum.post("/parent/pause", {"who": "teen", "minutes": "15"})
    page = mum.get("/parent/").text
    assert "Dana sets her own pauses" in page
    assert "Undo" not in page


def test_a_single_child_needs_no_button_for_all(mum: Browser, household: Household) -> None:
    household.children = ("daughter",)
    assert "Pause all" not in mum.get("/parent/").text


def test_a_home_without_children_says_what_to_do(mum: Browser, household: Household) -> None:
    household.children = ()
    assert "No child has rules yet" in mum.get("/parent/").text


def test_devices_of_the_first_run_ask_who_uses_them(mum: Browser, household: Household) -> None:
    assert "Who uses" not in mum.get("/parent/").text
    television, switch, phone = (household.things.of(mac) for mac in (TELEVISION, KITCHEN, GUEST))
    television.update(undecided=True, profile="home")
    switch.update(undecided=True, profile="home", kind="thing", shared=[])
    phone.update(undecided=True, profile="guest", name="Galaxy")
    text = text_of(mum.get("/parent/").text)
    assert "1 device is not filtered: Television. Who uses it?" in text, "an appliance does not ask"
    assert "1 device is filtered as a guest's: Galaxy. Who uses it?" in text
    answer = mum.post("/parent/setup/device", {"mac": TELEVISION, "of": "children"})
    assert answer.headers["Location"] == "/parent/"
    assert television["shared"] == ["daughter", "son", "teen"]
    television["undecided"] = False
    page = mum.get("/parent/").text
    assert "Television is shared by Aruzhan, Timur and Dana now. Undo" in text_of(page)
    undo, was = form_with(page, "was"), page.partition('name="was" value="')[2].partition('"')[0]
    assert mum.post(undo.action, undo.values | {"was": was}).headers["Location"] == "/parent/"
    assert (television["shared"], television["profile"]) == ([], "home")
    mum.post("/parent/setup/device", {"mac": GUEST, "of": "home"})
    assert phone["profile"] == "home"
    assert "Galaxy is not filtered: only harmful sites are blocked." in text_of(mum.get("/parent/").text)
    assert mum.post("/parent/setup/device", {"mac": GUEST, "of": "stranger"}).status_code == 400
    mum.post("/parent/setup/device", {"mac": "02:00:00:00:00:77", "of": "home"})
    assert "Another parent has answered this already." in mum.get("/parent/").text


@pytest.mark.parametrize(
    ("extra", "line"),
    [
        ({"internet": "works"}, "Internet works"),
        ({"internet": "unknown"}, "The filter runs"),
        (
            {"internet": "down", "internet_since": NOW - timedelta(minutes=28)},
            "Your provider&#39;s line is down since 19:12. The filter runs.",
        ),
        ({"internet": "down"}, "Your provider&#39;s line is down. The filter runs."),
        ({"mode": "off", "off_until": NOW + timedelta(hours=1)}, "off for everyone until 20:40."),
        ({"mode": "off"}, "Time rules and categories are off for everyone."),
        (
            {"mode": "off", "off_until": NOW + timedelta(hours=1), "stopped_by_provider": True},
            "Your internet provider turned time rules and categories off for everyone until 20:40.",
        ),
        (
            {"problems": ["son.yaml:3: band: unknown; use one of 0-5, 6-9"]},
            "The rules or settings on the gateway have a mistake. The previous ones apply.",
        ),
        ({"new_devices": 1}, "1 new device is here as a guest."),
        ({"new_devices": 3}, "3 new devices are here as guests."),
    ],
)
def test_the_line_says_what_is(
    mum: Browser, household: Household, extra: dict[str, object], line: str
) -> None:
    household.extra.update(extra)
    assert line.replace("&#39;", "'") in mum.get("/parent/").text.replace("&#39;", "'")


def test_a_problem_is_one_line_on_every_page(mum: Browser, tablet: Browser, household: Household) -> None:
    household.extra["problems"] = ["son.yaml:3: band: unknown"]
    for path in ("/parent/requests", "/parent/activity/", "/parent/more", "/parent/child/son/"):
        page = mum.get(path).text
        assert page.count("The gateway has 1 problem. Home shows what to do.") == 1, path
        assert "son.yaml" not in page
    home = mum.get("/parent/").text
    assert "The gateway has 1 problem" not in home
    assert "The rules or settings on the gateway have a mistake." in text_of(home)
    assert "son.yaml" not in home
    assert "son.yaml:3: band: unknown" in text_of(mum.get("/parent/health/").text)
    child = text_of(tablet.get("/my/time").text)
    assert child.count("The gateway has a problem. Ask a parent to look at Home.") == 1
    assert "son.yaml" not in child


@pytest.mark.parametrize(
    ("ip", "line"),
    [
        ("192.168.1.22", "Something does not work here. Show this to your parents."),  # 6-9
        ("192.168.1.20", "The gateway has a problem. Ask a parent to look at Home."),  # 10-12
    ],
)
def test_a_child_is_told_of_a_problem_in_words_of_its_age(
    app: Flask, daemon: Running, household: Household, ip: str, line: str
) -> None:
    child = browser_on(app, ip)
    household.extra["problems"] = ["qalqan.db: the disk is full"]
    for path in ("/my", "/my/now", "/why"):
        page = text_of(child.get(path).text)
        assert page.count(line) == 1, path
        assert "qalqan.db" not in page
    household.extra["problems"] = []
    assert line not in text_of(child.get("/my").text)


def test_off_can_be_turned_on_again(mum: Browser, household: Household) -> None:
    household.extra["mode"] = "off"
    assert "Turn on again" in mum.get("/parent/").text
    mum.post("/parent/on")
    assert ("on", {"by": "Mum", "origin": "192.168.1.7"}) in household.asked
    assert "Turn on again" not in mum.get("/parent/").text


def test_hostile_names_come_to_nothing(mum: Browser, household: Household, tablet: Browser) -> None:
    for device in household.devices.values():
        device["name"] = HOSTILE
    household.refusals[0].update(host=HOSTILE, name=HOSTILE, sentence=HOSTILE, owner=f"guardian:{HOSTILE}")
    for page in (mum.get("/parent/").text, tablet.get("/my").text, tablet.get("/why").text):
        assert "<script>alert" not in page
        assert "<img" not in page
        assert "49" not in text_of(page).split()
    assert "\u202e" not in tablet.get("/my").text


def test_a_session_ends_when_the_guardian_is_reset(mum: Browser, household: Household) -> None:
    assert mum.get("/parent/").status_code == 200
    household.stamps.end("Mum")
    assert mum.get("/parent/").headers["Location"] == "/signin"


def test_another_key_does_not_make_a_session(app: Flask, mum: Browser, household: Household) -> None:
    forged = browser_on(app, "192.168.1.20")
    key, app.secret_key = app.secret_key, b"x" * 32
    forged.post("/signin", {"code": household.guardians.link("Mum")})
    app.secret_key = key
    assert forged.get("/parent/").status_code == 303
    assert mum.get("/parent/").status_code == 200


def test_sign_out_ends_the_session(mum: Browser) -> None:
    assert mum.post("/signout").status_code == 303
    assert mum.get("/parent/").status_code == 303


@pytest.mark.parametrize(
    ("path", "form", "verbs"),
    [
        ("/parent/pause", {"who": "daughter", "minutes": "15"}, ["guardian", "pause"]),
        ("/parent/resume", {"who": "daughter"}, ["guardian", "resume"]),
        ("/parent/grant", {"who": "daughter", "minutes": "15"}, ["status", "grant"]),
    ],
)
def test_a_tap_is_two_requests_to_the_daemon_and_the_page_after_it_one(
    mum: Browser, household: Household, path: str, form: dict[str, str], verbs: list[str]
) -> None:
    """The access check brings the home where the view needs it: a grant names the child in its notice."""
    household.questions.clear()
    household.cards.clear()
    household.asked.clear()
    answer = mum.post(path, form)
    assert [do for do, _ in household.asked] == verbs
    household.asked.clear()
    assert mum.get(answer.headers["Location"]).status_code == 200
    assert [do for do, _ in household.asked] == ["status"]


def test_a_page_after_a_session_has_ended_is_the_sign_in(mum: Browser, household: Household) -> None:
    assert mum.get("/parent/").status_code == 200
    household.stamps.end("Mum")
    assert mum.get("/parent/").headers["Location"] == "/signin"
