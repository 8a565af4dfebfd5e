"""The verbs `grant`, `revoke`, `landing` and `ledger`: extra time, and which minutes were counted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NoReturn

from gateway.control.protocol import Request
from gateway.control.router import Router
from gateway.core.errors import PolicyError
from gateway.core.reason_codes import Code
from gateway.features.accounts.access import Access
from gateway.features.time.grants import Grants, is_paused
from gateway.features.time.helper_limits import Helpers
from gateway.features.time.ledger_views import describe_entries, describe_totals, describe_used, totals
from gateway.household.context import HomeContext
from gateway.household.members import Member, Minutes
from gateway.household.rule_book import RuleBook
from gateway.policy.profile.profile import ALL, Profile
from gateway.policy.profile.rules import INTERNET, NAMES_LEVEL, PLAY, VISITS_LEVEL
from gateway.policy.time.gates import BEDTIME, WINDOW
from gateway.policy.time.standing import left
from gateway.policy.values import Reason
from gateway.store.tables.grants import Gifts, GrantKind

MAX_NUMBER = 1 << 53  # of a grant: the largest integer that is exact in JSON
MAX_GRANT = 24 * 60  # minutes of one grant
LANDING_BEFORE = timedelta(minutes=15)  # a landing is available this long before a time rule closes something
LANDING_AFTER = timedelta(hours=1)  # … and this long after: it does not open the internet at night
MINUTE = timedelta(minutes=1)

_SHARED = (BEDTIME, WINDOW + INTERNET, INTERNET, WINDOW + PLAY, PLAY)


def parse_service(request: Request, rules: RuleBook) -> str | None:
    """Return the id of the service that a request names, as ``x`` or ``service:x``. None: it names none."""
    word = request.text_or_none("service")
    if word is None:
        return None
    key = word.removeprefix("service:")
    if key not in rules.world.catalogue.services:
        problem = f"names no service: {key}; ids are in 'qalqan lists lookup HOST'"
        request.refuse("service", problem, Code.NO_SERVICE)
    return key


class TimeVerbs:
    def __init__(
        self,
        home: HomeContext,
        gifts: Gifts,
        minutes: Minutes,
        access: Access,
        grants: Grants,
        helpers: Helpers,
    ) -> None:
        self._home = home
        self._gifts = gifts
        self._minutes = minutes
        self._access = access
        self._grants = grants
        self._helpers = helpers

    def register(self, router: Router) -> None:
        router.add("grant", self.grant)
        router.add("revoke", self.revoke)
        router.add("landing", self.landing)
        router.add("ledger", self.ledger)

    def grant(self, request: Request) -> Mapping[str, object]:
        by = self._access.guardian(request)
        minutes = request.whole("minutes", least=1, most=MAX_GRANT)
        service = parse_service(request, self._home.rules)
        members = self._access.members(request)
        self._helpers.check_grant(request, (key for key, _ in members), minutes)
        giver = self._grants.giver(by, GrantKind.GRANT, request.text("origin", ""))
        given = self._grants.give_each(members, minutes, service, giver)
        self._grants.apply(extended.who for extended in given)
        last = max((extended.until for extended in given if extended.until is not None), default=None)
        until = None if last is None else last.astimezone(giver.at.tzinfo)
        for extended in given:
            self._home.publish(
                "grant", profile=extended.who, grant=giver.number, by=by, sentence=extended.sentence
            )
        self._home.publish("status", what="grant", who=request.text("who"), until=until, by=by)
        return {
            "grant": giver.number,
            "minutes": minutes,
            "until": until,
            "sentence": " ".join(extended.sentence for extended in given),
            "given": [extended.to_dict(giver.at) for extended in given],
        }

    def revoke(self, request: Request) -> Mapping[str, object]:
        """Revoke a grant by its number, or the last grant of ``who``."""
        by, now = self._access.guardian(request), self._home.local_now()
        holders = self._gifts.holders(now, self._home.rules.calendar.family_day(now))
        if request.has("who"):
            number = self._latest(request, holders)
        else:
            number = request.whole("grant", least=1, most=MAX_NUMBER)
        keys = holders.get(number)
        if keys is None:
            request.refuse("grant", "names nothing that is still in force", Code.NOT_IN_FORCE)
        self._helpers.check_revoke(request, number)
        self._helpers.before_revoke(number)
        self._gifts.take_back(number, by=by, at=now, origin=request.text("origin", ""))
        self._grants.apply(keys)
        self._home.publish("status", what="revoke", who=sorted(keys), by=by)
        return {"grant": number, "who": sorted(keys)}

    def _latest(self, request: Request, holders: Mapping[int, set[str]]) -> int:
        """Return the last grant of ``who``. For one child, a grant to all children is never that."""
        keys = {key for key, _ in self._access.members(request)}
        found = [number for number, receivers in holders.items() if receivers <= keys]
        if not found:
            problem = f"names {request.text('who')}, who has no extra time of its own now"
            request.refuse("who", problem, Code.NO_EXTRA_TIME)
        return max(found)

    def landing(self, request: Request) -> Mapping[str, object]:
        """Give the child the minutes of *Finish my game*, once a day."""
        member = self._access.child(request)
        profile, now = member.profile, self._home.local_now()
        service = parse_service(request, self._home.rules)
        most = int(profile.rules.landing.value / MINUTE)
        minutes = request.whole("minutes", least=1, most=max(1, most), default=max(1, most))
        self._check_landing(member, now, most, service)
        giver = self._grants.giver(profile.name, GrantKind.LANDING, request.text("origin", ""))
        extended = self._grants.give(profile.id, member, minutes, service, giver)
        self._grants.apply((profile.id,))
        if profile.rules.log_level >= NAMES_LEVEL:  # below it, the time of use is private
            self._home.publish("landing", profile=profile.id, name=profile.name, sentence=extended.sentence)
        return extended.to_dict(now) | {"grant": giver.number}

    def landing_due(self, member: Member, now: datetime) -> bool:
        """Whether the child can use *Finish my game* now."""
        if member.quarantined:
            return False
        most = int(member.profile.rules.landing.value / MINUTE)
        try:
            self._check_landing(member, now, most, None)
        except PolicyError:
            return False
        return bool(self._grants.extensions(member, most, None, now))

    def _check_landing(self, member: Member, now: datetime, most: int, service: str | None) -> None:
        """Raise PolicyError where the child cannot use *Finish my game* now."""
        profile = member.profile

        def refuse(problem: str, fix: str, code: Code) -> NoReturn:
            raise PolicyError(profile.name, problem, fix).coded(code, name=profile.name)

        if not most:
            refuse("has no landing", "ask for time instead", Code.NO_LANDING)
        if is_paused(member, now):
            refuse("is paused", "a landing does not open a pause", Code.LANDING_IN_PAUSE)
        if self.landing_taken(profile, now):
            refuse("has landed today already", "there is one landing a day", Code.LANDED)
        own = () if service is None else (f"{WINDOW}service:{service}", f"service:{service}")
        state = member.judge.standing(member.situation, now)
        closed = [gate for gate in (*_SHARED, *own) if gate in state.closed]
        if closed:
            if self._closed_long_ago(member, now, closed):
                fix = "a landing is for the end; ask for time instead"
                refuse("is closed for more than an hour", fix, Code.LANDING_LATE)
            return
        soon = left(profile, member.situation, self._home.rules.calendar, now, (*_SHARED, *own))
        if soon is None or soon.minutes * MINUTE > LANDING_BEFORE:
            refuse("has time for more than 15 minutes", "a landing is for the end", Code.LANDING_EARLY)

    def _closed_long_ago(self, member: Member, now: datetime, gates: list[str]) -> bool:
        """Whether the clock had closed all ``gates`` an hour ago, and no extra time ended since."""
        before = now - LANDING_AFTER
        then = member.judge.standing(member.situation, before)
        given = self._gifts.given({member.profile.id})
        if any(row.until is not None and before < row.until <= now for row in given):
            return False
        closings = [then.closed.get(gate) for gate in gates]
        return all(closing is not None and closing.reason is not Reason.OUT_OF_TIME for closing in closings)

    def landing_taken(self, profile: Profile, now: datetime) -> bool:
        """Whether the child has used *Finish my game* on this family day."""
        today = self._home.rules.calendar.family_day(now)
        given = self._gifts.given({profile.id})
        return any(row.kind is GrantKind.LANDING and row.day == today for row in given)

    def ledger(self, request: Request) -> Mapping[str, object]:
        """Return the counted minutes of a day, for the child's own device or for a guardian.

        A guardian sees single minutes from the level of names on, below it totals, and without a log nothing.
        The same applies to the gateway's command line.
        """
        level = VISITS_LEVEL
        if request.has("device"):
            profile = self._access.child(request).profile
        else:
            who, (profile, *_) = self._access.named(request)
            if who == ALL:
                request.refuse("who", "names all; name one child")
            level = profile.rules.log_level
        rules = self._home.rules
        day = request.day("day", default=rules.calendar.family_day(self._home.local_now()))
        entries = self._minutes.entries(profile.id, day)
        today = self._access.stand_in(profile).situation
        is_today = day == today.day
        by_device = self._minutes.used_on(profile.id)
        return {
            "profile": profile.id,
            "name": profile.name,
            "day": day.isoformat(),
            "used": describe_used(profile, today, rules, by_device) if is_today and level else [],
            "totals": describe_totals(today.used if is_today else totals(entries), rules) if level else [],
            **describe_entries(entries if level >= NAMES_LEVEL else (), rules),
        }
