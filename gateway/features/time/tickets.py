"""The verbs `ticket`, `tickets`, `withdraw` and `redeem`: printed codes that give a child extra minutes."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime

from gateway.control.contract.time import (
    CODE_BATCHES,
    CODES,
    REDEEM,
    WITHDRAW,
    CodeBatch,
    CodeBatches,
    CodesRequest,
    IssuedCodes,
    OwnGrant,
    RedeemRequest,
    WithdrawnCodes,
    WithdrawRequest,
)
from gateway.control.protocol import Call
from gateway.control.router import Router
from gateway.control.verbs import NoValues
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.features.accounts.access import Access
from gateway.features.time.grants import Grants, is_paused
from gateway.household.attempt_limits import AttemptLimit, in_minutes, loop_time
from gateway.household.context import HomeContext
from gateway.policy.identity.macs import parse_mac
from gateway.policy.profile.rules import ALL, shows_present
from gateway.policy.requests import tickets
from gateway.policy.requests.tickets import Ticket
from gateway.store.durable_writes import in_utc
from gateway.store.tables.grants import GrantKind
from gateway.store.tables.tickets import TicketTable

SALT_BYTES = 8
BATCH_BYTES = 4


class TicketVerbs:
    """Makes, lists, withdraws and redeems printed codes that give a child extra minutes.

    ``transaction``: all writes to the store inside of it reach the disk together, or none does.
    """

    def __init__(
        self,
        home: HomeContext,
        stored: TicketTable,
        transaction: Callable[[], AbstractContextManager[None]],
        access: Access,
        grants: Grants,
    ) -> None:
        self._home = home
        self._stored = stored
        self._transaction = transaction
        self._access = access
        self._grants = grants
        self._tries = AttemptLimit(tickets.TRIES)
        self._all_tries = AttemptLimit(tickets.TRIES_OF_ALL)

    def register(self, router: Router) -> None:
        router.serve(CODES, self.ticket)
        router.serve(CODE_BATCHES, self.tickets)
        router.serve(WITHDRAW, self.withdraw)
        router.serve(REDEEM, self.redeem)

    def ticket(self, call: Call[CodesRequest]) -> IssuedCodes:
        """Make codes for extra minutes, for one child or any, and return them with their end.

        Only hashes are stored, so that no later response contains the codes. Raises ControlError as
        `Access.named`, for a device of no child, or if there would be more than MAX_UNUSED unused codes.
        """
        by, now = self._access.guardian(call), in_utc(self._home.local_now())
        minutes, count = call.args.minutes, call.args.count
        who, profiles = self._access.named(call)
        if parse_mac(who) is not None and not profiles[0].is_child:
            raise ControlError.of(Code.NO_CODES_FOR)
        child = None if who == ALL else profiles[0].id
        unused = sum(ticket.is_good(now) for ticket in self._stored.all())
        if unused + count > tickets.MAX_UNUSED:
            most = tickets.MAX_UNUSED
            raise ControlError.of(Code.TOO_MANY_CODES, unused=unused, most=most)
        codes = [tickets.new_code(secrets.choice) for _ in range(count)]
        clock_trusted, batch = self._home.clock_trusted, secrets.token_hex(BATCH_BYTES)
        made = [
            replace(self._made(code, minutes, child, by, now, clock_trusted=clock_trusted), batch=batch)
            for code in codes
        ]
        self._stored.add(made, origin=call.text("origin", ""))
        zone = self._home.rules.household.config.zone
        return IssuedCodes(
            codes=tuple(tickets.printed_code(code) for code in codes),
            minutes=minutes,
            until=made[0].until.astimezone(zone),
        )

    def tickets(self, _call: Call[NoValues]) -> CodeBatches:
        """Return the batches of unused codes: number, minutes, child and end, without the codes."""
        now, household = self._home.local_now(), self._home.rules.household
        zone = household.config.zone
        found = list[CodeBatch]()
        for batch in tickets.batches(self._stored.all(), now):
            child = None if batch.who is None else household.profiles.get(batch.who)
            found.append(
                CodeBatch(
                    id=batch.id,
                    count=batch.count,
                    minutes=batch.minutes,
                    who=batch.who or "",
                    name=(batch.who or "") if child is None else child.name,
                    made=batch.made.astimezone(zone),
                    until=batch.until.astimezone(zone),
                    by=batch.by,
                )
            )
        return CodeBatches(batches=tuple(found))

    def withdraw(self, call: Call[WithdrawRequest]) -> WithdrawnCodes:
        """Make the unused codes of a batch invalid. Return how many.

        Raises ControlError if there are none.
        """
        by, now = self._access.guardian(call), in_utc(self._home.local_now())
        origin = call.text("origin", "")
        count = self._stored.withdraw(call.args.batch, by=by, at=now, origin=origin)
        if not count:
            raise ControlError.of(Code.NO_GOOD_CODES)
        return WithdrawnCodes(count=count)

    @staticmethod
    def _made(
        code: str, minutes: int, child: str | None, by: str, now: datetime, *, clock_trusted: bool
    ) -> Ticket:
        salt = secrets.token_hex(SALT_BYTES)
        digest = tickets.hash_code(code, salt)
        return Ticket(salt, digest, minutes, child, now, by, now + tickets.LIFE, clock_trusted=clock_trusted)

    def redeem(self, call: Call[RedeemRequest]) -> OwnGrant:
        """Give the child the minutes of a code, and return the grant. Wrong codes delay further tries.

        Raises ControlError for a code that is wrong, used, expired or another child's, after too
        many tries, during a pause, or if no limit or schedule ever closes anything for the child.
        """
        member = self._access.child(call)
        profile, now = member.profile, self._home.local_now()
        mac, tried = parse_mac(call.text("device")) or "", loop_time(self._home)
        wait = max(self._tries.wait(mac, tried), self._all_tries.wait(ALL, tried))
        if wait:
            raise ControlError.of(Code.TOO_MANY_TRIES, minutes=in_minutes(wait))
        code = tickets.parse_code(call.args.code)
        ticket = None if code is None else tickets.find(code, self._stored.all())
        if ticket is None:
            self._tries.add(mac, tried)
            self._all_tries.add(ALL, tried)
        ticket = tickets.check(ticket, profile.id, now)
        if is_paused(member, now):
            raise ControlError.of(Code.CODE_IN_PAUSE, name=profile.name)
        giver = self._grants.giver(profile.name, GrantKind.TICKET, call.text("origin", ""))
        with self._transaction():
            extended = self._grants.give(profile.id, member, ticket.minutes, None, giver)
            self._stored.use(ticket, by=profile.id, at=in_utc(now))
        self._grants.apply((profile.id,))
        if shows_present(profile.rules.log_level):
            self._home.publish(
                "grant", profile=profile.id, grant=giver.number, by=profile.name, sentence=extended.sentence
            )
        return extended.to_own(giver)
