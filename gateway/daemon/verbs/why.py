"""The verb `why`: what the rules say of a name or a connection of some device, now or at another time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from gateway.control.protocol import Request
from gateway.daemon.devices.member import Member
from gateway.daemon.verbs.preview import Explainer
from gateway.daemon.verbs.whom import Whom
from gateway.policy.macs import parse_mac
from gateway.policy.why import parse_question

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon


class WhyVerb:
    def __init__(self, daemon: Daemon, whom: Whom, explainer: Explainer) -> None:
        self._daemon = daemon
        self._whom = whom
        self._explainer = explainer

    def __call__(self, request: Request) -> Mapping[str, object]:
        seen = parse_question(*(request.text_or_none(key) for key in ("host", "to", "speaks")))
        at = self._explainer.moment(request)
        told = self._explainer.explain(self._member(request, at), seen, at)
        return told | {"problems": self._problems(request)}

    def _problems(self, request: Request) -> list[str]:
        """Of the file that says whose a device is, where it cannot be used."""
        mac = parse_mac(request.text("device", ""))
        found = None if mac is None else self._daemon.rules.household.problem_of(mac)
        return [] if found is None else [str(found)]

    def _member(self, request: Request, at: datetime) -> Member:
        """The member that `profile` or `device` names; for a profile, what holds for all of its devices. Of a
        device about which somebody is asked, what it was before where ``at`` is earlier.
        """
        family = self._daemon.family
        if request.has("device"):
            mac = parse_mac(request.text("device"))
            if mac is None:
                request.refuse("device", "is no MAC address such as 02:00:00:00:00:0a")
            if family.worn is not None and mac in family.worn.macs:
                return family.worn  # an audit's device: nobody's, and it has rules
            household = self._daemon.rules.household
            unfiltered = household.owner_of(mac) or household.home
            member, question = family.member_of(mac), self._daemon.store.questions.all().get(mac)
            if member is not None and member.asked and question is not None and at < question.at:
                member = member.beside
            return member or self._whom.stand_in(unfiltered)
        return self._whom.stand_in(self._daemon.rules.profile(request.text("profile")))
