"""The verbs `grant`, `revoke`, `landing` (*Finish my game*) and `ledger` (which minutes were counted)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from gateway.control.contract.time import (
    GRANT,
    LANDING,
    LEDGER,
    REVOKE,
    GrantRequest,
    GrantResult,
    LandingRequest,
    LedgerRequest,
    LedgerResponse,
    OwnGrant,
    RevokeRequest,
    RevokeResult,
)
from gateway.control.protocol import Call
from gateway.control.router import Router
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.features.accounts.access import Access
from gateway.features.time.grants import Grants, is_paused
from gateway.features.time.helper_limits import Helpers
from gateway.features.time.ledger_views import describe_used, ledger_minutes, limit_totals, totals
from gateway.household.context import HomeContext
from gateway.household.members import Member, MinuteLedgers
from gateway.household.rule_book import RuleBook
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import ALL, KINDS_LEVEL, NAMES_LEVEL, VISITS_LEVEL, shows_present
from gateway.policy.time.gates import DEVICE_WIDE, PLAY_WIDE, own_gates
from gateway.policy.values import Reason
from gateway.store.tables.grants import GrantKind, GrantTable

# *Finish my game* (landing) is available this long before a limit or schedule closes something,
LANDING_BEFORE = timedelta(minutes=15)
# and this long after a schedule has closed it: it must not open the internet at night.
LANDING_AFTER = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def parse_service(word: str | None, rules: RuleBook) -> str | None:
    """Return the id of the service in ``word``, which is ``x`` or ``service:x``; None if ``word`` is None.

    Raises ControlError for an unknown service.
    """
    if word is None:
        return None
    key = word.removeprefix("service:")
    if key not in rules.world.catalogue.services:
        raise ControlError.of(Code.NO_SERVICE)
    return key


class TimeVerbs:
    """Control-socket verbs that give and revoke extra time, and return the counted minutes.

    One of them gives the minutes of *Finish my game* to a child.
    """

    def __init__(
        self,
        home: HomeContext,
        table: GrantTable,
        minutes: MinuteLedgers,
        access: Access,
        grants: Grants,
        helpers: Helpers,
    ) -> None:
        self._home = home
        self._table = table
        self._minutes = minutes
        self._access = access
        self._grants = grants
        self._helpers = helpers

    def register(self, router: Router) -> None:
        router.serve(GRANT, self.grant)
        router.serve(REVOKE, self.revoke)
        router.serve(LANDING, self.landing)
        router.serve(LEDGER, self.ledger)

    def grant(self, call: Call[GrantRequest]) -> GrantResult:
        by, minutes = self._access.guardian(call), call.args.minutes
        service = parse_service(call.args.service, self._home.rules)
        members = self._access.members(call)
        self._helpers.check_grant(call, (key for key, _ in members), minutes)
        giver = self._grants.giver(by, GrantKind.GRANT, call.text("origin", ""))
        given = self._grants.give_each(members, minutes, service, giver)
        self._grants.apply(extended.who for extended in given)
        last = max((extended.until for extended in given if extended.until is not None), default=None)
        until = None if last is None else last.astimezone(giver.at.tzinfo)
        for extended in given:
            self._home.publish(
                "grant", profile=extended.who, grant=giver.number, by=by, sentence=extended.sentence
            )
        self._home.publish("status", what="grant", who=call.text("who"), until=until, by=by)
        return GrantResult(
            grant=giver.number,
            minutes=minutes,
            until=until,
            sentence=" ".join(extended.sentence for extended in given),
            given=tuple(extended.to_person(giver.at) for extended in given),
        )

    def revoke(self, call: Call[RevokeRequest]) -> RevokeResult:
        """End a grant of extra time or an opened site, and publish this.

        The request names it by its number (``grant``), or ``who`` for the last one of a person or device.
        Raises ControlError if it is no longer in force, or if a helper may not end it.
        """
        by, now = self._access.guardian(call), self._home.local_now()
        holders = self._table.holders(now, self._home.rules.calendar.family_day(now))
        number = self._latest(call, holders) if call.has("who") else call.args.grant
        if number is None:
            call.refuse("grant", "is missing")
        keys = holders.get(number)
        if keys is None:
            raise ControlError.of(Code.NOT_IN_FORCE)
        self._helpers.check_revoke(call, number)
        self._helpers.before_revoke(number)
        self._table.take_back(number, by=by, at=now, origin=call.text("origin", ""))
        self._grants.apply(keys)
        self._home.publish("status", what="revoke", who=sorted(keys), by=by)
        return RevokeResult(grant=number, who=tuple(sorted(keys)))

    def _latest(self, call: Call[RevokeRequest], holders: Mapping[int, set[str]]) -> int:
        """Return the number of the last grant to ``who``. Grants to more people than ``who`` do not count.

        Raises ControlError if there is none.
        """
        keys = {key for key, _ in self._access.members(call)}
        found = [number for number, receivers in holders.items() if receivers <= keys]
        if not found:
            raise ControlError.of(Code.NO_EXTRA_TIME)
        return max(found)

    def landing(self, call: Call[LandingRequest]) -> OwnGrant:
        """Give the child the minutes of *Finish my game*, once a day, around the end of its time.

        The request comes from the child's own device. Returns the grant. Raises GatewayError for an invalid
        request, or if the minutes are not available now.
        """
        member = self._access.child(call)
        profile, now = member.profile, self._home.local_now()
        service = parse_service(call.args.service, self._home.rules)
        most = int(profile.rules.landing.value / MINUTE)
        minutes = call.args.minutes or max(1, most)
        if minutes > max(1, most):
            call.refuse("minutes", f"must be a whole number from 1 to {max(1, most)}")
        self._check_landing(member, now, most, service)
        giver = self._grants.giver(profile.name, GrantKind.LANDING, call.text("origin", ""))
        extended = self._grants.give(profile.id, member, minutes, service, giver)
        self._grants.apply((profile.id,))
        if shows_present(profile.rules.log_level):
            self._home.publish("landing", profile=profile.id, name=profile.name, sentence=extended.sentence)
        return extended.to_own(giver)

    def landing_due(self, member: Member, now: datetime) -> bool:
        """Return whether the child can use *Finish my game* now and it would extend something."""
        if member.quarantined:
            return False
        most = int(member.profile.rules.landing.value / MINUTE)
        try:
            self._check_landing(member, now, most, None)
        except ControlError:
            return False
        return bool(self._grants.extensions(member, most, None, now))

    def _check_landing(self, member: Member, now: datetime, most: int, service: str | None) -> None:
        """Raise ControlError if the child cannot use *Finish my game* now.

        ``most``: the minutes that it has.
        """
        profile = member.profile
        if not most:
            raise ControlError.of(Code.NO_LANDING, name=profile.name)
        if is_paused(member, now):
            raise ControlError.of(Code.LANDING_IN_PAUSE, name=profile.name)
        if self.landing_taken(profile, now):
            raise ControlError.of(Code.LANDED, name=profile.name)
        own = () if service is None else own_gates(f"service:{service}")
        state = member.judge.standing(member.situation, now)
        closed = [gate for gate in (*DEVICE_WIDE, *PLAY_WIDE, *own) if gate in state.closed]
        if closed:
            if self._closed_long_ago(member, now, closed):
                raise ControlError.of(Code.LANDING_LATE, name=profile.name)
            return
        soon = member.judge.left((*DEVICE_WIDE, *PLAY_WIDE, *own), member.situation, now)
        if soon is None or soon.minutes * MINUTE > LANDING_BEFORE:
            raise ControlError.of(Code.LANDING_EARLY, name=profile.name)

    def _closed_long_ago(self, member: Member, now: datetime, gates: list[str]) -> bool:
        """Return whether schedules, not used-up limits, had closed all ``gates`` LANDING_AFTER ago.

        False if extra time ended since then. ``gates``: keys of limits and schedules.
        """
        before = now - LANDING_AFTER
        then = member.judge.standing(member.situation, before)
        given = self._table.given({member.profile.id})
        if any(row.until is not None and before < row.until <= now for row in given):
            return False
        closings = [then.closed.get(gate) for gate in gates]
        return all(closing is not None and closing.reason is not Reason.OUT_OF_TIME for closing in closings)

    def landing_taken(self, profile: Profile, now: datetime) -> bool:
        """Return whether the child has used *Finish my game* today."""
        today = self._home.rules.calendar.family_day(now)
        given = self._table.given({profile.id})
        return any(row.kind is GrantKind.LANDING and row.day == today for row in given)

    def ledger(self, call: Call[LedgerRequest]) -> LedgerResponse:
        """Return the counted minutes of a day, for the child's own device or for a guardian.

        A child sees all. A guardian sees single minutes from NAMES_LEVEL on, below it totals of days that are
        over, and without a log nothing. The same applies to the gateway's command line. Raises ControlError
        as `Access.named`, or if ``who`` is ``all``.
        """
        level = VISITS_LEVEL
        if call.has("device"):
            profile = self._access.child(call).profile
        else:
            who, (profile, *_) = self._access.named(call)
            if who == ALL:
                call.refuse("who", "names all; name one child")
            level = profile.rules.log_level
        rules = self._home.rules
        day = call.args.day or rules.calendar.family_day(self._home.local_now())
        entries = self._minutes.entries(profile.id, day)
        today = self._access.stand_in(profile).situation
        is_today = day == today.day
        by_device = self._minutes.used_on(profile.id)
        minutes, left_off = ledger_minutes(entries if level >= NAMES_LEVEL else (), rules)
        shown = shows_present(level) if is_today else level >= KINDS_LEVEL
        return LedgerResponse(
            profile=profile.id,
            name=profile.name,
            day=day,
            used=describe_used(profile, today, rules, by_device) if is_today and shown else (),
            totals=limit_totals(today.used if is_today else totals(entries), rules) if shown else (),
            minutes=minutes,
            left_off=left_off,
        )
