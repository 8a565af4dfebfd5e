"""`edit`: what opens a blocked category permanently needs a confirmation, whoever sends it."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.control.protocol import Role
from gateway.core.errors import GatewayError
from gateway.core.reason_codes import Code
from gateway.policy.accounts.people import Account
from gateway.policy.values import Reason
from tests.features.conftest import Make
from tests.features.desk import TABLET, Desk

NOON = "2026-11-24T12:00"
BLOCKED = {"categories": {"games": "block"}, "block": ["category:dating"]}


@pytest.fixture
def desk(make: Make) -> Desk:
    desk = make(NOON, daughter=BLOCKED)
    desk.store.people.put(Account("Mum", secret="stamp"))
    return desk


def edit(desk: Desk, role: Role = Role.WEB, /, **values: Any) -> None:
    desk.ask("edit", role, id="daughter", by="Mum", **values)


@pytest.mark.parametrize("role", [Role.WEB, Role.OWNER])
@pytest.mark.parametrize(
    ("changes", "categories"),
    [
        ({"categories/games": "allow"}, "games"),
        ({"categories/games": "ask"}, "games"),
        ({"categories/games": None}, "games"),
        ({"categories": {"games": "count"}}, "games"),
        ({"categories": None}, "games"),
        ({"block/category:dating": None, "categories/dating": "allow"}, "dating"),
        ({"categories/games": "allow", "block": None, "categories/dating": "allow"}, "dating games"),
        ({"allow/category:games": True}, "games"),
        ({"allow/service:minecraft": True}, "games"),
        ({"categories/service:minecraft": "count"}, "games"),
        ({"categories/service:minecraft": "allow"}, "games"),
        ({"allow/roblox.com": True}, "games"),
        ({"homework/roblox.com": True}, "games"),
        ({"band": "13-15", "categories/games": "allow"}, "games"),
    ],
)
def test_what_opens_a_blocked_category_needs_a_confirmation(
    desk: Desk, role: Role, changes: dict[str, object], categories: str
) -> None:
    with pytest.raises(GatewayError) as refused:
        edit(desk, role, set=changes)
    assert refused.value.code == Code.CONFIRM_NEEDED
    assert refused.value.values["categories"] == categories
    assert desk.reason(TABLET, "www.minecraft.net") is Reason.CATEGORY, "nothing is written"
    edit(desk, role, set=changes, confirmed=True)


@pytest.mark.parametrize(
    "changes",
    [
        {"categories/games": "block"},
        {"categories/gambling": "block"},
        {"block/service:roblox": True},
        {"categories/service:roblox": "ask"},
        {"categories/service:roblox": "block"},
        {"allow/khanacademy.org": True},
        {"block/category:dating": None, "categories/dating": "block"},
        {"band": "13-15"},
        {"limits/play": "1h"},
    ],
)
def test_what_opens_none_needs_no_confirmation(desk: Desk, changes: dict[str, object]) -> None:
    edit(desk, set=changes)


def test_what_is_open_already_needs_no_confirmation(make: Make) -> None:
    desk = make(NOON, daughter={"allow": ["service:roblox"], **BLOCKED})
    edit(desk, Role.OWNER, set={"allow/roblox.com": None})
    edit(desk, Role.OWNER, set={"categories/games": "allow"}, confirmed=True)
    edit(desk, Role.OWNER, set={"allow/service:minecraft": True})
