"""Stores challenges between request and response. Each allows one attempt, whatever the result.

This module imports no cryptography, so a long-lived process can use it; `dcapi` parses the challenges.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from gateway.age.refusals import AgeProofError, ProofRefusal

MOST = 16  # a household has fewer adults; repeated requests from one page push out the oldest


@dataclass(slots=True)
class OpenChallenges:
    """Stores at most 16 challenges, requests to wallets that wait for a response, by a name.

    The caller chooses the name: a random token of the page, or the requesting device.
    """

    _open: dict[str, tuple[str, datetime]] = field(default_factory=dict)

    def add(self, name: str, challenge: str, until: datetime, now: datetime) -> None:
        """Store a request's challenge with the time at which it expires. It replaces one of the same name.

        Expired ones are removed; if there are too many, the oldest too.
        """
        self._open = {key: entry for key, entry in self._open.items() if entry[1] > now and key != name}
        while len(self._open) >= MOST:
            del self._open[next(iter(self._open))]
        self._open[name] = challenge, until

    def take(self, name: str, now: datetime) -> str:
        """Remove and return the stored challenge with this name; each can be used for one attempt.

        Raises AgeProofError if there is none, or it has expired.
        """
        challenge, until = self._open.pop(name, ("", now))
        if not challenge:
            raise AgeProofError(ProofRefusal.REPLAYED)
        if now >= until:
            raise AgeProofError(ProofRefusal.LATE)
        return challenge

    def __len__(self) -> int:
        return len(self._open)
