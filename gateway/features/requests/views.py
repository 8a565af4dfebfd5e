"""Describes children's requests for the child and for guardians.

The child's own device sees all of a request. Guardians see all of it while it waits for their answer, and
afterwards what the child's log level allows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gateway.control.contract.requests import OVER, RequestView
from gateway.household.rule_book import RuleBook
from gateway.household.visibility import Visibility, day_of
from gateway.policy.judge.target_names import target_name
from gateway.policy.profile.rules import CATEGORY, KINDS_LEVEL, NAMES_LEVEL, SERVICE
from gateway.policy.requests.requests import ChildRequest, RequestTopic
from gateway.policy.time.grant_messages import limits_name


class AskedValues:
    """Describes children's requests for the child and for guardians, and builds their events' fields."""

    def __init__(self, rules: RuleBook, visibility: Visibility) -> None:
        self._rules = rules
        self._visibility = visibility

    def whole(self, request: ChildRequest) -> RequestView:
        """Return a request with all its fields, as the child's own device sees it."""
        zone = self._rules.household.config.zone
        profile = self._rules.household.find(request.who)
        thing = request.thing
        if request.topic is RequestTopic.TIME and thing:
            thing = f"{SERVICE}{thing}"
        return RequestView(
            id=request.id,
            profile=request.who,
            name=request.who if profile is None else profile.name,
            device=request.device,
            topic=request.topic,
            thing=thing or None,
            thing_name=self._name(request, thing),
            host=request.host or None,
            since=None if request.since is None else request.since.astimezone(zone),
            minutes=request.minutes or None,
            reason=request.reason,
            wrong=request.wrong,
            at=request.at.astimezone(zone),
            expires=request.expires.astimezone(zone) if request.waits else None,
            state=request.state,
            reminded=request.reminded and request.waits,
            answer=request.answer,
            given=request.given or None,
            because=request.because,
            by=request.by or None,
            answered=None if request.answered is None else request.answered.astimezone(zone),
            grant=request.grant,
            told="all",
        )

    def to_guardians(self, request: ChildRequest) -> RequestView | None:
        """Return the part of a request that guardians may see; None if they may not see it.

        It is whole while the request waits, or from the log level NAMES_LEVEL on. Below that, names and typed
        text (which may contain names) are left out; below KINDS_LEVEL it is None.
        """
        level = self.level(request)
        if request.waits or level >= NAMES_LEVEL:
            return self.whole(request)
        if level < KINDS_LEVEL:
            return None
        zone = self._rules.household.config.zone
        kind = self._kind(request)
        return replace(
            self.whole(request),
            device=None,
            thing=kind or None,
            thing_name=self._name(request, kind),
            host=None,
            since=None,
            reason="",
            wrong=False,
            because="",
            at=day_of(request.at.astimezone(zone)),
            answered=None if request.answered is None else day_of(request.answered.astimezone(zone)),
            told="kind",
        )

    def asked(self, request: ChildRequest, name: str, sentence: str) -> Mapping[str, object] | None:
        """Return the fields of the event ``request`` for a new request, as far as guardians may see them.

        None if they may not see it, as an automatically granted one of a child without a log.
        """
        visible = self.to_guardians(request)
        if visible is None:
            return None
        is_whole = visible.told == "all"
        return {
            "id": request.id,
            "profile": request.who,
            "name": name,
            "site": request.thing if request.topic is RequestTopic.SITE and is_whole else None,
            "topic": request.topic,
            "state": request.state,
            "sentence": sentence if is_whole else "",
            "reminder": False,
        }

    def answered(self, request: ChildRequest, sentence: str = "") -> Mapping[str, object]:
        """Return the fields of the event ``answer`` for a request that was answered or has expired.

        The child's log level decides which: without a log, only that it is over.
        """
        level = self.level(request)
        event: dict[str, object] = {"id": request.id, "profile": request.who}
        if level < KINDS_LEVEL:
            return event | {"state": OVER}
        event |= {"state": request.state}
        if not request.by:
            return event
        event |= {"answer": request.answer, "by": request.by}
        return event | ({"because": request.because, "sentence": sentence} if level >= NAMES_LEVEL else {})

    def audited(self, request: ChildRequest, what: str) -> str:
        """Return ``what``, the kind of the audit line, or "" (no line) for a child without a log."""
        return what if self.level(request) >= KINDS_LEVEL else ""

    def level(self, request: ChildRequest) -> int:
        """Return the log level of the child who sent a request; 0 after the child's profile was removed."""
        is_known = request.who in self._rules.household.profiles
        return self._visibility.level(request.who) if is_known else 0

    def _name(self, request: ChildRequest, thing: str) -> str | None:
        name = limits_name if request.topic is RequestTopic.LEDGER else target_name
        return name(thing, self._rules.names) if thing else None

    def _kind(self, request: ChildRequest) -> str:
        """Return the categories or time limits that a request is about, without service and site names."""
        if request.topic is not RequestTopic.LEDGER:
            thing = f"{SERVICE}{request.thing}" if request.topic is RequestTopic.TIME else request.thing
            return self._category(thing)
        gates = request.thing.split()
        kinds = (self._category(gate) if gate.startswith(SERVICE) else gate for gate in gates)
        return " ".join(dict.fromkeys(filter(None, kinds)))

    def _category(self, thing: str) -> str:
        """Return the category of a service or a site as ``category:ID``; empty if it has none."""
        if thing.startswith(CATEGORY):
            return thing
        world = self._rules.world
        catalogue = world.catalogue
        if thing.startswith(SERVICE):
            found = frozenset(catalogue.kinds_of(thing.removeprefix(SERVICE)))
        else:
            found = catalogue.categories_of(catalogue.services_of(thing)) or world.table.categories(thing)
        return CATEGORY + min(found) if found else ""
