"""Finds the session of a request, and when its person last proved to know the password or have a passkey.

Dangerous changes need a proof of the last ten minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from gateway.control.permissions import VERBS
from gateway.control.protocol import Call, ControlRequest, Role
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.policy.accounts.people import Account, AccountRegister, Session, digest

PROOF_LIFE = 600.0  # seconds


class Proofs:
    """Stores when the person at each session last gave a password, a code or a passkey ("proof").

    A sign-in counts as a proof. The times are in memory only: after a restart, each session needs a
    new proof.
    """

    def __init__(
        self,
        register: AccountRegister,
        now: Callable[[], float],
        wall: Callable[[], datetime],
        clock_known: Callable[[], bool],
    ) -> None:
        """Create without proofs. ``now``: seconds of a monotonic clock. ``wall``: the household's time."""
        self._register = register
        self._now, self._wall, self._clock_known = now, wall, clock_known
        self._proven: dict[str, float] = {}  # key of the session → time

    def add(self, session: Session) -> None:
        now = self._now()
        self._proven = {key: at for key, at in self._proven.items() if now - at < PROOF_LIFE}
        self._proven[session.key] = now

    def seconds_left(self, session: Session, account: Account) -> int:
        """Return for how many seconds the session's last proof is valid; 0 if a new proof is needed.

        An account with neither password nor second factor can prove nothing, and always gets the full
        time.
        """
        if not account.secret and not account.totp:
            return int(PROOF_LIFE)
        at = self._proven.get(session.key)
        return 0 if at is None else max(0, int(at + PROOF_LIFE - self._now()))

    def session(self, request: ControlRequest) -> tuple[Session, Account]:
        """Return the request's session and its account, and record its use.

        Raises ControlError for an unknown or ended session.
        """
        key = digest(request.text("session"))
        found = self._register.use(key, self._wall(), clock_trusted=self._clock_known())
        if found is None:
            raise ControlError.of(Code.SESSION_ENDED)
        return found, self._register.accounts()[found.name]

    def require(self, request: ControlRequest, *, always: bool = False) -> None:
        """Raise ControlError for a dangerous change without a session of the person in ``by`` with a proof.

        The proof is at most ten minutes old. The verb declares which requests are dangerous; ``always``: this
        one is, also if its verb declares none. Root needs no proof. An API token (``via``, which
        `Origins.recorded` checks) needs none if the verb allows tokens: its rights were chosen when it was
        created.
        """
        danger = VERBS[request.do].danger
        by_tokens = danger is not None and danger.by_tokens
        if request.role is Role.OWNER or (by_tokens and request.has("via")):
            return
        needs_proof = None if danger is None else danger.needs_proof
        if not always and not (
            isinstance(request, Call) and needs_proof is not None and needs_proof(request.args)
        ):
            return
        _, account = self.proven(request)
        if request.has("by") and account.name != request.text("by"):
            raise ControlError.of(Code.NO_GUARDIAN)

    def proven(self, request: ControlRequest) -> tuple[Session, Account]:
        """Return the request's session and its account.

        Raises ControlError if the session has ended, or had no proof (by password, code, passkey or
        its own sign-in) in the last ten minutes. An account with neither password nor second factor
        needs none.
        """
        session, account = self.session(request)
        if not self.seconds_left(session, account):
            raise ControlError.of(Code.PROOF_NEEDED)
        return session, account
