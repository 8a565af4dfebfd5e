"""A family's agreement: a child and a guardian each confirm that they read the rules together.

Stored are who confirmed, when, and a digest of the rules at that time, which reveals a later change. No rule
depends on it. What a child sets for itself is not part of it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from gateway.policy.profile.old_words import with_old_words
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rule_file import rules_to_yaml

DIGEST_BYTES = 16


class Side(StrEnum):
    CHILD = "child"
    GUARDIAN = "guardian"


class AgreementState(StrEnum):
    NONE = "none"
    AGREED = "agreed"
    CHANGED = "changed"  # since both agreed


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The confirmation of one side (child or guardian) while the other has not confirmed yet."""

    digest: str
    side: Side
    by: str  # the guardian; empty: the child
    at: datetime


@dataclass(frozen=True, slots=True)
class Agreement:
    """A child's agreement with its parents: the rules that both confirmed last, and a pending confirmation.

    Times are aware.
    """

    profile: str
    digest: str = ""  # of the rules that both confirmed last; empty: none yet
    by: str = ""  # the guardian who confirmed
    at: datetime | None = None  # when the second side confirmed
    waits: Confirmation | None = None


def digest_of(profile: Profile) -> str:
    """Return a digest (hex) of a profile's rules, without what the child set for itself.

    It changes if a new version supplies other rules, and not if the version only writes them in other words.
    """
    text = json.dumps([profile.band.value, with_old_words(rules_to_yaml(profile.rules))], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=DIGEST_BYTES).hexdigest()


def agreed(before: Agreement, side: Side, by: str, digest: str, at: datetime) -> Agreement:
    """Return the agreement after ``side`` confirmed the rules with this digest.

    It is complete once both sides confirmed them; until then the confirmation is pending, in place
    of an earlier one. ``by``: the guardian's name; empty: the child. Rules that both have agreed on
    already need no confirmation: a pending one is removed.
    """
    if before.digest == digest:
        return replace(before, waits=None)
    said = before.waits
    if said is None or said.digest != digest or said.side is side:
        return replace(before, waits=Confirmation(digest, side, by, at))
    return Agreement(before.profile, digest, by or said.by, at)


def agreement_state(agreement: Agreement, digest: str) -> AgreementState:
    """Return whether there is an agreement, and whether the rules have changed since then.

    ``digest``: of the rules now.
    """
    if not agreement.digest:
        return AgreementState.NONE
    return AgreementState.AGREED if agreement.digest == digest else AgreementState.CHANGED


def pending_confirmation(agreement: Agreement, digest: str) -> Confirmation | None:
    """Return the pending confirmation; None if there is none, or if the rules have changed since.

    ``digest``: of the rules now.
    """
    return agreement.waits if agreement.waits is not None and agreement.waits.digest == digest else None
