"""Questions to the guardians about a device: which rules apply until the answer, and the possible answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from gateway.policy.identity.traits import Sign, Traits, may_be_departed, same_device
from gateway.policy.profile.household import Household
from gateway.policy.profile.profile import Profile


class Ask(StrEnum):
    """The subject of a question to the guardians about a device.

    NEW: its owner. AGAIN: whether it is a known device with another MAC address. COPY: whether two
    devices use one MAC address. REPEATER: other devices are behind it. ADDRESS: another device took
    its IP address.
    """

    NEW = "new"  # who owns it?
    AGAIN = "again"  # is it the device that left?
    COPY = "copy"  # do two devices use one address?
    REPEATER = "repeater"  # other devices are behind it
    ADDRESS = "address"  # another device took its IP address


class IdentityReply(StrEnum):
    """A possible answer to a question about a device. A profile of a person may be an answer too."""

    AGAIN = "again"  # the new address replaces the old one
    ALSO = "also"  # the new address is added to the old one
    NOT_SAME = "not_same"
    ME = "me"  # the owner caused the change
    FINE = "fine"  # a repeater, or a device that took an IP address: keep it as it is
    HOME = "home"
    GUEST = "guest"
    ADULT_GUEST = "visitor"
    ADULT = "adult"


PLACE_REPLIES = (IdentityReply.HOME, IdentityReply.GUEST, IdentityReply.ADULT_GUEST, IdentityReply.ADULT)
REPLIES: Mapping[Ask, tuple[IdentityReply, ...]] = {
    Ask.NEW: PLACE_REPLIES,
    Ask.AGAIN: (IdentityReply.AGAIN, IdentityReply.ALSO, IdentityReply.NOT_SAME, *PLACE_REPLIES),
    Ask.COPY: (IdentityReply.ME, IdentityReply.NOT_SAME),
    Ask.REPEATER: (IdentityReply.FINE, *PLACE_REPLIES),
    Ask.ADDRESS: (IdentityReply.FINE,),
}
KEPT = (Ask.REPEATER, Ask.ADDRESS)  # after the answer, the question is kept and not asked again
ACCEPTS_PROFILE = (Ask.NEW, Ask.AGAIN, Ask.REPEATER)  # a person's profile is a possible answer too


@dataclass(frozen=True, slots=True)
class IdentityQuestion:
    """A question to the guardians about one device, and what is known about it."""

    mac: str
    ask: Ask
    at: datetime
    profile: str = ""  # of an unknown device: the child whose rules apply meanwhile; empty: none
    known: str = ""  # AGAIN: the MAC address of the device that it may be. ADDRESS: of the one that took it
    signs: tuple[Sign, ...] = ()
    face: Traits | None = None  # COPY: the traits of the other device
    back: datetime | None = None  # COPY: since when only the owner's device was seen. ADDRESS: last seen
    silent: bool = False  # the limit of questions was reached: the rules apply, but no question is shown
    settled: bool = False  # NEW: not the device that left. COPY: it was another device. Others: answered
    adult: bool = False  # of an unknown device: its user claims to be an adult, so nothing about it is logged

    @property
    def about_new_device(self) -> bool:
        """True if an unknown device causes the question, so that anyone on the Wi-Fi can cause it.

        Of a repeater: unless its question was answered, or its address may be copied (`closes`).
        """
        if self.ask is Ask.REPEATER:
            return not (self.closes or self.settled)
        return self.ask in (Ask.NEW, Ask.AGAIN)

    @property
    def waits(self) -> bool:
        """True while the question is shown to guardians.

        It is not if it is silent, or if it is about a repeater or an IP address and was answered.
        """
        return not (self.silent or (self.ask in KEPT and self.settled))

    @property
    def replies(self) -> tuple[IdentityReply, ...]:
        """The possible answers, in addition to a person's profile for the questions in ACCEPTS_PROFILE."""
        if self.ask is Ask.AGAIN and not self.known:
            return tuple(
                reply
                for reply in REPLIES[Ask.AGAIN]
                if reply not in (IdentityReply.AGAIN, IdentityReply.ALSO)
            )
        if self.ask is Ask.COPY and self.settled:
            return (IdentityReply.ME,)
        return REPLIES[self.ask]

    @property
    def closes(self) -> bool:
        """True for a repeater that was known as a single device: another one may have copied its address.

        Until a guardian answers the question about it, the youngest child's rules apply to it as
        well.
        """
        return Sign.CARRIES in self.signs


class KnownDevice(NamedTuple):
    """A device that a new one may be: its traits, its owner's profile, and how long it has been away."""

    traits: Traits
    owner: Profile
    gone_for: timedelta | None  # time since it left, as for `same_device`
    # Of an unknown device that may be a child's: the device that it may be, if known.
    may_be: str | None = None


class Recognition(NamedTuple):
    """The result of `recognise`: MAC address of the known device, child's profile id, and matching traits.

    All are empty if the new device is like no known one; ``known`` also if only the time of joining fits.
    """

    known: str = ""
    profile: str = ""
    signs: tuple[Sign, ...] = ()


def recognise(new_device: Traits, family: Iterable[KnownDevice]) -> Recognition:
    """Return which known device a new one may be, which child's rules apply until the answer, and why.

    Of all children whose device it may be, the youngest one's rules apply, however similar another device is:
    a child could imitate an older child's device. The reasons are the traits that match.
    """
    best, known = 0, ""
    signs: tuple[Sign, ...] = ()
    children: list[Profile] = []
    for device in family:
        like = same_device(device.traits, new_device, device.gone_for)
        if not (like.likely or may_be_departed(new_device, device.gone_for)):
            continue
        if device.owner.is_child:
            children.append(device.owner)
        like_whom = device.traits.mac if device.may_be is None else device.may_be
        if like.likely and like_whom and like.score > best:
            best, known, signs = like.score, like_whom, like.signs
    if not known and not children:
        return Recognition()
    chosen = min(children, key=lambda child: (child.band.rank, child.id), default=None)
    return Recognition(known, "" if chosen is None else chosen.id, signs or (Sign.TIME,))


def interim_profile(household: Household, question: IdentityQuestion, otherwise: Profile) -> Profile | None:
    """Return the profile that applies in addition to ``otherwise`` until a guardian answers the question.

    None: only ``otherwise`` applies, the profile that the device has without the question.
    """
    if question.about_new_device:
        if not household.config.keep_profile:
            return None
        found = household.profiles.get(question.profile)
        return found if found is not None and found.is_child else None
    if question.ask is Ask.COPY or (question.ask is Ask.REPEATER and question.closes):
        return youngest_below(household, otherwise)
    return None


def youngest_below(household: Household, than: Profile) -> Profile | None:
    """Return the profile of the youngest child, or the guest profile, if younger than ``than``; else None.

    In one age group a child comes before guests, who have no limits.
    """

    def place(profile: Profile) -> tuple[int, bool]:
        return profile.band.rank, profile.built_in

    found = min((*household.children, household.guest), key=place)
    return found if place(found) < place(than) else None
