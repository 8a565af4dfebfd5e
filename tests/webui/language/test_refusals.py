from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from gateway.core.errors import ControlError, GatewayError, PolicyError
from gateway.core.reason_codes import Code
from tests.webui.conftest import Browser
from tests.webui.language.catalogues import write_catalogue
from tests.webui.standin.household import Household
from webui.language import i18n, refusals

LANDED = ControlError.of(Code.LANDED, name="Aruzhan")
ENGLISH = "Aruzhan has already used “Finish my game” today. It works once a day."


@pytest.fixture
def kazakh(tmp_path: Path) -> Iterator[None]:
    told = {
        "%(name)s has already used “Finish my game” today. It works once a day.": (
            "%(name)s бүгін аяқтап қойды."
        ),
        "%(name)s is allowed now. Try it.": "%(nobody)s ашық.",
        "This request is gone.": "100% жоқ.",
    }
    write_catalogue(tmp_path, "kk", told)
    app = Flask(__name__)
    i18n.install(app, i18n.load_catalogues(tmp_path))
    with app.test_request_context(headers={"Accept-Language": "kk"}):
        app.preprocess_request()
        yield


def test_a_refusal_is_told_in_the_reader_s_language(kazakh: None) -> None:
    assert refusals.sentence(LANDED) == "Aruzhan бүгін аяқтап қойды."


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ControlError(ENGLISH).coded(Code.LANDED), ENGLISH),  # without its values
        (PolicyError("x.kz", "is shut", "wait").coded("of_a_later_version"), "X.kz is shut. Wait."),
        (ControlError("the disk is full; make room"), "The disk is full. Make room."),
        (ControlError("roblox: is open").coded(Code.OPEN_NOW, name="Roblox"), "Roblox is open."),
        (ControlError("it is gone").coded(Code.NO_REQUEST), "It is gone."),
        (
            ControlError("nobody here").coded(Code.NO_GUARDIAN),
            "No parent has an account with this name here. Check the name, or sign in again.",
        ),
    ],
)
def test_where_that_cannot_be_it_is_english(kazakh: None, error: GatewayError, told: str) -> None:
    assert refusals.sentence(error) == told


def test_what_is_wrong_with_a_rule_is_told_to_its_end() -> None:
    problem = "is no time of the day that a clock on the wall would show"
    fix = "write one such as 20:45 or 07:00, with a colon between them"
    error = ControlError.of(Code.BAD_RULE, key="bedtime", problem=problem, fix=fix)
    assert refusals.sentence(error) == f"This cannot be set: {problem}. To fix it: {fix}."


def test_what_is_said_of_a_rule_has_an_end() -> None:
    error = ControlError.of(Code.BAD_RULE, key="bedtime", problem="p" * 999, fix="m" * 999)
    assert len(refusals.sentence(error)) < 500


def test_a_name_in_a_refusal_cannot_turn_what_is_around_it() -> None:
    error = ControlError.of(Code.LANDED, name="Dana\u202e" + "x" * 80)
    assert "\u202e" not in refusals.sentence(error)
    assert len(refusals.sentence(error)) < 120


def test_the_child_s_page_tells_it(tablet: Browser, household: Household) -> None:
    household.minutes["daughter"]["landing"]["taken"] = True
    tablet.post("/my/landing")
    assert ENGLISH in tablet.get("/my").text
