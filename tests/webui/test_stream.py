from __future__ import annotations

from flask import Flask

from tests.control.running import Running
from tests.webui.conftest import GATEWAY, Browser
from webui.pages.stream import BEAT, CHANGED, STREAMS


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


def test_many_changes_at_once_are_one_message(mum: Browser, daemon: Running) -> None:
    answer = mum.get("/parent/stream")
    lines = iter(answer.response)
    next(lines), next(lines)
    for _ in range(200):
        daemon.submit(lambda: daemon.server.publish("refusal", host="x.kz"))
    assert next(lines) == CHANGED
    daemon.submit(daemon.server.close)
    assert next(lines) in {CHANGED, BEAT}
    answer.close()


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
