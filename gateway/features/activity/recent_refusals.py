"""The last refusals of each device: ten of them, for ten minutes, in memory only."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gateway.policy.values import Decision, Observation

KEPT = 10
FOR = timedelta(minutes=10)
AGAIN = timedelta(seconds=30)  # a browser tries a blocked name several times within seconds: one refusal
MAX_SLOTS = 256


@dataclass(frozen=True, slots=True)
class RecentRefusal:
    """A refused connection or DNS query."""

    at: datetime
    seen: Observation
    decision: Decision


class RecentRefusals:
    """The refusals, newest last. Callers do not add names of sealed lists and help lines."""

    def __init__(self) -> None:
        self._slots: OrderedDict[int, deque[RecentRefusal]] = OrderedDict()

    def add(self, slot: int, at: datetime, seen: Observation, decision: Decision) -> bool:
        """Add a refusal. Returns False if the same was refused a moment ago."""
        kept = self._slots.setdefault(slot, deque(maxlen=KEPT))
        self._slots.move_to_end(slot)
        if len(self._slots) > MAX_SLOTS:
            self._slots.popitem(last=False)
        for refusal in reversed(kept):
            same = refusal.seen.host == seen.host and refusal.decision.reason is decision.reason
            if same and abs(at - refusal.at) < AGAIN:  # one in the future by this clock hides none
                return False
        kept.append(RecentRefusal(at, seen, decision))
        return True

    def of(self, slots: frozenset[int], now: datetime, limit: int = KEPT) -> list[RecentRefusal]:
        """Return refusals, newest first."""
        kept = (refusal for slot in slots for refusal in self._slots.get(slot, ()))
        found = [refusal for refusal in kept if -AGAIN < now - refusal.at < FOR]
        return sorted(found, key=lambda one: one.at, reverse=True)[:limit]

    def shift(self, size: timedelta) -> None:
        """Adjust the times after a jump of the clock, so that the age of each stays."""
        for slot, kept in self._slots.items():
            self._slots[slot] = deque(
                (replace(refusal, at=refusal.at + size) for refusal in kept), maxlen=KEPT
            )

    def forget(self, slot: int) -> None:
        self._slots.pop(slot, None)
