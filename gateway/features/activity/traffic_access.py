"""Decides of which devices a guardian may see the live traffic (docs/privacy.md).

The rights depend on who uses a device now. If the user is uncertain, the device is private.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from gateway.age.bands import AgeBand
from gateway.household.context import HomeContext
from gateway.household.members import Family
from gateway.household.slot_assignment import ADULT
from gateway.policy.identity.device_kinds import APPLIANCE
from gateway.policy.identity.sharing import possible_users
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import HOME, VISITS_LEVEL
from gateway.store.tables.questions import QuestionTable
from gateway.store.tables.sharing import DeviceUseTable

YOUNG = frozenset({AgeBand.AGE_0_5, AgeBand.AGE_6_9})
# Types of devices that are no person's own. Another type, or an unknown one, may be a person's phone or
# computer, even if a guardian chose that it is not filtered.
OF_THE_HOUSE = frozenset({APPLIANCE, "tv", "speaker"})


class TrafficRight(StrEnum):
    """Whether a guardian may see a device's live traffic: always, after starting a watch, or never."""

    ALWAYS = "always"  # the guardian's own device, or an unfiltered appliance, TV or speaker
    STARTED = "started"  # a young child's: for some minutes, after a guardian has started it
    NEVER = "never"


class TrafficAccess:
    """Decides whether a guardian may see the live traffic of a device.

    ``place_of``: returns a device's owner or place. ``kind_of``: returns its type, empty if unknown.
    """

    def __init__(
        self,
        home: HomeContext,
        family: Family,
        uses: DeviceUseTable,
        questions: QuestionTable,
        place_of: Callable[[str], str],
        kind_of: Callable[[str], str],
    ) -> None:
        self._home = home
        self._family = family
        self._uses = uses
        self._questions = questions
        self._place_of = place_of
        self._kind_of = kind_of

    def right(self, mac: str, own: str) -> TrafficRight:
        """Return whether and how a guardian may see the live traffic of the device ``mac``.

        ``own``: the device that the guardian uses now; empty: unknown. A device with an open
        question, or that is unlocked for an adult, is private.
        """
        question = self._questions.all().get(mac)
        if mac in self._family.opened or (question is not None and question.waits):
            return TrafficRight.NEVER
        users = self._users(mac)
        if users:
            if all(map(_is_young, users)):
                return TrafficRight.STARTED
            is_own = len(users) == 1 and not users[0].is_child and self._is_same_adult(users[0], own)
            return TrafficRight.ALWAYS if is_own else TrafficRight.NEVER
        place = self._place_of(mac)
        of_the_house = place == HOME and self._kind_of(mac) in OF_THE_HOUSE
        is_own = place == ADULT and mac == own
        return TrafficRight.ALWAYS if of_the_house or is_own else TrafficRight.NEVER

    def _users(self, mac: str) -> tuple[Profile, ...]:
        """Return everyone who may use a device now: owner, those who share it, and its temporary user."""
        household, use = self._home.rules.household, self._uses.all().get(mac)
        owner, sharing = household.owner_of(mac), possible_users(household, mac)
        found = [owner, *sharing, household.find(use.who) if use is not None else None]
        return tuple(person for person in found if person is not None)

    def _is_same_adult(self, person: Profile, own: str) -> bool:
        """Return whether the device ``own``, which a guardian uses now, is used by this person only."""
        users = self._users(own) if own else ()
        return bool(users) and not person.built_in and all(user.id == person.id for user in users)


def _is_young(person: Profile) -> bool:
    """Return whether guardians may see a child's live traffic: up to age 9, if its log level shows visits.

    The level is limited by the highest age group that the child has had.
    """
    return person.is_child and person.band in YOUNG and person.rules.log_level >= VISITS_LEVEL
