"""Events as they happen, as server-sent events with an id each, bounded as the pages' own stream is."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Mapping
from threading import BoundedSemaphore
from typing import Annotated, Any

from flask import Response, current_app, request

from gateway.control.client import Client, Unreachable
from gateway.errors import ControlError
from gateway.policy.people import PersonRole
from webui.api.kinds import Whole
from webui.api.operations import GUARDIAN, HELPER, Noun
from webui.api.problems import of_status
from webui.api.records import record
from webui.api.who import Caller
from webui.daemon import daemon
from webui.pages.stream import BEAT, HEARTBEAT, LIFE, RECONNECT

noun = Noun("events")

STEP = 1.0  # seconds of silence after which we look whether the other end is still there
FOR_HELPERS = ("status", "grant", "landing")
KEYS: Mapping[str, tuple[str, ...]] = {  # what leaves of each kind: gateway/control/README.md
    "status": ("profile",),
    "grant": ("profile", "grant", "by", "sentence"),
    "landing": ("profile", "name", "sentence"),
    "request": ("id", "profile", "topic", "state", "sentence", "reminder"),
    "answer": ("id", "profile", "state", "answer", "because", "by", "sentence"),
    "warning": ("profile", "name", "minutes", "left", "what", "what_name", "at"),
    "device": ("mac", "name"),
    "scan": ("found",),
    "lists": ("what", "source", "done", "problems"),
    "identity": ("mac", "ask", "what", "by"),
    "refusal": ("profile", "name", "device", "host", "proto", "reason", "sentence"),
    "card": ("device", "way", "what", "by"),
    "sharing": ("device", "who"),
    "pin": ("profile", "name", "what", "by"),
    "lesson": ("profile", "what"),
    "health": (),
    "proof": ("device",),
}


@record
class Stream:
    """An event is ``id``, ``event`` (its kind) and ``data``, a JSON object."""


@record
class Wanted:
    seconds: Annotated[int, Whole(1, int(LIFE))] = int(LIFE)


@noun.declare("GET", "/events", GUARDIAN, HELPER, query=Wanted, answer=Stream, media="text/event-stream")
def stream(me: Caller, query: Wanted) -> Response:
    """What happens from now on. `hello` comes first and after each gap: ask anew for what you show."""
    places: BoundedSemaphore = current_app.extensions["qalqan-streams"]
    if not places.acquire(blocking=False):
        raise of_status(429, {"Retry-After": "60"})
    kinds = tuple(KEYS) if me.role == PersonRole.GUARDIAN else FOR_HELPERS
    gone = request.environ.get("waitress.client_disconnected", lambda: False)
    body = _messages(daemon().client, kinds, gone, time.monotonic, query.seconds)
    response = Response(body, mimetype="text/event-stream")
    response.call_on_close(places.release)
    return response


def _messages(
    client: Client,
    kinds: tuple[str, ...],
    gone: Callable[[], bool],
    now: Callable[[], float],
    seconds: float,
) -> Generator[bytes, None, None]:
    end, number, said = now() + seconds, 0, now()
    yield b"retry: 3000\n\n"
    while now() < end and not gone():
        try:
            with client.events(kinds, idle=STEP) as events:
                number += 1
                yield message(number, "hello", {})
                while now() < end and not gone():
                    found = next(events)
                    if found is not None:
                        number, said = number + 1, now()
                        kind = str(found.get("event"))
                        kept = {key: found[key] for key in KEYS.get(kind, ()) if key in found}
                        yield message(number, kind, kept)
                    elif now() - said >= HEARTBEAT:
                        said = now()
                        yield BEAT
        except Unreachable:
            time.sleep(min(RECONNECT, max(0.0, end - now())))
        except ControlError:
            return


def message(number: int, kind: str, data: Mapping[str, Any]) -> bytes:
    """The JSON is ASCII and has no line end in it; neither has a kind, being one of KEYS."""
    return f"id: {number}\nevent: {kind}\ndata: {json.dumps(data)}\n\n".encode()
