"""Devices by person, one device's page, and the taps that change something about it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from gateway.control.proofs import PROOF_LIFE
from tests.webui.conftest import Browser
from tests.webui.standin.asking import a_question
from tests.webui.standin.household import LAPTOP, PHONE, TABLET, Household
from tests.webui.standin.pages import HOSTILE, text_of
from tests.webui.standin.places import NOW
from tests.webui.standin.things import KITCHEN, a_device
from webui.features.devices.device_text import GROUP_SHOWN
from webui.language.clues import offers, system

PAGES = (
    "/parent/devices/",
    "/parent/devices/now",
    f"/parent/device/{TABLET}",
    f"/parent/device/{TABLET}/now",
)
FORMS = (
    "mark",
    "mark/back",
    "assign",
    "assign/back",
    "name",
    "name/back",
    "share",
    "share/back",
    "managed",
    "managed/back",
    "forget",
)


def sent(household: Household, do: str) -> list[dict[str, object]]:
    """Return the arguments of a verb's requests, without the session."""
    return [
        {key: value for key, value in values.items() if key != "session"}
        for verb, values in household.asked
        if verb == do
    ]


@pytest.mark.parametrize("path", PAGES)
def test_nobody_else_sees_them(tablet: Browser, path: str) -> None:
    assert tablet.get(path).headers["Location"].endswith("/signin")


@pytest.mark.parametrize("form", FORMS)
def test_nobody_else_changes_anything(tablet: Browser, household: Household, form: str) -> None:
    answer = tablet.post(f"/parent/device/{form}", {"mac": TABLET, "was": f"{TABLET} son", "profile": "son"})
    assert answer.headers["Location"].endswith("/signin")
    assert {do for do, _ in household.asked} <= {"guardian"}
    assert tablet.post("/parent/devices/scan").headers["Location"].endswith("/signin")


def test_they_are_grouped_children_first(mum: Browser, household: Household) -> None:
    household.things.found.append(a_device("02:00:00:00:00:77", "Stranger", "guest", asked="new"))
    page = mum.get("/parent/devices/").text
    assert re.findall(r'<h2 id="([\w-]+)">', page) == [
        "of-daughter", "of-son", "of-teen", "shared", "house", "guests", "new", "look-around",
    ]  # fmt: skip
    text = text_of(page)
    assert "Tablet tablet · Samsung Electronics · online now" in text
    assert "Phone phone · last seen today at 16:40" in text
    assert "Switch game console · last seen today at 16:40 Aruzhan, Timur" in text
    assert "an adult guest until 05:40 tomorrow" in text
    assert "Dana No devices yet. Join the Wi-Fi with one and it appears here." in text


def test_a_home_without_devices_says_what_happens(mum: Browser, household: Household) -> None:
    household.things.found.clear()
    assert "Join the Wi-Fi with a phone and it appears here." in text_of(mum.get("/parent/devices/").text)


def test_invented_devices_do_not_fill_the_page(mum: Browser, household: Household) -> None:
    household.things.found[:] = [
        a_device(f"da:00:00:00:{n >> 8:02x}:{n & 255:02x}", "x", "guest") for n in range(500)
    ]
    page = mum.get("/parent/devices/").text
    assert page.count('<li id="device-') == GROUP_SHOWN
    assert f"{500 - GROUP_SHOWN} more devices were here before." in text_of(page)


def test_questions_are_on_top_and_answered_from_here(mum: Browser, household: Household) -> None:
    household.questions = [a_question("new")]
    page = mum.get("/parent/devices/").text
    assert page.index("question-1") < page.index("of-daughter")
    values = {"mac": household.questions[0]["mac"], "profile": "son", "from": "devices"}
    assert mum.post("/parent/devices/", values).headers["Location"] == "/parent/devices/"


def test_one_tap_says_whose_it_is_and_an_undo_takes_it_back(mum: Browser, household: Household) -> None:
    answer = mum.post("/parent/device/assign", {"mac": TABLET, "profile": "son", "from": "devices"})
    assert answer.headers["Location"] == f"/parent/devices/#device-{TABLET}"
    assert sent(household, "assign") == [
        {"mac": TABLET, "profile": "son", "by": "Mum", "origin": "192.168.1.7"}
    ]
    page = mum.get("/parent/devices/").text
    assert "Tablet is Timur&#39;s now." in page
    assert f'name="was" value="{TABLET} daughter"' in page
    mum.post("/parent/device/assign/back", {"was": f"{TABLET} daughter"})
    assert household.things.of(TABLET)["profile"] == "daughter"
    assert "Tablet is Aruzhan&#39;s now." in mum.get("/parent/devices/").text


