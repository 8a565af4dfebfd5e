"""Records the packet path's decisions: in the profile's log, in the latest refusals, and as events."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from urllib.parse import quote

from gateway.core.bus import Bus
from gateway.features.activity.attempts import (
    REASON,
    Attempt,
    attempt_target,
    kind_of_rule,
    shows_use,
)
from gateway.features.activity.recent_refusals import RecentRefusals
from gateway.features.bypass_alerts.cards import BypassAlerts
from gateway.household.members import EVERYONE, Family, Member
from gateway.household.rule_book import RuleBook
from gateway.lists.public_suffixes import compact_public_suffix_check
from gateway.path.subject import Sink, Subject
from gateway.policy.judge.explanation import sentence, short
from gateway.policy.judge.world import GATEWAY_NAME
from gateway.policy.profile.rules import NAMES_LEVEL, shows_present
from gateway.policy.values import Decision, Observation, Proto, Reason, Verdict
from gateway.store.events import EventWriter

CATEGORIES_KEPT = 512  # rules, 300 bytes each; a family has some dozens
# Never listed: help lines leave no trace, no person queries canary names, the pages are Qalqan's own, and the
# names on sealed lists are secret.
UNTOLD = frozenset({Reason.HELP, Reason.RESOLVER_SIGNAL, Reason.GATEWAY, Reason.REFUSED_FOR_EVERYONE})

UNFIGURED = frozenset({Reason.HELP, Reason.GATEWAY})  # never counted; answered by the gateway

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OutsideDecision:
    """Published for a decision about a slot (device number) that is of no device of the family.

    It is of the temporary device of a bypass test.
    """

    subject: Subject
    seen: Observation
    decision: Decision


class DecisionLog:
    """Receives every decision of the packet path; counts, stores and publishes it as the log level allows."""

    def __init__(
        self,
        events: EventWriter,
        cards: BypassAlerts,
        family: Family,
        wall: Callable[[], datetime],
        rules: RuleBook,
        bus: Bus,
    ) -> None:
        self.questions = 0  # DNS queries that were forwarded to a resolver
        self.recent = RecentRefusals()
        self.is_public_suffix = compact_public_suffix_check()  # not read in the packet path
        self._publish = bus.notify
        self.cards = cards
        self._bus = bus
        self._observer: Sink | None = None
        self._events = events
        self._family = family
        self._wall = wall
        self._rules = rules
        self._category = lru_cache(CATEGORIES_KEPT)(kind_of_rule)
        self._closed: dict[str, frozenset[str]] = {}  # by child with a private present: closed gates
        self._verdicts: Counter[tuple[Verdict, Reason]] = Counter()
        # Of those, about children with a log level that shows the present.
        self.visible_verdicts: Counter[tuple[Verdict, Reason]] = Counter()

    @property
    def verdicts(self) -> dict[str, int]:
        """The number of decisions since the start by verdict and reason, such as ``block:bedtime``."""
        return {f"{verdict}:{reason}": times for (verdict, reason), times in self._verdicts.items()}

    def observe(self, observer: Sink | None) -> None:
        """Pass each decision about the home's devices to ``observer`` from now on; None: to no function.

        Those without a filter are included, the temporary device of a bypass test is not. The
        former observer gets none any more.
        """
        self._observer = observer

    def counted(self, subject: Subject, seen: Observation, decision: Decision, at: datetime) -> Member | None:
        """Count a decision and pass it to the observer. Return the device that it is about (`Member`).

        None for a device without a slot (EVERYONE), which is not filtered, and for any other
        unknown device: that of a bypass test. A decision about the latter is only published, as
        `OutsideDecision`. Decisions about help lines are passed on, but not counted.
        """
        member = self._family.members.get(subject.slot)
        if member is not None or subject.slot == EVERYONE:
            if decision.reason is not Reason.HELP:  # help lines are not even counted
                self._verdicts[decision.verdict, decision.reason] += 1
                if member is not None and shows_present(member.profile.rules.log_level):
                    self.visible_verdicts[decision.verdict, decision.reason] += 1
            if self._observer is not None:
                self._observer(subject, seen, decision, at)
        else:
            self._bus.publish(OutsideDecision(subject, seen, decision))
        return member

    def decided(self, subject: Subject, seen: Observation, decision: Decision, at: datetime) -> None:
        member = self.counted(subject, seen, decision, at)
        if seen.proto is Proto.DNS and decision.allowed and decision.reason not in UNFIGURED:
            self.questions += 1
        if member is None:
            if decision.reason is Reason.REFUSED_FOR_EVERYONE and subject.slot == EVERYONE:
                self._in_total(seen, decision, at)
            return
        if seen.host is not None and seen.host in self._rules.world.help:
            return  # also if it was refused because the address is not that of a help line
        local = at.astimezone(self._rules.household.config.zone)
        if decision.verdict is Verdict.BLOCK:
            attempt, opened = self._attempt(subject.slot, seen, decision, local)
            background = attempt is not None and attempt.background
            begins = attempt is not None and not background
            self._record(member, seen, decision, local, attempts=int(begins), background=int(background))
            if opened is not None:
                self._correct(member, opened)
            if decision.reason not in UNTOLD:
                self.cards.refused(member, seen, decision, local)
                self._refused(member, seen, decision, local, attempt)
            return
        self._record(member, seen, decision, local)
        if shows_use(seen, decision):
            self._used(member, local)
        if seen.proto is Proto.DNS and self.cards.watches(subject.slot):
            self.cards.asked(member, seen, decision, local)

    def _attempt(
        self, slot: int, seen: Observation, decision: Decision, at: datetime
    ) -> tuple[Attempt | None, Attempt | None]:
        """Return the attempt that a blocked decision begins, and one that it shows to be a person's.

        The second was counted as a background attempt before. Each is None if there is none. Names
        that are blocked for everyone are not stored, not even here: all of them count as one
        target.
        """
        for_everyone = decision.reason is Reason.REFUSED_FOR_EVERYONE
        host, reason, rule = seen.host or "", decision.reason, decision.rule
        catalogue, suffix = self._rules.world.catalogue, self.is_public_suffix
        target = REASON + reason if for_everyone else attempt_target(host, reason, rule, catalogue, suffix)
        attempts = self.recent.attempts
        begun = attempts.blocked(slot, target, seen, decision, at)
        return begun, attempts.opened(slot, target, seen, at) if begun is None else None

    def _record(
        self, member: Member, seen: Observation, decision: Decision, at: datetime, **numbers: int
    ) -> None:
        """Pass a decision about a family device to the event writer.

        ``numbers``: those of `EventWriter.record`.
        """
        self._events.record(
            decision,
            host=seen.host,
            proto=seen.proto,
            profile=member.profile.id,
            device=member.macs[0] if member.macs else "",
            level=member.profile.rules.log_level,
            category=self._category(decision.rule, decision.reason),
            at=at,
            **numbers,
        )

    def _used(self, member: Member, at: datetime) -> None:
        """Count attempts as a person's that seemed to lack one: the device was used right after them."""
        for attempt in self.recent.attempts.used(member.slot, at):
            self._correct(member, attempt)

    def _correct(self, member: Member, attempt: Attempt) -> None:
        """Count an attempt as a person's that was counted as a background attempt."""
        self._record(member, attempt.seen, attempt.decision, attempt.at, count=0, attempts=1, background=-1)

    def _in_total(self, seen: Observation, decision: Decision, at: datetime) -> None:
        """Add a block for everyone, on a device without a filter, to the household's total of the day.

        Only a block that begins an attempt is counted.
        """
        local = at.astimezone(self._rules.household.config.zone)
        attempt, _ = self._attempt(EVERYONE, seen, decision, local)
        self._events.record(
            decision,
            host=None,
            proto=seen.proto,
            profile="",
            device="",
            level=0,
            category="",
            at=local,
            attempts=int(attempt is not None),
        )

    def _refused(
        self, member: Member, seen: Observation, decision: Decision, at: datetime, attempt: Attempt | None
    ) -> None:
        """Add a refusal to the device's latest refusals, which its own page shows at any log level.

        If it begins an ``attempt``, also publish a ``refusal`` event, from the log level NAMES_LEVEL on.
        """
        self.recent.add(member.slot, at, seen, decision)
        if attempt is None or member.profile.rules.log_level < NAMES_LEVEL:
            return
        _log.debug("refused: %s, %s", member.profile.id, decision.reason)
        self._publish(
            "refusal",
            profile=member.profile.id,
            name=member.profile.name,
            device=member.macs[0] if len(member.macs) == 1 else None,
            host=seen.host,
            proto=seen.proto,
            reason=decision.reason,
            sentence=self.sentence(seen, decision, at),
        )

    def sentence(self, seen: Observation, decision: Decision, at: datetime) -> str:
        """Return a sentence that says why a connection or DNS query was refused."""
        return sentence(decision, seen.host, at, self._rules.names)

    def short(self, seen: Observation, decision: Decision) -> str:
        """Return a short sentence that says why a DNS query was refused, for the text of a DNS error."""
        at = self._wall().astimezone(self._rules.household.config.zone)
        return short(decision, seen.host, at, self._rules.names)

    @staticmethod
    def refused_page(seen: Observation, decision: Decision) -> str:
        """Return the URL to which a browser is redirected from a blocked site over plain HTTP.

        If a site is blocked for everyone, the URL does not contain its name: it stays in the browser's
        history.
        """
        if decision.reason is Reason.REFUSED_FOR_EVERYONE:
            return f"http://{GATEWAY_NAME}/refused?reason={decision.reason}"
        host = quote(seen.host or "", safe="")
        return f"http://{GATEWAY_NAME}/refused?host={host}&reason={decision.reason}"

    def moved(self, slots: frozenset[int]) -> None:
        """Publish a `status` event because time rules of these devices (slots) began or ended.

        For a child with a private present, only changes that do not depend on its use are published.
        """
        self.status_changed(slots, self._shows)

    def status_changed(
        self, slots: frozenset[int], visible: Callable[[Member], bool] = lambda _: True
    ) -> None:
        """Publish a `status` event for each profile of these devices that ``visible`` returns True for.

        ``slots``: the numbers of the filtered devices.
        """
        members = [self._family.members[slot] for slot in sorted(slots) if slot in self._family.members]
        ids = {member.profile.id for member in members if visible(member)}
        for profile in sorted(ids):
            self._publish("status", profile=profile)

    def _shows(self, member: Member) -> bool:
        profile, at = member.profile, self._wall()
        if profile.built_in or shows_present(profile.rules.log_level):
            return True
        closed = frozenset(member.judge.standing(self._family.unused(member, at), at).closed)
        before, self._closed[profile.id] = self._closed.get(profile.id), closed
        return closed != before
