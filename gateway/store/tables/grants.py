"""Extra time and opened sites: what guardians, a child's landing, its codes and its requests gave.

What was given at once has one number, by which it is taken back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from gateway.policy.time import clock_changes as jumps
from gateway.policy.time.clock_changes import Jump, Moment, is_over, moved
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

COLUMNS = '"grant", who, day, gate, minutes, until, service, at, by, kind, ended, boundary, sure'
OPENINGS = '"grant", who, entry, until, at, by, span, sure'
_INSERT = f"INSERT INTO extensions ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_OPEN = f"INSERT INTO openings ({OPENINGS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_MOVE = (
    "UPDATE extensions SET at = ?, until = ?, boundary = ?, sure = ?, ended = ? "
    'WHERE "grant" = ? AND who = ? AND gate = ? AND service IS ?'
)


class Kind(StrEnum):
    """What gave it."""

    GRANT = "grant"  # a guardian at once
    LANDING = "landing"  # the child itself, once a day
    TICKET = "ticket"  # a code on paper
    REQUEST = "request"  # a guardian's answer
    AUTO = "auto"  # `auto_approve`


@dataclass(frozen=True, slots=True)
class Given:
    """One gate's extra time; gateway.policy.time.extension says what it means."""

    grant: int
    who: str  # a profile's id, or the MAC of a device that is nobody's
    day: date  # the family's day on which it was given
    gate: str
    minutes: int
    until: datetime | None  # by the clock; None: beyond the gate's limit of ``day``
    service: str | None  # a service's id, to whose flows it is confined
    at: datetime
    by: str
    kind: Kind
    ended: bool = False  # taken back, or over when the clock was put back
    boundary: datetime | None = None  # after which the minutes come; None: counted from the tap
    sure: bool = True  # set while the clock was known

    @property
    def moment(self) -> Moment | None:
        """None: it is of the day."""
        if self.until is None:
            return None
        kind = jumps.Kind.LASTING if self.boundary is None else jumps.Kind.BEYOND
        return Moment(self.until, kind, self.boundary, self.sure)

    def holds(self, now: datetime, today: date) -> bool:
        return not self.ended and (self.day == today if self.until is None else now < self.until)


@dataclass(frozen=True, slots=True)
class Opening:
    """A site or service that is open for a while."""

    grant: int
    who: str
    entry: str  # `example.com` or `service:x`
    until: datetime
    at: datetime
    by: str
    span: jumps.Kind = jumps.Kind.LASTING
    sure: bool = True  # set while the clock was known


