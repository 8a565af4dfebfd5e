"""What guardians have set that is no rule of a file: pauses, grants, `off`, guardians, and who did what.

Everything in force is in memory; the keeper writes each change at once. All times are aware; the disk has
Unix seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from gateway.store.database import Database, Statement
from gateway.store.keeper import Keeper, table_snapshot


@dataclass(frozen=True, slots=True)
class Pause:
    who: str  # a profile's id, a MAC, or "all"
    since: datetime
    until: datetime | None  # None: until resumed
    by: str


@dataclass(frozen=True, slots=True)
class Grant:
    """Minutes given beyond the rules; what they extend is policy's to say."""

    who: str  # a profile's id
    day: date  # the family's day for which they count
    minutes: int
    service: str | None  # a service's id; None: for everything
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Off:
    """Filtering is off for everyone."""

    since: datetime
    until: datetime | None
    by: str


@dataclass(frozen=True, slots=True)
class InForce:
    """What holds at one moment."""

    pauses: tuple[Pause, ...]
    grants: tuple[Grant, ...]
    off: Off | None


@dataclass(frozen=True, slots=True)
class AuditLine:
    at: datetime
    who: str  # a guardian's name, "console", or the program
    what: str  # the verb: pause, resume, grant, off, …
    detail: str
    origin: str  # the address or terminal it came from; empty when unknown


