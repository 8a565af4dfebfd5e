"""Codes on paper as they are kept: salted hashes, never the codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from gateway.policy.requests.tickets import Ticket
from gateway.policy.time.clock_changes import Jump, Kind, Moment, moved
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

COLUMNS = "hash, salt, minutes, who, made, by, until, used, used_by, sure, batch"
_PUT = f"INSERT OR REPLACE INTO tickets ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


class Tickets:
    def __init__(self, database: Database, keeper: Keeper) -> None:
        self._keeper = keeper
        keeper.add(self._snapshot)
        self._tickets = {
            digest: Ticket(
                salt, digest, minutes, who, moment(made), by, moment(until), moment_or_none(used), used_by,
                bool(sure), batch,
            )
            for digest, salt, minutes, who, made, by, until, used, used_by, sure, batch
            in database.rows(f"SELECT {COLUMNS} FROM tickets")
        }  # fmt: skip

    def all(self) -> tuple[Ticket, ...]:
        return tuple(self._tickets.values())

    def add(self, tickets: Sequence[Ticket], *, origin: str = "") -> None:
        """All are made at once, alike."""
        first = tickets[0]
        self._tickets |= {one.hash: one for one in tickets}
        told = f"{first.who or 'all'}: {len(tickets)} of {first.minutes} min"
        self._keeper.save(
            Statement(_PUT, [_row(one) for one in tickets]),
            audit=audit_line(first.made, first.by, "tickets", told, origin),
        )

    def use(self, ticket: Ticket, *, by: str, at: datetime) -> None:
        """Its extra time is audited as that."""
        used = self._tickets[ticket.hash] = replace(ticket, used=at, used_by=by)
        self._keeper.save(Statement(_PUT, [_row(used)]))

    def withdraw(self, batch: str, *, by: str, at: datetime, origin: str = "") -> int:
        """Unused codes of a batch are good no more; how many there were."""
        gone = [one for one in self._tickets.values() if one.batch == batch and one.is_good(at)]
        if not gone:
            return 0
        for one in gone:
            del self._tickets[one.hash]
        told = f"{gone[0].who or 'all'}: {len(gone)} of {gone[0].minutes} min"
        self._keeper.save(
            Statement("DELETE FROM tickets WHERE hash = ?", [(one.hash,) for one in gone]),
            audit=audit_line(at, by, "withdraw", told, origin),
        )
        return len(gone)

    def shift(self, jump: Jump) -> None:
        """A code is good for as long as it was; one that has expired does not become good again."""
        before = self._tickets
        self._tickets = {
            digest: after for digest, one in before.items() if (after := _moved(one, jump)) is not None
        }
        if self._tickets != before:
            self._keeper.save(*self._snapshot())

    def drop_old(self, now: datetime) -> None:
        """Used ones stay until they would have expired, so that a second try is told what it is."""
        gone = [one.hash for one in self._tickets.values() if one.until <= now]
        for digest in gone:
            del self._tickets[digest]
        if gone:
            self._keeper.save(Statement("DELETE FROM tickets WHERE hash = ?", [(one,) for one in gone]))

    def drop_of(self, who: str) -> None:
        """Codes for one person alone, and those that it used."""
        gone = [one.hash for one in self._tickets.values() if who in (one.who, one.used_by)]
        for digest in gone:
            del self._tickets[digest]
        self._keeper.save(Statement("DELETE FROM tickets WHERE hash = ?", [(one,) for one in gone]))

    def _snapshot(self) -> list[Statement]:
        return table_snapshot("tickets", COLUMNS, [_row(one) for one in self._tickets.values()])


def _moved(one: Ticket, jump: Jump) -> Ticket | None:
    found = moved(Moment(one.until, Kind.LASTING, sure=one.sure), one.made, jump)
    if found is None:
        return None
    after, made = found
    return replace(one, made=made, until=after.until, sure=after.sure)


def _row(one: Ticket) -> tuple[object, ...]:
    start = (one.hash, one.salt, one.minutes, one.who, unix(one.made), one.by)
    return (*start, unix(one.until), unix_or_none(one.used), one.used_by, int(one.sure), one.batch)
