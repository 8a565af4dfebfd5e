"""The verbs `grant`, `revoke`, `landing` and `ledger`: extra time, and where the time went."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NoReturn

from gateway.codes import Code
from gateway.control.protocol import Request, Verb
from gateway.daemon.answers import Answers, is_paused
from gateway.daemon.devices.family import Member
from gateway.daemon.verbs.helpers import Helpers
from gateway.daemon.verbs.ledgers import describe_entries, describe_totals, describe_used, totals
from gateway.daemon.verbs.whom import Whom
from gateway.errors import PolicyError
from gateway.policy.gates import BEDTIME, WINDOW
from gateway.policy.loglevels import NAMES_LEVEL, VISITS_LEVEL
from gateway.policy.profile import ALL, Profile
from gateway.policy.remaining import left
from gateway.policy.rules import INTERNET, PLAY
from gateway.policy.values import Reason
from gateway.store.given import Kind

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon

MAX_NUMBER = 1 << 53  # of what was given: as far as JSON is exact
MAX_GRANT = 24 * 60  # minutes of one grant
LANDING_BEFORE = timedelta(minutes=15)  # how soon a time rule has to shut for a landing to be due
LANDING_AFTER = timedelta(hours=1)  # how long after one has shut: what is taken in the night is no landing
MINUTE = timedelta(minutes=1)

_SHARED = (BEDTIME, WINDOW + INTERNET, INTERNET, WINDOW + PLAY, PLAY)


class TimeVerbs:
    def __init__(self, daemon: Daemon, whom: Whom, answers: Answers) -> None:
        self._daemon = daemon
        self._whom = whom
        self._answers = answers
        self._helpers = Helpers(daemon)

    def table(self) -> Mapping[str, Verb]:
        return {"grant": self.grant, "revoke": self.revoke, "landing": self.landing, "ledger": self.ledger}

    def service(self, request: Request) -> str | None:
        """A service's id, as it is or as `service:x`."""
        word = request.text_or_none("service")
        if word is None:
            return None
        key = word.removeprefix("service:")
        if key not in self._daemon.rules.world.catalogue.services:
            problem = f"names no service: {key}; ids are in 'qalqan lists lookup HOST'"
            request.refuse("service", problem, Code.NO_SERVICE)
        return key

    def grant(self, request: Request) -> Mapping[str, object]:
        by = self._whom.guardian(request)
        minutes = request.whole("minutes", least=1, most=MAX_GRANT)
        service = self.service(request)
        members = self._whom.members(request)
        self._helpers.check_grant(request, (key for key, _ in members), minutes)
        giver = self._answers.giver(by, Kind.GRANT, request.text("origin", ""))
        given, problems = [], []
        with self._daemon.store.together():
            for key, member in members:
                try:
                    given.append(self._answers.give(key, member, minutes, service, giver))
                except PolicyError as error:
                    problems.append(error)
        if not given:
            raise problems[0]
        self._answers.apply(one.who for one in given)
        ends = {one.until for one in given}
        until = max((end for end in ends if end is not None), default=None)
        told = None if until is None else until.astimezone(giver.at.tzinfo)
        text = " ".join(one.sentence for one in given)
        for one in given:
            self._daemon.control.publish(
                "grant", profile=one.who, grant=giver.number, by=by, sentence=one.sentence
            )
        self._daemon.control.publish("status", what="grant", who=request.text("who"), until=told, by=by)
        return {
            "grant": giver.number,
            "minutes": minutes,
            "until": told,
            "sentence": text,
            "given": [one.as_values(giver.at) for one in given],
        }

    def revoke(self, request: Request) -> Mapping[str, object]:
        """Take back what was given by one number, or what ``who`` was given last."""
        by, now = self._whom.guardian(request), self._daemon.local_now()
        holders = self._daemon.store.gifts.holders(now, self._daemon.rules.calendar.family_day(now))
        if request.has("who"):
            number = self._latest(request, holders)
        else:
            number = request.whole("grant", least=1, most=MAX_NUMBER)
        keys = holders.get(number)
        if keys is None:
            request.refuse("grant", "names nothing that is still in force", Code.NOT_IN_FORCE)
        self._helpers.check_revoke(request, number)
        self._helpers.taken_back(number)
        self._daemon.store.gifts.take_back(number, by=by, at=now, origin=request.text("origin", ""))
        self._answers.apply(keys)
        self._daemon.control.publish("status", what="revoke", who=sorted(keys), by=by)
        return {"grant": number, "who": sorted(keys)}

    def _latest(self, request: Request, holders: Mapping[int, set[str]]) -> int:
        """What ``who`` was given last. For one child that is never what was given to all."""
        keys = {key for key, _ in self._whom.members(request)}
        found = [number for number, whose in holders.items() if whose <= keys]
        if not found:
            problem = f"names {request.text('who')}, who has no extra time of its own now"
            request.refuse("who", problem, Code.NO_EXTRA_TIME)
        return max(found)

    def landing(self, request: Request) -> Mapping[str, object]:
        member = self._whom.child(request)
        profile, now = member.profile, self._daemon.local_now()
        service = self.service(request)
        most = int(profile.rules.landing.value / MINUTE)
        minutes = request.whole("minutes", least=1, most=max(1, most), default=max(1, most))
        self._check_landing(member, now, most, service)
        giver = self._answers.giver(profile.name, Kind.LANDING, request.text("origin", ""))
        done = self._answers.give(profile.id, member, minutes, service, giver)
        self._answers.apply((profile.id,))
        if profile.rules.log_level >= NAMES_LEVEL:  # when it was is a detail
            self._daemon.control.publish(
                "landing", profile=profile.id, name=profile.name, sentence=done.sentence
            )
        return done.as_values(now) | {"grant": giver.number}

    def landing_due(self, member: Member, now: datetime) -> bool:
        """Whether the child may take it right now."""
        if member.quarantined:
            return False
        most = int(member.profile.rules.landing.value / MINUTE)
        try:
            self._check_landing(member, now, most, None)
        except PolicyError:
            return False
        return bool(self._answers.extensions(member, most, None, now))

    def _check_landing(self, member: Member, now: datetime, most: int, service: str | None) -> None:
        """Raises PolicyError where a landing is not due."""
        profile = member.profile

        def refuse(problem: str, mend: str, code: Code) -> NoReturn:
            raise PolicyError(profile.name, problem, mend).coded(code, name=profile.name)

        if not most:
            refuse("has no landing", "ask for time instead", Code.NO_LANDING)
        if is_paused(member, now):
            refuse("is paused", "a landing does not open a pause", Code.LANDING_IN_PAUSE)
        if self.landing_taken(profile, now):
            refuse("has landed today already", "there is one landing a day", Code.LANDED)
        own = () if service is None else (f"{WINDOW}service:{service}", f"service:{service}")
        state = member.judge.standing(member.situation, now)
        shut = [gate for gate in (*_SHARED, *own) if gate in state.closed]
        if shut:
            if self._shut_long_ago(member, now, shut):
                mend = "a landing is for the end; ask for time instead"
                refuse("is closed for more than an hour", mend, Code.LANDING_LATE)
            return
        soon = left(profile, member.situation, self._daemon.rules.calendar, now, (*_SHARED, *own))
        if soon is None or soon.minutes * MINUTE > LANDING_BEFORE:
            refuse("has time for more than 15 minutes", "a landing is for the end", Code.LANDING_EARLY)

    def _shut_long_ago(self, member: Member, now: datetime, shut: list[str]) -> bool:
        """Whether time rules of the clock had shut all that an hour ago, and no extra time ended since."""
        before = now - LANDING_AFTER
        then = member.judge.standing(member.situation, before)
        given = self._daemon.store.gifts.given({member.profile.id})
        if any(one.until is not None and before < one.until <= now for one in given):
            return False
        closings = [then.closed.get(gate) for gate in shut]
        return all(one is not None and one.reason is not Reason.OUT_OF_TIME for one in closings)

    def landing_taken(self, profile: Profile, now: datetime) -> bool:
        today = self._daemon.rules.calendar.family_day(now)
        given = self._daemon.store.gifts.given({profile.id})
        return any(one.kind is Kind.LANDING and one.day == today for one in given)

    def ledger(self, request: Request) -> Mapping[str, object]:
        """Where a child's time went: of one's own device, or as a guardian sees it.

        A guardian is told which minutes, and for what, where the log level has names; below that how much,
        and without a log nothing: the rest is the child's own, also on the gateway's console.
        """
        level = VISITS_LEVEL
        if request.has("device"):
            profile = self._whom.child(request).profile
        else:
            who, (profile, *_) = self._whom.named(request)
            if who == ALL:
                request.refuse("who", "names all; name one child")
            level = profile.rules.log_level
        now = self._daemon.local_now()
        day = request.day("day", default=self._daemon.rules.calendar.family_day(now))
        entries = self._daemon.family.minutes.entries(profile.id, day)
        today = self._whom.stand_in(profile).situation
        rules, is_today = self._daemon.rules, day == today.day
        by_device = self._daemon.family.minutes.used_on(profile.id)
        return {
            "profile": profile.id,
            "name": profile.name,
            "day": day.isoformat(),
            "used": describe_used(profile, today, rules, by_device) if is_today and level else [],
            "totals": describe_totals(today.used if is_today else totals(entries), rules) if level else [],
            **describe_entries(entries if level >= NAMES_LEVEL else (), rules),
        }