@pytest.mark.parametrize(
    ("profile", "told"),
    [
        ("home", "Tablet is not filtered: only harmful sites are blocked."),
        ("adult", "Tablet is an adult&#39;s: only harmful sites are blocked."),
        ("guest", "Tablet is a guest."),
        ("visitor", "Tablet is an adult guest until tomorrow at 06:00."),
    ],
)
def test_what_is_no_one_person_s(mum: Browser, profile: str, told: str) -> None:
    answer = mum.post("/parent/device/assign", {"mac": TABLET, "profile": profile})
    assert answer.headers["Location"] == f"/parent/device/{TABLET}"
    assert told in mum.get(f"/parent/device/{TABLET}").text


@pytest.mark.parametrize(
    "values",
    [
        {"mac": TABLET, "profile": "nobody"},
        {"mac": TABLET},
        {"mac": "02:00:00:00:00:ff", "profile": "son"},
        {},
    ],
)
def test_what_no_form_of_ours_sends_changes_nothing(
    mum: Browser, household: Household, values: dict[str, str]
) -> None:
    assert mum.post("/parent/device/assign", values).status_code in (400, 404)
    assert sent(household, "assign") == []


def test_an_undo_for_a_removed_owner_says_so(mum: Browser, household: Household) -> None:
    values = {"was": f"{TABLET} removed", "back": "activity"}
    assert mum.post("/parent/device/assign/back", values).headers["Location"] == "/parent/activity/"
    assert "This person is no longer here." in mum.get("/parent/activity/").text
    assert sent(household, "assign") == []


@pytest.mark.parametrize("was", ["", TABLET, f" {TABLET}", "x" * 700, "x son"])
def test_an_undo_that_is_none(mum: Browser, household: Household, was: str) -> None:
    assert mum.post("/parent/device/assign/back", {"was": was}).status_code in (400, 404)
    assert sent(household, "assign") == []


def test_what_the_daemon_refuses_is_said(mum: Browser, household: Household) -> None:
    mum.post("/parent/device/assign", {"mac": KITCHEN, "profile": "son"})
    page = text_of(mum.get(f"/parent/device/{KITCHEN}").text)
    assert "Several people share this device. End that first, then give it to one." in page


def test_a_page_of_one_device(mum: Browser) -> None:
    text = text_of(mum.get(f"/parent/device/{TABLET}").text).replace("&#39;", "'")
    for expected in (
        "Used by Aruzhan",
        "Today on this device Play",
        "Where Aruzhan's time went",
        "It seems to be tablet Made by Samsung Electronics Model SM-X200 System Android 14",
        "It can do on the Wi-Fi Chromecast",
        "First seen on 15 October at 19:40",
        "On the Wi-Fi now 192.168.1.20 fe80::1",
        "Addresses that it had 2",
        "192.168.1.20 first seen on Saturday at 19:40 · there now",
        "02:00:00:00:00:99 first seen on 15 October at 19:40 · last seen on Friday at 19:40",
        "Its own name is Tablet. Leave this empty to use it.",
    ):
        assert expected in text, expected
    assert "The device made up the first address, as phones do." not in text
    assert "The device made up the first address, as phones do." in mum.get(f"/parent/device/{PHONE}").text


def test_a_device_that_is_not_known(mum: Browser) -> None:
    for path in ("02:00:00:00:00:ff", "x", HOSTILE):
        assert mum.get(f"/parent/device/{path}").status_code == 404


def test_a_question_about_it_is_on_its_page(mum: Browser, household: Household) -> None:
    household.things.learnt[TABLET]["question"] = a_question("copy", mac=TABLET, replies=["me", "not_same"])
    assert "Two devices with one address?" in mum.get(f"/parent/device/{TABLET}").text


def test_a_name_and_its_undo(mum: Browser, household: Household) -> None:
    mum.post("/parent/device/name", {"mac": TABLET, "name": "  Big \u202e tablet "})
    assert sent(household, "name_device")[-1]["name"] == "Big tablet"
    page = mum.get(f"/parent/device/{TABLET}").text
    assert "It is called Big tablet now." in page
    mum.post("/parent/device/name/back", {"was": re.findall(r'name="was" value="([^"]+)"', page)[0]})
    assert household.things.of(TABLET)["name"] == "Tablet"


