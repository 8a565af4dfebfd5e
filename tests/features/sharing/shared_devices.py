"""A household with devices of several people."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.control.protocol import Role
from gateway.core.errors import GatewayError
from gateway.policy.accounts.people import Account
from tests.features.conftest import Make
from tests.features.desk import NOON, Desk

OURS, TV = "02:00:00:00:00:aa", "02:00:00:00:00:ab"
SHARED = {OURS: {"people": ["daughter", "son"]}, TV: {"people": ["daughter", "son", "mum"]}}
TIKTOK = "www.tiktok.com"  # refused for the daughter by her own file, open for the son
SONS_PIN = "4821"


def desk_of_several(make: Make) -> Desk:
    made: Desk = make(NOON, son={"categories": {"social_networks": "allow"}}, shared=SHARED)
    made.store.people.put(Account("Mum", secret="stamp"))
    made.ask("pin", Role.WEB, who="son", action="set", pin=SONS_PIN, by="Mum")
    made.events.clear()
    return made


def whose(desk: Desk, mac: str) -> str | None:
    member = desk.family.member_of(mac)
    return None if member is None else member.profile.id


def refused(desk: Desk, do: str, **values: object) -> str:
    with pytest.raises(GatewayError) as caught:
        desk.ask(do, Role.WEB, **values)
    return str(caught.value.code)


def use(desk: Desk, mac: str = OURS, who: str = "son", **values: object) -> dict[str, Any]:
    return desk.ask("use", Role.WEB, **{"device": mac, "who": who, "pin": SONS_PIN, **values})
