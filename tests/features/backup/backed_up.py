"""A household that is furnished, backed up, changed and restored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from gateway.control.permissions import WEB_VERBS
from gateway.control.protocol import Role
from gateway.policy.accounts.people import Account
from gateway.policy.values import Observation, Proto
from tests.features.conftest import Make
from tests.features.desk import NOON, STRANGER, TABLET, Desk

HASH = "scrypt:8192:8:10$Household0123456$" + "ab" * 64
CALENDAR = (
    "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//x//EN\nBEGIN:VEVENT\nUID:1\nDTSTAMP:20260101T000000Z\n"
    "DTSTART;VALUE=DATE:20261126\nSUMMARY:Free\nEND:VEVENT\nEND:VCALENDAR\n"
)


def web(desk: Desk, do: str, **values: object) -> dict[str, Any]:
    assert do in WEB_VERBS
    by = str(values.get("by", "Mum"))
    values = {"by": by, "origin": "192.168.77.7", "session": desk.session(by), **values}
    return desk.ask(do, Role.WEB, **values)


def taken(desk: Desk) -> str:
    """All pieces of a backup."""
    told = web(desk, "backup")
    text = told["text"]
    while len(text) < told["size"]:
        text += web(desk, "backup", **{"from": len(text)})["text"]
    return str(text)


def sent(desk: Desk, text: str) -> str:
    """Its token."""
    begun = web(desk, "restore", action="begin", size=len(text))
    for start in range(0, len(text), begun["piece"]):
        web(desk, "restore", action="piece", token=begun["token"], text=text[start : start + begun["piece"]])
    return str(begun["token"])


def profiles(desk: Desk) -> Path:
    return Path(desk.rules.household.config.profiles)


def furnish(desk: Desk) -> None:
    """What guardians set, and what people did."""
    store, now = desk.store, desk.local_now()
    store.people.put(Account("Mum", secret=HASH, came=True))
    store.people.put(Account("Dad", secret=HASH, came=True))
    (profiles(desk) / "school.ics").write_text(CALENDAR)
    store.notes.name(TABLET, "Aruzhan's tablet")
    store.devices.seen(STRANGER, now, "Galaxy-of-a-visitor")
    store.devices.place(STRANGER, "guest", at=now)
    desk.ask("pin", action="set", who="daughter", pin="4821", by="Mum")
    desk.ask("grant", who="daughter", minutes=30, by="Mum")
    desk.ask("pause", who="son", minutes=120, by="Mum")
    did(desk)


def did(desk: Desk) -> None:
    now = desk.local_now()
    member = desk.family.member_of(TABLET)
    assert member is not None
    seen = Observation(Proto.TLS, "visited.example")
    desk.store.events.record(
        member.decide(seen, now), host="visited.example", proto=Proto.TLS, profile="daughter", device=TABLET,
        level=3, category="", at=now,
    )  # fmt: skip
    detail = "I was there, at refused.example"
    desk.store.audit.record("test", detail, by="Mum", at=now, origin="192.168.77.7")
    desk.store.flush(0.0, force=True)


def change(desk: Desk) -> None:
    """Much is another way by now."""
    desk.ask("edit", id="daughter", set={"name": "Someone", "bedtime": {}}, by="Mum")
    desk.ask("remove_profile", id="son", by="Mum")
    desk.ask("edit_family", set={"country": "de"}, by="Mum")
    (profiles(desk) / "school.ics").unlink()
    desk.ask("pin", action="set", who="daughter", pin="7035", by="Mum")
    desk.store.notes.name(TABLET, "Old thing")
    desk.store.people.remove("Dad")


def standing(desk: Desk) -> dict[str, Any]:
    """All that a restore has to do with."""
    files = [*profiles(desk).glob("[!.]*.*"), desk.rules.path]
    return {
        "files": {one.name: one.read_bytes() for one in sorted(files)},
        "labels": dict(desk.store.notes.labels()),
        "pins": {one.who: one.hash for one in desk.store.pins.all()},
        "people": sorted(desk.store.people.accounts()),
        "pauses": sorted(one.who for one in desk.store.state(desk.local_now()).pauses),
        "grants": len(desk.store.state(desk.local_now()).given),
    }


def furnished(make: Make) -> Desk:
    one = make(NOON)
    furnish(one)
    return one


def before_country(before: dict[str, Any]) -> str:
    return str(yaml.safe_load(before["files"]["qalqan.yaml"]).get("country", ""))
