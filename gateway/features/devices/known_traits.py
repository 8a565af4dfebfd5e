"""Stores the traits (name, vendor, fingerprint) of each assigned MAC address, and detects another host."""

from __future__ import annotations

from datetime import datetime, timedelta

from gateway.policy.identity.copies import (
    QUIET,
    SETTLED,
    completed,
    differs,
    merge_foreign_traits,
    nearest,
    suspicion,
    with_face,
)
from gateway.policy.identity.questions import Ask, IdentityQuestion
from gateway.policy.identity.traits import SHORT_ABSENCE, Sign, Traits
from gateway.store.tables.questions import QuestionTable

NOT_APART = timedelta()


class KnownTraits:
    """Compares observed traits with the stored ones of a MAC address, and stores small changes.

    Times are since boot, except in `is_over`. A "face" is one known set of traits of a MAC address.
    """

    def __init__(self, questions: QuestionTable) -> None:
        self._questions = questions
        self._drift: dict[str, timedelta] = {}  # since when it differs too little for a suspicion
        self._back: dict[str, tuple[timedelta, timedelta]] = {}  # when it came back, and after how long

    def came_back(self, mac: str, at: timedelta, apart: timedelta) -> None:
        self._back[mac] = at, apart

    def suspicion(self, before: Traits, after: Traits, now: timedelta) -> tuple[Sign, ...]:
        """Return the signs that another host uses the MAC address of the traits ``after``.

        If there are none, store missing traits, and changed ones if they have lasted for a day.
        ``before``: the traits until now, if none are stored.
        """
        mac = after.mac
        faces = self._questions.faces(mac) or (before,)
        back, apart = self._back.get(mac, (now, NOT_APART))
        signs = suspicion(faces, after, apart if now - back <= SHORT_ABSENCE else NOT_APART)
        self._questions.keep_faces(mac, faces if signs else self._learnt(faces, after, now))
        return signs

    def _learnt(self, faces: tuple[Traits, ...], after: Traits, now: timedelta) -> tuple[Traits, ...]:
        """Return the known traits (``faces``) with missing ones filled in from ``after``.

        Different ones are replaced only after a day: otherwise a host that copies the MAC address could be
        learnt in small steps.
        """
        like, mac = nearest(faces, after), after.mac
        new = like
        if not differs(like, after):
            self._drift.pop(mac, None)
            new = completed(like, after)
        elif now - self._drift.setdefault(mac, now) >= SETTLED:
            del self._drift[mac]
            new = completed(after, like)
        return tuple(new if traits == like else traits for traits in faces)

    def merge_foreign_traits(self, mac: str, before: Traits | None, seen: Traits) -> Traits:
        """Return the traits of the suspected other host that uses the MAC address.

        Each is taken from ``seen`` if the owner's device does not have it, else from ``before``.
        """
        return merge_foreign_traits(self._questions.faces(mac), before, seen)

    def due(self, now: timedelta) -> list[str]:
        """Return the MAC addresses with traits that have differed slightly for at least SETTLED.

        `suspicion` then stores these traits.
        """
        return [mac for mac, since in self._drift.items() if now - since >= SETTLED]

    def trust(self, mac: str, face: Traits) -> None:
        """Store traits of a MAC address that a guardian confirmed as the owner's device."""
        self._questions.keep_faces(mac, with_face(self._questions.faces(mac), face))
        self._drift.pop(mac, None)

    @staticmethod
    def is_over(one: IdentityQuestion, now: datetime) -> bool:
        """Return whether a suspicion of a copied MAC address is over.

        It is over when only the known traits have been seen for QUIET. False for another kind of question.
        """
        return one.ask is Ask.COPY and one.back is not None and one.back + QUIET <= now
