"""The pages of the services that a family defines."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.policy.profile import edits
from tests.web_forms import form_with
from tests.webui.conftest import Browser
from tests.webui.standin.household import Household
from tests.webui.standin.pages import HOSTILE, text_of

FORM: dict[str, Any] = {
    "name": "Club Penguin", "sites": "CPJourney.net\nplay.example", "udp": "9000-9010, 9012",
    "category": ["games"],
}  # fmt: skip


def services(household: Household) -> object:
    path = household.editing.folder / "qalqan.yaml"
    return edits.read(path.read_bytes(), "qalqan.yaml").get("services")


@pytest.fixture
def penguin(household: Household, mum: Browser) -> Household:
    answer = mum.post("/parent/services/", FORM)
    assert answer.headers["Location"] == "/parent/services/"
    return household


def test_one_is_added_and_found_like_every_service(penguin: Household, mum: Browser) -> None:
    assert services(penguin) == {
        "club-penguin": {
            "name": "Club Penguin",
            "domains": ["cpjourney.net", "play.example"],
            "categories": ["games"],
            "ports": {"udp": ["9000-9010", "9012"]},
        }
    }
    page = text_of(mum.get("/parent/services/").text)
    assert "Club Penguin is a service now." in page
    assert "Undo" in page
    activity = text_of(mum.get("/parent/activity/").text)
    assert "Your own service Club Penguin: cpjourney.net and play.example" in activity
    assert "Your own services" in text_of(mum.get("/parent/child/daughter/services/").text)
    assert "Club Penguin" in text_of(mum.get("/parent/child/daughter/services/?q=penguin").text)
    assert mum.get("/parent/child/daughter/services/club-penguin").status_code == 200


def test_one_is_added_by_addresses_and_ports_alone(household: Household, mum: Browser) -> None:
    form = {"name": "Chess", "addresses": "45.60.1.0/24\n2606:4700:30::/48", "tcp": "6112 6114-6119"}
    assert mum.post("/parent/services/", form).status_code == 303
    assert services(household) == {
        "chess": {
            "name": "Chess",
            "addresses": ["45.60.1.0/24", "2606:4700:30::/48"],
            "ports": {"tcp": ["6112", "6114-6119"]},
        }
    }
    page = mum.get("/parent/services/chess").text
    assert "45.60.1.0/24\n2606:4700:30::/48</textarea>" in page


WRITTEN = {
    "name": "Club Penguin", "domains": ["cpjourney.net", "play.example"], "threshold": "50KB",
    "ports": {"udp": ["9000-9010", "9012"], "quic": ["443"]},
}  # fmt: skip


def test_it_is_changed_and_keeps_what_the_form_has_not(household: Household, mum: Browser) -> None:
    household.editing.settings["services"] = {"club-penguin": WRITTEN}
    page = mum.get("/parent/services/club-penguin")
    assert "cpjourney.net\nplay.example</textarea>" in page.text
    assert 'inputmode="numeric" value="9000-9010 9012"' in page.text
    mum.post("/parent/services/club-penguin", {"name": "Penguins", "sites": "cpjourney.net", "tcp": "6112"})
    assert services(household) == {
        "club-penguin": {
            "name": "Penguins",
            "domains": ["cpjourney.net"],
            "threshold": "50KB",
            "ports": {"quic": ["443"], "tcp": ["6112"]},
        }
    }


def test_one_that_stays_as_it_is_is_no_change(penguin: Household, mum: Browser) -> None:
    before = services(penguin)
    mum.post("/parent/services/club-penguin", FORM)
    page = mum.get("/parent/services/").text
    assert "Nothing was changed." in text_of(page)
    assert "Undo" not in page
    assert services(penguin) == before


def test_it_is_taken_out_and_taken_back(penguin: Household, mum: Browser) -> None:
    for _ in range(2):
        assert mum.post("/parent/services/club-penguin/remove").status_code == 303
    assert services(penguin) is None
    page = mum.get("/parent/services/").text
    assert "Club Penguin is removed." in text_of(page)
    was = page.partition('name="was" value="')[2].partition('"')[0]
    undo = form_with(page, "was")
    answer = mum.post(undo.action, undo.values | {"was": was})
    assert answer.headers["Location"] == "/parent/services/"
    assert "club-penguin" in str(services(penguin))


def test_one_that_rules_use_stays_and_the_page_says_whose(household: Household, mum: Browser) -> None:
    household.editing.settings["services"] = {"club-penguin": WRITTEN}
    household.editing.files["daughter"]["block"] = ["service:club-penguin"]
    mum.post("/parent/services/club-penguin/remove")
    assert "club-penguin" in str(services(household))
    text = text_of(mum.get("/parent/services/").text)
    assert "The rules of Aruzhan use Club Penguin. Remove it from these rules first." in text


@pytest.mark.parametrize("form", [{"name": "Penguins", "sites": "com"}, {"name": "Penguins", "udp": "x"}])
def test_what_cannot_be_is_said_and_what_was_typed_stays(
    household: Household, mum: Browser, form: dict[str, str]
) -> None:
    answer = mum.post("/parent/services/", {"sites": "p.example", **form})
    assert answer.status_code == 422
    assert "This cannot be set" in text_of(answer.text)
    assert 'value="Penguins"' in answer.text
    assert services(household) is None


def test_a_name_without_latin_letters_and_one_that_is_taken_get_an_id(
    household: Household, mum: Browser
) -> None:
    for name in ("Пингвины", "Roblox", "Roblox"):
        mum.post("/parent/services/", {"name": name, "sites": "p.example"})
    known = services(household)
    assert isinstance(known, dict)
    assert list(known) == ["own-2", "roblox-2", "roblox-3"]


def test_hostile_names_come_to_nothing(mum: Browser) -> None:
    for name in HOSTILE:
        mum.post("/parent/services/", {"name": name, "sites": "p.example"})
    assert "<script>" not in mum.get("/parent/services/").text


def test_unknown_ones_are_not_there(mum: Browser) -> None:
    assert mum.get("/parent/services/nothing").status_code == 404


def test_one_that_was_removed_meanwhile_is_offered_as_a_new_one(penguin: Household, mum: Browser) -> None:
    mum.post("/parent/services/club-penguin/remove")
    answer = mum.post("/parent/services/club-penguin", FORM)
    assert answer.status_code == 409
    assert "This service was removed in the meantime. What you typed is kept." in text_of(answer.text)
    form = form_with(answer.text, "udp")
    assert (form.action, form.values["name"]) == ("/parent/services/", FORM["name"])
    assert f"{FORM['sites']}</textarea>" in answer.text
    assert services(penguin) is None


@pytest.mark.parametrize("path", ["/parent/services/", "/parent/services/x"])
def test_nobody_else_sees_or_changes_them(tablet: Browser, household: Household, path: str) -> None:
    assert tablet.get(path).headers["Location"] == "/signin"
    assert tablet.post(path, FORM).headers["Location"] == "/signin"
    assert "edit_family" not in {do for do, _ in household.asked}
