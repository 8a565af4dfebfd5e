from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from gateway.core import reason_codes as codes
from gateway.core.errors import ControlError, GatewayError, PolicyError
from gateway.core.reason_codes import Code
from tests.webui.conftest import Browser
from tests.webui.language.catalogues import write_catalogue
from tests.webui.standin.household import Household
from webui.language import i18n, refusals

ROOT = Path(__file__).parents[3]
# Nothing that a page asks for ends in one of these, or there is no more to say than the daemon does.
WITHOUT = {Code.REFUSED, Code.INVALID, Code.NO_SUCH_VERB, Code.ROOT_ONLY}
ENGLISH = "Aruzhan has already used “Finish my game” today. It works once a day."


def landed(**values: str) -> PolicyError:
    error = PolicyError("Aruzhan", "has already used “Finish my game” today", "it works once a day")
    return error.coded(Code.LANDED, **values)


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
    assert refusals.sentence(landed(name="Aruzhan")) == "Aruzhan бүгін аяқтап қойды."


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (landed(), ENGLISH),  # without its values
        (PolicyError("x.kz", "is shut", "wait").coded("of_a_later_version"), "X.kz is shut. Wait."),
        (ControlError("the disk is full; make room"), "The disk is full. Make room."),
        (ControlError("roblox: is open").coded(Code.OPEN_NOW, name="Roblox"), "Roblox is open."),
        (ControlError("it is gone").coded(Code.NO_REQUEST), "It is gone."),
        (
            ControlError("nobody here").coded(Code.NO_GUARDIAN),
            "You are no longer a parent here. Sign in again.",
        ),
    ],
)
def test_where_that_cannot_be_it_is_english(kazakh: None, error: GatewayError, told: str) -> None:
    assert refusals.sentence(error) == told


def test_each_code_has_a_sentence_of_the_values_that_come_with_it() -> None:
    told = refusals._sentences()
    assert set(told) == {str(one) for one in Code} - {str(one) for one in WITHOUT}
    brought = {
        code: set(re.findall(r"\w+", rest.partition("[")[2].partition("]")[0]))
        for code, rest in re.findall(r' = "([a-z_]+)"(.*)', inspect.getsource(codes))
    }
    assert set(brought) == set(Code)
    for code, sentence in told.items():
        assert set(re.findall(r"%\((\w+)\)", sentence)) <= brought[code], code


def test_each_code_is_raised_somewhere() -> None:
    """Codes that are compared or grouped do not count."""
    raised = {name for path in _modules() for name in _raised(ast.parse(path.read_bytes()))}
    assert raised >= {code.name for code in Code} - {Code.REFUSED.name}


def _modules() -> Iterator[Path]:
    """Yield the modules of the daemon and the pages, without the tables of codes and of their sentences."""
    tables = {Path(inspect.getfile(codes)), Path(inspect.getfile(refusals))}
    for package in ("gateway", "webui"):
        yield from (path for path in (ROOT / package).rglob("*.py") if path not in tables)


def _raised(tree: ast.AST) -> Iterator[str]:
    """Yield the codes that are arguments of a call such as ``coded``, or are returned."""
    for node in ast.walk(tree):
        given: list[ast.expr] = []
        if isinstance(node, ast.Call):
            given = node.args
        elif isinstance(node, ast.Return) and node.value is not None:
            given = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
        for value in given:
            if isinstance(value, ast.Attribute) and ast.unparse(value.value) == "Code":
                yield value.attr


def test_what_is_wrong_with_a_rule_is_told_to_its_end() -> None:
    problem = "is no time of the day that a clock on the wall would show"
    fix = "write one such as 20:45 or 07:00, with a colon between them"
    error = ControlError("x").coded(Code.BAD_RULE, key="bedtime", problem=problem, fix=fix)
    assert refusals.sentence(error) == f"This cannot be set: {problem}. To fix it: {fix}."


def test_what_is_said_of_a_rule_has_an_end() -> None:
    error = ControlError("x").coded(Code.BAD_RULE, key="bedtime", problem="p" * 999, fix="m" * 999)
    assert len(refusals.sentence(error)) < 500


def test_a_name_in_a_refusal_cannot_turn_what_is_around_it() -> None:
    error = ControlError("x").coded(Code.LANDED, name="Dana\u202e" + "x" * 80)
    assert "\u202e" not in refusals.sentence(error)
    assert len(refusals.sentence(error)) < 120


def test_the_child_s_page_tells_it(tablet: Browser, household: Household) -> None:
    household.minutes["daughter"]["landing"]["taken"] = True
    tablet.post("/my/landing")
    assert ENGLISH in tablet.get("/my").text
