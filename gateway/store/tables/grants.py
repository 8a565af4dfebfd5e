"""Extra time and opened sites, from guardians, "Finish my game", printed codes and requests.

Rows that were given together have one grant number, by which they are revoked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from gateway.policy.time import clock_changes as jumps
from gateway.policy.time.clock_changes import Jump, Moment, is_over, moved
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

COLUMNS = '"grant", who, day, gate, minutes, until, service, at, by, kind, ended, boundary, sure'
OPENINGS = '"grant", who, entry, until, at, by, span, sure'
_INSERT = f"INSERT INTO extensions ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_OPEN = f"INSERT INTO openings ({OPENINGS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_MOVE = (
    "UPDATE extensions SET at = ?, until = ?, boundary = ?, sure = ?, ended = ? "
    'WHERE "grant" = ? AND who = ? AND gate = ? AND service IS ?'
)


class GrantKind(StrEnum):
    """How a grant came about. A grant is extra time, or an opened site, that was given in one act."""

    GRANT = "grant"  # by a guardian
    LANDING = "landing"  # by the child, once a day ("Finish my game")
    TICKET = "ticket"  # a printed code
    REQUEST = "request"  # a guardian's answer to a request
    AUTO = "auto"  # `auto_approve`


@dataclass(frozen=True, slots=True)
class GrantRow:
    """Extra time of one person or device for one time rule (gate), as minutes of use or until a time.

    It is one row of a grant, which may have several. gateway.policy.time.extension computes its
    effect.
    """

    grant: int
    who: str  # a profile's id, or the MAC of a device without an owner
    day: date  # the family's day on which it was given
    gate: str
    minutes: int
    until: datetime | None  # end by the clock; None: added to the gate's limit of ``day``
    service: str | None  # a service's id, if it is limited to this service
    at: datetime
    by: str
    kind: GrantKind
    ended: bool = False  # revoked, or over before the clock was set back
    boundary: datetime | None = None  # the minutes start here; None: at ``at``
    clock_trusted: bool = True  # set while the clock was known

    @property
    def moment(self) -> Moment | None:
        """Return the end of the extra time and how it follows clock changes; None for minutes of a day."""
        if self.until is None:
            return None
        kind = jumps.MomentKind.LASTING if self.boundary is None else jumps.MomentKind.BEYOND
        return Moment(self.until, kind, self.boundary, self.clock_trusted)

    def holds(self, now: datetime, today: date) -> bool:
        return not self.ended and (self.day == today if self.until is None else now < self.until)


@dataclass(frozen=True, slots=True)
class SiteOpening:
    """A site, service or category that is allowed for one person or device until a time."""

    grant: int
    who: str
    entry: str  # `example.com`, `service:x` or `category:x`
    until: datetime
    at: datetime
    by: str
    span: jumps.MomentKind = jumps.MomentKind.LASTING
    clock_trusted: bool = True  # set while the clock was known


class GrantTable:
    """Stores extra time and opened sites, also ended ones until `drop_old`, except revoked opened sites.

    Each change is written to disk immediately.
    """

    def __init__(self, database: Database, writer: DurableWriter) -> None:
        self._writer = writer
        writer.add(self._snapshot)
        self._given = [
            GrantRow(
                grant, who, date.fromisoformat(day), gate, minutes, moment_or_none(until), service,
                moment(at), by, GrantKind(kind), bool(ended), moment_or_none(boundary), bool(clock_trusted),
            )
            for grant, who, day, gate, minutes, until, service, at, by, kind, ended, boundary, clock_trusted
            in database.rows(f"SELECT {COLUMNS} FROM extensions ORDER BY id")
        ]  # fmt: skip
        self._openings = [
            SiteOpening(
                grant, who, entry, moment(until), moment(at), by, jumps.MomentKind(span), bool(clock_trusted)
            )
            for grant, who, entry, until, at, by, span, clock_trusted in database.rows(
                f"SELECT {OPENINGS} FROM openings ORDER BY id"
            )
        ]

    def in_force(self, now: datetime, today: date) -> tuple[tuple[GrantRow, ...], tuple[SiteOpening, ...]]:
        return (
            tuple(given for given in self._given if given.holds(now, today)),
            tuple(opening for opening in self._openings if now < opening.until),
        )

    def holders(self, now: datetime, today: date) -> dict[int, set[str]]:
        """Return who has the extra time and opened sites in force: profile ids and MACs, by grant number."""
        given, openings = self.in_force(now, today)
        pairs = [(item.grant, item.who) for item in given] + [(item.grant, item.who) for item in openings]
        found: dict[int, set[str]] = {}
        for number, who in pairs:
            found.setdefault(number, set()).add(who)
        return found

    def given(self, who: Collection[str] | None = None) -> tuple[GrantRow, ...]:
        """Return the stored extra time of ``who`` (None: of everyone), oldest first, including ended rows."""
        return tuple(given for given in self._given if who is None or given.who in who)

    def givers(self, number: int) -> frozenset[str]:
        """Return the names of those who gave the extra time, or opened the site, of a grant number.

        A name is an account's, or a child's that took extra time itself. Empty for an unknown number.
        """
        rows: tuple[GrantRow | SiteOpening, ...] = (*self._given, *self._openings)
        return frozenset(row.by for row in rows if row.grant == number)

    def new_number(self, at: datetime) -> int:
        """Return an unused grant number: at least the Unix time ``at``, so that none is used twice."""
        known = [*(item.grant for item in self._given), *(item.grant for item in self._openings)]
        return max([unix(at), *(number + 1 for number in known)])

    def give(self, rows: Sequence[GrantRow], *, audit_text: str, origin: str = "") -> None:
        """Store the rows of extra time (at least one) that belong to one grant.

        ``audit_text`` is the detail of the audit line; empty: no audit line. ``origin``: the
        author's address or terminal.
        """
        first = rows[0]
        self._given += rows
        self._writer.save(
            Statement(_INSERT, [_given_row(given) for given in rows]),
            audit=audit_line(first.at, first.by, str(first.kind), audit_text, origin) if audit_text else None,
        )

    def open(self, opening: SiteOpening, *, origin: str = "") -> None:
        """Store that a site, service or category is allowed until a time, with an audit line.

        The audit line has no site name, since it is kept longer than those.
        """
        self._openings.append(opening)
        entry = opening.entry if opening.entry.startswith(("service:", "category:")) else "a site"
        detail = f"{opening.who} {entry} until {opening.until.isoformat(timespec='minutes')}"
        self._writer.save(
            Statement(_OPEN, [_opening_row(opening)]),
            audit=audit_line(opening.at, opening.by, "open", detail, origin),
        )

    def take_back(self, grant: int, *, by: str, at: datetime, origin: str = "") -> None:
        """Revoke a grant: end its extra time and close its opened sites, with an audit line.

        Its rows of extra time stay stored as ended, so that "Finish my game" remains used on this day. Extra
        time that was added to its end becomes shorter by the revoked minutes.
        """
        gone = [given for given in self._given if given.grant == grant and not given.ended]
        self._given = [_without(given, gone) for given in self._given]
        self._openings = [opening for opening in self._openings if opening.grant != grant]
        changed = [given for given in self._given if any(_follows(given, other) for other in gone)]
        self._writer.save(
            Statement('UPDATE extensions SET ended = 1 WHERE "grant" = ?', [(grant,)]),
            Statement(
                'UPDATE extensions SET until = ? WHERE "grant" = ? AND who = ? AND gate = ?',
                [(unix_or_none(given.until), given.grant, given.who, given.gate) for given in changed],
            ),
            Statement('DELETE FROM openings WHERE "grant" = ?', [(grant,)]),
            audit=audit_line(at, by, "revoke", str(grant), origin),
        )

    def shift(self, jump: Jump) -> None:
        """Adjust extra time and opened sites after a change of the clock. Ended grants stay ended."""
        self.put([(given, _moved_given(given, jump)) for given in self._given])
        openings = [
            after for opening in self._openings if (after := _moved_opening(opening, jump)) is not None
        ]
        if openings != self._openings:
            self._openings = openings
            self._writer.save(*self._opened())

    def put(self, pairs: Iterable[tuple[GrantRow, GrantRow]]) -> None:
        """Replace rows of extra time in memory and on disk: the first of each pair by the second.

        The first must be an object that `given` returned. Only the times, the clock trust and whether
        it has ended may differ. Equal pairs are ignored.
        """
        changed = {id(given): after for given, after in pairs if given != after}
        if changed:
            self._given = [changed.get(id(given), given) for given in self._given]
            self._writer.save(Statement(_MOVE, [_move_row(given) for given in changed.values()]))

    def drop_old(self, now: datetime, before: date) -> None:
        self._given = [given for given in self._given if given.day >= before]
        over = [opening for opening in self._openings if is_over(opening.until, opening.at, now)]
        self._openings = [opening for opening in self._openings if opening not in over]
        self._writer.save(
            Statement("DELETE FROM extensions WHERE day < ?", [(before.isoformat(),)]),
            Statement(
                'DELETE FROM openings WHERE "grant" = ? AND who = ? AND entry = ?',
                [(opening.grant, opening.who, opening.entry) for opening in over],
            ),
        )

    def drop_of(self, who: Collection[str]) -> None:
        """Delete all extra time and opened sites of these profiles and devices, including ended ones."""
        self._given = [given for given in self._given if given.who not in who]
        self._openings = [opening for opening in self._openings if opening.who not in who]
        self._writer.save(
            Statement("DELETE FROM extensions WHERE who = ?", [(person,) for person in who]),
            Statement("DELETE FROM openings WHERE who = ?", [(person,) for person in who]),
        )

    def _snapshot(self) -> list[Statement]:
        given = table_snapshot("extensions", COLUMNS, [_given_row(row) for row in self._given])
        return [*given, *self._opened()]

    def _opened(self) -> list[Statement]:
        return table_snapshot("openings", OPENINGS, [_opening_row(opening) for opening in self._openings])


def _moved_given(given: GrantRow, jump: Jump) -> GrantRow:
    ends = given.moment
    if given.ended or ends is None:
        return given
    found = moved(ends, given.at, jump)
    if found is None:
        return replace(given, at=given.at + jump.size, until=ends.until + jump.size, ended=True)
    after, at = found
    return replace(
        given, at=at, until=after.until, boundary=after.boundary, clock_trusted=after.clock_trusted
    )


def _moved_opening(opening: SiteOpening, jump: Jump) -> SiteOpening | None:
    found = moved(Moment(opening.until, opening.span, clock_trusted=opening.clock_trusted), opening.at, jump)
    if found is None:
        return None
    after, at = found
    return replace(opening, at=at, until=after.until, clock_trusted=after.clock_trusted)


def _follows(given: GrantRow, gone: GrantRow) -> bool:
    """Return whether ``given`` is extra time that was added to the end of ``gone`` before that had ended.

    Both are for the same person and time rule. If ``gone`` is revoked, ``given`` becomes shorter.
    """
    same = (given.who, given.gate, given.service) == (gone.who, gone.gate, gone.service)
    later = same and given.grant > gone.grant and given.until is not None and gone.until is not None
    return later and gone.until is not None and given.at < gone.until


def _without(given: GrantRow, gone: Sequence[GrantRow]) -> GrantRow:
    if any(given is other for other in gone):
        return replace(given, ended=True)
    minutes = sum(other.minutes for other in gone if _follows(given, other))
    if not minutes or given.until is None:
        return given
    return replace(given, until=given.until - timedelta(minutes=minutes))


def _given_row(given: GrantRow) -> tuple[object, ...]:
    until = unix_or_none(given.until)
    whole = (given.grant, given.who, given.day.isoformat(), given.gate, given.minutes, until, given.service)
    how = (
        unix(given.at),
        given.by,
        str(given.kind),
        int(given.ended),
        unix_or_none(given.boundary),
        int(given.clock_trusted),
    )
    return (*whole, *how)


def _move_row(given: GrantRow) -> tuple[object, ...]:
    times = (unix(given.at), unix_or_none(given.until), unix_or_none(given.boundary))
    return (
        *times,
        int(given.clock_trusted),
        int(given.ended),
        given.grant,
        given.who,
        given.gate,
        given.service,
    )


def _opening_row(opening: SiteOpening) -> tuple[object, ...]:
    whole = (opening.grant, opening.who, opening.entry, unix(opening.until), unix(opening.at), opening.by)
    return (*whole, opening.span.value, int(opening.clock_trusted))
