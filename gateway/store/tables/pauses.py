"""Pauses of the internet, and switches that end by a time, such as `off` (no filtering).

The state in force is in memory; each change is written immediately. All times are aware; the disk has Unix
seconds.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from gateway.policy.time.clock_changes import Jump, Moment, MomentKind, is_over, moved
from gateway.policy.time.time_rules import FOREVER
from gateway.store.database import Database, Statement
from gateway.store.durable_writes import (
    DurableWriter,
    NewAuditLine,
    audit_line,
    in_utc,
    moment,
    moment_or_none,
    table_snapshot,
    unix,
    unix_or_none,
)
from gateway.store.tables.grants import GrantRow, SiteOpening

PAUSES = "who, since, until, by, span, sure"
SWITCHES = "name, since, until, by, sure, asked"
OFF, STOP = "off", "stop"  # names of switches
# Names of approvals: the provider may fetch the support report, switch filtering, read the counters.
SUPPORT, REMOTE, COUNTERS = "support", "remote", "counters"
# Nothing is deleted as old, and no age group changes: the clock was set ahead, and may be set back.
DOUBT = "doubt"

Kept = TypeVar("Kept", "Pause", "TimedSwitch")


@dataclass(frozen=True, slots=True)
class Pause:
    who: str  # a profile's id, a MAC, or "all"
    since: datetime  # later than ``until`` if a clock change ended the pause
    until: datetime | None  # None: until resumed
    by: str
    span: MomentKind = MomentKind.LASTING
    clock_trusted: bool = True  # set while the clock was known

    @property
    def moment(self) -> Moment:
        return Moment(self.until or FOREVER, self.span, clock_trusted=self.clock_trusted)


@dataclass(frozen=True, slots=True)
class TimedSwitch:
    """A switch that is on until a time: filtering is off, the provider may do something, or DOUBT.

    ``until`` None: until it is turned off.
    """

    since: datetime
    until: datetime | None
    by: str
    clock_trusted: bool = True  # set while the clock was known
    # Of the provider's stop: the end in the settings, which no clock change moves; None after the setting was
    # removed. Always None for other switches.
    asked: datetime | None = None

    @property
    def ends(self) -> datetime:
        until = self.until or FOREVER
        return until if self.asked is None else min(until, self.asked)

    @property
    def moment(self) -> Moment:
        return Moment(self.until or FOREVER, MomentKind.LASTING, clock_trusted=self.clock_trusted)


@dataclass(frozen=True, slots=True)
class InForce:
    """Pauses, a switched-off filter, extra time and opened sites in force at one moment.

    ``off`` None: the filter is on.
    """

    pauses: tuple[Pause, ...]
    off: TimedSwitch | None  # by a guardian or the provider, whichever ends later
    given: tuple[GrantRow, ...] = ()
    openings: tuple[SiteOpening, ...] = ()


class PauseTable:
    """Stores pauses of the internet, and switches that end by a time (such as `off`).

    The provider's last stop of the filter (STOP) stays stored after its end: the same setting does
    not stop the filter twice, and the next stop has to wait.

    ``origin`` is the address or terminal of a change, and ``by`` its author, for the audit log.
    """

    def __init__(self, database: Database, writer: DurableWriter) -> None:
        self._writer = writer
        writer.add(self._snapshot)
        self._pauses = {
            who: Pause(who, moment(since), moment_or_none(until), by, MomentKind(span), bool(clock_trusted))
            for who, since, until, by, span, clock_trusted in database.rows(f"SELECT {PAUSES} FROM pauses")
        }
        self._switches = {
            name: TimedSwitch(
                moment(since), moment_or_none(until), by, bool(clock_trusted), moment_or_none(asked)
            )
            for name, since, until, by, clock_trusted, asked in database.rows(
                f"SELECT {SWITCHES} FROM switches"
            )
        }

    def in_force(self, now: datetime) -> InForce:
        """Return the pauses that have not ended at ``now``, and the switch that turns the filter off.

        The switch is that of a guardian or of the provider, whichever ends later; None if neither is on.
        """
        offs = [switch for name in (OFF, STOP) if (switch := self.switch(name, now)) is not None]
        return InForce(
            tuple(pause for pause in self._pauses.values() if pause.until is None or pause.until > now),
            max(offs, key=lambda switch: switch.ends, default=None),
        )

    def switch(self, name: str, now: datetime) -> TimedSwitch | None:
        """Return the switch ``name`` if it is on at ``now``; else None.

        ``name``: OFF, STOP (both turn filtering off), SUPPORT, REMOTE or COUNTERS (for the
        provider), or DOUBT.
        """
        switch = self._switches.get(name)
        return switch if switch is not None and switch.ends > now else None

    @property
    def last_stop(self) -> TimedSwitch | None:
        """The provider's last stop of the filter, also after its end; None: there was none."""
        return self._switches.get(STOP)

    def pause(
        self,
        who: str,
        *,
        until: datetime | None,
        by: str,
        at: datetime,
        span: MomentKind = MomentKind.LASTING,
        clock_trusted: bool = True,
        origin: str = "",
    ) -> None:
        """Pause the internet of a profile, a MAC or "all" until a time, with an audit line.

        It replaces an earlier pause of the same. ``until`` None: until resumed. ``span`` is LASTING
        for a duration and OF_DAY for a time of day.
        """
        # In UTC: Python compares times of one zone by wall clock, which is ambiguous when DST ends.
        ends = None if until is None else in_utc(until)
        pause = self._pauses[who] = Pause(who, in_utc(at), ends, by, span, clock_trusted)
        self._writer.save(
            Statement(
                f"INSERT OR REPLACE INTO pauses ({PAUSES}) VALUES (?, ?, ?, ?, ?, ?)", [_pause_row(pause)]
            ),
            audit=audit_line(at, by, "pause", f"{who} until {_text(until)}", origin),
        )

    def resume(self, who: str, *, by: str, at: datetime, origin: str = "") -> None:
        """End the pause of ``who``, with an audit line, also if there is none.

        ``all`` ends every pause, not only the pause of all.
        """
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
        self, *, until: datetime | None, by: str, at: datetime, clock_trusted: bool = True, origin: str = ""
    ) -> None:
        off = TimedSwitch(in_utc(at), None if until is None else in_utc(until), by, clock_trusted)
        self._turn_on(OFF, off, audit_line(at, by, "off", f"until {_text(until)}", origin))

    def on(self, *, by: str, at: datetime, origin: str = "") -> None:
        """Filter again, with an audit line: end `off`, and the provider's stop if it is on."""
        self._switches.pop(OFF, None)
        stop = self.switch(STOP, at)
        if stop is not None:
            self._switches[STOP] = replace(stop, until=in_utc(at))
        self._writer.save(*self._switch_rows(), audit=audit_line(at, by, "on", "", origin))

    def stop(
        self,
        *,
        since: datetime,
        until: datetime,
        asked: datetime,
        by: str,
        at: datetime,
        clock_trusted: bool = True,
    ) -> None:
        """Switch filtering off by the provider's setting, with an audit line.

        It began at ``since``. It ends at ``until`` or at ``asked``, the end in the setting,
        whichever is earlier.
        """
        stop = TimedSwitch(in_utc(since), in_utc(until), by, clock_trusted, in_utc(asked))
        self._turn_on(STOP, stop, audit_line(at, by, "stop", f"until {_text(min(until, asked))}", ""))

    def end_stop(self, *, by: str, at: datetime) -> bool:
        """End the provider's stop of the filter, as its setting is gone. Return whether it was still on.

        It must be stored (else KeyError). If it was on, add an audit line.
        """
        was_on = self.switch(STOP, at) is not None
        self._end_stop(None, at, audit_line(at, by, "stop end", "", "") if was_on else None)
        return was_on

    def refuse_stop(self, *, asked: datetime, by: str, at: datetime) -> None:
        """Store that the setting ``asked`` begins no stop, with an audit line.

        An earlier stop must be stored (else KeyError). If it is still on, it ends now.
        """
        self._end_stop(asked, at, audit_line(at, by, "stop refused", f"until {_text(asked)}", ""))

    def _end_stop(self, asked: datetime | None, at: datetime, audit: NewAuditLine | None) -> None:
        """Store that the provider's last stop has ended, by ``at``, and the setting of now (``asked``)."""
        stop = self._switches[STOP]
        until = min(stop.ends, in_utc(at))
        self._switches[STOP] = replace(stop, until=until, asked=None if asked is None else in_utc(asked))
        self._writer.save(*self._switch_rows(), audit=audit)

    def approve(
        self,
        name: str,
        *,
        until: datetime,
        by: str,
        at: datetime,
        clock_trusted: bool = True,
        origin: str = "",
    ) -> None:
        """Let the provider do ``name`` until a time, with an audit line.

        ``name``: SUPPORT, REMOTE or COUNTERS.
        """
        switch = TimedSwitch(in_utc(at), in_utc(until), by, clock_trusted)
        self._turn_on(name, switch, audit_line(at, by, name, f"until {_text(until)}", origin))

    def end_approval(self, name: str, *, by: str, at: datetime, origin: str = "") -> None:
        """End what the provider may do by SUPPORT, REMOTE or COUNTERS, with an audit line.

        Without such an approval, do nothing.
        """
        if self._switches.pop(name, None) is not None:
            self._writer.save(*self._switch_rows(), audit=audit_line(at, by, f"{name} end", "", origin))

    def doubt_clock(self, *, at: datetime, until: datetime, clock_trusted: bool) -> None:
        """Switch DOUBT on until a time, without an audit line."""
        self._turn_on(DOUBT, TimedSwitch(in_utc(at), in_utc(until), "", clock_trusted), None)

    def end_doubt(self) -> None:
        """End what `doubt_clock` began, if it did."""
        if self._switches.pop(DOUBT, None) is not None:
            self._writer.save(*self._switch_rows())

    def _turn_on(self, name: str, switch: TimedSwitch, audit: NewAuditLine | None) -> None:
        self._switches[name] = switch
        self._writer.save(*self._switch_rows(), audit=audit)

    def shift(self, jump: Jump) -> None:
        """Adjust pauses and switches after a change of the clock. Ended ones stay ended."""
        pauses = {
            who: after for who, pause in self._pauses.items() if (after := _moved(pause, jump)) is not None
        }
        switches = {
            name: moved_switch
            for name, switch in self._switches.items()
            if (moved_switch := _moved(switch, jump) or _ended_stop(name, switch, jump)) is not None
        }
        if (pauses, switches) != (self._pauses, self._switches):
            self._pauses, self._switches = pauses, switches
            self._writer.save(*self._snapshot())

    def drop_old(self, now: datetime) -> None:
        """Delete the pauses that have ended, unless a clock change may make them apply again.

        Switches stay as they are.
        """
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
            *self._switch_rows(),
        ]

    def _switch_rows(self) -> list[Statement]:
        return table_snapshot("switches", SWITCHES, [_switch_row(*item) for item in self._switches.items()])


def _moved(kept: Kept, jump: Jump) -> Kept | None:
    found = moved(kept.moment, kept.since, jump)
    if found is None:
        return None
    after, since = found
    until = None if kept.until is None else after.until
    return replace(kept, since=since, until=until, clock_trusted=after.clock_trusted)


def _pause_row(pause: Pause) -> tuple[object, ...]:
    return (
        pause.who,
        unix(pause.since),
        unix_or_none(pause.until),
        pause.by,
        pause.span.value,
        int(pause.clock_trusted),
    )


def _ended_stop(name: str, switch: TimedSwitch, jump: Jump) -> TimedSwitch | None:
    """Return a provider's stop that had ended before a clock change, as ended at the change.

    It is stored, so that its setting does not stop the filter again. None for other switches.
    """
    return replace(switch, since=jump.after, until=jump.after) if name == STOP else None


def _switch_row(name: str, switch: TimedSwitch) -> tuple[object, ...]:
    return (
        name,
        unix(switch.since),
        unix_or_none(switch.until),
        switch.by,
        int(switch.clock_trusted),
        unix_or_none(switch.asked),
    )


def _text(until: datetime | None) -> str:
    return "resumed" if until is None else until.isoformat(timespec="minutes")
