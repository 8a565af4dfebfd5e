"""Whose each view is: declared on every one, enforced in one place."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType
from typing import Any

import pytest
from flask import Flask

from gateway.control.permissions import may_change, senders_of
from gateway.control.verbs import Sender, Verb
from gateway.policy.accounts.people import Account, PersonRole
from tests.control.running import Running
from tests.webui.accounts.signing import signed_in
from tests.webui.conftest import Browser, browser_on
from tests.webui.standin.healthy import FINE, TROUBLE
from tests.webui.standin.household import Household
from webui.accounts.session import ANYONE, STATIC, declared

PAGES = ("webui.features.", "webui.pages.", "webui.rules.")
AFTER_SIGN_IN = ("time",)  # a view for anyone sends it once a parent has signed in there
CHILDREN = ("Aruzhan", "Timur", "Dana", "Tablet", "02:00:00:00:00:0a", "192.168.1.20")


@pytest.fixture
def oma(app: Flask, daemon: Running, household: Household) -> Browser:
    """A helper who may give 30 minutes."""
    return signed_in(app, household, Account("Oma", PersonRole.HELPER, "a hash", 30))


@pytest.fixture
def telecom(app: Flask, daemon: Running, household: Household) -> Browser:
    return signed_in(app, household, Account("Telecom", PersonRole.SUPPORT, "a hash"))


def paths(app: Flask, role: str) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """Method and path of what is a role's, and of what is not."""
    own: set[tuple[str, str]] = set()
    other: set[tuple[str, str]] = set()
    for rule in app.url_map.iter_rules():
        roles = declared(app.view_functions[rule.endpoint]) or frozenset()
        if rule.endpoint == STATIC or ANYONE in roles:
            continue
        path = re.sub(r"<[^>]+>", "daughter", rule.rule)
        methods = {(one, path) for one in (rule.methods or set()) & {"GET", "POST"}}
        (own if role in roles else other).update(methods)
    return own, other


def test_every_view_says_who_may_see_it(app: Flask) -> None:
    known = {ANYONE, *PersonRole}
    for endpoint, view in app.view_functions.items():
        if endpoint != STATIC:
            roles = declared(view)
            assert roles, f"{endpoint} needs one of the decorators of webui.accounts.session"
            assert roles <= known


def test_a_view_that_says_nothing_is_for_guardians(app: Flask, daemon: Running, household: Household) -> None:
    app.add_url_rule("/parent/forgotten", "forgotten", lambda: "a child's data")
    stranger = browser_on(app, "192.168.1.99")
    assert stranger.get("/parent/forgotten").status_code == 303
    helper = signed_in(app, household, Account("Oma", PersonRole.HELPER, "a hash"))
    assert helper.get("/parent/forgotten").status_code == 403


def test_a_helper_gets_nothing_of_the_guardians(app: Flask, oma: Browser, household: Household) -> None:
    own, other = paths(app, PersonRole.HELPER)
    assert len(other) > 20
    for method, path in other:
        answer = oma.get(path) if method == "GET" else oma.post(path)
        assert answer.status_code == 403, path
        assert "for parents" in answer.text
    asked = {(do, values.get("action")) for do, values in household.asked}
    assert asked == {("status", None), ("guardian", "check")}, "who asks, and from which device"
    for method, path in own:
        if method == "GET":
            assert oma.get(path).status_code in (200, 410), path


def test_support_sees_health_and_never_a_child_s_data(
    app: Flask, telecom: Browser, household: Household
) -> None:
    household.extra.update(problems=["daughter.yaml:3: band: is no age band"])
    household.healthy.findings = (*FINE, *TROUBLE)
    assert telecom.get("/").headers["Location"] == "/support/"
    page = telecom.get("/support/").text
    for told in ("2 things need attention.", "3 days", "34 MB", "<dd>7</dd>"):
        assert told in page
    own, other = paths(app, PersonRole.SUPPORT)
    for method, path in other:
        answer = telecom.get(path) if method == "GET" else telecom.post(path)
        assert answer.status_code in (403, 204), path
    shown = [path for method, path in own if method == "GET" and path != "/parent/stream"]
    pages = [telecom.get(path).text.replace(path, "") for path in shown]  # the menu of languages leads back
    for name in (*CHILDREN, "Mum", "daughter"):
        assert all(name not in text for text in pages), name


def test_a_helper_pauses_and_gives_and_takes_back(oma: Browser, household: Household) -> None:
    assert oma.get("/").headers["Location"] == "/helper/"
    page = oma.get("/helper/").text
    assert "Aruzhan" in page
    assert "TikTok" not in page
    assert 'value="60"><b>+' not in page, "no more than she may give"
    oma.post("/helper/pause", {"who": "daughter", "minutes": "15"})
    assert "daughter" in household.paused
    oma.post("/helper/resume", {"who": "daughter"})
    assert household.paused == {}
    oma.post("/helper/grant", {"who": "daughter", "minutes": "15"})
    page = oma.get("/helper/").text
    assert "15 more minutes" in page
    number = next(iter(household.given))
    assert 'action="/helper/undo"' in page
    oma.post("/helper/undo", {"grant": str(number)})
    assert household.given == {}
    assert {values["by"] for do, values in household.asked if do in ("pause", "resume", "grant")} == {"Oma"}


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("/helper/grant", {"who": "daughter", "minutes": "60"}),
        ("/helper/grant", {"who": "nobody", "minutes": "15"}),
        ("/helper/pause", {"who": "all", "minutes": "15"}),
        ("/helper/pause", {"who": "daughter", "minutes": ""}),
    ],
)
def test_what_is_on_no_button_of_a_helper_is_no_answer(
    oma: Browser, household: Household, path: str, values: dict[str, str]
) -> None:
    assert oma.post(path, values).status_code == 400
    assert household.paused == {}
    assert household.given == {}


def test_a_role_that_changes_holds_at_the_next_tap(oma: Browser, household: Household) -> None:
    household.stamps.put(Account("Oma", PersonRole.SUPPORT, "a hash"))
    assert oma.post("/helper/pause", {"who": "daughter", "minutes": "15"}).status_code == 403
    household.stamps.remove("Oma")
    assert oma.get("/helper/").headers["Location"] == "/signin"


def sent_by(function: Callable[..., Any], seen: set[Callable[..., Any]]) -> set[str]:
    """Return the verbs that a view names, itself or in the functions of the pages that it calls."""
    function = inspect.unwrap(function)
    if not isinstance(function, FunctionType) or function in seen:
        return set()
    seen.add(function)
    sent: set[str] = set()
    for name in named(function.__code__):
        value = function.__globals__.get(name)
        if isinstance(value, Verb):
            sent.add(value.name)
        elif isinstance(value, FunctionType) and value.__module__.startswith(PAGES):
            sent |= sent_by(value, seen)
    return sent


def named(code: CodeType) -> Iterator[str]:
    """Yield the names that code refers to, in inner functions too."""
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from named(inner)


def test_a_view_sends_only_what_the_permission_table_allows_its_roles(app: Flask) -> None:
    """Verbs that the pages send for themselves are left out: they change nothing in a person's name."""
    checked = 0
    for endpoint, view in app.view_functions.items():
        roles = declared(view) or frozenset()
        for verb in sent_by(view, set()):
            if Sender.PAGES in senders_of(verb) or endpoint == STATIC:
                continue
            for role in roles:
                if role == ANYONE:
                    assert verb in AFTER_SIGN_IN or Sender.CHILD in senders_of(verb), (endpoint, verb)
                else:
                    assert may_change(PersonRole(role), verb), (endpoint, role, verb)
                checked += 1
    assert checked > 100
