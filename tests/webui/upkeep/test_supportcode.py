"""The code beside the line, whose signs docs/families/support-code.md promises to keep."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from gateway import __version__
from tests.webui.conftest import Browser, browser_on
from tests.webui.standin.household import NOW, Household
from tests.webui.standin.states import home
from webui.upkeep import supportcode

NO_CLOCK = {"known": False, "why": "", "sentence": None, "aside": 0, "last": NOW}
DOCUMENT = (Path(__file__).parents[3] / "docs" / "families" / "support-code.md").read_text()


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({}, "0.1.0-WNK0"),
        ({"internet": "down"}, "0.1.0-DNK0"),
        ({"internet": "unknown", "mode": "off"}, "0.1.0-UFK0"),
        ({"clock": NO_CLOCK, "problems": ("a", "b")}, "0.1.0-WNU2"),
        ({"problems": ("a",) * 30}, "0.1.0-WNK9"),
    ],
)
def test_each_sign_says_one_thing(changed: dict[str, object], code: str) -> None:
    assert supportcode.code(home(**changed)) == code


def test_a_stopped_filter_has_a_code_too() -> None:
    assert supportcode.code(None) == f"{__version__}-USU0"


@pytest.mark.parametrize("sign", ["W", "D", "U", "N", "F", "S", "K", "0`-`9"])
def test_the_document_says_what_each_sign_means(sign: str) -> None:
    assert f"`{sign}`" in DOCUMENT


PARENTS = ("/parent/", "/parent/activity/", "/parent/activity/daughter", "/parent/requests", "/parent/more",
           "/parent/codes/", "/parent/time/daughter")  # fmt: skip


@pytest.mark.parametrize("path", PARENTS)
def test_the_line_and_its_code_are_on_every_page_of_a_parent(
    mum: Browser, household: Household, path: str
) -> None:
    household.extra.update(internet="down", internet_since=NOW - timedelta(minutes=28))
    page = mum.get(path).text
    line = page[page.index('id="line"') : page.index("<h1")]
    assert "provider&#39;s line is down since 19:12." in line.replace("'", "&#39;")
    assert re.search(r"0\.1\.0-DNK0", line)


@pytest.mark.parametrize("path", ["/my", "/why"])
def test_a_child_reads_it_as_well(tablet: Browser, path: str) -> None:
    page = tablet.get(path).text
    assert "Internet works" in page
    assert "0.1.0-WNK0" in page


def test_a_stopped_filter_says_what_that_means(app: Flask) -> None:
    answer = browser_on(app, "192.168.1.20").get("/my")
    assert answer.status_code == 503
    assert "The filter is stopped. Until it runs, devices of children under 13 are blocked, " in answer.text
    assert "are blocked, unless their rules differ." in answer.text
    assert f"{__version__}-USU0" in answer.text
