"""Challenges between question and answer. One attempt each: whatever comes of it, the challenge is gone.

Without cryptography, so that a long-lived process can hold it: what a challenge says is `dcapi`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from gateway.age.refusals import AgeProofError, Refusal

MOST = (
    16  # questions at once: a home has fewer adults; a page that asks again and again pushes out the oldest
)


@dataclass(slots=True)
class Waiting:
    """By a name of the caller's: a random token that the page gets, or the device that asks."""

    _open: dict[str, tuple[str, datetime]] = field(default_factory=dict)

    def add(self, name: str, challenge: str, until: datetime, now: datetime) -> None:
        """A second question under the same name takes the first one's place."""
        self._open = {one: kept for one, kept in self._open.items() if kept[1] > now and one != name}
        while len(self._open) >= MOST:
            del self._open[next(iter(self._open))]
        self._open[name] = challenge, until

    def take(self, name: str, now: datetime) -> str:
        """The challenge, for the one attempt. Raises AgeProofError."""
        challenge, until = self._open.pop(name, ("", now))
        if not challenge:
            raise AgeProofError(Refusal.REPLAYED)
        if now >= until:
            raise AgeProofError(Refusal.LATE)
        return challenge

    def __len__(self) -> int:
        return len(self._open)
