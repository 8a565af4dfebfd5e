"""A family's agreement: a child and a guardian each say that they have read the rules together.

Kept is who said so, when, and a digest of the rules as they were, by which a later change shows. No rule
depends on it, and what a child sets for itself is its own and no part of it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from gateway.policy.profile.profile import Profile
from gateway.policy.profile.to_yaml import spoken

DIGEST_BYTES = 16


class Side(StrEnum):
    CHILD = "child"
    GUARDIAN = "guardian"


class State(StrEnum):
    NONE = "none"
    AGREED = "agreed"
    CHANGED = "changed"  # since both agreed


@dataclass(frozen=True, slots=True)
class Yes:
    """What one of them has said, while the other has not."""

    digest: str
    side: Side
    by: str  # the guardian; empty: the child
    at: datetime


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of one child. Times are aware."""

    profile: str
    digest: str = ""  # of the rules on which both agreed last; empty: none yet
    by: str = ""  # with which guardian
    at: datetime | None = None  # when the second of them said so
    waits: Yes | None = None


def digest_of(profile: Profile) -> str:
    """The rules that hold, but for what the child set for itself. Where a new version supplies other rules,
    it is another one as well.
    """
    told = json.dumps([profile.band.value, spoken(profile.rules)], sort_keys=True)
    return hashlib.blake2b(told.encode(), digest_size=DIGEST_BYTES).hexdigest()


def agreed(before: Agreement, side: Side, by: str, digest: str, at: datetime) -> Agreement:
    """One of them says yes to the rules as they are now. It is whole once the other did so as well."""
    if before.digest == digest:
        return replace(before, waits=None)
    said = before.waits
    if said is None or said.digest != digest or said.side is side:
        return replace(before, waits=Yes(digest, side, by, at))
    return Agreement(before.profile, digest, by or said.by, at)


def state(one: Agreement, digest: str) -> State:
    if not one.digest:
        return State.NONE
    return State.AGREED if one.digest == digest else State.CHANGED


def waiting(one: Agreement, digest: str) -> Yes | None:
    """A yes to rules that are others by now waits for nobody."""
    return one.waits if one.waits is not None and one.waits.digest == digest else None
