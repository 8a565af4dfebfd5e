"""What the family is asked about a device, whose rules hold until it answers, and what may be answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from gateway.policy.identity.traits import Sign, Traits, may_be, same_device
from gateway.policy.profile.household import Household
from gateway.policy.profile.profile import Profile


class Ask(StrEnum):
    NEW = "new"  # whose is it?
    AGAIN = "again"  # is it the device that went?
    COPY = "copy"  # two devices by one address?
    REPEATER = "repeater"  # others are behind it


class Reply(StrEnum):
    AGAIN = "again"  # its new address stands in the place of the old one
    ALSO = "also"  # … beside the old one
    NOT_SAME = "not_same"
    ME = "me"  # what changed is the owner's doing
    FINE = "fine"  # a repeater: as it is
    HOME = "home"
    GUEST = "guest"
    VISITOR = "visitor"
    ADULT = "adult"


PLACES = (Reply.HOME, Reply.GUEST, Reply.VISITOR, Reply.ADULT)
REPLIES: Mapping[Ask, tuple[Reply, ...]] = {
    Ask.NEW: PLACES,
    Ask.AGAIN: (Reply.AGAIN, Reply.ALSO, Reply.NOT_SAME, *PLACES),
    Ask.COPY: (Reply.ME, Reply.NOT_SAME),
    Ask.REPEATER: (Reply.FINE, *PLACES),
}
TAKES_PROFILE = (Ask.NEW, Ask.AGAIN, Ask.REPEATER)  # may be answered with a person's profile too


@dataclass(frozen=True, slots=True)
class Question:
    mac: str
    ask: Ask
    at: datetime
    profile: str = ""  # of a stranger: the child whose rules it has meanwhile; empty: nobody's
    known: str = ""  # AGAIN: the address of the device that it may be
    signs: tuple[Sign, ...] = ()
    face: Traits | None = None  # COPY: what the other one shows
    back: datetime | None = None  # COPY: since when nobody but the owner's was there
    silent: bool = False  # a stranger's that found no room: its rules hold, and nobody is asked
    settled: bool = False  # NEW: not the one that went. COPY: it was another's. REPEATER: answered
    adult: bool = False  # of a stranger: somebody says on it to be an adult, so nothing of it is written down

    @property
    def about_stranger(self) -> bool:
        """Whether anybody can raise it, with an address that nobody has named."""
        if self.ask is Ask.REPEATER:
            return not (self.closes or self.settled)
        return self.ask in (Ask.NEW, Ask.AGAIN)

    @property
    def waits(self) -> bool:
        """Whether anybody is asked; a repeater that was answered for is only remembered."""
        return not (self.silent or (self.ask is Ask.REPEATER and self.settled))

    @property
    def replies(self) -> tuple[Reply, ...]:
        """What it may be answered with, beside a person's profile."""
        if self.ask is Ask.AGAIN and not self.known:
            return tuple(one for one in REPLIES[Ask.AGAIN] if one not in (Reply.AGAIN, Reply.ALSO))
        if self.ask is Ask.COPY and self.settled:
            return (Reply.ME,)
        return REPLIES[self.ask]

    @property
    def closes(self) -> bool:
        """Whether a REPEATER was known to be alone before: an address that somebody may have copied."""
        return Sign.CARRIES in self.signs


class Absent(NamedTuple):
    """A device of the family's, or one that is here."""

    traits: Traits
    owner: Profile
    gone_for: timedelta | None  # as for `same_device`
    stands_for: str | None = None  # of a stranger that may be a child's: which device it may be, if any


class Recognised(NamedTuple):
    known: str = ""
    profile: str = ""
    signs: tuple[Sign, ...] = ()


def recognise(newcomer: Traits, family: Iterable[Absent]) -> Recognised:
    """Which device it may be, and whose rules it has meanwhile: of all children whose device it may be the
    youngest's, whomever it is most like. A child may well imitate an elder's.
    """
    best, known = 0, ""
    signs: tuple[Sign, ...] = ()
    children: list[Profile] = []
    for one in family:
        like = same_device(one.traits, newcomer, one.gone_for)
        if not (like.likely or may_be(newcomer, one.gone_for)):
            continue
        if one.owner.is_child:
            children.append(one.owner)
        like_whom = one.traits.mac if one.stands_for is None else one.stands_for
        if like.likely and like_whom and like.score > best:
            best, known, signs = like.score, like_whom, like.signs
    if not known and not children:
        return Recognised()
    chosen = min(children, key=lambda one: (one.band.rank, one.id), default=None)
    return Recognised(known, "" if chosen is None else chosen.id, signs or (Sign.TIME,))


def meanwhile(household: Household, question: Question, otherwise: Profile) -> Profile | None:
    """Whose rules hold until somebody answers, beside ``otherwise``, which would hold without the question;
    None: those alone.
    """
    if question.about_stranger:
        if not household.config.keep_profile:
            return None
        found = household.profiles.get(question.profile)
        return found if found is not None and found.is_child else None
    if question.ask is Ask.COPY or (question.ask is Ask.REPEATER and question.closes):
        return strictest(household, otherwise)
    return None


def strictest(household: Household, than: Profile) -> Profile | None:
    """Of the children and guests the youngest, where that is younger ``than``; of one band a child before
    guests and visitors, who have no limits.
    """

    def place(one: Profile) -> tuple[int, bool]:
        return one.band.rank, one.built_in

    found = min((*household.children, household.guest), key=place)
    return found if place(found) < place(than) else None
