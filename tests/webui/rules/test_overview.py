"""A child's rules as sentences, with their switches, resets and undo."""

from __future__ import annotations

import re

import pytest

from gateway.policy.profile.rule_keys import PERSON_KEYS, PERSONAL_KEYS, RULE_KEYS
from tests.webui.conftest import Browser
from tests.webui.rules.forms import PAGE, post, revision, send, text_of
from tests.webui.standin.household import Household, asked_of
from tests.webui.standin.ruling import said, write

pytestmark = pytest.mark.usefixtures("ruled")


# One word of each key of a profile that its band does not say, and what the overview then has in it.
SAID: dict[str, tuple[object, str]] = {
    "name": ("Asem", "Name: Asem"),
    "band": ("13-15", "the 13-15 rules apply"),
    "next_step": ("2027-05", "Next age group, 13-15: due in May 2027"),
    "devices": (["02:00:00:00:00:77"], "1 device: 02:00:00:00:00:77"),
    "mode": ("allow-list", "Only what is on the list is allowed"),
    "unknown": ("ask", "Unknown sites need approval"),
    "categories": ({"games": "block"}, "Games: blocked"),
    "ways": ({"ssh": "allow"}, "SSH: allowed"),
    "allow": (["example.org", "service:instagram"], "Instagram is allowed"),
    "block": (["category:games"], "Games: blocked"),
    "homework": (["example.org"], "example.org is for homework"),
    "safe_search": ("off", "Search engines and YouTube show everything"),
    "bedtime": ({"school": "20:30-07:00", "fri": {}}, "No bedtime in the night to Fridays"),
    "limits": ({"group:games": {"school": "30m", "free": "1h30m"}}, "Games on free days: 1 h 30 min a day"),
    "windows": ({"service:youtube": "00:00-20:00"}, "YouTube: not after 20:00"),
    "landing": ("0m", "No minutes to finish a game"),
    "linger": ("5m", "Up to 5 min of idle time still counts"),
    "auto_approve": ("30m", "Requests for up to 30 min a day are granted automatically"),
    "updates": ("false", "Updates follow the rules of their service"),
    "strict": ("true", "Apps reach only addresses that belong to an allowed name"),
    "log_level": ("0", "Stored: level 0 of 3. Aruzhan reads: “Nothing that you do is stored.”"),
    "failure": ("open", "While the filter does not run, the devices are not filtered"),
    "clock_unset": ("open", "While the time is not known, time rules are not applied"),
    "dates": ({"2026-12-31": {"bedtime": {}, "limits": {"play": "4h"}}}, "2026-12-31: Play: 4 h"),
    "calendars": (["school.ics"], "Free days come from a calendar"),
    "laws": ({"kz-under-16-social": "Dad"}, "Social networks from 16 (Kazakhstan): on, by Dad"),
    "portal": (["02:00:00:00:00:0a"], "1 device opens the blocked page"),
}  # fmt: skip


def test_the_child_s_card_leads_to_its_rules(mum: Browser) -> None:
    assert f'href="{PAGE}">Aruzhan' in mum.get("/parent/").text


def test_every_key_of_a_profile_has_a_word_here() -> None:
    assert set(SAID) == {*PERSON_KEYS, *RULE_KEYS, *PERSONAL_KEYS}


@pytest.mark.parametrize("key", SAID)
def test_nothing_that_the_file_says_is_left_out(mum: Browser, household: Household, key: str) -> None:
    write(household)
    value, told = SAID[key]
    before = text_of(mum.get(PAGE).text)
    assert told not in before
    write(household, **{key: value})
    assert told in text_of(mum.get(PAGE).text)


CLEARED = {
    "categories": "No age group category rule applies",
    "ways": "No VPN or bypass method is blocked",
    "limits": "No age group limit applies",
    "windows": "No age group schedule applies",
    "allow": "The age group allows no sites by name",
    "block": "The age group blocks no sites by name",
    "homework": "The age group sets no homework sites",
}


@pytest.mark.parametrize("key", CLEARED)
def test_what_is_cleared_is_told_and_can_be_reset(mum: Browser, household: Household, key: str) -> None:
    write(household, **{key: {}})
    assert CLEARED[key] in text_of(mum.get(PAGE).text)
    told = post(mum, "reset", key=key)
    assert "back to the age default for Aruzhan." in told
    assert CLEARED[key] not in told
    assert key not in said(household)


