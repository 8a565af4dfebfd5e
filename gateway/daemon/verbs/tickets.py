"""The verbs `ticket`, `tickets`, `withdraw` and `redeem`: minutes on paper, by a guardian, for a child."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gateway.codes import Code
from gateway.control.protocol import Request, Verb
from gateway.daemon.answers import Answers, is_paused
from gateway.daemon.verbs.whom import Whom
from gateway.errors import PolicyError
from gateway.policy import tickets
from gateway.policy.loglevels import NAMES_LEVEL
from gateway.policy.macs import parse_mac
from gateway.policy.profile import ALL
from gateway.policy.tickets import Ticket, Tries
from gateway.store.given import Kind, in_utc

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon

MAX_DEVICES = 256  # whose wrong tries are remembered; the one that tried longest ago gives way
SALT_BYTES = 8
BATCH_BYTES = 4


class TicketVerbs:
    def __init__(self, daemon: Daemon, whom: Whom, answers: Answers) -> None:
        self._daemon = daemon
        self._whom = whom
        self._answers = answers
        self._tries: OrderedDict[str, Tries] = OrderedDict()
        self._all_tries = Tries(tickets.TRIES_OF_ALL)

    def table(self) -> Mapping[str, Verb]:
        return {
            "ticket": self.ticket,
            "tickets": self.tickets,
            "withdraw": self.withdraw,
            "redeem": self.redeem,
        }

    def ticket(self, request: Request) -> Mapping[str, object]:
        """The only time that the codes are told."""
        by, now = self._whom.guardian(request), in_utc(self._daemon.local_now())
        minutes = request.whole("minutes", least=1, most=tickets.MAX_MINUTES)
        count = request.whole("count", least=1, most=tickets.MAX_AT_ONCE, default=1)
        who, profiles = self._whom.named(request)
        if parse_mac(who) is not None and not profiles[0].is_child:
            problem = "names a device that is no child's; codes are for children"
            request.refuse("who", problem, Code.NO_CODES_FOR)
        whose = None if who == ALL else profiles[0].id
        store = self._daemon.store.tickets
        unused = sum(one.is_good(now) for one in store.all())
        if unused + count > tickets.MAX_UNUSED:
            most = tickets.MAX_UNUSED
            problem = f"is too many: {unused} codes are good already, of {most}"
            request.refuse("count", problem, Code.TOO_MANY_CODES, unused=unused, most=most)
        codes = [tickets.new_code(secrets.choice) for _ in range(count)]
        sure, batch = self._daemon.watch.known, secrets.token_hex(BATCH_BYTES)
        made = [replace(self._made(code, minutes, whose, by, now, sure=sure), batch=batch) for code in codes]
        store.add(made, origin=request.text("origin", ""))
        zone = self._daemon.rules.household.config.zone
        return {
            "codes": [tickets.shown(one) for one in codes],
            "minutes": minutes,
            "until": made[0].until.astimezone(zone),
        }

    def tickets(self, _request: Request) -> Mapping[str, object]:
        """What is unused, without the codes."""
        now, household = self._daemon.local_now(), self._daemon.rules.household
        zone = household.config.zone
        found = []
        for one in tickets.batches(self._daemon.store.tickets.all(), now):
            child = None if one.who is None else household.profiles.get(one.who)
            found.append(
                {
                    "id": one.id,
                    "count": one.count,
                    "minutes": one.minutes,
                    "who": one.who,
                    "name": one.who if child is None else child.name,
                    "made": one.made.astimezone(zone),
                    "until": one.until.astimezone(zone),
                    "by": one.by,
                }
            )
        return {"batches": found}

    def withdraw(self, request: Request) -> Mapping[str, object]:
        by, now = self._whom.guardian(request), in_utc(self._daemon.local_now())
        origin = request.text("origin", "")
        count = self._daemon.store.tickets.withdraw(request.text("batch"), by=by, at=now, origin=origin)
        if not count:
            request.refuse("batch", "names no codes that are good", Code.NO_GOOD_CODES)
        return {"count": count}

    @staticmethod
    def _made(code: str, minutes: int, whose: str | None, by: str, now: datetime, *, sure: bool) -> Ticket:
        salt = secrets.token_hex(SALT_BYTES)
        digest = tickets.hashed(code, salt)
        return Ticket(salt, digest, minutes, whose, now, by, now + tickets.LIFE, sure=sure)

    def redeem(self, request: Request) -> Mapping[str, object]:
        member = self._whom.child(request)
        profile, now = member.profile, self._daemon.local_now()
        tries = self._tries_of(parse_mac(request.text("device")) or "")
        tried = datetime.fromtimestamp(self._daemon.loop.now(), UTC)  # which no jump of the clock moves
        wait = max(tries.wait(tried), self._all_tries.wait(tried))
        if wait:
            minutes = max(1, -(-int(wait.total_seconds()) // 60))
            where, problem = "this device", "has tried too many wrong codes"
            error = PolicyError(where, problem, f"try again in {minutes} minutes")
            raise error.coded(Code.TOO_MANY_TRIES, minutes=minutes)
        code = tickets.typed(request.text("code"))
        ticket = None if code is None else tickets.find(code, self._daemon.store.tickets.all())
        if ticket is None:
            tries.add(tried)
            self._all_tries.add(tried)
        ticket = tickets.check(ticket, profile.id, now)
        if is_paused(member, now):
            error = PolicyError(profile.name, "is paused", "the code stays good: enter it later")
            raise error.coded(Code.CODE_IN_PAUSE, name=profile.name)
        giver = self._answers.giver(profile.name, Kind.TICKET, request.text("origin", ""))
        with self._daemon.store.together():
            done = self._answers.give(profile.id, member, ticket.minutes, None, giver)
            self._daemon.store.tickets.use(ticket, by=profile.id, at=in_utc(now))
        self._answers.apply((profile.id,))
        if profile.rules.log_level >= NAMES_LEVEL:  # when it was is a detail
            self._daemon.control.publish(
                "grant", profile=profile.id, grant=giver.number, by=profile.name, sentence=done.sentence
            )
        return done.as_values(now) | {"grant": giver.number}

    def _tries_of(self, mac: str) -> Tries:
        tries = self._tries.setdefault(mac, Tries(tickets.TRIES))
        self._tries.move_to_end(mac)
        if len(self._tries) > MAX_DEVICES:
            self._tries.popitem(last=False)
        return tries
