"""Printed codes for extra time. Only salted hashes are stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from gateway.policy.requests.tickets import Ticket
from gateway.policy.time.clock_changes import Jump, Moment, MomentKind, moved
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

COLUMNS = "hash, salt, minutes, who, made, by, until, used, used_by, sure, batch"
_PUT = f"INSERT OR REPLACE INTO tickets ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


class TicketTable:
    def __init__(self, database: Database, writer: DurableWriter) -> None:
        self._writer = writer
        writer.add(self._snapshot)
        self._tickets = {
            digest: Ticket(
                salt, digest, minutes, who, moment(made), by, moment(until), moment_or_none(used), used_by,
                bool(clock_trusted), batch,
            )
            for digest, salt, minutes, who, made, by, until, used, used_by, clock_trusted, batch
            in database.rows(f"SELECT {COLUMNS} FROM tickets")
        }  # fmt: skip

    def all(self) -> tuple[Ticket, ...]:
        return tuple(self._tickets.values())

    def add(self, tickets: Sequence[Ticket], *, origin: str = "") -> None:
        """Store a batch of new printed codes for extra time, with an audit line.

        All have the same minutes and child.
        """
        first = tickets[0]
        self._tickets |= {ticket.hash: ticket for ticket in tickets}
        detail = f"{first.who or 'all'}: {len(tickets)} of {first.minutes} min"
        self._writer.save(
            Statement(_PUT, [_row(ticket) for ticket in tickets]),
            audit=audit_line(first.made, first.by, "tickets", detail, origin),
        )

    def use(self, ticket: Ticket, *, by: str, at: datetime) -> None:
        """Mark a printed code as used by the child ``by``. It does not give the extra time.

        That has an audit line of its own.
        """
        used = self._tickets[ticket.hash] = replace(ticket, used=at, used_by=by)
        self._writer.save(Statement(_PUT, [_row(used)]))

    def withdraw(self, batch: str, *, by: str, at: datetime, origin: str = "") -> int:
        """Delete the unused, unexpired printed codes of a batch and return their number.

        If there were any, add an audit line.
        """
        gone = [ticket for ticket in self._tickets.values() if ticket.batch == batch and ticket.is_good(at)]
        if not gone:
            return 0
        for ticket in gone:
            del self._tickets[ticket.hash]
        detail = f"{gone[0].who or 'all'}: {len(gone)} of {gone[0].minutes} min"
        self._writer.save(
            Statement("DELETE FROM tickets WHERE hash = ?", [(ticket.hash,) for ticket in gone]),
            audit=audit_line(at, by, "withdraw", detail, origin),
        )
        return len(gone)

    def shift(self, jump: Jump) -> None:
        """Adjust when printed codes expire after a clock change.

        Expired codes that would be valid again are deleted.
        """
        before = self._tickets
        self._tickets = {
            digest: after for digest, ticket in before.items() if (after := _moved(ticket, jump)) is not None
        }
        if self._tickets != before:
            self._writer.save(*self._snapshot())

    def drop_old(self, now: datetime) -> None:
        """Delete expired printed codes, used or not.

        Used codes stay until then, so that a second use gets a clear error.
        """
        gone = [ticket.hash for ticket in self._tickets.values() if ticket.until <= now]
        for digest in gone:
            del self._tickets[digest]
        if gone:
            self._writer.save(Statement("DELETE FROM tickets WHERE hash = ?", [(digest,) for digest in gone]))

    def drop_of(self, who: str) -> None:
        """Delete the printed codes for one child, and those that it used."""
        gone = [ticket.hash for ticket in self._tickets.values() if who in (ticket.who, ticket.used_by)]
        for digest in gone:
            del self._tickets[digest]
        self._writer.save(Statement("DELETE FROM tickets WHERE hash = ?", [(digest,) for digest in gone]))

    def _snapshot(self) -> list[Statement]:
        return table_snapshot("tickets", COLUMNS, [_row(ticket) for ticket in self._tickets.values()])


def _moved(ticket: Ticket, jump: Jump) -> Ticket | None:
    found = moved(
        Moment(ticket.until, MomentKind.LASTING, clock_trusted=ticket.clock_trusted), ticket.made, jump
    )
    if found is None:
        return None
    after, made = found
    return replace(ticket, made=made, until=after.until, clock_trusted=after.clock_trusted)


def _row(ticket: Ticket) -> tuple[object, ...]:
    start = (ticket.hash, ticket.salt, ticket.minutes, ticket.who, unix(ticket.made), ticket.by)
    return (
        *start,
        unix(ticket.until),
        unix_or_none(ticket.used),
        ticket.used_by,
        int(ticket.clock_trusted),
        ticket.batch,
    )