def test_a_hand_made_rule_without_a_form_is_shown_and_named(mum: Browser, household: Household) -> None:
    write(household, dates={"2026-12-24..2027-01-08": "free"})
    page = text_of(mum.get(PAGE).text)
    assert "2026-12-24 – 2027-01-08: a free day" in page
    assert "It can be changed on the gateway itself." in page


def test_who_set_it_is_said_of_each(mum: Browser, household: Household) -> None:
    page = text_of(mum.get(PAGE).text)
    assert "TikTok is blocked Your family's own rule" in page
    assert "Bedtime before free days 21:45–08:00 The 10-12 rules" in page
    post(mum, "switch", switch="off bedtime")
    assert "TikTok is blocked Mum set this today" in text_of(mum.get(PAGE).text)


def test_what_the_band_recommends_stands_beside_what_the_family_set(mum: Browser) -> None:
    page = text_of(mum.get(PAGE).text)
    assert "Social networks: needs approval Your family's own rule" in page
    assert "Social networks: blocked – recommended by the 10-12 rules" in page


SWITCHES = [
    ("bedtime", "bedtime", {}),
    ("limits/play", "limits", {"service:youtube": "1h", "play": {}}),
    ("categories/games", "categories", {"social_networks": "ask", "games": "allow"}),
    ("ways/vpn", "ways", {"vpn": "allow"}),
    ("safe_search", "safe_search", "off"),
    ("updates", "updates", "false"),
]


@pytest.mark.parametrize(("key", "head", "value"), SWITCHES)
def test_a_switch_turns_off_and_on_again(
    mum: Browser, household: Household, key: str, head: str, value: object
) -> None:
    before = said(household).get(head)
    assert ": off for Aruzhan." in post(mum, "switch", switch=f"off {key}")
    assert said(household)[head] == value
    page = mum.get(PAGE).text
    assert 'aria-checked="false"' in page
    assert f'value="on {key}"' in page
    assert ": on for Aruzhan." in post(mum, "switch", switch=f"on {key}")
    assert said(household).get(head) == before


def test_what_the_band_has_off_is_switched_on_by_a_word_of_the_family(
    mum: Browser, household: Household
) -> None:
    post(mum, "switch", switch="on strict")
    assert said(household)["strict"] == "true"
    post(mum, "switch", switch="off strict")
    assert "strict" not in said(household)


@pytest.mark.parametrize("key", ["categories/social_networks"])
def test_a_reset_leaves_it_to_the_band(mum: Browser, household: Household, key: str) -> None:
    assert "back to the age default for Aruzhan" in post(mum, "reset", key=key)
    assert "categories" not in said(household)


@pytest.mark.parametrize(("key", "head", "left"), [
    ("limits/service:youtube", "limits", None), ("windows/service:roblox", "windows", None),
    ("block/service:tiktok", "block", ["bet.example"]), ("homework/bilimland.kz", "homework", None),
])  # fmt: skip
def test_what_is_the_family_s_alone_is_taken_out(
    mum: Browser, household: Household, key: str, head: str, left: object
) -> None:
    assert "is removed for Aruzhan." in post(mum, "reset", key=key)
    assert said(household).get(head) == left


def test_a_kind_that_the_band_leaves_open_goes_back_to_it(mum: Browser, household: Household) -> None:
    write(household, categories={"forums": "block"})
    assert "Forums: back to the age default for Aruzhan." in post(
        mum, "reset", key="categories/forums", confirmed="yes"
    )
    assert "categories" not in said(household)


def test_every_change_can_be_undone(mum: Browser, household: Household) -> None:
    before, undo = said(household), revision(mum.get(PAGE).text)
    assert "Undo" in post(mum, "switch", switch="off bedtime")
    made = revision(mum.get(PAGE).text)
    assert f'name="revision" value="{undo} {made}">Undo' in mum.get("/parent/").text, "on the first page too"
    answer = mum.post(f"{PAGE}undo", {"revision": f"{undo} {made}"})
    page = text_of(mum.get(answer.headers["Location"]).text)
    assert "The rules of Aruzhan are as they were before." in page
    assert "Undo" not in page
    assert said(household) == before
    [values] = asked_of(household, "unedit")
    assert values.pop("session"), "an undo can end filtering"
    wanted = {"id": "daughter", "revision": int(undo), "found": int(made)}
    assert values == {**wanted, "by": "Mum", "origin": "192.168.1.7"}


