"""Serves the daemon's events to programs, as server-sent events.

The streams count towards the pages' maximum of streams, and last at most as long (`webui.pages.stream`).
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Generator, Mapping
from threading import BoundedSemaphore
from typing import Annotated, Any

from flask import Response, current_app, request

from gateway.control.client import Client, Unreachable
from gateway.control.schema import Record, SchemaError, Whole, record, to_json
from gateway.core.errors import ControlError
from gateway.policy.accounts.people import PersonRole
from webui.api.happenings import EVENTS, StatusEvent
from webui.api.operations import GUARDIAN, HELPER, Noun
from webui.api.problems import of_status
from webui.api.who import Caller, still
from webui.daemon import daemon
from webui.pages.stream import BEAT, HEARTBEAT, LIFE, RECONNECT

noun = Noun("events")

STEP = 1.0  # seconds of silence after which we check whether the client is still connected
CHECK = 10.0  # seconds between checks of access, since a token can be revoked meanwhile
FOR_HELPERS = ("status", "grant", "landing")

log = logging.getLogger(__name__)


@record
class Wanted:
    seconds: Annotated[int, Whole(1, int(LIFE))] = int(LIFE)


@noun.declare("GET", "/events", GUARDIAN, HELPER, query=Wanted, answer=str, media="text/event-stream")
def stream(me: Caller, query: Wanted) -> Response:
    """Stream events from now on. `hello` comes first and after each gap: request again what you show."""
    places: BoundedSemaphore = current_app.extensions["qalqan-streams"]
    if not places.acquire(blocking=False):
        raise of_status(429, {"Retry-After": "60"})
    kinds = tuple(EVENTS) if me.role == PersonRole.GUARDIAN else FOR_HELPERS
    gone = request.environ.get("waitress.client_disconnected", lambda: False)
    watch = StreamLifetime(gone, still(me), time.monotonic, query.seconds)
    response = Response(_messages(daemon().client, kinds, watch), mimetype="text/event-stream")
    response.call_on_close(places.release)
    return response


class StreamLifetime:
    """Decides whether a stream of events continues.

    It ends when the client disconnects, after its maximum time, and when the client loses access.
    """

    def __init__(
        self,
        gone: Callable[[], bool],
        may: Callable[[], bool],
        now: Callable[[], float],
        seconds: float,
    ) -> None:
        self._gone, self._may, self.now = gone, may, now
        self._end, self._checked = now() + seconds, now()

    @property
    def left(self) -> float:
        return max(0.0, self._end - self.now())

    def goes_on(self) -> bool:
        if not self.left or self._gone():
            return False
        if self.now() - self._checked >= CHECK:
            self._checked = self.now()
            if not self._may():
                self._end = self._checked
                return False
        return True


def _messages(client: Client, kinds: tuple[str, ...], watch: StreamLifetime) -> Generator[bytes, None, None]:
    number, said = 0, watch.now()
    yield b"retry: 3000\n\n"
    while watch.goes_on():
        try:
            with client.events(kinds, idle=STEP) as events:
                number += 1
                yield message(number, "hello", {})
                while watch.goes_on():
                    found = next(events)
                    data = None if found is None else event_data(found)
                    if found is not None and data is not None:
                        number, said = number + 1, watch.now()
                        yield message(number, str(found["event"]), data)
                    elif watch.now() - said >= HEARTBEAT:
                        said = watch.now()
                        yield BEAT
        except Unreachable:
            time.sleep(min(RECONNECT, watch.left))
        except ControlError:
            return


def event_data(event: Mapping[str, Any]) -> dict[str, object] | None:
    """Return the data that the API sends for a daemon's event; None for one of an unknown kind or form."""
    kind = EVENTS.get(str(event.get("event")))
    if kind is None:
        return None
    who = event.get("who")
    values = {**event, "who": [who]} if isinstance(who, str) and kind is StatusEvent else event
    try:
        found = to_json(Record(kind).read(values, "", False))
    except SchemaError as error:
        log.warning("Event of the daemon not sent to programs: %s", error)
        return None
    assert isinstance(found, dict)
    return found


def message(number: int, kind: str, data: Mapping[str, Any]) -> bytes:
    """Return one server-sent event as bytes, with ``data`` as one line of ASCII JSON.

    ``number``: its id. ``kind``: a key of EVENTS, or ``hello``.
    """
    return f"id: {number}\nevent: {kind}\ndata: {json.dumps(data)}\n\n".encode()
