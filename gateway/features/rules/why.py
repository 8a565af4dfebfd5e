"""The verb `why`: what the rules decide about a name or a connection of a device, now or at another time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from gateway.control.protocol import Request
from gateway.control.router import Router
from gateway.features.accounts.access import Access
from gateway.household.context import HomeContext
from gateway.household.members import Family, Member
from gateway.policy.identity.macs import parse_mac
from gateway.policy.judge.why import parse_question
from gateway.policy.values import Observation
from gateway.store.tables.questions import Questions

Explain = Callable[[Member, Observation, datetime], Mapping[str, object]]
"""Describes the decision about a host or a connection of a member at a moment."""


class WhyVerb:
    """``moment`` reads the moment that a request asks about."""

    def __init__(
        self,
        home: HomeContext,
        family: Family,
        questions: Questions,
        access: Access,
        moment: Callable[[Request], datetime],
        explain: Explain,
    ) -> None:
        self._home = home
        self._family = family
        self._questions = questions
        self._access = access
        self._moment = moment
        self._explain = explain

    def register(self, router: Router) -> None:
        router.add("why", self.why)

    def why(self, request: Request) -> Mapping[str, object]:
        seen = parse_question(*(request.text_or_none(key) for key in ("host", "to", "speaks")))
        at = self._moment(request)
        return {**self._explain(self._member(request, at), seen, at), "problems": self._problems(request)}

    def _problems(self, request: Request) -> list[str]:
        """Return the problem of the file that names the device, where this file cannot be used."""
        mac = parse_mac(request.text("device", ""))
        found = None if mac is None else self._home.rules.household.problem_of(mac)
        return [] if found is None else [str(found)]

    def _member(self, request: Request, at: datetime) -> Member:
        """Return the member that `profile` or `device` names. For a profile: what applies to all its devices.

        For a device with an open question, the member that it was where ``at`` is before the question.
        """
        household, family = self._home.rules.household, self._family
        if request.has("device"):
            mac = parse_mac(request.text("device"))
            if mac is None:
                request.refuse("device", "is no MAC address such as 02:00:00:00:00:0a")
            if family.worn is not None and mac in family.worn.macs:
                return family.worn  # the device of a filter test has rules, but no owner
            unfiltered = household.owner_of(mac) or household.home
            member, question = family.member_of(mac), self._questions.all().get(mac)
            if member is not None and member.asked and question is not None and at < question.at:
                member = member.beside
            return member or self._access.stand_in(unfiltered)
        return self._access.stand_in(self._home.rules.profile(request.text("profile")))
