"""Questions about devices, as the daemon tells them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.webui.standin.household import NOW, TABLET

PLACES = ["home", "guest", "visitor", "adult"]
NEW, AGAIN, GONE, COPY, REPEATER = (f"da:a1:19:00:00:0{number}" for number in range(1, 6))


def a_question(ask: str, **values: Any) -> dict[str, Any]:
    at = NOW - timedelta(minutes=3)
    return {
        "mac": NEW, "ask": ask, "at": at, "name": "Galaxy-S23", "kind": "phone", "online": True,
        "sightings": "moment",
        "known": None, "known_name": "", "owner": None, "owner_name": "", "rules": None, "rules_name": "",
        "signs": [], "settled": False, "replies": PLACES, "people": True, "sentence": "", **values,
    }  # fmt: skip


def each() -> list[dict[str, Any]]:
    hers = {"owner": "daughter", "owner_name": "Aruzhan", "rules": "daughter", "rules_name": "Aruzhan"}
    return [
        a_question(
            "copy", mac=COPY, name="Mums-Galaxy", signs=["kind", "options"], replies=["me", "not_same"],
            people=False, **hers | {"owner_name": "Mum"},
        ),
        a_question(
            "again", mac=AGAIN, name="Aruzhan-iPad", kind="tablet", known=TABLET, known_name="Tablet",
            signs=["host_name", "time"], replies=["again", "also", "not_same", *PLACES], **hers,
        ),
        a_question(
            "again", mac=GONE, name="", kind="", signs=["time"], replies=["not_same", *PLACES], **hers
        ),
        a_question("repeater", mac=REPEATER, name="RE305", kind="", replies=["fine", *PLACES]),
        a_question("new"),
    ]  # fmt: skip
