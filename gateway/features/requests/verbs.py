"""The verbs `request`, `answer` and `requests`: a child asks for time or for a site, a guardian answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice

from gateway.control.protocol import Request
from gateway.control.router import Router
from gateway.core.errors import PolicyError
from gateway.core.reason_codes import Code
from gateway.features.accounts.access import Access
from gateway.features.requests.disputes import disputed
from gateway.features.requests.views import AskedValues
from gateway.features.time.grants import Giver, Grants, is_paused, with_grant
from gateway.features.time.verbs import parse_service
from gateway.household.context import HomeContext
from gateway.household.editing import Author, Editing
from gateway.household.members import Member, Minutes
from gateway.lists.public_suffixes import lazy_public_suffix_check
from gateway.policy.judge.decide import REFUSED_FOR_EVERYONE
from gateway.policy.judge.why import parse_host
from gateway.policy.names.hosts import site_of
from gateway.policy.requests import requests
from gateway.policy.requests.requests import Answer, ChildRequest, RequestState, RequestTopic
from gateway.policy.time.clock_changes import Kind as Span
from gateway.policy.time.clock_changes import later
from gateway.policy.time.grant_messages import (
    ENGLISH,
    asked_sentence,
    check_askable,
    opened_sentence,
    outcome,
    thing_name,
)
from gateway.store.tables.grants import GrantKind, in_utc
from gateway.store.tables.requests import Requests

MAX_LISTED = 100  # requests in one answer
SERVICE = "service:"


class RequestVerbs:
    """``transaction``: what is stored inside of it reaches the disk as a whole."""

    def __init__(
        self,
        home: HomeContext,
        stored: Requests,
        transaction: Callable[[], AbstractContextManager[None]],
        minutes: Minutes,
        access: Access,
        grants: Grants,
        editing: Editing,
        values: AskedValues,
    ) -> None:
        self._home = home
        self._stored = stored
        self._transaction = transaction
        self._minutes = minutes
        self._access = access
        self._grants = grants
        self._editing = editing
        self._values = values

    def register(self, router: Router) -> None:
        router.add("request", self.request)
        router.add("answer", self.answer)
        router.add("requests", self.requests)

    def request(self, request: Request) -> Mapping[str, object]:
        """Store what a child asks for, or grant it where the rules allow so many minutes a day."""
        member = self._access.child(request)
        new = self._parse(request, member)
        calendar, name = self._home.rules.calendar, member.profile.name
        asked = requests.asked(self._stored.all(), new, calendar, calendar.family_day(new.at))
        granted = self._grant_automatically(asked, member) if asked.topic is RequestTopic.TIME else None
        if granted is not None:
            asked, text = granted
        else:
            text = asked_sentence(asked, name, self._home.rules.names)
            what, origin = self._values.audited(asked, "request"), request.text("origin", "")
            self._stored.put(asked, by=name, what=what, at=new.at, origin=origin)
            self._grants.set_timer()
        event = self._values.asked(asked, name, text)
        if event is not None:
            self._home.publish("request", **event)
        return {"request": self._values.whole(asked), "state": asked.state, "sentence": text}

    def _parse(self, request: Request, member: Member) -> ChildRequest:
        if request.has("site"):
            return self._parse_site(request, member)
        if request.has("since"):
            since, gates, minutes = disputed(request, self._home.rules, self._minutes, member.profile.id)
            new = self._new(request, member, RequestTopic.LEDGER, " ".join(gates), minutes)
            return replace(new, since=in_utc(since))
        return self._parse_time(request, member)

    def _new(
        self, request: Request, member: Member, topic: RequestTopic, thing: str, minutes: int
    ) -> ChildRequest:
        now = self._home.local_now()
        return ChildRequest(
            id=0,
            who=member.profile.id,
            device=member.macs[0] if len(member.macs) == 1 else request.text("device"),
            topic=topic,
            thing=thing,
            minutes=minutes,
            reason=request.text("reason", ""),
            at=in_utc(now),
            expires=in_utc(requests.expires(topic, now, self._home.rules.calendar)),
            sure=self._home.clock_trusted,
        )

    def _parse_time(self, request: Request, member: Member) -> ChildRequest:
        minutes = request.whole("minutes", least=1, most=requests.MAX_MINUTES)
        service = parse_service(request, self._home.rules)
        if not self._grants.extensions(member, minutes, service, self._home.local_now()):
            name = member.profile.name
            error = PolicyError(name, "has no time that comes to an end", "there is nothing to ask for")
            raise error.coded(Code.NOTHING_TO_ASK, name=name)
        return self._new(request, member, RequestTopic.TIME, service or "", minutes)

    def _parse_site(self, request: Request, member: Member) -> ChildRequest:
        word = request.text("site")
        profile, world = member.profile, self._home.rules.world
        if word.startswith(SERVICE):
            service = world.catalogue.services.get(word.removeprefix(SERVICE))
            if service is None:
                request.refuse("site", f"names no service: {word}", Code.NO_SERVICE)
            hosts, entry = list(service.domains), word
        else:
            host = parse_host(word)
            hosts, entry = [host], self._entry(host)
        host = hosts[0].removeprefix("=")
        decision = outcome(host, profile, world) if profile.filtered else None
        if decision is None:
            error = PolicyError(host, f"is not refused for {profile.name}", "nothing is filtered there")
            raise error.coded(Code.NOT_REFUSED, host=host, name=profile.name)
        now = self._home.local_now()
        if decision is not REFUSED_FOR_EVERYONE:
            open_until = dict(member.situation.allowed).get(entry)
            if open_until is not None and now < open_until:
                name = thing_name(entry, self._home.rules.names)
                raise PolicyError(name, "is open now", "try it").coded(Code.OPEN_NOW, name=name)
        check_askable(host, decision, profile.name)
        return self._new(request, member, RequestTopic.SITE, entry, 0)

    def _entry(self, host: str) -> str:
        """Return the service that a host belongs to, else its site."""
        services = self._home.rules.world.catalogue.services_of(host)
        return f"{SERVICE}{services[0]}" if len(services) == 1 else site_of(host, lazy_public_suffix_check())

    def _grant_automatically(self, asked: ChildRequest, member: Member) -> tuple[ChildRequest, str] | None:
        """Grant the request within the minutes a day that need no answer of a guardian.

        Returns the granted request and a sentence; None where a guardian has to answer.
        """
        now, calendar = self._home.local_now(), self._home.rules.calendar
        today = calendar.family_day(now)
        used = sum(
            other.given
            for other in self._stored.all()
            if other.who == asked.who
            and other.state is RequestState.AUTO
            and calendar.family_day(other.at) == today
        )
        amount = member.profile.rules.auto_approve.value
        if is_paused(member, now) or not requests.is_within(amount, used, asked.minutes):
            return None
        giver = self._grants.giver(member.profile.name, GrantKind.AUTO)
        with self._transaction():
            extended = self._grants.give(asked.who, member, asked.minutes, asked.thing or None, giver)
            granted = with_grant(requests.auto_granted(asked, in_utc(now)), giver)
            what = self._values.audited(granted, "request auto")
            self._stored.put(granted, by=member.profile.name, what=what, at=now)
        self._grants.apply((granted.who,))
        return granted, extended.sentence

    def answer(self, request: Request) -> Mapping[str, object]:
        by = self._access.guardian(request)
        number = request.whole("id", least=1, most=1 << 31)
        answer = Answer(request.choice("answer", [answer.value for answer in Answer]))
        before = self._stored.get(number)
        if before is None:
            request.refuse("id", f"names no request: {number}; see: qalqan request list", Code.NO_REQUEST)
        most = requests.MAX_MINUTES
        minutes = request.whole("minutes", least=1, most=most) if request.has("minutes") else None
        because = request.text("because", "")
        now = self._home.local_now()
        answered = requests.answered(before, answer, by=by, now=in_utc(now), because=because, minutes=minutes)
        giver = self._grants.giver(by, GrantKind.REQUEST, request.text("origin", ""))
        answered, text, until = self._carry_out(answered, giver)
        self._home.publish("answer", **self._values.answered(answered, text))
        return {
            "request": self._values.to_guardians(answered) or {"id": answered.id},
            "grant": answered.grant,
            "until": None if until is None else until.astimezone(now.tzinfo),
            "sentence": text,
        }

    def _carry_out(self, answered: ChildRequest, giver: Giver) -> tuple[ChildRequest, str, datetime | None]:
        """Carry out an answer, and store both in one transaction.

        Returns the request with the number of its grant, a sentence, and until when the answer applies.
        """
        member = self._access.stand_in(self._home.rules.profile(answered.who))
        if answered.answer is Answer.ALWAYS:
            author = Author(giver.by, giver.at, answered.because)
            self._editing.edit(member.profile.id, {f"allow/{answered.thing}": True}, author)
        with self._transaction():
            text, until = self._effect(answered, member, giver)
            if answered.answer not in (Answer.NO, Answer.ALWAYS):
                answered = with_grant(answered, giver)
            self._stored.put(answered, by=giver.by, what="answer", at=giver.at, origin=giver.origin)
        if answered.answer is Answer.NO:
            self._grants.set_timer()
        else:
            self._grants.apply((answered.who,))
        return answered, text, until

    def _effect(self, answered: ChildRequest, member: Member, giver: Giver) -> tuple[str, datetime | None]:
        profile, rules = member.profile, self._home.rules
        if answered.answer is Answer.NO:
            return ENGLISH["no"].format(name=profile.name), None
        if answered.topic is RequestTopic.TIME:
            extended = self._grants.give(profile.id, member, answered.given, answered.thing or None, giver)
            return extended.sentence, extended.until
        if answered.topic is RequestTopic.LEDGER:
            gates = answered.thing.split()
            extended = self._grants.give_back(profile.id, member, answered.given, gates, giver)
            return extended.sentence, extended.until
        if answered.answer is Answer.ALWAYS:
            return opened_sentence(profile.name, answered.thing, None, giver.at, rules.names), None
        until, span = later(giver.at, timedelta(minutes=answered.given)), Span.LASTING
        if answered.answer is Answer.TODAY:
            until, span = rules.calendar.day_end(giver.at), Span.OF_DAY
        return self._grants.open(profile.id, profile.name, answered.thing, until, span, giver), until

    def requests(self, request: Request) -> Mapping[str, object]:
        """Return requests, newest first.

        With ``device`` those of its child, all of each. Without it as guardians may see them: requests that
        wait in full, others by the log level.
        """
        found, describe = list(reversed(self._stored.all())), self._values.to_guardians
        if request.has("device"):
            describe = self._values.whole
            who = self._access.child(request).profile.id
            found = [stored for stored in found if stored.who == who]
        elif request.has("profile"):
            who = self._home.rules.profile(request.text("profile")).id
            found = [stored for stored in found if stored.who == who]
        if request.values.get("pending") is True:
            found = [stored for stored in found if stored.waits]
        described = (values for values in map(describe, found) if values is not None)
        return {"requests": list(islice(described, MAX_LISTED))}
