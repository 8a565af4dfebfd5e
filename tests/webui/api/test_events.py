"""The event stream: kinds by role, ids, keys that may leave, and few places."""

from __future__ import annotations

import json
from threading import BoundedSemaphore

from tests.control.running import Running
from tests.webui.api.clients import Program
from webui.api.events import KEYS, message
from webui.pages.stream import KINDS, STREAMS


def heard(it: Program, daemon: Running, *events: tuple[str, dict[str, object]]) -> list[str]:
    answer = it.get("/events?seconds=2")
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
    refusal: dict[str, object] = {
        "profile": "daughter",
        "name": "TikTok",
        "sentence": "no",
        "inner": "stays here",
    }
    found = heard(hall, daemon, ("refusal", refusal), ("status", {"profile": "daughter"}))
    assert found[0].startswith("retry:")
    assert found[1:3] == [
        message(1, "hello", {}).decode(),
        message(2, "refusal", {"profile": "daughter", "name": "TikTok", "sentence": "no"}).decode(),
    ]
    assert json.loads(found[3].split("data: ")[1]) == {"profile": "daughter"}


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
    assert set(KINDS) <= KEYS.keys()
