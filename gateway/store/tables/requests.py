"""Children's requests for sites or time. Written to disk before the child sees the confirmation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from gateway.policy.requests.requests import Answer, ChildRequest, RequestState, RequestTopic
from gateway.store.database import Database, Statement
from gateway.store.durable_writes import (
    DurableWriter,
    audit_line,
    moment,
    moment_or_none,
    table_snapshot,
    unix,
    unix_or_none,
)

COLUMNS = (
    "id, who, device, topic, thing, minutes, reason, at, expires, times, state, reminded, answer, given, "
    'because, by, answered, "grant", sure, since, host, wrong'
)
_PUT = f"INSERT OR REPLACE INTO requests ({COLUMNS}) VALUES ({', '.join('?' * 22)})"


class RequestTable:
    def __init__(self, database: Database, writer: DurableWriter) -> None:
        self._writer = writer
        writer.add(self._snapshot)
        rows = database.rows(f"SELECT {COLUMNS} FROM requests ORDER BY id")
        self._requests = {request.id: request for request in map(_read, rows)}

    def all(self) -> tuple[ChildRequest, ...]:
        """Return all stored requests of children, pending and answered, oldest first."""
        return tuple(self._requests.values())

    def get(self, number: int) -> ChildRequest | None:
        return self._requests.get(number)

    def put(self, request: ChildRequest, *, by: str, what: str, at: datetime, origin: str = "") -> None:
        """Store a new or changed request of a child for a site or time, and write it immediately.

        ``what`` is the verb of the audit line; empty: no line. The audit line has neither the
        reason nor the site.
        """
        self._requests[request.id] = request
        line = audit_line(at, by, what, _audit_detail(request), origin) if what else None
        self._writer.save(Statement(_PUT, [_row(request)]), audit=line)

    def shift(self, change: Callable[[ChildRequest], ChildRequest]) -> None:
        """Replace each request by ``change(request)``, after a change of the clock, and write them."""
        before = self._requests
        self._requests = {number: change(request) for number, request in before.items()}
        if self._requests != before:
            self._writer.save(*self._snapshot())

    def keep(self, kept: Iterable[ChildRequest]) -> None:
        """Delete all requests except ``kept``."""
        wanted = {request.id: request for request in kept}
        gone = [number for number in self._requests if number not in wanted]
        if gone:
            self._requests = wanted
            self._writer.save(Statement("DELETE FROM requests WHERE id = ?", [(number,) for number in gone]))

    def _snapshot(self) -> list[Statement]:
        return table_snapshot("requests", COLUMNS, [_row(request) for request in self._requests.values()])


def _audit_detail(request: ChildRequest) -> str:
    parts = [f"{request.id} {request.who}: {request.topic}"]
    parts += [str(request.answer)] if request.answer is not None else []
    parts += [f"{request.given} min"] if request.given else []
    return " ".join(parts)


def _row(request: ChildRequest) -> tuple[object, ...]:
    return (
        request.id, request.who, request.device, str(request.topic), request.thing, request.minutes,
        request.reason, unix(request.at),
        unix(request.expires), request.times, str(request.state), int(request.reminded),
        None if request.answer is None else str(request.answer), request.given, request.because, request.by,
        unix_or_none(request.answered), request.grant, int(request.clock_trusted),
        unix_or_none(request.since), request.host, int(request.wrong),
    )  # fmt: skip


def _read(row: tuple[object, ...]) -> ChildRequest:
    (
        number, who, device, topic, thing, minutes, reason, at, expires, times, state, reminded, answer,
        given, because, by, answered, grant, clock_trusted, since, host, wrong,
    ) = row  # fmt: skip
    return ChildRequest(
        id=_int(number),
        who=str(who),
        device=str(device),
        topic=RequestTopic(str(topic)),
        thing=str(thing),
        minutes=_int(minutes),
        reason=str(reason),
        at=moment(_int(at)),
        expires=moment(_int(expires)),
        times=_int(times),
        state=RequestState(str(state)),
        reminded=bool(reminded),
        answer=None if answer is None else Answer(str(answer)),
        given=_int(given),
        because=str(because),
        by=str(by),
        answered=moment_or_none(None if answered is None else _int(answered)),
        grant=None if grant is None else _int(grant),
        clock_trusted=bool(clock_trusted),
        since=moment_or_none(None if since is None else _int(since)),
        host=str(host),
        wrong=bool(wrong),
    )


def _int(value: object) -> int:
    assert isinstance(value, int)  # the tables are STRICT
    return value
