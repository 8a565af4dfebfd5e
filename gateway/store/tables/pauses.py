"""Pauses of the internet, the switch `off` (no filtering for anyone), and the audit log.

The state in force is in memory; each change is written immediately. All times are aware; the disk has Unix
seconds.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol, TypeVar

from gateway.policy.time.clock_changes import Jump, Moment, MomentKind, is_over, moved
from gateway.policy.time.time_rules import FOREVER
from gateway.store.database import Database, Statement
from gateway.store.durable_writes import (
    DurableWriter,
    audit_line,
    in_utc,
    moment,
    moment_or_none,
    table_snapshot,
    unix,
    unix_or_none,
)
from gateway.store.tables.grants import Given, SiteOpening

PAUSES = "who, since, until, by, span, sure"
SWITCHES = "name, since, until, by, sure"
# Audit verbs whose detail has a device or a site before the profile.
BEHIND = (
    "(what LIKE 'device %' OR what IN "
    "('assign', 'identify', 'use', 'leave', 'hand over', 'take back', 'list_report'))"
)

Kept = TypeVar("Kept", "Pause", "NetworkOff")


class RecordAudit(Protocol):
    """Adds a line to the audit log: ``PauseTable.audit``, as features receive it."""

    def __call__(self, what: str, detail: str, *, by: str, at: datetime, origin: str = "") -> None: ...


@dataclass(frozen=True, slots=True)
class Pause:
    who: str  # a profile's id, a MAC, or "all"
    since: datetime  # later than ``until`` if a clock change ended the pause
    until: datetime | None  # None: until resumed
    by: str
    span: MomentKind = MomentKind.LASTING
    sure: bool = True  # set while the clock was known

    @property
    def moment(self) -> Moment:
        return Moment(self.until or FOREVER, self.span, sure=self.sure)


@dataclass(frozen=True, slots=True)
class NetworkOff:
    """The period in which filtering is off for everyone."""

    since: datetime
    until: datetime | None
    by: str
    sure: bool = True  # set while the clock was known

    @property
    def moment(self) -> Moment:
        return Moment(self.until or FOREVER, MomentKind.LASTING, sure=self.sure)


@dataclass(frozen=True, slots=True)
class InForce:
    """Pauses, `off`, extra time and opened sites in force at one moment."""

    pauses: tuple[Pause, ...]
    off: NetworkOff | None
    given: tuple[Given, ...] = ()
    openings: tuple[SiteOpening, ...] = ()


@dataclass(frozen=True, slots=True)
class AuditLine:
    at: datetime
    who: str  # a guardian's name, "console", or the program
    what: str  # the verb: pause, resume, grant, off, …
    detail: str
    origin: str  # the address or terminal it came from; empty when unknown
    count: int = 1  # how often it was done, each within a minute of the one before


class ReadAudit(Protocol):
    """Returns lines of the audit log, newest first: ``PauseTable.audit_lines``, as features receive it."""

    def __call__(self, limit: int = 100, *, who: str | None = None, skip: int = 0) -> list[AuditLine]: ...


class PauseTable:
    """Stores pauses, the switch `off` and the audit log.

    ``origin`` is the address or terminal of a change, for the audit only.
    """

    def __init__(self, database: Database, writer: DurableWriter) -> None:
        self._database = database
        self._writer = writer
        writer.add(self._snapshot)
        self._pauses = {
            who: Pause(who, moment(since), moment_or_none(until), by, MomentKind(span), bool(sure))
            for who, since, until, by, span, sure in database.rows(f"SELECT {PAUSES} FROM pauses")
        }
        off = database.rows(f"SELECT {SWITCHES} FROM switches WHERE name = 'off'")
        self._off = next(
            (
                NetworkOff(moment(since), moment_or_none(until), by, bool(sure))
                for _, since, until, by, sure in off
            ),
            None,
        )

    def in_force(self, now: datetime) -> InForce:
        """Return pauses and `off` that have not ended at ``now``."""
        return InForce(
            tuple(pause for pause in self._pauses.values() if pause.until is None or pause.until > now),
            self._off if self._off and (self._off.until is None or self._off.until > now) else None,
        )

    def pause(
        self,
        who: str,
        *,
        until: datetime | None,
        by: str,
        at: datetime,
        span: MomentKind = MomentKind.LASTING,
        sure: bool = True,
        origin: str = "",
    ) -> None:
        """Pause the internet of a profile, a MAC or "all" until a time, with an audit line.

        ``until`` None: until resumed. ``span`` is LASTING for a duration and OF_DAY for a time of day.
        """
        # In UTC: Python compares times of one zone by wall clock, which is ambiguous when DST ends.
        ends = None if until is None else in_utc(until)
        pause = self._pauses[who] = Pause(who, in_utc(at), ends, by, span, sure)
        self._writer.save(
            Statement(
                f"INSERT OR REPLACE INTO pauses ({PAUSES}) VALUES (?, ?, ?, ?, ?, ?)", [_pause_row(pause)]
            ),
            audit=audit_line(at, by, "pause", f"{who} until {_text(until)}", origin),
        )

    def resume(self, who: str, *, by: str, at: datetime, origin: str = "") -> None:
        """End a pause; ``all`` ends every pause, not only the pause of all."""
        ended = tuple(self._pauses) if who == "all" else (who,)
        for person in ended:
            self._pauses.pop(person, None)
        self._writer.save(
            Statement("DELETE FROM pauses WHERE who = ?", [(person,) for person in ended]),
            audit=audit_line(at, by, "resume", who, origin),
        )

    def drop_of(self, who: Collection[str]) -> None:
        """Delete pauses of these profiles and devices, without an audit line."""
        for person in who:
            self._pauses.pop(person, None)
        self._writer.save(Statement("DELETE FROM pauses WHERE who = ?", [(person,) for person in who]))

    def off(
        self, *, until: datetime | None, by: str, at: datetime, sure: bool = True, origin: str = ""
    ) -> None:
        off = self._off = NetworkOff(in_utc(at), None if until is None else in_utc(until), by, sure)
        self._writer.save(
            Statement(
                f"INSERT OR REPLACE INTO switches ({SWITCHES}) VALUES (?, ?, ?, ?, ?)", [_off_row(off)]
            ),
            audit=audit_line(at, by, "off", f"until {_text(until)}", origin),
        )

    def on(self, *, by: str, at: datetime, origin: str = "") -> None:
        self._off = None
        self._writer.save(
            Statement("DELETE FROM switches WHERE name = 'off'"), audit=audit_line(at, by, "on", "", origin)
        )

    def shift(self, jump: Jump) -> None:
        """Adjust pauses and `off` after a change of the clock. Ended ones stay ended."""
        pauses = {
            who: after for who, pause in self._pauses.items() if (after := _moved(pause, jump)) is not None
        }
        off = None if self._off is None else _moved(self._off, jump)
        if (pauses, off) != (self._pauses, self._off):
            self._pauses, self._off = pauses, off
            self._writer.save(*self._snapshot())

    def audit(self, what: str, detail: str, *, by: str, at: datetime, origin: str = "") -> None:
        """Add a line to the audit log for a change that other code stores, such as an edited rule."""
        self._writer.save(audit=audit_line(at, by, what, detail, origin))

    def blank(self, profile: str) -> None:
        """Remove the details of audit lines about a profile; who, when and the verb stay.

        Lines about age transitions stay as they are, since they only have an age group.
        """
        about = (f"{profile}:*", f"{profile} *", f"[0-9]* {profile}:*")
        where = "what NOT LIKE 'step%' AND (detail GLOB ? OR detail GLOB ? OR detail GLOB ?)"
        behind = (f"* {profile}", f"* {profile} *")
        self._writer.save(
            Statement(f"UPDATE audit SET detail = ? WHERE {where}", [(profile, *about)]),
            Statement(
                f"UPDATE audit SET detail = ? WHERE {BEHIND} AND (detail GLOB ? OR detail GLOB ?)",
                [(profile, *behind)],
            ),
        )

    def audit_lines(self, limit: int = 100, *, who: str | None = None, skip: int = 0) -> list[AuditLine]:
        """Return audit lines, newest first; with ``who`` only those of one person."""
        rows = self._database.rows(
            "SELECT at, who, what, detail, origin, count FROM audit WHERE ? IN (who, '') "
            "ORDER BY at DESC, rowid DESC LIMIT ? OFFSET ?",
            (who or "", limit, skip),
        )
        return [AuditLine(moment(at), *rest) for at, *rest in rows]

    def auditors(self, limit: int) -> list[str]:
        """Return the names in the audit log of those who made changes, sorted, at most ``limit``."""
        return [
            who
            for (who,) in self._database.rows("SELECT DISTINCT who FROM audit ORDER BY who LIMIT ?", (limit,))
        ]

    def drop_old(self, now: datetime) -> None:
        """Delete the pauses that ended before ``now``."""
        ended = [
            who
            for who, pause in self._pauses.items()
            if pause.until is not None and is_over(pause.until, pause.since, now)
        ]
        for who in ended:
            del self._pauses[who]
        self._writer.save(Statement("DELETE FROM pauses WHERE who = ?", [(who,) for who in ended]))

    def _snapshot(self) -> list[Statement]:
        return [
            *table_snapshot("pauses", PAUSES, [_pause_row(pause) for pause in self._pauses.values()]),
            *table_snapshot("switches", SWITCHES, [_off_row(self._off)] if self._off else []),
        ]


def _moved(kept: Kept, jump: Jump) -> Kept | None:
    found = moved(kept.moment, kept.since, jump)
    if found is None:
        return None
    after, since = found
    return replace(kept, since=since, until=None if kept.until is None else after.until, sure=after.sure)


def _pause_row(pause: Pause) -> tuple[object, ...]:
    return (
        pause.who,
        unix(pause.since),
        unix_or_none(pause.until),
        pause.by,
        pause.span.value,
        int(pause.sure),
    )


def _off_row(off: NetworkOff) -> tuple[object, ...]:
    return ("off", unix(off.since), unix_or_none(off.until), off.by, int(off.sure))


def _text(until: datetime | None) -> str:
    return "resumed" if until is None else until.isoformat(timespec="minutes")
