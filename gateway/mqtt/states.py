"""What is published: states of the home and of each child, and requests. Pure.

The daemon has limited its answers to the child's log level already. This module takes less: no device, site,
service or used minute, and no words of a child unless the settings ask for names.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime

from gateway.control.contract.requests import OVER, RequestView
from gateway.control.contract.status import STATUS, HomeProblem, NextChange, TimeLeft
from gateway.control.schema import record
from gateway.policy.requests.requests import RequestState
from gateway.policy.values import Reason

ON, OFF = "ON", "OFF"  # the default payloads of a binary sensor in Home Assistant


@record
class ChildState:
    """The fields of a child's status that are published over MQTT."""

    id: str
    name: str
    state: str  # open, paused, bedtime, window, out_of_time, quarantined
    until: datetime | None
    next_change: NextChange | None
    left: TimeLeft | None


@record
class GatewayState:
    """The fields of the gateway's status that are published over MQTT."""

    version: str
    mode: str  # on, off
    off_until: datetime | None
    internet: str  # works, down, unknown
    coded_problems: tuple[HomeProblem, ...]
    profiles: tuple[ChildState, ...]


HOME_STATE = STATUS.returning(GatewayState)


def home_state(home: GatewayState) -> str:
    """Return the payload (JSON) with the state of the filter, internet, problems and version.

    Problems are codes only: their texts may contain names.
    """
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
    """Return the payload (JSON) with a child's state, until when, minutes left, and the next change.

    The state is ``open`` or the reason why all traffic is blocked.
    """
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
    """Return the payload (JSON) with a child's open requests: their number, the oldest id, and a list.

    ``names``: with what is asked for and the child's reason. The oldest is first.
    """
    listed = sorted(waiting, key=lambda request: request.id)
    return _json(
        {
            "count": len(listed),
            "oldest": listed[0].id if listed else None,
            "requests": [_request(request, names=names) for request in listed],
        }
    )


def request_event(request: RequestView, event: str, *, names: bool) -> str:
    """Return the payload (JSON) of an event about an open request.

    ``event``: ``requested``, or ``reminder`` after a day. ``names``: with what is asked for and the
    reason.
    """
    return _json({"event_type": event, **_request(request, names=names)})


def answer_event(event: Mapping[str, object]) -> str:
    """Return the payload (JSON) of an event about an answered or expired request: its id and the answer.

    Of a child without a log, the daemon reports neither the answer nor whether there was one: the event type
    is then ``over``, and the answer null.
    """
    state = event.get("state")
    kind = state if state in (RequestState.EXPIRED, OVER) else "answered"
    return _json({"event_type": kind, "id": event.get("id"), "answer": event.get("answer")})


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
