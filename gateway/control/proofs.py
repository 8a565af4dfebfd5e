"""When the person of a session last proved to know the password. Dangerous changes need a recent proof."""

from __future__ import annotations

from collections.abc import Callable

from gateway.policy.accounts.people import Account, Session

PROOF_LIFE = 600.0  # seconds


class Proofs:
    """The times of proofs by session, in memory: after a restart each session proves it again."""

    def __init__(self, now: Callable[[], float]) -> None:
        """``now``: seconds of a monotonic clock."""
        self._now = now
        self._proven: dict[str, float] = {}  # key of the session → time

    def add(self, session: Session) -> None:
        now = self._now()
        self._proven = {key: at for key, at in self._proven.items() if now - at < PROOF_LIFE}
        self._proven[session.key] = now

    def seconds_left(self, session: Session, account: Account) -> int:
        """Return the seconds for which the session's last proof is valid; 0 if a proof is needed.

        An account with neither password nor second factor can prove nothing, and is never asked.
        """
        if not account.secret and not account.totp:
            return int(PROOF_LIFE)
        at = self._proven.get(session.key)
        return 0 if at is None else max(0, int(at + PROOF_LIFE - self._now()))
