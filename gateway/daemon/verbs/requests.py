"""The verbs `request`, `answer` and `requests`: a child asks for time or for a site, a guardian answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from gateway.codes import Code
from gateway.control.protocol import Request, Verb
from gateway.daemon.answers import Answers, Giver, is_paused, with_grant
from gateway.daemon.devices.family import Member
from gateway.daemon.files.editing import Author, Editing
from gateway.daemon.verbs.askedvalues import AskedValues
from gateway.daemon.verbs.disputes import disputed
from gateway.daemon.verbs.time import TimeVerbs
from gateway.daemon.verbs.whom import Whom
from gateway.errors import PolicyError
from gateway.policy import requests
from gateway.policy.decide import REFUSED_FOR_EVERYONE
from gateway.policy.entries import site_of
from gateway.policy.gifts import (
    ENGLISH,
    asked_sentence,
    check_askable,
    opened_sentence,
    outcome,
    thing_name,
)
from gateway.policy.jumps import Kind as Span
from gateway.policy.requests import Answer, ChildRequest, State, Topic
from gateway.policy.wallclock import later
from gateway.policy.why import parse_host
from gateway.store.given import Kind, in_utc
from gateway.suffixes import suffixes_when_asked

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon

MAX_LISTED = 100  # requests of one answer
SERVICE = "service:"


class RequestVerbs:
    def __init__(
        self, daemon: Daemon, whom: Whom, answers: Answers, time: TimeVerbs, editing: Editing
    ) -> None:
        self._daemon, self._values = daemon, AskedValues(daemon)
        self._editing = editing
        self._whom = whom
        self._answers = answers
        self._time = time

    def table(self) -> Mapping[str, Verb]:
        return {"request": self.request, "answer": self.answer, "requests": self.requests}

    def request(self, request: Request) -> Mapping[str, object]:
        member = self._whom.child(request)
        new = self._new_one(request, member)
        calendar = self._daemon.rules.calendar
        one = requests.asked(self._daemon.store.requests.all(), new, calendar, calendar.family_day(new.at))
        told = self._granted_by_itself(one, member) if one.topic is Topic.TIME else None
        if told is not None:
            one, text = told
        else:
            text = asked_sentence(one, member.profile.name, self._daemon.rules.names)
            by = member.profile.name
            self._daemon.store.requests.put(
                one,
                by=by,
                what=self._values.audited(one, "request"),
                at=new.at,
                origin=request.text("origin", ""),
            )
            self._answers.wait()
        event = self._values.asked(one, member.profile.name, text)
        if event is not None:
            self._daemon.control.publish("request", **event)
        return {"request": self._values.whole(one), "state": one.state, "sentence": text}

    def _new_one(self, request: Request, member: Member) -> ChildRequest:
        if request.has("site"):
            return self._site(request, member)
        if request.has("since"):
            since, gates, minutes = disputed(request, self._daemon, member)
            one = self._new(request, member, Topic.LEDGER, " ".join(gates), minutes)
            return replace(one, since=in_utc(since))
        return self._some_time(request, member)

    def _new(self, request: Request, member: Member, topic: Topic, thing: str, minutes: int) -> ChildRequest:
        now = self._daemon.local_now()
        return ChildRequest(
            id=0,
            who=member.profile.id,
            device=member.macs[0] if len(member.macs) == 1 else request.text("device"),
            topic=topic,
            thing=thing,
            minutes=minutes,
            reason=request.text("reason", ""),
            at=in_utc(now),
            expires=in_utc(requests.expires(topic, now, self._daemon.rules.calendar)),
            sure=self._daemon.watch.known,
        )

    def _some_time(self, request: Request, member: Member) -> ChildRequest:
        minutes = request.whole("minutes", least=1, most=requests.MAX_MINUTES)
        service = self._time.service(request)
        if not self._answers.extensions(member, minutes, service, self._daemon.local_now()):
            name = member.profile.name
            error = PolicyError(name, "has no time that comes to an end", "there is nothing to ask for")
            raise error.coded(Code.NOTHING_TO_ASK, name=name)
        return self._new(request, member, Topic.TIME, service or "", minutes)

    def _site(self, request: Request, member: Member) -> ChildRequest:
        word = request.text("site")
        profile, world = member.profile, self._daemon.rules.world
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
        now = self._daemon.local_now()
        if decision is not REFUSED_FOR_EVERYONE:
            open_now = dict(member.situation.allowed).get(entry)
            if open_now is not None and now < open_now:
                name = thing_name(entry, self._daemon.rules.names)
                raise PolicyError(name, "is open now", "try it").coded(Code.OPEN_NOW, name=name)
        check_askable(host, decision, profile.name)
        return self._new(request, member, Topic.SITE, entry, 0)

    def _entry(self, host: str) -> str:
        """The service that a host belongs to, else the site."""
        services = self._daemon.rules.world.catalogue.services_of(host)
        return f"{SERVICE}{services[0]}" if len(services) == 1 else site_of(host, suffixes_when_asked())

    def _granted_by_itself(self, one: ChildRequest, member: Member) -> tuple[ChildRequest, str] | None:
        """The request as it is granted within the daily amount, and what that did; None: somebody has to."""
        now, calendar = self._daemon.local_now(), self._daemon.rules.calendar
        today = calendar.family_day(now)
        known = self._daemon.store.requests.all()
        gone = sum(
            other.given
            for other in known
            if other.who == one.who and other.state is State.AUTO and calendar.family_day(other.at) == today
        )
        amount = member.profile.rules.auto_approve.value
        if is_paused(member, now) or not requests.is_within(amount, gone, one.minutes):
            return None
        giver = self._answers.giver(member.profile.name, Kind.AUTO)
        with self._daemon.store.together():
            done = self._answers.give(one.who, member, one.minutes, one.thing or None, giver)
            one = with_grant(requests.granted_by_itself(one, in_utc(now)), giver)
            what = self._values.audited(one, "request auto")
            self._daemon.store.requests.put(one, by=member.profile.name, what=what, at=now)
        self._answers.apply((one.who,))
        return one, done.sentence

    def answer(self, request: Request) -> Mapping[str, object]:
        by = self._whom.guardian(request)
        number = request.whole("id", least=1, most=1 << 31)
        answer = Answer(request.choice("answer", [one.value for one in Answer]))
        before = self._daemon.store.requests.get(number)
        if before is None:
            request.refuse("id", f"names no request: {number}; see: qalqan request list", Code.NO_REQUEST)
        most = requests.MAX_MINUTES
        minutes = request.whole("minutes", least=1, most=most) if request.has("minutes") else None
        because = request.text("because", "")
        now = self._daemon.local_now()
        one = requests.answered(before, answer, by=by, now=in_utc(now), because=because, minutes=minutes)
        giver = self._answers.giver(by, Kind.REQUEST, request.text("origin", ""))
        one, text, until = self._do(one, giver)
        self._daemon.control.publish("answer", **self._values.answered(one, text))
        told = None if until is None else until.astimezone(now.tzinfo)
        values = self._values.to_guardians(one) or {"id": one.id}
        return {"request": values, "grant": one.grant, "until": told, "sentence": text}

    def _do(self, one: ChildRequest, giver: Giver) -> tuple[ChildRequest, str, datetime | None]:
        """Let the answer have its effect, and keep both at once; what it did, and until when."""
        member = self._whom.stand_in(self._daemon.rules.profile(one.who))
        profile = member.profile
        if one.answer is Answer.ALWAYS:
            self._editing.edit(
                profile.id, {f"allow/{one.thing}": True}, Author(giver.by, giver.at, one.because)
            )
        with self._daemon.store.together():
            text, until = self._effect(one, member, giver)
            if one.answer not in (Answer.NO, Answer.ALWAYS):
                one = with_grant(one, giver)
            put = self._daemon.store.requests.put
            put(one, by=giver.by, what="answer", at=giver.at, origin=giver.origin)
        if one.answer is Answer.NO:
            self._answers.wait()
        else:
            self._answers.apply((one.who,))
        return one, text, until

    def _effect(self, one: ChildRequest, member: Member, giver: Giver) -> tuple[str, datetime | None]:
        profile, names = member.profile, self._daemon.rules.names
        if one.answer is Answer.NO:
            return ENGLISH["no"].format(name=profile.name), None
        if one.topic is Topic.TIME:
            done = self._answers.give(profile.id, member, one.given, one.thing or None, giver)
            return done.sentence, done.until
        if one.topic is Topic.LEDGER:
            done = self._answers.give_back(profile.id, member, one.given, one.thing.split(), giver)
            return done.sentence, done.until
        if one.answer is Answer.ALWAYS:
            return opened_sentence(profile.name, one.thing, None, giver.at, names), None
        until, span = later(giver.at, timedelta(minutes=one.given)), Span.LASTING
        if one.answer is Answer.TODAY:
            until, span = self._daemon.rules.calendar.day_end(giver.at), Span.OF_DAY
        return self._answers.open(profile.id, profile.name, one.thing, until, span, giver), until

    def requests(self, request: Request) -> Mapping[str, object]:
        """Newest first. A device's are its child's own; without one they are for guardians, those that wait
        whole and the others by the log level.
        """
        found, told = list(reversed(self._daemon.store.requests.all())), self._values.to_guardians
        if request.has("device"):
            told = self._values.whole
            who = self._whom.child(request).profile.id
            found = [one for one in found if one.who == who]
        elif request.has("profile"):
            who = self._daemon.rules.profile(request.text("profile")).id
            found = [one for one in found if one.who == who]
        if request.values.get("pending") is True:
            found = [one for one in found if one.waits]
        values = (one for one in map(told, found) if one is not None)
        return {"requests": list(islice(values, MAX_LISTED))}