def test_an_undo_from_a_page_of_before_takes_back_no_newer_change(mum: Browser, household: Household) -> None:
    undo = revision(mum.get(PAGE).text)
    post(mum, "switch", switch="off bedtime")
    made = revision(mum.get(PAGE).text)
    post(mum, "reset", key="categories/social_networks")
    now = said(household)
    answer = mum.post(f"{PAGE}undo", {"revision": f"{undo} {made}"})
    page = text_of(mum.get(answer.headers["Location"]).text)
    assert "This has changed in the meantime. Reload and try again." in page
    assert said(household) == now


def test_adult_rules_that_are_given_by_mistake_are_undone_from_home(
    mum: Browser, household: Household
) -> None:
    assert "Aruzhan has the adult rules now." in post(mum, "band/", band="adult")
    form = mum.get("/parent/").text.split(f'action="{PAGE}undo"')[1]
    sent = {"revision": form.split('name="revision" value="')[1].split('"')[0]}
    assert mum.post(f"{PAGE}undo", sent).headers["Location"] == PAGE
    assert "The rules of Aruzhan are as they were before." in text_of(mum.get(PAGE).text)
    assert said(household)["band"] == "10-12"
    assert mum.post(f"{PAGE}undo", sent).headers["Location"] == PAGE, "tapped twice"


def test_only_the_pages_of_a_person_who_grew_up_lead_home(mum: Browser) -> None:
    form = {"band": "adult", "revision": revision(mum.get(PAGE).text)}
    mum.post(f"{PAGE}band/", form)
    assert mum.post(f"{PAGE}band/", form).headers["Location"] == "/parent/", "tapped twice"
    assert "Aruzhan has the adult rules now." in text_of(mum.get("/parent/").text)
    for other in ("nothing", "guest", "home"):
        assert mum.get(f"/parent/child/{other}/").status_code == 404


def test_an_undo_of_an_adult_s_rules_leads_home(mum: Browser) -> None:
    post(mum, "band/", band="adult")
    answer = mum.post(f"{PAGE}undo", {"revision": "7 8"})
    assert answer.headers["Location"] == "/parent/"
    assert "That version is no longer stored." in text_of(mum.get("/parent/").text)


@pytest.mark.parametrize("sent", ["", "7", "7 ", " 7", "7 8 9", "7 x", "-7 8", "7 " + "9" * 17])
def test_an_undo_names_both_versions(mum: Browser, household: Household, sent: str) -> None:
    assert mum.post(f"{PAGE}undo", {"revision": sent}).status_code == 400
    assert asked_of(household, "unedit") == []


def test_an_undo_that_is_not_kept_any_more_is_told(mum: Browser) -> None:
    now = revision(mum.get(PAGE).text)
    answer = mum.post(f"{PAGE}undo", {"revision": f"7 {now}"})
    assert "That version is no longer stored." in text_of(mum.get(answer.headers["Location"]).text)


def test_notes_in_the_file_are_told_before_and_after(mum: Browser, household: Household) -> None:
    assert "These rules have notes made on the gateway." in text_of(mum.get(PAGE).text)
    told = post(mum, "switch", switch="off bedtime")
    assert "The notes are removed. The gateway keeps a copy." in told
    assert "These rules have notes" not in told


def test_a_change_names_who_and_from_where(mum: Browser, household: Household) -> None:
    seen = int(revision(mum.get(PAGE).text))
    post(mum, "switch", switch="off bedtime")
    [values] = asked_of(household, "edit")
    assert values.pop("session"), "an edit can end filtering"
    assert values == {
        "id": "daughter", "revision": seen, "set": {"bedtime": {}}, "because": None,
        "by": "Mum", "origin": "192.168.1.7",
    }  # fmt: skip


