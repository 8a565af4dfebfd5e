"""The verbs `request`, `answer` and `requests`: a child asks for time or for a site, a guardian answers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gateway.control.contract.requests import (
    ANSWER,
    REQUEST,
    REQUESTS,
    AnswerRequest,
    AnswerResult,
    NewRequest,
    RequestFilter,
    RequestId,
    RequestList,
    RequestResult,
    RequestView,
)
from gateway.control.protocol import Call, ControlRequest
from gateway.control.router import Router
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.features.accounts.access import Access
from gateway.features.requests.disputes import disputed
from gateway.features.requests.views import AskedValues
from gateway.features.time.grants import Extended, Giver, Grants, is_paused, with_grant
from gateway.features.time.verbs import parse_service
from gateway.household.context import HomeContext
from gateway.household.editing import Author, CompletedEdit, Editing
from gateway.household.members import Member, MinuteLedgers
from gateway.lists.public_suffixes import lazy_public_suffix_check
from gateway.policy.judge.target_names import target_name
from gateway.policy.judge.why import parse_host
from gateway.policy.language import ENGLISH
from gateway.policy.names import hosts
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import CATEGORY, SERVICE, Action
from gateway.policy.requests import requests
from gateway.policy.requests.askable import (
    check_askable,
    check_category_askable,
    check_confirmed,
    outcome,
    outranking_blocks,
    request_entry,
)
from gateway.policy.requests.requests import Answer, ChildRequest, RequestState, RequestTopic
from gateway.policy.time.clock_changes import MomentKind, later
from gateway.policy.time.grant_messages import (
    asked_sentence,
    declined_sentence,
    opened_sentence,
)
from gateway.store.durable_writes import in_utc
from gateway.store.tables.attempts import AttemptTable
from gateway.store.tables.grants import GrantKind
from gateway.store.tables.requests import RequestTable

MAX_LISTED = 100  # requests in one answer, unless more are pending
ATTEMPTS = "requests"  # the kind under which the times of requests are stored


@dataclass(frozen=True, slots=True)
class AnswerEffect:
    """The effect of a guardian's answer: a sentence, an end, and the extra time or the edit of rules."""

    sentence: str
    until: datetime | None = None  # when what it opened ends
    extended: Extended | None = None  # the extra time that it gave
    edit: CompletedEdit | None = None  # of the child's rules


