from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import quote

import pytest
from flask import Flask

from gateway.control.contract.rules import help_line_entry
from gateway.control.schema import values_of
from gateway.household.loading import load_countries
from gateway.policy.names.countries import lines_for
from tests.control.running import Running
from tests.webui.conftest import Browser, browser_on
from tests.webui.standin.household import NOW, TABLET, Household
from tests.webui.standin.pages import HOSTILE, text_of

LIMIT = 20 * 1024
NEW = "02:00:00:00:00:2a"


def test_it_says_what_why_who_and_help(tablet: Browser) -> None:
    answer = tablet.get("/refused?host=www.tiktok.com")
    assert answer.status_code == 403
    text = text_of(answer.text)
    for expected in (
        "Leave this page",
        "Blocked TikTok TikTok is blocked. Mum set this on Sunday.",
        "Set by Mum, on Sunday",
        "If it is wrong A parent can change it.",
        "Address www.tiktok.com",
        "111",
    ):
        assert expected in text


def test_a_rule_that_the_gateway_set_names_it(tablet: Browser, household: Household) -> None:
    block = household.refusals[0]
    block["decided"] = {**block["decided"], "by": "qalqan"}
    assert "Set by The gateway, on Sunday" in text_of(tablet.get("/refused?host=www.tiktok.com").text)


def test_of_a_kind_it_says_since_when_and_by_which_list_of_which_day(tablet: Browser) -> None:
    text = text_of(tablet.get("/refused?host=bet.example").text)
    for expected in (
        "For you since 3 March Set by Qalqan 0.1.0",
        "Category Gambling",
        "On these lists bets 20 November",
        "If it is wrong A parent can change it.",
    ):
        assert expected in text


@pytest.mark.parametrize(
    ("id_", "named"),
    [
        ("own-gambling", "Qalqan’s own list"),
        ("built-in", "Qalqan’s own list"),
        ("own-1c9a2f4e", "own-1c9a2f4e"),
    ],
)
def test_a_list_of_the_family_is_not_called_a_packaged_one(
    tablet: Browser, household: Household, id_: str, named: str
) -> None:
    block = household.refusals[1]
    block["decided"] = {**block["decided"], "lists": [{"id": id_, "version": "2026-11-20"}]}
    assert f"On these lists {named} 20 November" in text_of(tablet.get("/refused?host=bet.example").text)


def test_it_says_until_when(tablet: Browser, household: Household) -> None:
    household.refusals[0]["until"] = NOW + timedelta(hours=12)
    assert "Until 07:40 tomorrow" in text_of(tablet.get("/refused?host=www.tiktok.com").text)


def test_a_time_that_the_teenager_set_has_no_other_author(tablet: Browser, household: Household) -> None:
    block = household.refusals[0]
    decided = {**block["decided"], "contest": "time", "since": None, "by": None}
    block.update(reason="bedtime", rule="bedtime: 21:00-07:00", owner="self:Daughter", decided=decided)
    text = text_of(tablet.get("/refused?host=www.tiktok.com").text)
    assert "You set this yourself." in text
    assert "Set by" not in text


@pytest.mark.parametrize("ip", ["192.168.1.20", "192.168.1.22", "192.168.1.30", "192.168.1.40"])
@pytest.mark.parametrize("language", ["en", "kk", "ru"])
def test_it_weighs_at_most_20_kb_with_all_that_it_loads(
    app: Flask,
    daemon: Running,
    household: Household,
    monkeypatch: pytest.MonkeyPatch,
    language: str,
    ip: str,
) -> None:
    """Of a child of ten, one of six, a guest and a new device, with the help lines of each country."""
    household.devices["192.168.1.40"] = {"mac": NEW, "profile": "quarantine", "name": "Pixel"}
    household.refusals[2].update(askable=True, reason="category", rule="social_networks")
    on = {"file": "/srv/kz.txt", "on": True, "by": "Mum", "since": "2026-11-24"}
    household.editing.settings["registers"] = {"kz": on}
    browser = browser_on(app, ip)
    for country in ("kz", "ru", "gb", "us", "au", "eu", ""):
        told = [values_of(help_line_entry(line)) for line in lines_for(load_countries(), country)]
        monkeypatch.setattr("tests.webui.standin.refusing.HELP", told)
        for asked in (
            "host=www.tiktok.com",
            "host=www.instagram.com",
            "host=none.invalid",
            "reason=register",
        ):
            page = browser.get(f"/refused?{asked}", Accept_Language=language)
            assert f'<html lang="{language}"' in page.text
            loads = re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)
            assert {one.partition("?")[0].rpartition("/")[2] for one in loads} == {
                "icon.svg", "style.css", "dark.css", "refused.css", "leave.js",
                *(["retry.js"] if "data-retry=" in page.text else []),
            }  # fmt: skip
            sizes = [len(page.data)]
            for one in loads:
                with browser.get(one) as part:
                    sizes.append(len(part.data))
            assert sum(sizes) <= LIMIT, (country, asked, sizes)