def test_a_switch_of_a_page_that_is_old_changes_nothing_and_says_so(
    mum: Browser, household: Household
) -> None:
    post(mum, "switch", switch="off bedtime")
    told = post(mum, "switch", switch="off ways/vpn", revision="0")
    assert "This has changed in the meantime." in told
    assert "ways" not in said(household)


@pytest.mark.parametrize("values", [
    {"switch": "off mode"}, {"switch": "maybe bedtime"}, {"switch": "maybe nothing"}, {"switch": ""},
])  # fmt: skip
def test_a_switch_that_is_none_is_refused(mum: Browser, values: dict[str, str]) -> None:
    assert mum.post(f"{PAGE}switch", values | {"revision": "0"}).status_code == 400


@pytest.mark.parametrize("key", ["band", "mode", "nothing", "ways/vpn"])
def test_only_what_the_family_has_set_is_reset(mum: Browser, household: Household, key: str) -> None:
    assert mum.post(f"{PAGE}reset", {"key": key, "revision": "0"}).status_code == 303
    assert "edit" not in {do for do, _values in household.asked}


@pytest.mark.parametrize(
    ("form", "tapped", "told"),
    [
        ("switch", {"switch": "off categories/social_networks"}, "off for Aruzhan."),
        ("reset", {"key": "categories/social_networks"}, "back to the age default for Aruzhan."),
        ("reset", {"key": "windows/service:roblox"}, "is removed for Aruzhan."),
        ("laws/", {"switch": "on kz-under-16-social"}, "on for Aruzhan."),
        ("sites/remove", {"entry": "block/service:tiktok"}, "is removed for Aruzhan."),
    ],
)
def test_a_tap_that_comes_twice_is_one_and_keeps_its_undo(
    mum: Browser, household: Household, form: str, tapped: dict[str, str], told: str
) -> None:
    number = revision(mum.get(PAGE).text)
    first = send(mum, form, **tapped, revision=number)[1]
    status, second = send(mum, form, **tapped, revision=number)
    assert status == 303
    for page in (first, second):
        assert told in text_of(page)
        assert 'action="/parent/child/daughter/undo"' in page
    assert [do for do, _values in household.asked].count("edit") == 1


def test_a_second_tap_on_the_switch_of_a_rule_that_is_gone_keeps_its_undo(
    mum: Browser, household: Household
) -> None:
    write(household, categories={"service:roblox": "ask"})
    form = {"switch": "off categories/service:roblox", "revision": revision(mum.get(PAGE).text)}
    for _tap in range(2):
        page = mum.get(mum.post(f"{PAGE}switch", form).headers["Location"]).text
        assert "Roblox: off for Aruzhan." in text_of(page)
        assert f'action="{PAGE}undo"' in page
    assert len(asked_of(household, "edit")) == 1


@pytest.mark.parametrize(
    ("form", "tapped", "own"),
    [
        ("switch", {"switch": "off categories/gambling"}, {}),
        ("reset", {"key": "categories/forums"}, {"categories": {"forums": "block"}}),
        ("sites/remove", {"entry": "block/category:forums"}, {"block": ["category:forums"]}),
    ],
)
def test_no_single_tap_opens_a_blocked_category(
    mum: Browser, household: Household, form: str, tapped: dict[str, str], own: dict[str, object]
) -> None:
    write(household, **own)
    number, before = revision(mum.get(PAGE).text), said(household)
    page = mum.post(PAGE + form, {**tapped, "revision": number, "because": "She asked"})
    assert page.status_code == 200
    assert f'action="{PAGE}{form}"' in page.text
    assert said(household) == before, "nothing is written"
    fields = dict(
        re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text.partition("</main>")[0])
    )
    assert fields == {**tapped, "revision": number, "because": "She asked"}
    assert mum.post(PAGE + form, {**fields, "confirmed": "yes"}).status_code == 303
    assert said(household) != before
    assert [bool(values.get("confirmed")) for values in asked_of(household, "edit")] == [False, True]


