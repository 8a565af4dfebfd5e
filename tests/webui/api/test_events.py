"""The event stream: kinds by role, ids, keys that may leave, and few places."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from threading import BoundedSemaphore

import pytest
from flask import Flask

from gateway.policy.accounts.people import Account, PersonRole
from tests.control.running import Running
from tests.pace import longest
from tests.webui.api.clients import Program
from tests.webui.conftest import Browser
from tests.webui.standin.household import Household
from webui.api.events import event_data, message
from webui.api.happenings import EVENTS
from webui.pages.stream import KINDS, STREAMS

ROOT = Path(__file__).parents[3]


def heard(it: Program, daemon: Running, *events: tuple[str, dict[str, object]]) -> list[str]:
    answer = it.get("/events?seconds=1")
    assert answer.mimetype == "text/event-stream"
    found: list[str] = []
    for part in answer.iter_encoded():
        found.append(part.decode())
        if "event: hello" in found[-1]:
            for kind, values in events:
                daemon.submit(lambda kind=kind, values=values: daemon.server.publish(kind, **values))  # type: ignore[misc]
    answer.close()
    return found


def test_a_guardian_s_program_hears_what_happens(hall: Program, daemon: Running) -> None:
    plain: dict[str, object] = {
        "profile": "daughter", "name": "Aruzhan", "device": None, "host": "www.tiktok.com", "proto": "tls",
        "reason": "service", "sentence": "no",
    }  # fmt: skip
    refusal = {**plain, "inner": "stays here"}
    found = heard(hall, daemon, ("refusal", refusal), ("status", {"profile": "daughter"}))
    assert found[0].startswith("retry:")
    assert found[1:3] == [
        message(1, "hello", {}).decode(),
        message(2, "refusal", plain).decode(),
    ]
    assert json.loads(found[3].split("data: ")[1])["profile"] == "daughter"


def test_a_helper_s_hears_how_a_child_stands_and_no_site(button: Program, daemon: Running) -> None:
    found = "".join(heard(button, daemon, ("refusal", {"name": "TikTok"}), ("status", {"profile": "son"})))
    assert "son" in found
    assert "TikTok" not in found


def test_there_are_few_places_and_they_come_back(hall: Program) -> None:
    places: BoundedSemaphore = hall.app.extensions["qalqan-streams"]
    for _ in range(STREAMS):
        assert places.acquire(blocking=False)
    full = hall.get("/events?seconds=1")
    assert (full.status_code, full.get_json()["code"]) == (429, "slow_down")
    for _ in range(STREAMS):
        places.release()
    answer = hall.get("/events?seconds=1")
    list(answer.iter_encoded())
    answer.close()
    for _ in range(STREAMS):
        assert places.acquire(blocking=False)


def test_every_kind_that_the_pages_wait_for_is_told() -> None:
    assert set(KINDS) <= EVENTS.keys()


def test_every_kind_that_the_daemon_publishes_is_told() -> None:
    sources = [path.read_text() for path in (ROOT / "gateway").rglob("*.py")]
    certain = {
        kind for text in sources for kind in re.findall(r"(?:home\.publish|bus\.notify)\(\s*\"(\w+)\"", text)
    }
    possible = {kind for text in sources for kind in re.findall(r"(?:publish|notify)\(\s*\"(\w+)\"", text)}
    assert certain <= EVENTS.keys() <= possible


def test_whom_it_is_about_is_always_a_list() -> None:
    for who, expected in (("all", ["all"]), (["son", "teen"], ["son", "teen"]), (None, [])):
        data = event_data({"event": "status", "what": "pause", "who": who})
        assert data is not None
        assert data["who"] == expected


def test_what_a_daemon_of_another_version_says_otherwise_is_left_out() -> None:
    assert event_data({"event": "scan", "found": "many"}) is None
    assert event_data({"event": "scan"}) == {"found": 0}
    assert event_data({"event": "news", "found": 1}) is None


def test_a_stream_ends_with_its_token(
    app: Flask, hall: Program, daemon: Running, household: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webui.api.events.CHECK", 0.2)

    def end() -> None:
        assert household.stamps.tokens.end("Mum") == 1

    answer = hall.get("/events?seconds=30")
    began, ended = time.monotonic(), False
    for part in answer.iter_encoded():
        if b"hello" in part:
            daemon.submit(end)
            ended = True
    answer.close()
    assert ended
    assert time.monotonic() - began < longest(10.0, below=25.0)


def test_a_stream_ends_once_its_session_has_another_role(
    mum: Browser, daemon: Running, household: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webui.api.events.CHECK", 0.2)
    answer = mum.get("/api/v1/events?seconds=30")
    began = time.monotonic()
    for part in answer.iter_encoded():
        if b"hello" in part:
            daemon.submit(lambda: household.stamps.put(Account("Mum", PersonRole.HELPER, came=True)))
    answer.close()
    assert time.monotonic() - began < longest(10.0, below=25.0)
