"""A home with a parent, a helper and a browser that asks for messages."""

from __future__ import annotations

from typing import Any

from gateway.policy.accounts.people import Account, PersonRole
from tests.features.conftest import Make
from tests.features.desk import NOON, Desk

KEYS = {"p256dh": "B" + "A" * 86, "auth": "A" * 22}
LONG = "a-secret-place" * 40  # as Windows has them
BROWSER: dict[str, Any] = {"endpoint": f"https://push.example.net/{LONG}", **KEYS, "language": "ru"}


def home(make: Make) -> Desk:
    desk = make(NOON)
    desk.store.people.put(Account("Mum", came=True))
    desk.store.people.put(Account("Oma", PersonRole.HELPER, came=True))
    return desk