@pytest.mark.parametrize(
    ("form", "chosen", "title"),
    [
        ("kinds/", {"gambling": "allow", "dating": "ask"}, "Stop blocking Dating, Gambling for Aruzhan?"),
        ("services/1xbet", {"state": "open"}, "Always allow 1xBet for Aruzhan?"),
        ("sites/", {"list": "allow", "entry": "1xbet.com"}, "Always allow 1xbet.com for Aruzhan?"),
    ],
)
def test_no_form_opens_a_blocked_category_without_a_confirmation(
    mum: Browser, household: Household, form: str, chosen: dict[str, str], title: str
) -> None:
    write(household, categories={"gambling": "block", "dating": "block"})
    number, before = revision(mum.get(PAGE).text), said(household)
    page = mum.post(PAGE + form, {**chosen, "revision": number})
    assert title in text_of(page.text)
    assert said(household) == before, "nothing is written"
    main = page.text.partition("</main>")[0]
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', main))
    assert fields == {**chosen, "revision": number}
    assert mum.post(PAGE + form, {**fields, "confirmed": "yes"}).status_code == 303
    assert said(household) != before


@pytest.mark.parametrize(
    "path",
    ["", "services/", "kinds/", "sites/", "week/bedtime", "limits/play", "basics/", "band/"],
)
def test_nobody_but_a_guardian_sees_or_changes_them(tablet: Browser, path: str) -> None:
    assert tablet.get(PAGE + path).headers["Location"] == "/signin"
    assert tablet.post(PAGE + "switch", {"switch": "off bedtime"}).headers["Location"] == "/signin"
    assert tablet.post(PAGE + "band/", {"band": "adult"}).headers["Location"] == "/signin"


@pytest.mark.parametrize("path", ["", "services/", "week/bedtime", "basics/"])
def test_a_child_that_is_none_has_no_page(mum: Browser, path: str) -> None:
    assert mum.get(f"/parent/child/nobody/{path}").status_code == 404


def test_a_hostile_name_stays_text(mum: Browser, household: Household) -> None:
    write(household, name="<script>alert(1)</script>", block=["xn--80ak6aa92e.com"])
    page = mum.get(PAGE).text
    assert "<script>alert" not in page


def states(page: str) -> dict[str, str]:
    """Return the one line of each card by its id."""
    found = re.findall(
        r'id="section-(\w+)"[^>]*>\s*<summary>.*?<span class="meta">(.*?)</span>', page, re.DOTALL
    )
    return {card: text_of(line) for card, line in found}


def test_each_card_has_its_rules_in_one_line(mum: Browser, household: Household) -> None:
    write(household)
    lines = states(mum.get(PAGE).text)
    assert list(lines) == [
        "time", "bedtime", "sites", "categories", "search", "bypass", "activity", "person",
    ]  # fmt: skip
    assert lines["bypass"] == "All known methods are blocked"
    assert lines["activity"] == "Blocked sites, totals by category"
    assert "blocked" in lines["categories"]
    write(household, ways={"ssh": "allow"}, log_level="0", categories={"games": "ask"})
    lines = states(mum.get(PAGE).text)
    assert lines["bypass"] == "Allowed: SSH"
    assert lines["activity"] == "Nothing"
    assert "need approval" in lines["categories"]


def test_a_tap_in_a_card_leaves_it_open(mum: Browser, household: Household) -> None:
    write(household)
    values = {"switch": "off bedtime", "revision": revision(mum.get(PAGE).text)}
    address = mum.post(f"{PAGE}switch", values).headers["Location"]
    assert address == f"{PAGE}?open=bedtime#section-bedtime"
    page = mum.get(address.partition("#")[0]).text
    assert '<details class="card" id="section-bedtime" open>' in page
    assert '<details class="card" id="section-time">' in page


def test_rules_are_copied_to_another_child(mum: Browser, household: Household) -> None:
    page = mum.get(f"{PAGE}carry/").text
    form = page[page.index("Copy to another child") :]
    found = re.search(r'name="code" value="([^"]+)"', form)
    assert found
    assert '<button name="to" value="son">' in form
    assert '<button name="to" value="daughter">' not in form
    values = {"code": found[1], "to": "son"}
    asks = mum.post("/parent/import/take", values)
    assert "Stop blocking" in text_of(asks.text), "the copied rules open a category that is blocked for him"
    answer = mum.post("/parent/import/take", {**values, "confirmed": "yes"})
    assert answer.status_code == 303, text_of(answer.text)
    copied = asked_of(household, "edit")[-1]
    assert copied["id"] == "son"
    assert copied["set"]["block"] == said(household)["block"]
