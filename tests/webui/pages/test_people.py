"""The people page and the audit log, which guardians alone see."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask

from gateway.policy.accounts.people import Account, PersonRole
from tests.webui.conftest import Browser, browser_on
from tests.webui.standin.household import NOW, Household
from tests.webui.standin.pages import text_of


@pytest.fixture
def dad(app: Flask, mum: Browser, household: Household) -> Browser:
    household.stamps.put(Account("Dad", secret="a hash"))
    browser = browser_on(app, "192.168.1.8")
    browser.post("/signin", {"code": household.guardians.link("Dad")})
    return browser


def role(household: Household, name: str) -> str:
    account = household.stamps.accounts().get(name)
    return "none" if account is None else account.role.value


def test_somebody_new_gets_a_link_that_signs_in(app: Flask, mum: Browser, household: Household) -> None:
    values = {"name": "Oma", "role": "helper", "minutes": "45"}
    where = mum.post("/parent/people/invite", values).headers["Location"]
    page = mum.get(where).text
    assert "A link for Oma" in page
    assert all(
        part in page for part in ('class="qr"', 'data-copy="link-address"', 'data-share="link-address"')
    )
    code = page.partition("/signin?code=")[2][:14]
    oma = browser_on(app, "192.168.1.9")
    assert oma.post("/signin", {"code": code}).headers["Location"] == "/account/password"
    assert (role(household, "Oma"), household.stamps.accounts()["Oma"].minutes) == ("helper", 45)
    assert "up to 45 min a day and child" in mum.get("/parent/people/").text
    assert mum.get("/parent/people/link/none").status_code == 410


def test_who_is_added_is_told_by_roles_that_have_names(mum: Browser) -> None:
    text = text_of(mum.get("/parent/people/").text)
    for told in (
        "Parent change all rules",
        "Helper pause, and give some minutes",
        "A grandparent or sitter is a helper.",
    ):
        assert told in text
    assert "The person who opens it at home within 15 minutes chooses a password." in text
    form = mum.get("/parent/people/").text.partition('aria-labelledby="invite"')[2]
    assert form.count('name="role"') == form.count(" required>") == 3
    assert " checked" not in form, "the role has to be chosen"


@pytest.mark.parametrize(
    "values",
    [{"name": "X"}, {"name": "X", "role": "king"}, {"name": "X", "role": "none"}],
)
def test_a_role_that_is_none_invites_nobody(
    mum: Browser, household: Household, values: dict[str, str]
) -> None:
    assert mum.post("/parent/people/invite", values).status_code == 400
    assert list(household.stamps.accounts()) == ["Mum"]


@pytest.mark.parametrize("name", ["mum", "Console"])
def test_a_name_that_is_taken_is_said_to_be(mum: Browser, household: Household, name: str) -> None:
    mum.post("/parent/people/invite", {"name": name, "role": "helper"})
    assert f"The name {name} is taken." in mum.get("/parent/people/").text
    assert list(household.stamps.accounts()) == ["Mum"]


def test_a_hostile_name_is_shown_as_text(mum: Browser, household: Household) -> None:
    where = mum.post("/parent/people/invite", {"name": "<script>", "role": "helper"}).headers["Location"]
    for path in (where, "/parent/people/"):
        page = mum.get(path).text
        assert "<script>" not in page
        assert "&lt;script&gt;" in page


def test_one_guardian_asks_the_other_who_says_no(mum: Browser, dad: Browser, household: Household) -> None:
    mum.post("/parent/people/change", {"name": "Dad", "role": "none"})
    assert "Dad is asked" in mum.get("/parent/people/").text
    assert role(household, "Dad") == "guardian"
    assert "A change about you waits for your answer" in dad.get("/parent/more").text
    assert "Mum proposes a change about you" in dad.get("/parent/people/").text
    mum.post("/parent/people/answer", {"name": "Dad", "answer": "yes"})
    assert role(household, "Dad") == "guardian", "nobody says yes for another"
    dad.post("/parent/people/answer", {"name": "Dad", "answer": "no"})
    assert role(household, "Dad") == "guardian"
    assert "proposes" not in dad.get("/parent/people/").text


def test_a_yes_takes_the_rights_at_once(mum: Browser, dad: Browser, household: Household) -> None:
    mum.post("/parent/people/change", {"name": "Dad", "role": "helper", "minutes": "30"})
    page = dad.get("/parent/people/").text
    read = dict(re.findall(r'<input type="hidden" name="(role|minutes)" value="(\w+)">', page))
    dad.post("/parent/people/answer", {"name": "Dad", "answer": "yes", **read})
    assert role(household, "Dad") == "helper"
    assert dad.get("/parent/").status_code == 403
    assert dad.get("/helper/").status_code == 200


def test_the_last_guardian_stays(mum: Browser, household: Household) -> None:
    mum.post("/parent/people/change", {"name": "Mum", "role": "none"})
    assert "This is the only parent’s account." in mum.get("/parent/people/").text
    assert role(household, "Mum") == "guardian"


def test_one_removes_oneself_and_is_signed_out(mum: Browser, dad: Browser, household: Household) -> None:
    answer = dad.post("/parent/people/change", {"name": "Dad", "role": "none"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert role(household, "Dad") == "none"
    assert dad.get("/parent/").headers["Location"] == "/signin"


@pytest.mark.parametrize(("role", "start"), [("helper", "/helper/"), ("support", "/support/")])
def test_a_parent_who_takes_another_role_is_led_to_its_start(
    dad: Browser, household: Household, role: str, start: str
) -> None:
    answer = dad.post("/parent/people/change", {"name": "Dad", "role": role, "minutes": "30"})
    assert household.stamps.accounts()["Dad"].role.value == role
    assert answer.headers["Location"] == "/"
    assert dad.get("/").headers["Location"] == start


def test_a_helper_is_removed_at_once(mum: Browser, household: Household) -> None:
    household.stamps.put(Account("Oma", PersonRole.HELPER))
    mum.post("/parent/people/change", {"name": "Oma", "role": "none"})
    assert role(household, "Oma") == "none"
    assert "Oma can no longer sign in here." in mum.get("/parent/people/").text


# ---------------------------------------------------------------- the audit log


def change(number: int = 0, **values: object) -> dict[str, object]:
    return {
        "at": NOW - timedelta(minutes=number), "who": "Mum", "what": "pause", "about": "Aruzhan",
        "detail": "", "until": NOW + timedelta(minutes=30), "address": "192.168.1.7", "device": "Galaxy-S23",
        **values,
    }  # fmt: skip


def test_who_did_what_when_and_from_which_device(mum: Browser, household: Household) -> None:
    assert "No changes yet." in mum.get("/parent/log/").text
    household.accounts.changes[:] = [
        change(2),
        change(who="Dad", what="grant", detail="15 min: bedtime", device="", address="192.168.1.8"),
        change(what="guardian propose", about="", detail="Dad helper"),
        change(what="a later version's", about="<script>", detail="x" * 300, device="<script>"),
    ]
    page = mum.get("/parent/log/").text
    assert "<strong>Mum</strong> paused Aruzhan until 20:10" in page
    assert "2 minutes ago · Galaxy-S23" in page
    assert "<strong>Dad</strong> gave Aruzhan 15 min more" in page
    assert "proposed to change a role: Dad: Helper" in page
    assert "<script>" not in page
    assert "x" * 100 not in page


def test_it_is_filtered_and_comes_in_pages(mum: Browser, household: Household) -> None:
    household.accounts.changes[:] = [change(number) for number in range(70)] + [change(who="Dad")]
    first = mum.get("/parent/log/").text
    assert first.count("<strong>Mum</strong>") == 30
    assert 'rel="next" href="/parent/log/?skip=30"' in first
    assert 'rel="prev"' not in first
    last = mum.get("/parent/log/?skip=60").text
    assert last.count("<strong>") == 11
    assert 'rel="next"' not in last
    alone = mum.get("/parent/log/?who=Dad").text
    assert alone.count("<strong>Dad</strong>") == 1
    assert "<strong>Mum</strong>" not in alone


@pytest.mark.parametrize("query", ["skip=-1", "skip=x", "skip=" + "9" * 30, "who=%00", "who=" + "x" * 900])
def test_nonsense_in_the_address_is_a_page_all_the_same(mum: Browser, query: str) -> None:
    assert mum.get(f"/parent/log/?{query}").status_code == 200
