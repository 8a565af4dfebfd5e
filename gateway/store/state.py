"""What guardians have set that is no rule of a file: pauses, `off`, guardians, and who did what.

Everything in force is in memory; the keeper writes each change at once. All times are aware; the disk has
Unix seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gateway.store.database import Database, Statement
from gateway.store.given import Given, Opening
from gateway.store.keeper import (
    Keeper,
    audit_line,
    moment,
    moment_or_none,
    table_snapshot,
    unix,
    unix_or_none,
)


@dataclass(frozen=True, slots=True)
class Pause:
    who: str  # a profile's id, a MAC, or "all"
    since: datetime
    until: datetime | None  # None: until resumed
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
    off: Off | None
    given: tuple[Given, ...] = ()
    openings: tuple[Opening, ...] = ()


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
            who: Pause(who, moment(since), moment_or_none(until), by)
            for who, since, until, by in database.rows("SELECT who, since, until, by FROM pauses")
        }
        off = database.rows("SELECT since, until, by FROM switches WHERE name = 'off'")
        self._off = Off(moment(off[0][0]), moment_or_none(off[0][1]), off[0][2]) if off else None
        self._guardians = dict(database.rows("SELECT name, stamp FROM guardians"))

    def in_force(self, now: datetime) -> InForce:
        """Pauses and `off` that have not ended at ``now``."""
        return InForce(
            tuple(pause for pause in self._pauses.values() if pause.until is None or pause.until > now),
            self._off if self._off and (self._off.until is None or self._off.until > now) else None,
        )

    def pause(self, who: str, *, until: datetime | None, by: str, at: datetime, origin: str = "") -> None:
        self._pauses[who] = Pause(who, at, until, by)
        self._keeper.save(
            Statement(
                "INSERT OR REPLACE INTO pauses VALUES (?, ?, ?, ?)",
                [(who, unix(at), unix_or_none(until), by)],
            ),
            audit=audit_line(at, by, "pause", f"{who} until {_text(until)}", origin),
        )

    def resume(self, who: str, *, by: str, at: datetime, origin: str = "") -> None:
        """``all`` ends every pause, not only the one that was set for all."""
        ended = tuple(self._pauses) if who == "all" else (who,)
        for one in ended:
            self._pauses.pop(one, None)
        self._keeper.save(
            Statement("DELETE FROM pauses WHERE who = ?", [(one,) for one in ended]),
            audit=audit_line(at, by, "resume", who, origin),
        )

    def off(self, *, until: datetime | None, by: str, at: datetime, origin: str = "") -> None:
        self._off = Off(at, until, by)
        self._keeper.save(
            Statement(
                "INSERT OR REPLACE INTO switches VALUES ('off', ?, ?, ?)",
                [(unix(at), unix_or_none(until), by)],
            ),
            audit=audit_line(at, by, "off", f"until {_text(until)}", origin),
        )

    def on(self, *, by: str, at: datetime, origin: str = "") -> None:
        self._off = None
        self._keeper.save(
            Statement("DELETE FROM switches WHERE name = 'off'"), audit=audit_line(at, by, "on", "", origin)
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
        self._keeper.save(audit=audit_line(at, by, what, detail, origin))

    def audit_lines(self, limit: int = 100) -> list[AuditLine]:
        """Newest first."""
        rows = self._database.rows(
            "SELECT at, who, what, detail, origin FROM audit ORDER BY at DESC, rowid DESC LIMIT ?", (limit,)
        )
        return [AuditLine(moment(at), *rest) for at, *rest in rows]

    def drop_old(self, now: datetime) -> None:
        """Forget ended pauses."""
        ended = [who for who, pause in self._pauses.items() if pause.until is not None and pause.until <= now]
        for who in ended:
            del self._pauses[who]
        self._keeper.save(Statement("DELETE FROM pauses WHERE who = ?", [(who,) for who in ended]))

    def _snapshot(self) -> list[Statement]:
        off = self._off
        pauses = [(p.who, unix(p.since), unix_or_none(p.until), p.by) for p in self._pauses.values()]
        switches = [("off", unix(off.since), unix_or_none(off.until), off.by)] if off else []
        return [
            *table_snapshot("pauses", "who, since, until, by", list(pauses)),
            *table_snapshot("switches", "name, since, until, by", list(switches)),
            *table_snapshot("guardians", "name, stamp", list(self._guardians.items())),
        ]


def _text(until: datetime | None) -> str:
    return "resumed" if until is None else until.isoformat(timespec="minutes")
