"""The support report for a distance: only while a guardian approves it, and without personal data."""

from __future__ import annotations

import inspect
import json
import logging
from datetime import timedelta
from typing import Any, cast

import pytest

from gateway.control.permissions import WEB_VERBS
from gateway.control.protocol import encode
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.features.status import vitals
from tests.features.conftest import Make
from tests.features.desk import NOON, Desk, Running
from tests.figures import HEALTH_FIGURES
from tests.household.household_files import write
from tests.sentences import sentence


@pytest.fixture
def desk(make: Make, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(vitals.Vitals, "figures", lambda _: HEALTH_FIGURES)
    made = make(NOON)
    checking = cast("Any", inspect.unwrap(made._verbs["health"])).__self__._checking
    checking._process = cast("Any", Running())
    return made


def checked(desk: Desk) -> None:
    """End the check that the first report began."""
    checking = cast("Any", inspect.unwrap(desk._verbs["health"])).__self__._checking
    checking._process.running = False
    checking._done(0, "")


def refusal(desk: Desk) -> str:
    with pytest.raises(ControlError) as found:
        desk.ask("support_report")
    return found.value.code


def test_it_is_refused_until_a_guardian_approves(desk: Desk) -> None:
    with pytest.raises(ControlError, match=sentence(Code.NOT_APPROVED)) as found:
        desk.ask("support_report")
    assert found.value.code == Code.NOT_APPROVED
    desk.ask("support_access", minutes=60, by="Mum")
    desk.ask("support")
    checked(desk)
    report = desk.ask("support_report")
    assert report["until"] == desk.local_now() + timedelta(hours=1)
    assert report["code"] == "0.1.0-WNK0"
    assert report["file"]["format"] == 1


def test_it_ends_by_its_time_and_by_a_parent(desk: Desk) -> None:
    desk.ask("support_access", minutes=60, by="Mum")
    assert desk.ask("health")["access"] == {"until": desk.local_now() + timedelta(hours=1), "by": "Mum"}
    desk.go(timedelta(minutes=59))
    assert refusal(desk) == Code.BUSY
    checked(desk)
    assert desk.ask("support_report")["code"]
    desk.go(timedelta(minutes=1))
    assert refusal(desk) == Code.NOT_APPROVED
    desk.ask("support_access", minutes=60, by="Mum")
    desk.ask("support_access", by="Mum")
    assert refusal(desk) == Code.NOT_APPROVED
    assert desk.ask("health")["access"] == {"until": None, "by": ""}


def test_each_step_is_in_the_audit(desk: Desk) -> None:
    desk.ask("support_access", minutes=60, by="Mum", origin="192.168.1.7")
    assert refusal(desk) == Code.BUSY  # while a check runs, no report is returned, so the log has no line
    checked(desk)
    desk.ask("support_report")
    desk.ask("support_access", by="Mum")
    desk.ask("support_access", by="Mum")
    lines = [(line.who, line.what, line.detail) for line in reversed(desk.store.audit.lines())]
    assert lines == [
        ("Mum", "support", "until 2026-11-24T13:00+05:00"),
        ("provider", "support sent", ""),
        ("Mum", "support end", ""),
    ]


def test_the_pages_may_approve_but_not_fetch() -> None:
    assert "support_access" in WEB_VERBS
    assert "support_report" not in WEB_VERBS


NAMES = ("Aruzhan Marker", "Timur Marker", "Mum Marker")
MACS = ("02:aa:bb:cc:dd:01", "02:aa:bb:cc:dd:02", "02:aa:bb:cc:dd:99")
DOMAINS = ("marker-allowed.example", "marker-blocked.example", "marker-visited.example")


def test_a_home_full_of_markers_leaves_none_in_the_report(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names, MAC addresses, domains and profile ids, in rules, devices, log, audit and problems."""
    monkeypatch.setattr(vitals.Vitals, "figures", lambda _: HEALTH_FIGURES)
    desk = make(NOON)
    profiles = {
        "markerdaughter": {"name": NAMES[0], "band": "10-12", "devices": [MACS[0]], "allow": [DOMAINS[0]]},
        "markerson": {"name": NAMES[1], "band": "6-9", "devices": [MACS[1]], "block": [DOMAINS[1]]},
    }
    write(desk.folder, profiles)
    desk.reload()
    health = cast("Any", inspect.unwrap(desk._verbs["health"])).__self__
    health._checking._process = cast("Any", Running())
    desk.ask("pause", who="markerdaughter", minutes=30, by=NAMES[2])
    desk.ask("support_access", minutes=60, by=NAMES[2])
    log = logging.getLogger("gateway.of.a.test")
    log.warning("%s on %s asked for %s", NAMES[0], MACS[0], DOMAINS[2])
    for about in ("profile", "dhcp", "lan", "config", "uplink", "queue", "offload"):
        personal = about not in ("queue", "offload")
        text = f"{NAMES[0]} {MACS[2]} {DOMAINS[2]} markerson" if personal else "a fault"
        assert refusal(desk) == Code.BUSY
        health._checking._found({"level": "warning", "about": about, "text": text, "values": {"name": text}})
    checked(desk)
    text = encode(desk.ask("support_report")).decode() + json.dumps(desk.ask("support"), default=str)
    for marker in (*NAMES, *MACS, *DOMAINS, "markerdaughter", "markerson", "Marker", "marker-"):
        assert marker.lower() not in text.lower(), marker