class State:
    """``origin`` is the address or terminal from which something was set; it is kept in the audit alone."""

    def __init__(self, database: Database, keeper: Keeper) -> None:
        self._database = database
        self._keeper = keeper
        keeper.add(self._snapshot)
        self._pauses = {
            who: Pause(who, _moment(since), _moment_or_none(until), by)
            for who, since, until, by in database.rows("SELECT who, since, until, by FROM pauses")
        }
        self._grants = [
            Grant(who, date.fromisoformat(day), minutes, service, _moment(at), by)
            for who, day, minutes, service, at, by in database.rows(
                "SELECT who, day, minutes, service, at, by FROM grants ORDER BY id"
            )
        ]
        off = database.rows("SELECT since, until, by FROM switches WHERE name = 'off'")
        self._off = Off(_moment(off[0][0]), _moment_or_none(off[0][1]), off[0][2]) if off else None
        self._guardians = dict(database.rows("SELECT name, stamp FROM guardians"))

    def in_force(self, now: datetime, today: date) -> InForce:
        """Pauses and `off` that have not ended at ``now``; the grants of the family's day ``today``."""
        return InForce(
            tuple(pause for pause in self._pauses.values() if pause.until is None or pause.until > now),
            tuple(grant for grant in self._grants if grant.day == today),
            self._off if self._off and (self._off.until is None or self._off.until > now) else None,
        )

    def pause(self, who: str, *, until: datetime | None, by: str, at: datetime, origin: str = "") -> None:
        self._pauses[who] = Pause(who, at, until, by)
        self._keeper.save(
            Statement(
                "INSERT OR REPLACE INTO pauses VALUES (?, ?, ?, ?)",
                [(who, _unix(at), _unix_or_none(until), by)],
            ),
            audit=_audit(at, by, "pause", f"{who} until {_text(until)}", origin),
        )

    def resume(self, who: str, *, by: str, at: datetime, origin: str = "") -> None:
        """``all`` ends every pause, not only the one that was set for all."""
        ended = tuple(self._pauses) if who == "all" else (who,)
        for one in ended:
            self._pauses.pop(one, None)
        self._keeper.save(
            Statement("DELETE FROM pauses WHERE who = ?", [(one,) for one in ended]),
            audit=_audit(at, by, "resume", who, origin),
        )

    def grant(self, grant: Grant, *, origin: str = "") -> None:
        self._grants.append(grant)
        what = f"{grant.who} {grant.minutes} min" + (f" of {grant.service}" if grant.service else "")
        self._keeper.save(
            Statement(_GRANT_INSERT, [_grant_row(grant)]),
            audit=_audit(grant.at, grant.by, "grant", what, origin),
        )

    def off(self, *, until: datetime | None, by: str, at: datetime, origin: str = "") -> None:
        self._off = Off(at, until, by)
        self._keeper.save(
            Statement(
                "INSERT OR REPLACE INTO switches VALUES ('off', ?, ?, ?)",
                [(_unix(at), _unix_or_none(until), by)],
            ),
            audit=_audit(at, by, "off", f"until {_text(until)}", origin),
        )

    def on(self, *, by: str, at: datetime, origin: str = "") -> None:
        self._off = None
        self._keeper.save(
            Statement("DELETE FROM switches WHERE name = 'off'"), audit=_audit(at, by, "on", "", origin)
        )

    def guardians(self) -> Mapping[str, str]:
        """Name → stamp."""
        return self._guardians

    def keep_guardian(self, name: str, stamp: str) -> None:
        self._guardians[name] = stamp
        self._keeper.save(Statement("INSERT OR REPLACE INTO guardians VALUES (?, ?)", [(name, stamp)]))

    def remove_guardian(self, name: str) -> None:
        self._guardians.pop(name, None)
        self._keeper.save(Statement("DELETE FROM guardians WHERE name = ?", [(name,)]))

    def audit(self, what: str, detail: str, *, by: str, at: datetime, origin: str = "") -> None:
        """Record a change that is none of the above, such as an edited rule."""
        self._keeper.save(audit=_audit(at, by, what, detail, origin))

    def audit_lines(self, limit: int = 100) -> list[AuditLine]:
        """Newest first."""
        rows = self._database.rows(
            "SELECT at, who, what, detail, origin FROM audit ORDER BY at DESC, rowid DESC LIMIT ?", (limit,)
        )
        return [AuditLine(_moment(at), *rest) for at, *rest in rows]

    def drop_old(self, now: datetime, before: date) -> None:
        """Forget ended pauses and the grants of days before ``before``."""
        ended = [who for who, pause in self._pauses.items() if pause.until is not None and pause.until <= now]
        for who in ended:
            del self._pauses[who]
        self._grants = [grant for grant in self._grants if grant.day >= before]
        self._keeper.save(
            Statement("DELETE FROM pauses WHERE who = ?", [(who,) for who in ended]),
            Statement("DELETE FROM grants WHERE day < ?", [(before.isoformat(),)]),
        )

    def _snapshot(self) -> list[Statement]:
        off = self._off
        pauses = [(p.who, _unix(p.since), _unix_or_none(p.until), p.by) for p in self._pauses.values()]
        switches = [("off", _unix(off.since), _unix_or_none(off.until), off.by)] if off else []
        grants = [_grant_row(grant) for grant in self._grants]
        return [
            *table_snapshot("pauses", "who, since, until, by", list(pauses)),
            *table_snapshot("switches", "name, since, until, by", list(switches)),
            *table_snapshot("grants", "who, day, minutes, service, at, by", list(grants)),
            *table_snapshot("guardians", "name, stamp", list(self._guardians.items())),
        ]


_GRANT_INSERT = "INSERT INTO grants (who, day, minutes, service, at, by) VALUES (?, ?, ?, ?, ?, ?)"


def _grant_row(grant: Grant) -> tuple[object, ...]:
    return (grant.who, grant.day.isoformat(), grant.minutes, grant.service, _unix(grant.at), grant.by)


def _audit(at: datetime, who: str, what: str, detail: str, origin: str) -> Statement:
    return Statement("INSERT INTO audit VALUES (?, ?, ?, ?, ?)", [(_unix(at), who, what, detail, origin)])


def _unix(moment: datetime) -> int:
    return int(moment.timestamp())


def _unix_or_none(moment: datetime | None) -> int | None:
    return None if moment is None else _unix(moment)


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _moment_or_none(seconds: int | None) -> datetime | None:
    return None if seconds is None else _moment(seconds)


def _text(until: datetime | None) -> str:
    return "resumed" if until is None else until.isoformat(timespec="minutes")
