"""Describes the questions to guardians about devices and their owners, for the control socket."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gateway.control.contract.devices import OpenQuestion
from gateway.control.schema import values_of
from gateway.household.context import Effects, HomeContext
from gateway.household.file_history import PROGRAM
from gateway.household.presence import Presence
from gateway.household.slot_assignment import SlotAssignment
from gateway.household.visibility import Visibility
from gateway.policy.identity.question_messages import question_sentence
from gateway.policy.identity.questions import (
    ACCEPTS_PROFILE,
    Ask,
    IdentityQuestion,
    interim_profile,
)
from gateway.policy.language import ENGLISH
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import PresenceDetail
from gateway.store.tables.audit import RecordAudit
from gateway.store.tables.devices import DeviceTable
from gateway.store.tables.questions import QuestionTable
from gateway.store.tables.sharing import DeviceUseTable

UNNAMED = "A device"


class DeviceQuestions:
    """Describes the questions about devices, and asks guardians about users who claim to be adults."""

    def __init__(
        self,
        home: HomeContext,
        effects: Effects,
        questions: QuestionTable,
        devices: DeviceTable,
        uses: DeviceUseTable,
        audit: RecordAudit,
        presence: Presence,
        visibility: Visibility,
    ) -> None:
        self._home = home
        self._effects = effects
        self._questions = questions
        self._devices = devices
        self._uses = uses
        self._audit = audit
        self._presence = presence
        self._visibility = visibility

    def open(self) -> Iterator[IdentityQuestion]:
        """Return the questions that wait for a guardian's answer.

        First those about the family's devices, then those about possible devices of a child, then about other
        new devices; the newest first within each group.
        """
        waiting = [question for question in self._questions.all().values() if question.waits]
        waiting.sort(key=lambda question: question.at, reverse=True)
        return iter(
            sorted(waiting, key=lambda question: (question.about_new_device, question.ask is Ask.NEW))
        )

    def says_adult(self, mac: str) -> bool:
        """Ask the guardians about a new device of a user who claims to be an adult; stop recording it.

        Return True; False, with nothing changed, if there are too many questions.
        """
        now = self._home.now()
        known = self._questions.all().get(mac)
        question = replace(known or IdentityQuestion(mac, Ask.NEW, now), adult=True, silent=False)
        if not self._questions.put(question, self._devices.last_seen, now):
            return False
        self._audit("says adult", mac, by=PROGRAM, at=now)
        self._home.publish("identity", what="asked", **values_of(self.describe(question)))
        self._effects.regroup()
        return True

    def describe(self, question: IdentityQuestion) -> OpenQuestion:
        household, presence, visibility = self._home.rules.household, self._presence, self._visibility
        mac, known = question.mac, question.known
        owner = household.owner_of(known or mac)
        rules = self._rules(question)
        name, known_name = presence.here.name_of(mac), presence.here.name_of(known) if known else ""
        traits = presence.inventory.traits(mac)
        # For a child's device the log level limits when it may be shown to have come or gone.
        subject = known or mac
        exact = owner is None or not owner.is_child or visibility.is_exact(subject)
        owner_name = "" if owner is None or owner.built_in else owner.name
        rules_name = "" if rules is None else rules.name
        at = question.at.astimezone(household.config.zone)
        described = OpenQuestion(
            mac=mac,
            ask=question.ask,
            at=at if exact else visibility.seen(subject, question.at),
            name=name,
            kind="" if traits is None else traits.kind,
            online=presence.inventory.online(mac) if exact else None,
            sightings=PresenceDetail.MOMENT if exact else visibility.sightings(subject),
            known=known or None,
            known_name=known_name,
            owner=None if not owner_name or owner is None else owner.id,
            owner_name=owner_name,
            rules=None if rules is None else rules.id,
            rules_name=rules_name,
            signs=tuple(question.signs),
            settled=question.settled,
            adult=question.adult,
            replies=tuple(question.replies),
            people=question.ask in ACCEPTS_PROFILE,
            sentence="",
        )
        named = replace(described, name=name or f"{UNNAMED} ({mac})")
        return replace(described, sentence=question_sentence(named, ENGLISH))

    def _rules(self, question: IdentityQuestion) -> Profile | None:
        """Return the profile that applies in addition until a question is answered; None if there is none."""
        household, devices = self._home.rules.household, self._devices.all()
        where, uses = self._presence.interface_of, self._uses.all()
        grouping = SlotAssignment(household, devices, {}, (), self._home.now(), where, uses)
        otherwise, locked = grouping.otherwise(question.mac)
        return None if locked else interim_profile(household, question, otherwise)
