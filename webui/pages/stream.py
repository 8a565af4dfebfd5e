"""Sends server-sent events to pages of parents and helpers: "something changed", at most once a second.

The page then requests the changed part as HTML, so only the templates render it. Each stream uses a thread
of the server, so their number is small; a page without a stream polls instead.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from threading import BoundedSemaphore

from flask import Blueprint, Response, current_app, request
from flask.typing import ResponseReturnValue

from gateway.control.client import Client, EventStream, Unreachable
from gateway.core.errors import ControlError
from gateway.policy.accounts.people import PersonRole
from webui.accounts.session import seen_by
from webui.daemon import daemon

blueprint = Blueprint("stream", __name__, url_prefix="/parent")

STREAMS = 4  # maximum of streams, also of the API; each uses one of the server's threads
LIFE = 600.0  # seconds; the browser then reconnects, and its session is checked again
PACE = 1.0  # seconds between two messages
HEARTBEAT = 10.0  # seconds of silence after which a comment tests whether the browser is still connected
RECONNECT = 2.0  # seconds between attempts while the daemon does not respond
KINDS = (
    "status",
    "device",
    "refusal",
    "grant",
    "landing",
    "request",
    "answer",
    "identity",
    "card",
    "scan",
    "lists",
    "sharing",
    "adult_proof",
    "lesson",
    "pin",
    "proof",
    "trial",
    "health",
)

TRAFFIC = "traffic"  # an event each second while a device is used: only for the page of live traffic

CHANGED = b"event: changed\ndata: {}\n\n"
BEAT = b": beat\n\n"


@blueprint.record_once
def _make_places(state: object) -> None:
    state.app.extensions["qalqan-streams"] = BoundedSemaphore(STREAMS)  # type: ignore[attr-defined]


def _no_content() -> ResponseReturnValue:
    return Response(status=204)


@blueprint.get("/stream")
@seen_by(PersonRole.GUARDIAN, PersonRole.HELPER, away=_no_content)
def stream() -> Response:
    """Return a response of server-sent events for a guardian's or helper's page, for at most LIFE seconds.

    An event says only that something has changed; the page then requests the change. Status 204
    stops the browser from reconnecting: no stream is free, or the user is not signed in as a guardian or
    helper.
    """
    places: BoundedSemaphore = current_app.extensions["qalqan-streams"]
    if not places.acquire(blocking=False):
        return Response(status=204)
    gone = request.environ.get("waitress.client_disconnected", lambda: False)
    response = Response(
        _messages(daemon().client, gone, time.monotonic, _kinds()), mimetype="text/event-stream"
    )
    response.call_on_close(places.release)
    return response


def _kinds() -> tuple[str, ...]:
    return (*KINDS, TRAFFIC) if request.args.get("also") == TRAFFIC else KINDS


def _messages(
    client: Client, gone: Callable[[], bool], now: Callable[[], float], kinds: tuple[str, ...] = KINDS
) -> Generator[bytes, None, None]:
    end = now() + LIFE
    yield b"retry: 3000\n\n"
    while now() < end and not gone():
        try:
            with client.events(kinds, idle=PACE) as events:
                yield from _changes(events, gone, now, end)
        except Unreachable:
            yield CHANGED
            time.sleep(RECONNECT)
        except ControlError:
            return
        else:
            return


def _changes(
    events: EventStream, gone: Callable[[], bool], now: Callable[[], float], end: float
) -> Iterator[bytes]:
    """Yield the bytes of a "changed" message on connection, then at most one a second while there are events.

    After HEARTBEAT seconds of silence it yields a comment, which tests whether the browser is still
    connected. It ends at the time ``end`` of the clock ``now``, or when ``gone`` returns True.
    """
    yield CHANGED
    said, changed = now(), False
    while now() < end and not gone():
        changed |= next(events) is not None
        if changed and now() - said >= PACE:
            yield CHANGED
            said, changed = now(), False
        elif now() - said >= HEARTBEAT:
            yield BEAT
            said = now()
