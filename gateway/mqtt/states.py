"""What is published: states of the home and of each child, and requests. Pure.

The daemon has limited its answers to the child's log level already. This module takes less: no device, site,
service or used minute, and no words of a child unless the settings ask for names.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime

from gateway.control.contract.requests import RequestView
from gateway.control.contract.status import STATUS, HomeProblem, NextChange, TimeLeft
from gateway.control.schema import record
from gateway.policy.requests.requests import RequestState
from gateway.policy.values import Reason

ON, OFF = "ON", "OFF"  # what Home Assistant takes for a binary sensor


@record
class ChildState:
    """The part of a child's status that is published."""

    id: str
    name: str
    state: str  # open, paused, bedtime, window, out_of_time
    until: datetime | None
    next_change: NextChange | None
    left: TimeLeft | None


@record
class GatewayState:
    """The part of the gateway's status that is published."""

    version: str
    mode: str  # on, off
    off_until: datetime | None
    internet: str  # works, down, unknown
    coded_problems: tuple[HomeProblem, ...]
    profiles: tuple[ChildState, ...]


HOME_STATE = STATUS.returning(GatewayState)


def home_state(home: GatewayState) -> str:
    """Return the state of the home as JSON. Of problems it has the codes: their texts may have names."""
    return _json(
        {
            "filter": ON if home.mode == "on" else OFF,
            "off_until": _time(home.off_until),
            "internet": home.internet,
            "problem": ON if home.coded_problems else OFF,
            "problems": sorted({problem.code for problem in home.coded_problems}),
            "version": home.version,
        }
    )


def child_state(child: ChildState) -> str:
    """Return the state of a child as JSON."""
    next_change = child.next_change
    return _json(
        {
            "state": child.state,
            "until": _time(child.until),
            "bedtime": ON if child.state == Reason.BEDTIME else OFF,
            "minutes_left": None if child.left is None else child.left.minutes,
            "next_state": None if next_change is None else next_change.state,
            "next_change": None if next_change is None else _time(next_change.at),
        }
    )


def requests_state(waiting: Iterable[RequestView], *, names: bool) -> str:
    """Return the requests of a child that wait for an answer as JSON, oldest first."""
    listed = sorted(waiting, key=lambda request: request.id)
    return _json(
        {
            "count": len(listed),
            "oldest": listed[0].id if listed else None,
            "requests": [_request(request, names=names) for request in listed],
        }
    )


def request_event(request: RequestView, event: str, *, names: bool) -> str:
    """Return the event about a request as JSON: ``requested``, or ``reminder`` after a day."""
    return _json({"event_type": event, **_request(request, names=names)})


def answer_event(event: Mapping[str, object]) -> str:
    """Return the event about an answered or expired request as JSON.

    Below the log level for activity, the daemon reports only that the request is over.
    """
    answered = {"event_type": "answered", "id": event.get("id"), "answer": event.get("answer")}
    expired = event.get("state") == RequestState.EXPIRED
    return _json({**answered, "event_type": "expired"} if expired else answered)


def _request(request: RequestView, *, names: bool) -> Mapping[str, object]:
    about: dict[str, object] = {
        "id": request.id,
        "topic": request.topic,
        "minutes": request.minutes,
        "at": _time(request.at),
    }
    return {**about, "thing": request.thing_name, "reason": request.reason} if names else about


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")


def _json(values: Mapping[str, object]) -> str:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))
