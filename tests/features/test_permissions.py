"""The permission table, held against the real handlers, the pages, the API and the document."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.control.permissions import VERBS, document, may_change, senders_of
from gateway.control.protocol import Role
from gateway.control.verbs import Sender
from gateway.core.errors import GatewayError
from gateway.policy.accounts.people import PersonRole
from tests.features.conftest import Make
from tests.features.desk import NOON, Desk
from webui.api.answering import OPERATIONS

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs/developers/permissions.md"
PERSON = {Sender.GUARDIAN, Sender.HELPER}


@pytest.fixture
def desk(make: Make) -> Desk:
    desk = make(NOON)
    desk.store.keep_guardian("Mum", "stamp")
    return desk


def test_each_verb_of_the_daemon_is_declared(desk: Desk) -> None:
    assert set(desk._verbs) <= set(VERBS)


@pytest.mark.parametrize(
    "name", sorted(name for name in VERBS if senders_of(name) and senders_of(name) <= PERSON)
)
def test_the_pages_send_a_person_s_verb_only_in_a_person_s_name(desk: Desk, name: str) -> None:
    """Whatever the arguments: without `by`, or in the name of nobody known, it is refused."""
    if name not in desk._verbs:
        pytest.skip("the desk has no such part")
    for values in ({}, {"by": "Nobody"}):
        with pytest.raises(GatewayError):
            desk.ask(name, Role.WEB, **values)


@pytest.mark.parametrize("name", sorted(VERBS))
def test_a_helper_and_support_change_less_than_a_guardian(name: str) -> None:
    assert may_change(PersonRole.GUARDIAN, name) == (Sender.GUARDIAN in senders_of(name))
    assert may_change(PersonRole.HELPER, name) == (Sender.HELPER in senders_of(name))
    assert not may_change(PersonRole.SUPPORT, name)
    assert not may_change(PersonRole.GUARDIAN, "unknown")


def changed_by(function: Callable[..., Any]) -> set[str]:
    """Return the verbs that a function sends by ``change``: in the name of the person who is signed in."""
    names = vars(inspect.getmodule(function))
    tree = ast.parse(inspect.cleandoc("\n" + inspect.getsource(inspect.unwrap(function))))
    sent = (
        node.args[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "change"
        and node.args
    )
    return {
        names[verb.id].name if isinstance(verb, ast.Name) else str(verb.value)
        for verb in sent
        if isinstance(verb, ast.Name | ast.Constant)
    }


def test_an_operation_of_the_api_is_for_no_more_roles_than_its_verbs() -> None:
    checked = 0
    for operation in OPERATIONS:
        for verb in changed_by(operation.call):
            for role in operation.roles & set(PersonRole):
                assert may_change(PersonRole(role), verb), (operation.name, role, verb)
                checked += 1
    assert checked > 50


def test_the_document_is_the_table() -> None:
    assert DOCUMENT.read_text("utf-8") == document(), "run: make permissions"
