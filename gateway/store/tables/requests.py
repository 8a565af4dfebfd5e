"""What children asked for, on the disk before they are told that it was noted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from gateway.policy.requests.requests import Answer, ChildRequest, RequestState, RequestTopic
from gateway.store.database import Database, Statement
from gateway.store.durable_writes import (
    Keeper,
    audit_line,
    moment,
    moment_or_none,
    table_snapshot,
    unix,
    unix_or_none,
)

COLUMNS = (
    "id, who, device, topic, thing, minutes, reason, at, expires, times, state, reminded, answer, given, "
    'because, by, answered, "grant", sure, since'
)
_PUT = f"INSERT OR REPLACE INTO requests ({COLUMNS}) VALUES ({', '.join('?' * 20)})"


class Requests:
    def __init__(self, database: Database, keeper: Keeper) -> None:
        self._keeper = keeper
        keeper.add(self._snapshot)
        rows = database.rows(f"SELECT {COLUMNS} FROM requests ORDER BY id")
        self._requests = {one.id: one for one in map(_read, rows)}

    def all(self) -> tuple[ChildRequest, ...]:
        """Oldest first."""
        return tuple(self._requests.values())

    def get(self, number: int) -> ChildRequest | None:
        return self._requests.get(number)

    def put(self, one: ChildRequest, *, by: str, what: str, at: datetime, origin: str = "") -> None:
        """A new one, or what became of an old one. The audit has neither the reason nor the site; where
        ``what`` is empty, it has no line at all.
        """
        self._requests[one.id] = one
        line = audit_line(at, by, what, _told(one), origin) if what else None
        self._keeper.save(Statement(_PUT, [_row(one)]), audit=line)

    def shift(self, change: Callable[[ChildRequest], ChildRequest]) -> None:
        """The clock jumped: all of them as ``change`` has them."""
        before = self._requests
        self._requests = {number: change(one) for number, one in before.items()}
        if self._requests != before:
            self._keeper.save(*self._snapshot())

    def keep(self, kept: Iterable[ChildRequest]) -> None:
        """Forget all others."""
        wanted = {one.id: one for one in kept}
        gone = [number for number in self._requests if number not in wanted]
        if gone:
            self._requests = wanted
            self._keeper.save(Statement("DELETE FROM requests WHERE id = ?", [(one,) for one in gone]))

    def _snapshot(self) -> list[Statement]:
        return table_snapshot("requests", COLUMNS, [_row(one) for one in self._requests.values()])


def _told(one: ChildRequest) -> str:
    parts = [f"{one.id} {one.who}: {one.topic}"]
    parts += [str(one.answer)] if one.answer is not None else []
    parts += [f"{one.given} min"] if one.given else []
    return " ".join(parts)


def _row(one: ChildRequest) -> tuple[object, ...]:
    return (
        one.id, one.who, one.device, str(one.topic), one.thing, one.minutes, one.reason, unix(one.at),
        unix(one.expires), one.times, str(one.state), int(one.reminded),
        None if one.answer is None else str(one.answer), one.given, one.because, one.by,
        unix_or_none(one.answered), one.grant, int(one.sure), unix_or_none(one.since),
    )  # fmt: skip


def _read(row: tuple[object, ...]) -> ChildRequest:
    (
        number, who, device, topic, thing, minutes, reason, at, expires, times, state, reminded, answer,
        given, because, by, answered, grant, sure, since,
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
        sure=bool(sure),
        since=moment_or_none(None if since is None else _int(since)),
    )


def _int(value: object) -> int:
    assert isinstance(value, int)  # the tables are STRICT
    return value