def test_hostile_names_come_to_nothing(mum: Browser, household: Household) -> None:
    for one in household.things.found:
        one.update(name=HOSTILE, own_name=HOSTILE, label=HOSTILE, vendor=HOSTILE, kind=HOSTILE)
    household.things.of(LAPTOP)["managed"] = [HOSTILE]
    household.things.learnt[TABLET].update(model=HOSTILE, system=HOSTILE, services=[HOSTILE])
    mum.post("/parent/device/name", {"mac": TABLET, "name": HOSTILE})
    for path in (*PAGES, f"/parent/device/{LAPTOP}"):
        page = mum.get(path).text
        assert "<script>alert" not in page, path
        assert "<img" not in page, path
        assert "\u202e" not in page, path
        assert "49" not in text_of(page).split(), path


def test_a_look_around(mum: Browser, household: Household) -> None:
    mum.post("/parent/devices/scan")
    assert sent(household, "scan") == [{"by": "Mum"}]
    page = mum.get("/parent/devices/").text
    assert "The gateway is looking for devices. This takes some seconds." in page
    assert "Wake sleeping devices" not in page
    mum.post("/parent/devices/scan")
    assert "The gateway looked for devices just now. Try again in 12 s." in mum.get("/parent/devices/").text


def test_to_forget_asks_first_and_says_what_happens(mum: Browser, household: Household) -> None:
    page = mum.get(f"/parent/device/{TABLET}").text
    assert "Used minutes still count." in page
    mum.post("/parent/device/forget", {"mac": TABLET})
    assert sent(household, "forget") == [{"mac": TABLET, "by": "Mum", "origin": "192.168.1.7"}]
    assert "Tablet is forgotten." in mum.get("/parent/devices/").text
    assert mum.get(f"/parent/device/{TABLET}").status_code == 404


def share(mum: Browser, mac: str, *people: str) -> None:
    answer = mum.client.post(
        "/parent/device/share",
        data={"mac": mac, "people": list(people)},
        base_url="http://192.168.1.1:8080",
        headers={"Origin": "http://192.168.1.1:8080"},
        environ_overrides={"REMOTE_ADDR": mum.ip},
    )
    assert answer.status_code == 303


def test_a_device_is_shared_and_back(mum: Browser, household: Household) -> None:
    share(mum, TABLET, "daughter", "son", "nobody")
    one = household.things.of(TABLET)
    assert (one["shared"], one["profile"]) == (["daughter", "son"], "guest"), "in no child's file any more"
    page = mum.get(f"/parent/device/{TABLET}").text
    assert "Tablet is shared by Aruzhan, Timur now." in page
    mum.post("/parent/device/share/back", {"was": re.findall(r'name="was" value="([^"]+)"', page)[0]})
    assert (one["shared"], one["profile"]) == ([], "daughter")
    text = text_of(mum.get(f"/parent/device/{TABLET}").text)
    assert "Tablet is Aruzhan&#39;s now." in text
    assert "no longer shared" not in text


def test_to_share_with_nobody_ends_it(mum: Browser, household: Household) -> None:
    share(mum, KITCHEN)
    assert household.things.of(KITCHEN)["shared"] == []
    page = mum.get(f"/parent/device/{KITCHEN}").text
    mum.post("/parent/device/share/back", {"was": re.findall(r'name="was" value="([^"]+)"', page)[0]})
    assert household.things.of(KITCHEN)["shared"] == ["daughter", "son"]


@pytest.mark.parametrize("was", [TABLET, f"{TABLET} ", " ", ""])
def test_an_undo_of_sharing_without_the_place_before_is_refused(
    mum: Browser, household: Household, was: str
) -> None:
    assert mum.post("/parent/device/share/back", {"was": was}).status_code == 400
    assert sent(household, "edit_family") == []


def test_an_undo_of_an_end_whose_people_are_removed_assigns_nothing(
    mum: Browser, household: Household
) -> None:
    household.asked.clear()
    assert mum.post("/parent/device/share/back", {"was": f"{LAPTOP} home gone-1 gone-2"}).status_code == 303
    assert sent(household, "assign") == []


def test_one_person_alone_shares_nothing(mum: Browser, household: Household) -> None:
    share(mum, TABLET, "son")
    assert household.things.of(TABLET)["profile"] == "daughter"
    assert (
        "Choose at least two people, or give the device to one." in mum.get(f"/parent/device/{TABLET}").text
    )


def test_where_sharing_is_refused_it_stays_whose_it_was(mum: Browser, household: Household) -> None:
    household.things.of(TABLET)["profile"] = "daughter"
    household.things.refuses_edits = True
    share(mum, TABLET, "daughter", "son")
    assert household.things.of(TABLET)["profile"] == "daughter"
    assert "The file cannot be written." in text_of(mum.get(f"/parent/device/{TABLET}").text)


