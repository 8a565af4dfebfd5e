from __future__ import annotations

import time
from pathlib import Path

import pytest
from flask import Flask

from gateway.control.client import Client
from tests.control.running import Running
from tests.webui.conftest import GATEWAY, Browser
from tests.webui.standin.household import Household, at_home
from webui.pages.stream import CHANGED, PACE, STREAMS, _messages


def test_a_change_reaches_the_page(mum: Browser, daemon: Running) -> None:
    answer = mum.get("/parent/stream")
    assert answer.mimetype == "text/event-stream"
    lines = iter(answer.response)
    assert next(lines) == b"retry: 3000\n\n"
    assert next(lines) == CHANGED
    daemon.submit(lambda: daemon.server.publish("decision", host="x.kz"))
    daemon.submit(lambda: daemon.server.publish("status", profile="daughter"))
    assert next(lines) == CHANGED
    answer.close()
    assert not daemon.server.wanted("decision")


def test_many_changes_at_once_are_few_messages(mum: Browser, daemon: Running) -> None:
    answer = mum.get("/parent/stream")
    lines = iter(answer.response)
    assert [next(lines), next(lines)] == [b"retry: 3000\n\n", CHANGED]
    for _ in range(200):
        daemon.submit(lambda: daemon.server.publish("refusal", host="x.kz"))
    started = time.monotonic()
    assert next(lines) == CHANGED
    daemon.submit(lambda: daemon.server.publish("refusal", host="x.kz"))
    assert next(lines) == CHANGED
    assert time.monotonic() - started >= PACE
    answer.close()


def test_a_stream_outlives_the_daemon(
    mum: Browser, household: Household, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webui.pages.stream.RECONNECT", 0.05)
    path = tmp_path / "other.sock"
    client = Client(path)
    with at_home(path, household):
        lines = _messages(client, lambda: False, time.monotonic)
        assert [next(lines), next(lines)] == [b"retry: 3000\n\n", CHANGED]
    assert [next(lines), next(lines)] == [CHANGED, CHANGED]
    with at_home(path, household) as daemon:
        while not daemon.server.wanted("status"):
            assert next(lines) == CHANGED
        lines.close()


def test_only_a_guardian_gets_a_stream(tablet: Browser) -> None:
    assert tablet.get("/parent/stream").status_code == 204


def test_streams_are_few_and_a_closed_one_makes_room(mum: Browser) -> None:
    streams = [mum.get("/parent/stream") for _ in range(STREAMS)]
    for stream in streams:
        next(iter(stream.response))
    assert mum.get("/parent/stream").status_code == 204
    streams[0].close()
    again = mum.get("/parent/stream")
    assert again.status_code == 200
    for stream in (*streams[1:], again):
        stream.close()


def test_a_browser_that_left_frees_its_place(app: Flask, mum: Browser) -> None:
    answer = mum.client.get(
        "/parent/stream", base_url=GATEWAY, environ_overrides={"waitress.client_disconnected": lambda: True}
    )
    assert list(answer.response) == [b"retry: 3000\n\n"]
    answer.close()
