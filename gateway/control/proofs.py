"""Finds the session of a request, and when its person last proved to know the password or have a passkey.

Dangerous changes need a proof of the last ten minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from gateway.control.protocol import ControlRequest
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.policy.accounts.people import Account, AccountRegister, Session, digest

PROOF_LIFE = 600.0  # seconds


class Proofs:
    """The times of proofs by session, in memory: after a restart each session proves it again."""

    def __init__(
        self,
        register: AccountRegister,
        now: Callable[[], float],
        wall: Callable[[], datetime],
        clock_known: Callable[[], bool],
    ) -> None:
        """``now``: seconds of a monotonic clock."""
        self._register = register
        self._now, self._wall, self._clock_known = now, wall, clock_known
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

    def session(self, request: ControlRequest) -> tuple[Session, Account]:
        """Return the request's session and its account. Refuses an unknown or ended session."""
        key = digest(request.text("session"))
        found = self._register.use(key, self._wall(), sure=self._clock_known())
        if found is None:
            msg = "this session has ended; sign in again"
            raise ControlError(msg).coded(Code.SESSION_ENDED)
        return found, self._register.guardians()[found.name]

    def proven(self, request: ControlRequest) -> tuple[Session, Account]:
        """Return the session and its account. Refuses a session without a proof in the last ten minutes."""
        session, account = self.session(request)
        if not self.seconds_left(session, account):
            msg = "this needs your password again; confirm it on the page, or sign in again"
            raise ControlError(msg).coded(Code.PROOF_NEEDED)
        return session, account
