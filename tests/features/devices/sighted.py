"""A desk at which devices arrive, show what they are, and leave."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import yaml

from gateway.household.members import Member
from gateway.policy.accounts.people import Account
from tests.features.conftest import Make
from tests.features.desk import MUMS, PHONE, TABLET, Desk

AGAIN, OTHER = "da:a1:19:00:00:01", "da:a1:19:00:00:02"
SECOND = "02:00:00:00:00:1a"  # the daughter's too
IOS, ANDROID = "1 121 3 6 15 108 114 119 252", "1 3 6 15 26 28 51 58 59 43"
IPAD = {"host_name": "Aruzhan-iPad", "options": IOS, "hop_limit": 64}
GALAXY = {"host_name": "Mums-Galaxy", "options": ANDROID, "hop_limit": 64}
MINUTE = timedelta(minutes=1)


def sighted(make: Make, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("QALQAN_TEST_CLOCK", "1")
    desk = make("2026-11-25T12:00")
    for mac, traits in ((TABLET, IPAD), (MUMS, GALAXY), (PHONE, {"host_name": "Timur-Pixel"}), (SECOND, {})):
        arrive(desk, mac, **traits)
    return desk


def arrive(desk: Desk, mac: str, **traits: object) -> None:
    """A device is here, and shows ``traits``."""
    desk.store.devices.seen(mac, desk.clock.now(), str(traits.get("host_name", "")))
    desk.ask("sight", mac=mac, **traits)
    desk.go(timedelta(seconds=2))


def leave(desk: Desk, mac: str) -> None:
    desk.ask("sight", mac=mac, what="gone")


def member(desk: Desk, mac: str) -> Member:
    found = desk.family.member_of(mac)
    assert found is not None
    return found


def asked(desk: Desk) -> dict[str, dict[str, Any]]:
    return {one["mac"]: one for one in desk.ask("questions")["questions"]}


def audit(desk: Desk) -> list[str]:
    return [f"{line.what} {line.detail} {line.who}" for line in desk.store.audit.lines()]


def devices_of(desk: Desk, who: str) -> list[str]:
    return list(yaml.safe_load((desk.folder / "profiles" / f"{who}.yaml").read_text())["devices"])


def returned(desk: Desk) -> Desk:
    leave(desk, TABLET)
    arrive(desk, AGAIN, **IPAD)
    desk.store.people.put(Account("Mum", secret="stamp"))
    return desk


def copy(desk: Desk) -> None:
    """The daughter's tablet takes Mum's address."""
    arrive(desk, MUMS, **IPAD)
