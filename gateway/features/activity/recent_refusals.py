"""Stores the latest refusals of each slot (number of a filtered device): at most ten, in memory only.

Those older than ten minutes are not returned.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gateway.features.activity.attempts import Attempts
from gateway.policy.values import Decision, Observation

KEPT = 10
FOR = timedelta(minutes=10)
AGAIN = timedelta(seconds=30)  # a browser tries a blocked name several times within seconds: one refusal
MAX_SLOTS = 256


@dataclass(frozen=True, slots=True)
class RecentRefusal:
    """A refused connection or DNS query. ``slot``: the number of the filtered device."""

    at: datetime
    seen: Observation
    decision: Decision
    slot: int


def _is_same(old: RecentRefusal, new: RecentRefusal) -> bool:
    """Return whether two refusals of one host count as one: by the same rule within 30 seconds."""
    one, other = old.decision, new.decision
    # abs: if the clock was set back, an old refusal has a later time, and must not hide new ones.
    if abs(new.at - old.at) >= AGAIN:
        return False
    return (one.reason, one.rule, one.recognised) == (other.reason, other.rule, other.recognised)


class RecentRefusals:
    """Stores the latest refusals by slot, the newest last, and the attempts that they belong to.

    A slot is the number of a filtered device, or of several with one profile. Callers add neither
    names on sealed lists (hashed, secret) nor those of help lines.
    """

    def __init__(self) -> None:
        self.attempts = Attempts()
        self._slots: OrderedDict[int, deque[RecentRefusal]] = OrderedDict()

    def add(self, slot: int, at: datetime, seen: Observation, decision: Decision) -> bool:
        """Add a refusal, and return True if it is new.

        Return False within 30 seconds after a stored one of the same host by the same rule; repeats do not
        extend that. If another rule refused it meanwhile, the refusal becomes the newest again.
        """
        kept = self._slots.setdefault(slot, deque(maxlen=KEPT))
        self._slots.move_to_end(slot)
        if len(self._slots) > MAX_SLOTS:
            self._slots.popitem(last=False)
        new = RecentRefusal(at, seen, decision, slot)
        of_host = [refusal for refusal in kept if refusal.seen.host == seen.host]
        same = next((refusal for refusal in reversed(of_host) if _is_same(refusal, new)), None)
        if same is not None and same is of_host[-1]:
            return False
        if same is not None:
            kept.remove(same)
        kept.append(new)
        return same is None

    def of(self, slots: frozenset[int], now: datetime, limit: int = KEPT) -> list[RecentRefusal]:
        """Return at most ``limit`` refusals within the last ten minutes, newest first.

        ``slots``: the numbers of the filtered devices.
        """
        kept = (refusal for slot in slots for refusal in self._slots.get(slot, ()))
        found = [refusal for refusal in kept if -AGAIN < now - refusal.at < FOR]
        return sorted(found, key=lambda refusal: refusal.at, reverse=True)[:limit]

    def shift(self, size: timedelta) -> None:
        """Add ``size`` to all stored times after the clock jumped by it, so that each age stays the same."""
        self.attempts.shift(size)
        for slot, kept in self._slots.items():
            self._slots[slot] = deque(
                (replace(refusal, at=refusal.at + size) for refusal in kept), maxlen=KEPT
            )

    def forget(self, slot: int) -> None:
        self.attempts.forget(slot)
        self._slots.pop(slot, None)
