"""Dangerous changes: the daemon itself refuses them without a session of the guardian and a recent proof."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from gateway.control.proofs import PROOF_LIFE
from gateway.control.protocol import Role
from gateway.core.errors import ControlError
from gateway.core.helper_process import HelperProcess
from gateway.core.reason_codes import Code
from gateway.features.backup import auto_backup
from gateway.policy.accounts.people import Account
from tests.features.backup.backed_up import HASH, sent
from tests.features.conftest import Make
from tests.features.desk import NOON, Desk

STICK = "/media/stick"
NAME = {"name": "family-4821.duckdns.org", "provider": "duckdns", "token": "x", "email": "mum@example.net"}
DANGEROUS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("backup", {}),
    ("restore", {"action": "apply"}),
    ("auto_backup", {"action": "set", "folder": STICK, "key": "a key"}),
    ("trusted_name", {"action": "get", **NAME}),
    ("trusted_name", {"action": "stop"}),
)
HARMLESS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("restore", {"action": "last"}),
    ("auto_backup", {"action": "show"}),
    ("trusted_name", {"action": "look"}),
)


@pytest.fixture
def desk(make: Make, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A home with two guardians, who both have passwords."""
    monkeypatch.setattr(HelperProcess, "start", lambda process, argv: None)
    monkeypatch.setattr(auto_backup, "drives", lambda: (STICK,))
    desk = make(NOON)
    for name in ("Mum", "Dad"):
        desk.store.people.put(Account(name, secret=HASH))
    return desk


def refusal(desk: Desk, do: str, values: dict[str, Any], **who: object) -> str:
    with pytest.raises(ControlError) as caught:
        desk.ask(do, Role.WEB, **values, **who)
    return caught.value.code


@pytest.mark.parametrize(("do", "values"), DANGEROUS)
def test_the_pages_need_a_session_with_a_recent_proof(desk: Desk, do: str, values: dict[str, Any]) -> None:
    if do == "restore":
        text = desk.ask("backup", Role.WEB, by="Mum", session=desk.session("Mum"))["text"]
        values = {**values, "token": sent(desk, text)}
    mine = {"by": "Mum", "session": desk.session("Mum")}
    desk.go(timedelta(seconds=PROOF_LIFE))
    assert refusal(desk, do, values, **mine) == Code.PROOF_NEEDED
    assert refusal(desk, do, values, by="Mum") == Code.INVALID, "there is no way without a session"
    assert refusal(desk, do, values, by="Mum", session="forged") == Code.SESSION_ENDED
    assert refusal(desk, do, values, by="Mum", session=desk.session("Dad")) == Code.NO_GUARDIAN
    if do == "restore":
        values["token"] = sent(desk, text)
    desk.session("Mum")
    desk.ask(do, Role.WEB, **values, **mine)


@pytest.mark.parametrize(("do", "values"), HARMLESS)
def test_looking_needs_none(desk: Desk, do: str, values: dict[str, Any]) -> None:
    desk.ask(do, Role.WEB, by="Mum", **values)


def test_the_console_needs_none(desk: Desk) -> None:
    assert desk.ask("backup")["size"]
    desk.ask("trusted_name", action="stop")
