"""Settings of the home: what they say and change, their undo, and `off` for a while."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from gateway.control.proofs import PROOF_LIFE
from gateway.household.config_file import VARIABLE
from gateway.household.editing import Author, Editing, HomeEditing
from gateway.policy.profile import edits
from tests.webui.conftest import Browser
from tests.webui.standin.accounts import MUMS_PASSWORD
from tests.webui.standin.healthy import finding
from tests.webui.standin.household import NOW, Household
from tests.webui.standin.pages import text_of
from webui.features.rules.family_pages import _morning, _to_morning
from webui.features.rules.family_text import CHOICE_SETTINGS
from webui.front import KEY, Trusted

PAGE = "/parent/settings/"
CHOICES = {key: tuple(setting.choices()) for key, setting in CHOICE_SETTINGS.items()}
DEFAULTS = {key: words[0] for key, words in CHOICES.items()}
HELD = {"language": "", "country": "kz", "unknown_devices": "guest", **DEFAULTS}


def revision(page: str) -> str:
    return page.split('name="revision" value="')[1].split('"', maxsplit=1)[0]


def send(mum: Browser, path: str = PAGE, **fields: str) -> tuple[int, str]:
    """The form with these in it, and the page after it."""
    held = revision(mum.get(PAGE).text)
    answer = mum.post(path, {"revision": held, **HELD, **fields})
    page = answer if answer.status_code != 303 else mum.get(answer.location)
    return answer.status_code, page.text


def said(household: Household) -> dict[str, object]:
    path = household.editing.folder / "qalqan.yaml"
    return dict(edits.read(path.read_bytes(), "qalqan.yaml"))


def test_the_page_says_what_each_choice_means_and_what_holds(mum: Browser) -> None:
    page = mum.get(PAGE).text
    told = text_of(page)
    assert 'name="unknown_devices" value="guest" checked' in page
    assert "Blocked until you choose who uses it Only help lines and our page work." in told
    assert "Aruzhan the rules of Aruzhan, from its first packet" in told
    assert '<option value="kz" selected>Kazakhstan</option>' in page
    assert "Time zone: Almaty UTC+5" in told
    assert "http://qalqan.home.arpa/my" in told
    assert "Without one, browsers show a warning." in told
    assert "New devices on" not in told  # one network: nothing to choose


def test_settings_that_the_provider_changed_name_it(mum: Browser, household: Household) -> None:
    rules = household.editing.rules
    HomeEditing(rules, Editing(rules, lambda _: None)).edit({"country": "ru"}, Author("provider", NOW))
    assert "Your internet provider changed this last, today." in text_of(mum.get(PAGE).text)


@pytest.mark.parametrize(("sent", "key", "value"), [
    ({"language": "kk"}, "language", "kk"),
    ({"country": "ru"}, "country", "ru"),
    ({"country": "other", "country-code": " UZ "}, "country", "uz"),
    ({"unknown_devices": "quarantine"}, "unknown_devices", "quarantine"),
    ({"unknown_devices": "son"}, "unknown_devices", "son"),
    *[({key: word}, key, word) for key, words in CHOICES.items() for word in words[1:]],
])  # fmt: skip
def test_a_choice_is_written_and_undone(
    mum: Browser, household: Household, sent: dict[str, str], key: str, value: str
) -> None:
    mum.get(PAGE)
    before = said(household)
    status, page = send(mum, **sent)
    assert status == 303
    assert "The settings of the home are changed." in text_of(page)
    assert said(household)[key] == value
    undo = page.split('action="/parent/settings/undo"')[1].split('name="was" value="')[1].split('"')[0]
    told = text_of(mum.get(mum.post(f"{PAGE}undo", {"was": undo}).location).text)
    assert "The settings are back as they were." in told
    assert said(household) == before


@pytest.mark.parametrize("key", CHOICES)
def test_a_setting_with_choices_has_a_card_and_its_first_choice_is_the_default(
    mum: Browser, key: str
) -> None:
    page = mum.get(PAGE).text
    assert f'aria-labelledby="part-{key}"' in page
    assert f'name="{key}" value="{DEFAULTS[key]}" checked' in page


def test_a_form_of_which_nothing_differs_changes_nothing(mum: Browser, household: Household) -> None:
    status, page = send(mum)
    assert (status, "Nothing was changed." in text_of(page)) == (303, True)
    assert "edit_family" not in [what for what, _ in household.asked]


def test_leaving_new_devices_unfiltered_asks_for_the_password_and_is_done_then(
    mum: Browser, household: Household
) -> None:
    household.needs_proof.add("edit_family")
    form = {"revision": revision(mum.get(PAGE).text), **HELD, "unknown_devices": "home"}
    household.accounts.scene.now += PROOF_LIFE
    page = mum.post(PAGE, form)
    assert page.status_code == 403
    assert f'action="{PAGE}"' in page.text
    assert said(household).get("unknown_devices", "guest") == "guest"
    assert mum.post(PAGE, {**form, "proof": MUMS_PASSWORD}).status_code == 303
    assert said(household)["unknown_devices"] == "home"


def test_a_country_that_is_none_is_told_at_its_field_and_kept(mum: Browser, household: Household) -> None:
    status, page = send(mum, **{"country": "other", "country-code": "7!", "language": "ru"})
    assert status == 422
    assert "Write the two letters of the country, such as uz." in text_of(page)
    assert 'value="7!" aria-invalid="true"' in page
    assert 'name="language" value="ru" checked' in page
    assert "edit_family" not in [what for what, _ in household.asked]


@pytest.mark.parametrize("fields", [
    {"unknown_devices": "nobody"}, {"gateway_access": "perhaps"}, {"language": "xx"}, {"country": "zz"},
])  # fmt: skip
def test_what_is_no_answer_of_the_form_changes_nothing(
    mum: Browser, household: Household, fields: dict[str, str]
) -> None:
    assert send(mum, **fields)[0] == 400
    assert "edit_family" not in [what for what, _ in household.asked]


def test_a_change_of_somebody_else_meanwhile_is_told_with_what_was_typed(
    mum: Browser, household: Household
) -> None:
    held = revision(mum.get(PAGE).text)
    send(mum, language="kk")
    answer = mum.post(PAGE, {"revision": held, **HELD, "language": "kk", "gateway_access": "open"})
    assert answer.status_code == 409
    assert "These settings have changed in the meantime." in text_of(answer.text)
    assert 'name="gateway_access" value="open" checked' in answer.text
    assert revision(answer.text) != held
    assert "gateway_access" not in said(household)


def test_what_the_parser_refuses_is_told_in_one_sentence(mum: Browser, household: Household) -> None:
    household.children = (*household.children, "gone")
    household.edited["gone"] = {"id": "gone", "name": "Gone", "band": "6-9", "log_level": 0}
    household.minutes["gone"] = {"left": None, "used": [], "landing": {"minutes": 0, "taken": False}}
    status, page = send(mum, unknown_devices="gone")
    assert status == 422
    assert "This cannot be set:" in text_of(page)
    assert "unknown_devices" not in said(household)


def test_each_network_has_a_default_of_its_own(mum: Browser, household: Household) -> None:
    household.editing.settings["lan"] = ["lo", "br-guest"]
    assert "New devices on br-guest" in text_of(mum.get(PAGE).text)
    networks = {"interface-lo": "", "interface-br-guest": "quarantine"}
    assert send(mum, **networks)[0] == 303
    assert said(household)["interfaces"] == {"br-guest": "quarantine"}
    networks["interface-br-guest"] = ""
    assert send(mum, **networks)[0] == 303
    assert "interfaces" not in said(household)


def test_notes_in_the_file_are_spoken_of_before_they_go(mum: Browser, household: Household) -> None:
    mum.get(PAGE)
    path = household.editing.folder / "qalqan.yaml"
    path.write_text("# the router in the hall\n" + path.read_text())
    household.editing.rules.reload()
    assert "These settings have notes made on the gateway" in text_of(mum.get(PAGE).text)
    assert "The notes are removed." in text_of(send(mum, language="ru")[1])


def test_a_time_zone_is_chosen_by_region_without_a_script(mum: Browser, household: Household) -> None:
    page = mum.get(f"{PAGE}zone").text
    assert '<option value="Asia/Almaty" selected>Almaty · UTC+5</option>' in page
    assert "Lisbon" not in page
    page = mum.get(f"{PAGE}zone?region=Europe").text
    assert '<option value="Europe/Lisbon" >Lisbon' in page
    status, page = send(mum, f"{PAGE}zone?region=Europe", timezone="Europe/Lisbon")
    assert status == 303
    assert "The home is in the time zone of Lisbon now." in text_of(page)
    assert said(household)["timezone"] == "Europe/Lisbon"


@pytest.mark.parametrize("zone", ["Mars/Base", "../../etc/passwd", "Etc/GMT+5", ""])
def test_what_is_no_place_is_no_time_zone(mum: Browser, household: Household, zone: str) -> None:
    assert send(mum, f"{PAGE}zone", timezone=zone)[0] == 400
    assert mum.get(f"{PAGE}zone?region={zone or 'Mars'}").status_code == 404


@pytest.mark.parametrize(("choice", "minutes"), [("30", 30), ("60", 60), ("120", 120)])
def test_off_for_a_while_is_told_on_every_page_and_ended_at_once(
    mum: Browser, tablet: Browser, household: Household, choice: str, minutes: int
) -> None:
    page = text_of(mum.get(PAGE).text)
    assert "Malware and what is blocked for everyone stay blocked." in page
    assert mum.post(f"{PAGE}off", {"for": choice}).status_code == 303
    [values] = [values for what, values in household.asked if what == "off"]
    assert values.pop("session")
    assert values == {"minutes": minutes, "by": "Mum", "origin": "192.168.1.7"}
    told = "Time rules and categories are off for everyone until"
    assert all(told in text_of(mum.get(path).text) for path in (PAGE, "/parent/", "/parent/lists/"))
    assert told in text_of(tablet.get("/my").text)
    answer = mum.post(f"{PAGE}on")
    assert "All rules apply again." in text_of(mum.get(answer.location).text)
    assert told not in text_of(tablet.get("/my").text)


def test_off_for_another_while_is_no_answer_of_the_form(mum: Browser, household: Household) -> None:
    assert mum.post(f"{PAGE}off", {"for": "99999"}).status_code == 400
    assert household.extra == {}


@pytest.mark.parametrize(("at", "until", "minutes"), [
    ("2026-11-24T18:00", "2026-11-25T07:00", 780),
    ("2026-11-24T23:30", "2026-11-25T07:00", 450),
    ("2026-11-25T01:00", "2026-11-25T07:00", 360),
    ("2026-11-25T06:00", "2026-11-26T07:00", 1500),
])  # fmt: skip
def test_until_tomorrow_morning_is_the_one_that_somebody_means(at: str, until: str, minutes: int) -> None:
    now = datetime.fromisoformat(at).replace(tzinfo=NOW.tzinfo)
    assert _morning(now).replace(tzinfo=None) == datetime.fromisoformat(until)
    assert _to_morning(now) == minutes


@pytest.mark.parametrize(("at", "minutes"), [("2026-10-24T23:00", 540), ("2026-03-28T23:00", 420)])
def test_until_tomorrow_morning_counts_the_hour_by_which_the_clock_changes(
    mum: Browser, household: Household, at: str, minutes: int
) -> None:
    household.editing.settings["timezone"] = "Europe/Berlin"
    household.extra["now"] = datetime.fromisoformat(at).replace(tzinfo=ZoneInfo("Europe/Berlin"))
    assert "07:00 tomorrow" in text_of(mum.get(PAGE).text)
    assert mum.post(f"{PAGE}off", {"for": "morning"}).status_code == 303
    [values] = [values for what, values in household.asked if what == "off"]
    assert values["minutes"] == minutes


@pytest.mark.parametrize("path", ["", "zone", "off", "on", "undo"])
def test_settings_are_for_guardians_alone(tablet: Browser, household: Household, path: str) -> None:
    answer = tablet.post(PAGE + path) if path in ("off", "on", "undo") else tablet.get(PAGE + path)
    assert (answer.status_code, answer.location) == (303, "/signin")
    assert household.extra == {}


NAMED = "k7q2m9x4w3dfa5zt.gw.isp.test"


def test_settings_tell_the_trusted_name_and_until_when_it_is_good(app: Flask, mum: Browser) -> None:
    app.extensions[KEY].now = Trusted(NAMED, good=True, until=NOW + timedelta(days=30))
    page = mum.get(PAGE).text
    told = text_of(page)
    assert f"Encrypted, at a name that browsers trust https://{NAMED}" in told
    assert f"At https://{NAMED} these pages are encrypted, and a wallet can prove an age there." in told
    assert "The certificate is valid until 24 December and is renewed before that" in told
    assert f'href="https://{NAMED}/parent/settings/"' in page
    assert "http://qalqan.home.arpa still works for old devices, without encryption" in told
    assert "Why these pages are not encrypted" not in told


def test_without_a_good_certificate_no_link_leads_there_and_the_page_says_what_that_means(
    app: Flask, mum: Browser
) -> None:
    app.extensions[KEY].now = Trusted(NAMED, problem="the certificate expired on 2026-11-20; renew it")
    page = mum.get(PAGE).text
    told = text_of(page)
    assert f"This home has the name {NAMED}, but no valid certificate for it." in told
    assert 'href="/parent/health/">What is wrong, and what to do' in page
    assert "https://" not in page
    assert "Why these pages are not encrypted" in told
    assert "A wallet needs such an address to prove an age." in told


def test_without_a_name_the_page_says_what_needs_one(mum: Browser) -> None:
    page = mum.get(PAGE).text
    assert "https://" not in page
    assert "Why these pages are not encrypted" in text_of(page)
    assert "A wallet needs such an address to prove an age." in text_of(page)


def test_health_puts_the_certificate_under_its_own_words(mum: Browser, household: Household) -> None:
    text = f"that of {NAMED} is good until 2026-12-05, 11 days from now"
    household.healthy.findings = (
        finding("warning", "certificate", text, "renew it"),
        *household.healthy.findings,
    )
    told = text_of(mum.get("/parent/health/").text)
    assert "The name that browsers trust" in told
    assert text in told


def test_what_the_router_decides_is_shown_with_where_it_changes(
    mum: Browser, tmp_path: Path, household: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 'id="router"' not in mum.get(PAGE).text
    uci = tmp_path / "uci"
    uci.write_text(
        "config qalqan main\n\tlist lan br-lan\n\tlist lan br-guest\nconfig web web\n\toption port 8081\n"
    )
    monkeypatch.setenv(VARIABLE, str(uci))
    household.editing.rules.reload()
    page = mum.get(PAGE).text
    told = text_of(page)
    assert "main.lan br-lan br-guest web.port 8081" in told
    assert "at Services, Family filter. main.lan" in told
    assert str(uci) not in told
    card = page.partition('aria-labelledby="router"')[2].partition("</section>")[0]
    assert "<input" not in card
    assert "<form" not in card
    assert 'href="/parent/settings/secure/"' in page, "no option of the router is about the name"