class Gifts:
    """All of the last days in memory; each change on the disk before it returns."""

    def __init__(self, database: Database, keeper: Keeper) -> None:
        self._keeper = keeper
        keeper.add(self._snapshot)
        self._given = [
            Given(
                grant, who, date.fromisoformat(day), gate, minutes, moment_or_none(until), service,
                moment(at), by, Kind(kind), bool(ended), moment_or_none(boundary), bool(sure),
            )
            for grant, who, day, gate, minutes, until, service, at, by, kind, ended, boundary, sure
            in database.rows(f"SELECT {COLUMNS} FROM extensions ORDER BY id")
        ]  # fmt: skip
        self._openings = [
            Opening(grant, who, entry, moment(until), moment(at), by, jumps.Kind(span), bool(sure))
            for grant, who, entry, until, at, by, span, sure in database.rows(
                f"SELECT {OPENINGS} FROM openings ORDER BY id"
            )
        ]

    def in_force(self, now: datetime, today: date) -> tuple[tuple[Given, ...], tuple[Opening, ...]]:
        return (
            tuple(one for one in self._given if one.holds(now, today)),
            tuple(one for one in self._openings if now < one.until),
        )

    def holders(self, now: datetime, today: date) -> dict[int, set[str]]:
        """Whom that was given to which is still in force, by its number."""
        given, openings = self.in_force(now, today)
        pairs = [(one.grant, one.who) for one in given] + [(one.grant, one.who) for one in openings]
        found: dict[int, set[str]] = {}
        for number, who in pairs:
            found.setdefault(number, set()).add(who)
        return found

    def given(self, who: Collection[str] | None = None) -> tuple[Given, ...]:
        """All that is kept, oldest first, also what has ended; of all where ``who`` is None."""
        return tuple(one for one in self._given if who is None or one.who in who)

    def new_number(self, at: datetime) -> int:
        """Never one that was given before, also when old rows are gone: it grows with the time."""
        known = [*(one.grant for one in self._given), *(one.grant for one in self._openings)]
        return max([unix(at), *(number + 1 for number in known)])

    def give(self, rows: Sequence[Given], *, told: str, origin: str = "") -> None:
        """``told`` is what the audit says of it; where it is empty, nothing. ``rows`` are of one grant."""
        first = rows[0]
        self._given += rows
        self._keeper.save(
            Statement(_INSERT, [_given_row(one) for one in rows]),
            audit=audit_line(first.at, first.by, str(first.kind), told, origin) if told else None,
        )

    def open(self, opening: Opening, *, origin: str = "") -> None:
        """The audit outlives names of sites, so it has none."""
        self._openings.append(opening)
        entry = opening.entry if opening.entry.startswith("service:") else "a site"
        told = f"{opening.who} {entry} until {opening.until.isoformat(timespec='minutes')}"
        self._keeper.save(
            Statement(_OPEN, [_opening_row(opening)]),
            audit=audit_line(opening.at, opening.by, "open", told, origin),
        )

    def take_back(self, grant: int, *, by: str, at: datetime, origin: str = "") -> None:
        """End all that was given by this number; landings and daily amounts stay taken.

        What was added to it later is shorter by it.
        """
        gone = [one for one in self._given if one.grant == grant and not one.ended]
        self._given = [_without(one, gone) for one in self._given]
        self._openings = [one for one in self._openings if one.grant != grant]
        changed = [one for one in self._given if any(_follows(one, other) for other in gone)]
        self._keeper.save(
            Statement('UPDATE extensions SET ended = 1 WHERE "grant" = ?', [(grant,)]),
            Statement(
                'UPDATE extensions SET until = ? WHERE "grant" = ? AND who = ? AND gate = ?',
                [(unix_or_none(one.until), one.grant, one.who, one.gate) for one in changed],
            ),
            Statement('DELETE FROM openings WHERE "grant" = ?', [(grant,)]),
            audit=audit_line(at, by, "revoke", str(grant), origin),
        )

    def shift(self, jump: Jump) -> None:
        """Move extra time and opened sites with the clock; what has ended does not hold again."""
        self.put([(one, _moved_given(one, jump)) for one in self._given])
        openings = [after for one in self._openings if (after := _moved_opening(one, jump)) is not None]
        if openings != self._openings:
            self._openings = openings
            self._keeper.save(*self._opened())

    def put(self, pairs: Iterable[tuple[Given, Given]]) -> None:
        """Second ones in place of first ones, of the same number, gate and service."""
        changed = {id(one): after for one, after in pairs if one != after}
        if changed:
            self._given = [changed.get(id(one), one) for one in self._given]
            self._keeper.save(Statement(_MOVE, [_move_row(one) for one in changed.values()]))

    def drop_old(self, now: datetime, before: date) -> None:
        self._given = [one for one in self._given if one.day >= before]
        over = [one for one in self._openings if is_over(one.until, one.at, now)]
        self._openings = [one for one in self._openings if one not in over]
        self._keeper.save(
            Statement("DELETE FROM extensions WHERE day < ?", [(before.isoformat(),)]),
            Statement(
                'DELETE FROM openings WHERE "grant" = ? AND who = ? AND entry = ?',
                [(one.grant, one.who, one.entry) for one in over],
            ),
        )

    def drop_of(self, who: Collection[str]) -> None:
        """All that they were given, also what has ended, as if it had never been."""
        self._given = [one for one in self._given if one.who not in who]
        self._openings = [one for one in self._openings if one.who not in who]
        self._keeper.save(
            Statement("DELETE FROM extensions WHERE who = ?", [(one,) for one in who]),
            Statement("DELETE FROM openings WHERE who = ?", [(one,) for one in who]),
        )

    def _snapshot(self) -> list[Statement]:
        given = table_snapshot("extensions", COLUMNS, [_given_row(one) for one in self._given])
        return [*given, *self._opened()]

    def _opened(self) -> list[Statement]:
        return table_snapshot("openings", OPENINGS, [_opening_row(one) for one in self._openings])


def _moved_given(one: Given, jump: Jump) -> Given:
    ends = one.moment
    if one.ended or ends is None:
        return one
    found = moved(ends, one.at, jump)
    if found is None:
        return replace(one, at=one.at + jump.size, until=ends.until + jump.size, ended=True)
    after, at = found
    return replace(one, at=at, until=after.until, boundary=after.boundary, sure=after.sure)


def _moved_opening(one: Opening, jump: Jump) -> Opening | None:
    found = moved(Moment(one.until, one.span, sure=one.sure), one.at, jump)
    if found is None:
        return None
    after, at = found
    return replace(one, at=at, until=after.until, sure=after.sure)


def _follows(one: Given, gone: Given) -> bool:
    """Whether it was added to the end of the other, while that ran."""
    same = (one.who, one.gate, one.service) == (gone.who, gone.gate, gone.service)
    later = same and one.grant > gone.grant and one.until is not None and gone.until is not None
    return later and gone.until is not None and one.at < gone.until


def _without(one: Given, gone: Sequence[Given]) -> Given:
    if any(one is other for other in gone):
        return replace(one, ended=True)
    minutes = sum(other.minutes for other in gone if _follows(one, other))
    if not minutes or one.until is None:
        return one
    return replace(one, until=one.until - timedelta(minutes=minutes))


def _given_row(one: Given) -> tuple[object, ...]:
    until = unix_or_none(one.until)
    whole = (one.grant, one.who, one.day.isoformat(), one.gate, one.minutes, until, one.service)
    how = (unix(one.at), one.by, str(one.kind), int(one.ended), unix_or_none(one.boundary), int(one.sure))
    return (*whole, *how)


def _move_row(one: Given) -> tuple[object, ...]:
    times = (unix(one.at), unix_or_none(one.until), unix_or_none(one.boundary))
    return (*times, int(one.sure), int(one.ended), one.grant, one.who, one.gate, one.service)


def _opening_row(one: Opening) -> tuple[object, ...]:
    whole = (one.grant, one.who, one.entry, unix(one.until), unix(one.at), one.by)
    return (*whole, one.span.value, int(one.sure))


def in_utc(at: datetime) -> datetime:
    """As it is read back from the disk: whole seconds, in UTC."""
    return at.astimezone(UTC).replace(microsecond=0)
