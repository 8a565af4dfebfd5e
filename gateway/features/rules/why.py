"""The verb `why`: explains a decision about a host or connection of a device or profile, at any time."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from gateway.control.contract.rules import WHY, Explanation, WhyRequest
from gateway.control.protocol import Call
from gateway.control.router import Router
from gateway.features.accounts.access import Access
from gateway.features.rules.preview import Explainer, TriedRules
from gateway.household.context import HomeContext
from gateway.household.members import Family, Member
from gateway.policy.identity.macs import parse_mac
from gateway.policy.judge.why import parse_question
from gateway.policy.names.hosts import PublicSuffixCheck, site_of
from gateway.store.tables.questions import QuestionTable


class WhyVerb:
    """The verb `why`: explains decisions about a host or connection, by the present or changed rules."""

    def __init__(
        self,
        home: HomeContext,
        family: Family,
        questions: QuestionTable,
        access: Access,
        tried: TriedRules,
        explainer: Explainer,
        is_public_suffix: PublicSuffixCheck,
    ) -> None:
        self._home = home
        self._family = family
        self._questions = questions
        self._access = access
        self._tried = tried
        self._explainer = explainer
        self._is_public_suffix = is_public_suffix

    def register(self, router: Router) -> None:
        router.serve(WHY, self.why)

    def why(self, call: Call[WhyRequest]) -> Explanation:
        args, at = call.args, self._explainer.moment(call.args.at)
        seen = parse_question(args.host, args.to, args.speaks)
        member = self._member(call, at)
        found = self._explainer.explain(member, seen, at, self._problems(args.device or ""))
        return replace(found, site=seen.host and site_of(seen.host, self._is_public_suffix))

    def _problems(self, device: str) -> tuple[str, ...]:
        """Return the error of the rule file because of which a device lacks its owner's rules, or ().

        ``device``: its MAC address, or empty.
        """
        mac = parse_mac(device)
        found = None if mac is None else self._home.rules.household.problem_of(mac)
        return () if found is None else (str(found),)

    def _member(self, call: Call[WhyRequest], at: datetime) -> Member:
        """Return the device that ``device`` names, or the person that ``profile`` names, as a `Member`.

        For a profile: what applies to all its devices, with the rule changes in ``set``. For a
        device with an open question about its owner, the rules from before the question if ``at``
        is earlier. For an unfiltered device, a `Member` with its owner's rules. Raises ControlError
        for an invalid request, and PolicyError for an unknown profile or invalid changes.
        """
        household, family = self._home.rules.household, self._family
        device, profile = call.args.device, call.args.profile
        if device is not None:
            if call.has("set"):
                call.refuse("set", "changes the rules of a profile; give profile instead of device")
            mac = parse_mac(device)
            if mac is None:
                call.refuse("device", "is no MAC address such as 02:00:00:00:00:0a")
            if family.probe_member is not None and mac in family.probe_member.macs:
                return family.probe_member  # the device of a filter test has rules, but no owner
            unfiltered = household.owner_of(mac) or household.home
            member, question = family.member_of(mac), self._questions.all().get(mac)
            if member is not None and member.asked and question is not None and at < question.at:
                member = member.beside
            return member or self._access.stand_in(unfiltered)
        if profile is None:
            call.refuse("profile", "is missing")
        return self._access.stand_in(self._tried.profile(call, profile))
