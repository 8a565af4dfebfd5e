"""The permission table, held against the real handlers, the pages, the API and the document."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from gateway.control.permissions import EVENTS, VERBS, document, may_change, senders_of
from gateway.control.protocol import Role
from gateway.control.schema import (
    Choice,
    FieldType,
    JsonScalar,
    Several,
    Time,
    field_types,
    is_needed,
    name_of,
)
from gateway.control.verbs import Sender
from gateway.core.errors import GatewayError
from gateway.core.reason_codes import Code
from gateway.policy.accounts.people import Account, PersonRole
from tests.features.conftest import Make
from tests.features.desk import NOON, TABLET, Desk
from webui.api.answering import OPERATIONS

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs/developers/permissions.md"
PERSON = {Sender.GUARDIAN, Sender.HELPER}
SAMPLES = {"id": "daughter", "mac": TABLET, "device": TABLET, "profile": "daughter", "host": "a.example"}


@pytest.fixture
def desk(make: Make) -> Desk:
    desk = make(NOON)
    desk.store.people.put(Account("Mum", secret="stamp"))
    return desk


def test_the_daemon_serves_the_declared_verbs_and_no_others(desk: Desk) -> None:
    """The server itself serves `events`."""
    assert set(desk._verbs) == set(VERBS) - {EVENTS.name}


OF_PERSONS = sorted(name for name in VERBS if senders_of(name) and senders_of(name) <= PERSON)


def arguments(name: str) -> dict[str, Any]:
    """Return values that the verb's declaration accepts, and the keys that name a person or device."""
    request: type = VERBS[name].request
    types = field_types(request)
    needed = (field for field in fields(request) if is_needed(field))
    return {"who": "daughter", "mac": TABLET} | {
        name_of(field): sample(types[field.name], SAMPLES.get(name_of(field), "x")) for field in needed
    }


def sample(kind: FieldType, text: str) -> object:
    match kind:
        case JsonScalar(limits=limits) if dict(limits).get("minimum") is not None:
            return dict(limits)["minimum"]
        case JsonScalar():
            return {"string": text, "integer": 1, "boolean": True}[kind.json_type]
        case Choice():
            return kind.among[0]
        case Time():
            return "2026-11-24" if kind.day else "2026-11-24T20:45:00+05:00"
        case Several():
            return []
    return {"x": "y"}


@pytest.mark.parametrize("name", OF_PERSONS)
def test_the_pages_send_a_person_s_verb_only_in_a_person_s_name(desk: Desk, name: str) -> None:
    """With valid arguments, it is refused without `by`, and in a name that is no guardian's."""
    codes = []
    for who in ({}, {"by": "Nobody"}):
        with pytest.raises(GatewayError) as refused:
            desk.ask(name, Role.WEB, **arguments(name), **who)
        codes.append((refused.value.code, refused.value.values.get("key")))
    assert codes == [(Code.INVALID, "by"), (Code.NO_GUARDIAN, None)]


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