def test_the_quick_exit_is_a_plain_link_that_says_nothing_of_the_page(tablet: Browser) -> None:
    page = tablet.get("/refused?host=www.tiktok.com").text
    assert '<a class="exit" href="/calendar" rel="noreferrer" data-leave>Leave this page</a>' in page


def test_a_refusal_by_the_clock_is_no_error_so_that_a_sign_in_page_shows_it(
    tablet: Browser, household: Household
) -> None:
    household.refusals[0]["reason"] = "bedtime"
    assert tablet.get("/refused?host=www.tiktok.com").status_code == 200


def test_a_small_child_has_a_picture_and_no_address(
    app: Flask, daemon: Running, household: Household
) -> None:
    household.devices["192.168.1.22"]["mac"] = TABLET
    laptop = browser_on(app, "192.168.1.22")
    page = laptop.get("/refused?host=www.tiktok.com").text
    assert 'class="closed" aria-hidden="true"' in page
    assert "TikTok is blocked. Mum set this on Sunday." in page
    assert "<dt>Address</dt>" not in page


def test_a_new_device_is_told_who_lets_it_in(app: Flask, daemon: Running, household: Household) -> None:
    household.devices["192.168.1.40"] = {"mac": NEW, "profile": "quarantine", "name": "Pixel 9"}
    answer = browser_on(app, "192.168.1.40").get("/refused?host=captive.apple.com&reason=quarantined")
    assert answer.status_code == 200
    text = text_of(answer.text)
    assert "This device is new here A parent chooses who uses it. Until then only help works." in text
    assert "This one is called Pixel 9, and its address ends in 00:2a." in text
    assert "captive.apple.com" not in text
    assert 'href="tel:111"' in answer.text
    household.devices["192.168.1.40"]["name"] = HOSTILE
    assert HOSTILE not in browser_on(app, "192.168.1.40").get("/refused").text


def test_what_the_sentence_says_is_not_said_twice(tablet: Browser, household: Household) -> None:
    household.refusals[1].update(sentence="bet.example is blocked until 20:45. These are the 10-12 rules.")
    household.refusals[1]["until"] = NOW + timedelta(minutes=65)
    text = text_of(tablet.get("/refused?host=bet.example").text)
    assert "Who decided" not in text
    assert text.count("20:45") == 1


def test_the_filter_s_own_refusal_is_told_as_such(tablet: Browser, household: Household) -> None:
    household.refusals[1]["owner"] = "product"
    text = text_of(tablet.get("/refused?host=bet.example").text)
    assert "Who decided Part of the filter, in every home" in text


@pytest.mark.parametrize("host", ["WWW.TikTok.com", "www.tiktok.com."])
def test_case_and_a_closing_dot_do_not_matter(tablet: Browser, host: str) -> None:
    assert tablet.get(f"/refused?host={host}").status_code == 403


@pytest.mark.parametrize(
    "host",
    ["", "bilimland.kz", "x" * 300, HOSTILE, "a..b", "http://www.tiktok.com/", "www.tiktok.com\r\nX: y"],
)
def test_a_name_that_was_not_refused_here_is_not_looked_up(
    tablet: Browser, household: Household, host: str
) -> None:
    answer = tablet.get(f"/refused?host={quote(host)}")
    assert answer.status_code == 200
    assert "Open the site again to see why." in answer.text
    assert "why" not in {do for do, _ in household.asked}
    if host:
        assert host not in answer.text
    assert 'href="tel:111"' in answer.text


def test_another_device_learns_nothing(stranger: Browser) -> None:
    assert "TikTok" not in stranger.get("/refused?host=www.tiktok.com").text