def test_a_tunnel_stays_open_and_back(mum: Browser, household: Household) -> None:
    mum.post("/parent/device/managed", {"mac": LAPTOP, "names": "VPN.firm.kz, vpn.other.kz"})
    assert sent(household, "edit_family")[-1]["set"] == {f"managed/{LAPTOP}": ["vpn.firm.kz", "vpn.other.kz"]}
    page = mum.get(f"/parent/device/{LAPTOP}").text
    assert "The tunnel is allowed for Laptop." in page
    mum.post("/parent/device/managed/back", {"was": re.findall(r'name="was" value="([^"]+)"', page)[0]})
    assert household.things.of(LAPTOP)["managed"] == ["vpn.school.kz"]
    mum.post("/parent/device/managed", {"mac": LAPTOP, "names": " "})
    assert household.things.of(LAPTOP)["managed"] == []


def test_a_device_without_mobile_data_is_marked_and_back(mum: Browser, household: Household) -> None:
    one = household.things.of(TABLET)
    assert "device/mark" not in mum.get(f"/parent/device/{TABLET}").text, "the daemon tells of no mark"
    one["no_mobile_data"] = False
    assert "It has no mobile data" in mum.get(f"/parent/device/{TABLET}").text
    mum.post("/parent/device/mark", {"mac": TABLET, "mark": "yes"})
    assert sent(household, "device_mark")[-1] == {
        "mac": TABLET, "no_mobile_data": True, "by": "Mum", "origin": "192.168.1.7",
    }  # fmt: skip
    page = mum.get(f"/parent/device/{TABLET}").text
    assert "Tablet has no mobile data. When it is blocked, it shows why." in page
    mum.post("/parent/device/mark/back", {"was": re.findall(r'name="was" value="([^"]+)"', page)[0]})
    assert not one["no_mobile_data"]
    for values in ({"mac": TABLET, "mark": "perhaps"}, {"mac": TABLET}):
        assert mum.post("/parent/device/mark", values).status_code == 400


def test_a_card_asks_whether_a_childs_device_has_mobile_data(mum: Browser, household: Household) -> None:
    household.questions = [a_question("new", kind="tablet")]
    mac = household.questions[0]["mac"]
    proposed = f'name="mobile-data-{mac}" value="none" checked'
    assert proposed in mum.get("/parent/devices/").text
    mum.post("/parent/devices/", {"mac": mac, "profile": "son", f"mobile-data-{mac}": "none"})
    mark = {"mac": mac, "no_mobile_data": True, "by": "Mum", "origin": "192.168.1.7"}
    assert sent(household, "device_mark") == [mark]
    household.questions = [a_question("new", kind="phone")]
    assert proposed not in mum.get("/parent/devices/").text, "a phone may have it"
    mum.post("/parent/devices/", {"mac": mac, "profile": "son"})
    household.questions = [a_question("new", kind="tv")]
    mum.post("/parent/devices/", {"mac": mac, "answer": "guest", f"mobile-data-{mac}": "none"})
    assert sent(household, "device_mark") == [mark], "a mark is for children's devices"


def test_an_answer_that_is_refused_leaves_no_mark(mum: Browser, household: Household) -> None:
    household.questions = [a_question("new", kind="tablet")]
    mac = household.questions[0]["mac"]
    household.needs_proof.add("identify")
    household.accounts.scene.now += PROOF_LIFE
    form = {"mac": mac, "profile": "son", f"mobile-data-{mac}": "none"}
    assert mum.post("/parent/devices/", form).status_code == 403
    assert len(household.questions) == 1
    assert sent(household, "device_mark") == []


def test_more_leads_there(mum: Browser) -> None:
    assert 'href="/parent/devices/"' in mum.get("/parent/more").text


def test_what_a_device_says_in_family_words() -> None:
    assert system("android-dhcp-14") == "Android 14"
    assert system("MSFT 5.0") == "Windows"
    assert system("android-dhcp-<b>") == ""
    assert system("something else") == ""
    assert offers(["_airplay", "_raop", "_ipp", "_nobody"]) == ["AirPlay", "prints"]


def test_those_that_are_here_go_first(mum: Browser, household: Household) -> None:
    page = mum.get("/parent/devices/").text
    assert page.index(f'id="device-{TABLET}"') < page.index(f'id="device-{PHONE}"')
    household.things.of(TABLET).update(online=False, last_seen=NOW - timedelta(days=2))
    page = mum.get("/parent/devices/").text
    assert page.index(f'id="device-{PHONE}"') < page.index(f'id="device-{TABLET}"'), "last seen today"
