"""Three reading levels of one page: each tells all that holds, in its own words, and nobody else's."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from tests.control.running import Running
from tests.webui.conftest import Browser, browser_on
from tests.webui.standin.household import NOW, Household
from tests.webui.standin.pages import text_of
from tests.webui.standin.ruled import RULES
from webui.language.levels import ReadingLevel, level_of

TEEN = {"mac": "02:00:00:00:00:0d", "profile": "teen", "name": "Phone"}


@pytest.fixture
def laptop(app: Flask, daemon: Running) -> Browser:
    """The son's, who is seven."""
    return browser_on(app, "192.168.1.22")


@pytest.fixture
def phone(app: Flask, daemon: Running, household: Household) -> Browser:
    """Of the one who is sixteen."""
    household.devices["192.168.1.23"] = dict(TEEN)
    return browser_on(app, "192.168.1.23")


def test_the_band_says_which_level() -> None:
    bands = ("0-5", "6-9", "10-12", "13-15", "16-17")
    assert [level_of(one) for one in bands] == [
        ReadingLevel.LITTLE, ReadingLevel.LITTLE, ReadingLevel.MIDDLE, ReadingLevel.TEEN, ReadingLevel.TEEN,
    ]  # fmt: skip


def test_a_small_child_sees_pictures_and_few_words(laptop: Browser) -> None:
    page = laptop.get("/my").text
    assert 'class="picture" aria-hidden="true"' in page
    text = text_of(page)
    for expected in (
        "Timur",
        "It is bedtime. The internet opens at 07:40 tomorrow.",
        "Open for you B BilimLand Everything else is closed.",
        "Your parents decided it.",
        "Your parents can see how long you play. They can see which sites you open.",
        "Someone to talk to",
    ):
        assert expected in text


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("open", "The internet is open."),
        ("paused", "A parent made a pause. A parent will end it."),
        ("out_of_time", "Your time for today is used up."),
        ("window", "The internet is closed now."),
    ],
)
def test_each_state_has_words_for_a_small_child(
    laptop: Browser, household: Household, state: str, said: str
) -> None:
    household.devices["192.168.1.22"].update(state=state, until=None, sentence="")
    assert said in text_of(laptop.get("/my").text)


def test_when_it_opens_is_told_to_a_small_child(laptop: Browser, household: Household) -> None:
    until = NOW + timedelta(minutes=30)
    household.devices["192.168.1.22"].update(state="paused", until=until, sentence="")
    assert "A parent made a pause. It ends at 20:10." in text_of(laptop.get("/my").text)


def test_a_small_child_is_not_taught_what_kinds_of_sites_there_are(
    laptop: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are on the page for whoever reads it together, folded away."""
    monkeypatch.setitem(RULES, "son", {**RULES["daughter"], "id": "son", "name": "Timur", "band": "6-9"})
    text = text_of(laptop.get("/my").text)
    first, _, folded = text.partition("All of it, to read together")
    assert (
        "Closed for you T TikTok Ask · TikTok Sites for older people are closed too. Mum decided it." in first
    )
    assert "Adult sites" not in first
    assert "Adult sites Gambling" in folded


def test_rules_that_the_gateway_changed_name_it(laptop: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = {"id": "son", "name": "Timur", "band": "6-9", "set": {"by": "qalqan", "at": NOW}}
    monkeypatch.setitem(RULES, "son", {**RULES["daughter"], **changed})
    text = text_of(laptop.get("/my").text)
    for sentence in ("decided it.", "changed these rules today.", "set this today"):
        assert f"The gateway {sentence}" in text


def test_rules_of_the_family_that_nobody_signed_are_told_as_such(
    phone: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        RULES, "teen", {**RULES["daughter"], "id": "teen", "name": "Dana", "band": "13-15", "set": None}
    )
    text = text_of(phone.get("/my").text)
    assert "Some of these rules are your family’s own. Set by: unknown." in text
    assert "No one has changed them here yet." not in text


def test_read_aloud_is_the_small_child_s_and_waits_for_a_voice(laptop: Browser, tablet: Browser) -> None:
    page = laptop.get("/my").text
    assert "/static/aloud.js" in page
    assert page.count("data-aloud") == page.count('class="aloud quiet"') >= 4
    with laptop.get("/static/child.css") as style:
        assert b".aloud { display: none;" in style.data
        assert b".has-voice .aloud { display: inline-flex; }" in style.data
    assert "aloud" not in tablet.get("/my").text


def test_who_is_thirteen_reads_everything_and_how_to_check_it(phone: Browser) -> None:
    text = text_of(phone.get("/my").text)
    for expected in (
        "These are the 16-17 rules. No one has changed them here yet.",
        "Nothing that you do is stored.",
        "What is stored 0 of 3",
        "No setting hides any of it from you.",
        "Asking changes no rule and no limit, whatever the answer.",
    ):
        assert expected in text


def test_from_thirteen_on_who_decided_stands_beside_each_time(
    phone: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RULES, "teen", {**RULES["daughter"], "id": "teen", "name": "Dana", "band": "13-15"})
    text = text_of(phone.get("/my").text)
    assert "Bedtime Before school days The 10-12 rules 20:45–07:00" in text
    assert "Roblox School days Mum set this on Sunday 16:00–18:00" in text
    assert "Mum changed these rules on Sunday." in text


@pytest.mark.parametrize(
    ("seat", "others"),
    [
        ("laptop", ("Aruzhan", "Dana", "TikTok", "Roblox")),
        ("phone", ("Aruzhan", "Timur", "TikTok", "BilimLand")),
    ],
)
def test_no_level_shows_a_sibling(request: pytest.FixtureRequest, seat: str, others: tuple[str, ...]) -> None:
    browser: Browser = request.getfixturevalue(seat)
    for path in ("/my", "/my/now", "/my/asked", "/my/time"):
        page = browser.get(path).text
        for one in others:
            assert one not in page, path


@pytest.mark.parametrize("seat", ["laptop", "tablet", "phone"])
def test_help_is_in_sight_on_every_page_of_every_level(request: pytest.FixtureRequest, seat: str) -> None:
    browser: Browser = request.getfixturevalue(seat)
    for path in ("/my", "/why", "/my/asked", "/my/time", "/refused"):
        assert 'href="tel:111"' in browser.get(path).text, path


def test_all_that_was_asked_for_is_on_a_page_of_its_own(tablet: Browser, household: Household) -> None:
    assert "You have asked for nothing yet." in tablet.get("/my/asked").text
    one = {
        "id": 1, "profile": "daughter", "name": "Aruzhan", "topic": "site", "thing": "x.example",
        "thing_name": "x.example", "at": NOW - timedelta(days=5), "state": "answered", "answer": "no",
        "because": "Not yet", "by": "Mum", "answered": NOW - timedelta(days=5),
    }  # fmt: skip
    household.requests[:] = [one, {**one, "id": 2, "profile": "son", "thing_name": "y.example"}]
    text = text_of(tablet.get("/my/asked").text)
    assert "x.example Mum said no Not yet Asked on Thursday at 19:40" in text
    assert "y.example" not in text
    assert "x.example" not in text_of(tablet.get("/my").text), "the first page has what is new"