class RequestVerbs:
    """Stores children's requests, grants some automatically, applies guardians' answers, and lists requests.

    ``transaction``: all writes to the store inside of it reach the disk together, or none does.
    """

    def __init__(
        self,
        home: HomeContext,
        stored: RequestTable,
        attempts: AttemptTable,
        transaction: Callable[[], AbstractContextManager[None]],
        minutes: MinuteLedgers,
        access: Access,
        grants: Grants,
        editing: Editing,
        values: AskedValues,
    ) -> None:
        self._home = home
        self._stored = stored
        self._attempts = attempts
        self._transaction = transaction
        self._minutes = minutes
        self._access = access
        self._grants = grants
        self._editing = editing
        self._values = values

    def register(self, router: Router) -> None:
        router.serve(REQUEST, self.request)
        router.serve(ANSWER, self.answer)
        router.serve(REQUESTS, self.requests)

    def request(self, call: Call[NewRequest]) -> RequestResult:
        """Store a child's request for time, a site or disputed minutes, and publish it.

        A pending one about the same is updated instead. Time within the child's automatic minutes
        of the day is granted immediately, but not during a pause. Raises GatewayError for a request
        that no answer could fulfil, that has too long a reason, after too many requests in a day, or
        while too many wait.
        """
        member = self._access.child(call)
        new = self._parse(call, member)
        name = member.profile.name
        asked = requests.asked(self._stored.all(), new, self._times_today(new))
        self._attempts.add(ATTEMPTS, new.who, new.at, requests.MAX_A_DAY)
        granted = self._grant_automatically(asked, member) if asked.topic is RequestTopic.TIME else None
        if granted is not None:
            asked, text = granted
        else:
            text = asked_sentence(asked, name, self._home.rules.names)
            what, origin = self._values.audited(asked, "request"), call.text("origin", "")
            self._stored.put(asked, by=name, what=what, at=new.at, origin=origin)
            self._grants.set_timer()
        event = self._values.asked(asked, name, text)
        if event is not None:
            self._home.publish("request", **event)
        return RequestResult(request=self._values.whole(asked), state=asked.state, sentence=text)

    def _times_today(self, new: ChildRequest) -> int:
        """Return how often the child of ``new`` has asked on the same family day before."""
        family_day = self._home.rules.calendar.family_day
        today = family_day(new.at)
        return sum(family_day(at) == today for at in self._attempts.of(ATTEMPTS).get(new.who, ()))

    def _parse(self, call: Call[NewRequest], member: Member) -> ChildRequest:
        args = call.args
        if args.site is not None:
            new = self._parse_site(call, args.site, member)
            self._check_not_open(new.thing, member)
            return replace(new, wrong=args.wrong)
        if args.wrong:
            call.refuse("wrong", "is for a site")
        if args.since is not None:
            first, gates, minutes = disputed(
                call, args.since, self._home.rules, self._minutes, member.profile.id
            )
            new = self._new(call, member, RequestTopic.LEDGER, " ".join(gates), minutes)
            return replace(new, since=in_utc(first))
        return self._parse_time(call, member)

    def _new(
        self, call: ControlRequest, member: Member, topic: RequestTopic, thing: str, minutes: int
    ) -> ChildRequest:
        now = self._home.local_now()
        return ChildRequest(
            id=0,
            who=member.profile.id,
            device=member.macs[0] if len(member.macs) == 1 else call.text("device", ""),
            topic=topic,
            thing=thing,
            minutes=minutes,
            reason=call.text("reason", ""),
            at=in_utc(now),
            expires=in_utc(requests.expires(topic, now, self._home.rules.calendar)),
            clock_trusted=self._home.clock_trusted,
        )

    def _parse_time(self, call: Call[NewRequest], member: Member) -> ChildRequest:
        minutes = call.args.minutes
        if minutes is None:
            call.refuse("minutes", "is missing")
        service = parse_service(call.args.service, self._home.rules)
        if not self._grants.extensions(member, minutes, service, self._home.local_now()):
            name = member.profile.name
            raise ControlError.of(Code.NOTHING_TO_ASK, name=name)
        return self._new(call, member, RequestTopic.TIME, service or "", minutes)

    def _parse_site(self, call: ControlRequest, word: str, member: Member) -> ChildRequest:
        """Return a new, not yet stored request for a blocked site, service or category, named by ``word``.

        Raises ControlError if it is not blocked, if no answer opens it, or for an unknown service;
        PolicyError for text that is no host.
        """
        profile, world = member.profile, self._home.rules.world
        if word.startswith(CATEGORY):
            name = target_name(word, self._home.rules.names)
            check_category_askable(word.removeprefix(CATEGORY), profile, world, name)
            return self._new(call, member, RequestTopic.SITE, word, 0)
        if word.startswith(SERVICE):
            service = world.catalogue.services.get(word.removeprefix(SERVICE))
            if service is None:
                raise ControlError.of(Code.NO_SERVICE)
            host, entry = service.domains[0].removeprefix("="), word
        else:
            host = parse_host(word)
            entry = request_entry(host, world.catalogue, lazy_public_suffix_check())
        decision = outcome(host, profile, world) if profile.filtered else None
        if decision is None:
            raise ControlError.of(Code.NOT_REFUSED, host=host, name=profile.name)
        check_askable(host, decision, profile.name)
        return replace(self._new(call, member, RequestTopic.SITE, entry, 0), host=host)

    def _check_not_open(self, entry: str, member: Member) -> None:
        """Raise ControlError if a guardian has opened the site, service or category and it is still open."""
        open_until = dict(member.situation.allowed).get(entry)
        if open_until is not None and self._home.local_now() < open_until:
            name = target_name(entry, self._home.rules.names)
            raise ControlError.of(Code.OPEN_NOW, name=name)

    def _grant_automatically(self, asked: ChildRequest, member: Member) -> tuple[ChildRequest, str] | None:
        """Grant a request for time if the child's daily minutes that need no answer suffice, and apply it.

        Return the granted request and a sentence; None if a guardian has to answer.
        """
        now, calendar = self._home.local_now(), self._home.rules.calendar
        today = calendar.family_day(now)
        used = sum(
            other.given
            for other in self._stored.all()
            if other.who == asked.who
            and other.state is RequestState.AUTO
            and calendar.family_day(other.answered or other.at) == today  # it may have waited since yesterday
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

    def answer(self, call: Call[AnswerRequest]) -> AnswerResult:
        """Apply a guardian's answer to a child's request, or about a blocked site without a request.

        Return what it opens and until when, and the revision for an undo. Raises GatewayError for an unknown
        request, and for one that is answered already or needs a confirmation.
        """
        by, args = self._access.guardian(call), call.args
        before = self._meant(call)
        now = self._home.local_now()
        answered = requests.answered(
            before, args.answer, by=by, now=in_utc(now), because=args.because or "", minutes=args.minutes
        )
        if args.answer is Answer.ALWAYS and not args.confirmed:
            rules = self._home.rules
            profile = rules.household.profile(answered.who)
            check_confirmed(answered.thing, answered.host, profile, rules.world, rules.names)
        giver = self._grants.giver(by, GrantKind.REQUEST, call.text("origin", ""))
        answered, effect = self._carry_out(answered, giver)
        until, extended, edit = effect.until, effect.extended, effect.edit
        request: RequestId | None = None
        if answered.id:
            self._home.publish("answer", **self._values.answered(answered, effect.sentence))
            request = self._values.to_guardians(answered) or RequestId(id=answered.id)
        return AnswerResult(
            request=request,
            grant=answered.grant,
            until=None if until is None else until.astimezone(now.tzinfo),
            given=None if extended is None else extended.to_person(now),
            sentence=effect.sentence,
            thing_name=target_name(answered.thing, self._home.rules.names) if answered.thing else None,
            undo=None if edit is None or edit.found == edit.revision else edit.found,
            revision=None if edit is None else edit.revision,
        )

    def _meant(self, call: Call[AnswerRequest]) -> ChildRequest:
        """Return the request that an answer is about: by its ``id``, else the pending one for the site.

        Without one, return a new request that is not stored, with the id 0. Raises ControlError for an
        unknown id, a person who is no child, or to decline a site that is not requested, and GatewayError as
        `_parse_site`.
        """
        args = call.args
        if args.id is not None:
            found = self._stored.get(args.id)
            if found is None:
                raise ControlError.of(Code.NO_REQUEST)
            return found
        if args.who is None or args.site is None:
            call.refuse("id", "is missing; or name `who` and `site`")
        profile = self._home.rules.household.profile(args.who)
        if profile not in self._home.rules.household.children:
            raise ControlError.of(Code.NO_CHILD, name=profile.name)
        new = self._parse_site(call, args.site, self._access.stand_in(profile))
        waiting = requests.pending(self._stored.all(), new)
        if waiting is None and args.answer is Answer.NO:
            raise ControlError.of(Code.NO_REQUEST)
        return waiting or new

    def _carry_out(self, answered: ChildRequest, giver: Giver) -> tuple[ChildRequest, AnswerEffect]:
        """Apply a guardian's answer, and store it in one transaction with the extra time or opened site.

        For *always*, the child's rule file is edited before, outside of the transaction. Return the request
        with the number of its grant, and the effect.
        """
        member = self._access.stand_in(self._home.rules.household.profile(answered.who))
        edit = None
        if answered.answer is Answer.ALWAYS:
            author = Author(giver.by, giver.at, answered.because)
            changes = self._allowing(answered.thing, member.profile)
            edit = self._editing.edit(member.profile.id, changes, author)
        with self._transaction():
            effect = replace(self._effect(answered, member, giver), edit=edit)
            if answered.answer not in (Answer.NO, Answer.ALWAYS):
                answered = with_grant(answered, giver)
            if answered.id:
                self._stored.put(answered, by=giver.by, what="answer", at=giver.at, origin=giver.origin)
        if answered.answer is Answer.NO:
            self._grants.set_timer()
        else:
            self._grants.apply((answered.who,))
        return answered, effect

    def _allowing(self, entry: str, profile: Profile) -> dict[str, object]:
        """Return the changes of a child's rules that allow a site, service or category permanently.

        They also remove the family's own blocks that would take precedence, as they are spelled in the file.
        """
        blocks = outranking_blocks(entry, profile, self._home.rules.world.catalogue)
        _source, written = self._editing.read(self._editing.file(profile.id))
        listed = written.get("block")
        words = [word for word in listed if isinstance(word, str)] if isinstance(listed, list) else []
        removed = [word for word in words if _normal_form(word) in blocks]
        changes: dict[str, object] = {f"block/{word}": None for word in removed}
        actions = written.get("categories")
        if isinstance(actions, dict) and actions.get(entry) in (Action.BLOCK, Action.ASK):
            changes[f"categories/{entry}"] = None
        if entry.startswith(CATEGORY):
            return changes | {f"categories/{entry.removeprefix(CATEGORY)}": Action.ALLOW.value}
        return changes | {f"allow/{entry}": True}

    def _effect(self, answered: ChildRequest, member: Member, giver: Giver) -> AnswerEffect:
        profile, rules = member.profile, self._home.rules
        if answered.answer is Answer.NO:
            return AnswerEffect(declined_sentence(profile.name, ENGLISH))
        if answered.topic is RequestTopic.TIME:
            extended = self._grants.give(profile.id, member, answered.given, answered.thing or None, giver)
            return AnswerEffect(extended.sentence, extended.until, extended)
        if answered.topic is RequestTopic.LEDGER:
            gates = answered.thing.split()
            extended = self._grants.give_back(profile.id, member, answered.given, gates, giver)
            return AnswerEffect(extended.sentence, extended.until, extended)
        if answered.answer is Answer.ALWAYS:
            what = target_name(answered.thing, rules.names)
            return AnswerEffect(opened_sentence(profile.name, what, None, giver.at, ENGLISH))
        until, span = later(giver.at, timedelta(minutes=answered.given)), MomentKind.LASTING
        if answered.answer is Answer.TODAY:
            until, span = rules.calendar.day_end(giver.at), MomentKind.OF_DAY
        text = self._grants.open(profile.id, profile.name, answered.thing, until, span, giver)
        return AnswerEffect(text, until)

    def requests(self, call: Call[RequestFilter]) -> RequestList:
        """Return all pending requests and the latest others, newest first.

        They are at most MAX_LISTED, unless more are pending. With ``device``, return those of its child,
        whole. Without it, return what guardians may see: pending requests in full, others as the log level
        allows. ``profile`` and ``pending`` select some. Those of a removed child are left out.
        """
        profiles = self._home.rules.household.profiles
        found = [stored for stored in reversed(self._stored.all()) if stored.who in profiles]
        view: Callable[[ChildRequest], RequestView | None] = self._values.to_guardians
        if call.has("device"):
            view = self._values.whole
            who = self._access.child(call).profile.id
            found = [stored for stored in found if stored.who == who]
        elif call.args.profile is not None:
            who = self._home.rules.household.profile(call.args.profile).id
            found = [stored for stored in found if stored.who == who]
        if call.args.pending:
            found = [stored for stored in found if stored.waits]
        views = [visible for visible in map(view, found) if visible is not None]
        answered = [visible.id for visible in views if not visible.waits]
        room = max(0, MAX_LISTED - (len(views) - len(answered)))
        left_out = set(answered[room:])
        return RequestList(requests=tuple(visible for visible in views if visible.id not in left_out))


def _normal_form(word: str) -> str:
    """Return a written ``block`` entry as the rules compare it: a host in lower case and A-labels."""
    try:
        return hosts.normalise(word)
    except hosts.HostError:
        return word  # service:x, category:x
