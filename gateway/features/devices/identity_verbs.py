"""The verbs `questions` and `identify`: list the questions about devices, apply a guardian's answer."""

from __future__ import annotations

from dataclasses import replace

from gateway.control.contract.devices import (
    IDENTIFY,
    QUESTIONS,
    Identified,
    IdentifyRequest,
    OpenQuestions,
    QuestionsRequest,
)
from gateway.control.protocol import Call
from gateway.control.router import Router
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.core.turns import Steps
from gateway.features.accounts.access import Access
from gateway.features.devices.assignment import DeviceAssignment
from gateway.features.devices.identities import Identities
from gateway.features.devices.questions import DeviceQuestions
from gateway.household.context import Effects, HomeContext
from gateway.policy.identity.macs import parse_mac
from gateway.policy.identity.questions import (
    ACCEPTS_PROFILE,
    PLACE_REPLIES,
    Ask,
    IdentityQuestion,
    IdentityReply,
)
from gateway.store.tables.audit import RecordAudit
from gateway.store.tables.questions import QuestionTable


class IdentityVerbs:
    """Serves the verbs that list the questions to guardians about devices, and that apply an answer.

    A question is about the device's owner, a changed or copied MAC address, devices behind it, or
    an IP address that another device took.
    """

    def __init__(
        self,
        home: HomeContext,
        effects: Effects,
        questions: QuestionTable,
        audit: RecordAudit,
        identities: Identities,
        device_questions: DeviceQuestions,
        access: Access,
        assignment: DeviceAssignment,
    ) -> None:
        self._home = home
        self._effects = effects
        self._questions = questions
        self._audit = audit
        self._identities = identities
        self._device_questions = device_questions
        self._access = access
        self._assignment = assignment

    def register(self, router: Router) -> None:
        router.serve(QUESTIONS, self.questions)
        router.serve(IDENTIFY, self.identify)

    def questions(self, call: Call[QuestionsRequest]) -> OpenQuestions:
        """Return the questions about devices that wait for an answer, at most ``limit``, and their number."""
        waiting = [*self._device_questions.open()]
        shown = tuple(self._device_questions.describe(question) for question in waiting[: call.args.limit])
        return OpenQuestions(shown, len(waiting))

    def identify(self, call: Call[IdentifyRequest]) -> Steps[Identified]:
        """Apply a guardian's answer to the question about a device, ``profile`` or ``answer``; reload rules.

        `assign` is for devices without a question. If a child's device would no longer be filtered
        as a child's, the guardian needs a recent proof of identity. Raises ControlError if there is
        no question about the device, or the answer does not fit; PolicyError if a rule file cannot
        be changed.
        """
        by, mac = self._access.guardian(call), parse_mac(call.args.mac)
        question = None if mac is None else self._questions.all().get(mac)
        if question is None or not question.waits:
            raise ControlError.of(Code.NO_QUESTION)
        place = call.args.profile or call.args.answer or ""
        assigns = call.args.profile is not None or place in PLACE_REPLIES
        if assigns and self._assignment.ends_filter(question.mac, place):
            self._access.confirmed(call)
        now, origin = self._home.local_now(), call.text("origin", "")
        before = self._assignment.before(question.mac, place) if assigns else ""
        if call.args.profile is not None:
            answer = self._profile(call, call.args.profile, question)
        else:
            answer = self._reply(call, question)
        detail = f"{question.mac} {question.ask} {answer}{before}"
        self._audit("identify", detail, by=by, at=now, origin=origin)
        yield
        problems = tuple((yield from self._effects.reload_steps()))
        self._home.publish("identity", mac=question.mac, ask=question.ask, what="answered", by=by)
        return Identified(profile=self._assignment.of(question.mac), problems=problems)

    def _profile(self, call: Call[IdentifyRequest], who: str, question: IdentityQuestion) -> str:
        profile = self._home.rules.household.find(who)
        if question.ask not in ACCEPTS_PROFILE or profile is None or profile.built_in:
            raise ControlError.of(Code.NO_PROFILE)
        self._assignment.put(question.mac, profile.id, self._access.guardian(call))
        return profile.id

    def _reply(self, call: Call[IdentifyRequest], question: IdentityQuestion) -> str:
        answer = call.text("answer")
        if answer not in question.replies:
            choices = ", ".join(question.replies)
            call.refuse("answer", f"is no answer to what is asked; choose one of: {choices}")
        reply = IdentityReply(answer)
        if reply in (IdentityReply.AGAIN, IdentityReply.ALSO):
            self._add_address(call, question, instead=reply is IdentityReply.AGAIN)
        elif reply in PLACE_REPLIES:
            self._assignment.put(question.mac, reply, self._access.guardian(call))
        elif reply is IdentityReply.NOT_SAME:
            ask = Ask.COPY if question.ask is Ask.COPY else Ask.NEW
            settled = replace(question, ask=ask, settled=True, profile="", known="", back=None)
            self._questions.put(settled, lambda _: None, self._home.now())
        else:
            self._identities.answered(question.mac)
        return answer

    def _add_address(self, call: Call[IdentifyRequest], question: IdentityQuestion, *, instead: bool) -> None:
        """Write the question's MAC address into the rule file of the known device's owner.

        ``instead``: in place of the known address. Raises ControlError if the known device has no owner or is
        shared.
        """
        household = self._home.rules.household
        owner = household.owner_of(question.known)
        if owner is None or owner.id not in household.profiles or question.known in household.config.shared:
            raise ControlError.of(Code.SAY_WHOSE)
        profile, by = household.profiles[owner.id], self._access.guardian(call)
        self._assignment.add_address(profile, question.known, question.mac, by, instead=instead)
