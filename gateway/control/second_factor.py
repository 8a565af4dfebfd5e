"""The second factor of an account: time-based codes of an app (TOTP, RFC 6238), and backup codes on paper.

pyotp computes the app's codes. It is optional, and imported when it is needed: 44 kB in the daemon. Backup
codes work without it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from gateway.control.contract.accounts import AccountRequest, AccountResponse
from gateway.control.protocol import Call, ControlRequest
from gateway.control.surroundings import Around
from gateway.core.errors import ControlError
from gateway.core.optional_packages import is_installed
from gateway.core.reason_codes import Code
from gateway.policy.accounts.people import Account, AccountRegister, Session, digest
from gateway.policy.requests.tickets import ALPHABET

NEAR_STEPS = (0, -1, 1)  # a phone's clock may be half a minute off
DIGITS = 6
SETUP_LIFE = 600.0  # seconds in which a new secret is confirmed by a first code
SIGN_IN_LIFE = 300.0  # seconds between the password and the code
SIGN_INS_LIMIT = 32  # that wait for a code; the oldest is dropped
SIGN_IN_TRIES = 5  # wrong codes of one sign-in, after which the password is needed again
BACKUP_CODES = 10
BACKUP_CODE_LENGTH = 12  # letters: 58 bits
ISSUER = "Qalqan"  # shown in the app

SessionOf = Callable[[ControlRequest], tuple[Session, Account]]


def check_code(
    register: AccountRegister, account: Account, request: ControlRequest, now: datetime, *, clock_known: bool
) -> Account:
    """Check and use up the request's `otp`, a code of the app or a backup code.

    Return the changed account, which is also stored. An account without a second factor is returned
    unchanged. Raises ControlError for a missing, wrong or used code, and for a code of the app if
    ``clock_known`` is False or the package pyotp is missing. ``now``: aware. It does not limit the
    number of tries.
    """
    if not account.totp:
        return account
    typed = _typed(request)
    if not typed:
        raise ControlError.of(Code.FACTOR_NEEDED)
    if _is_app_code(typed):
        if not clock_known:
            raise ControlError.of(Code.FACTOR_TIME)
        step = _matching_step(account.totp, typed, now, account.totp_step)
        used = None if step is None else replace(account, totp_step=step)
    else:
        used = _without_backup_code(account, digest(typed))
    if used is None:
        raise ControlError.of(Code.FACTOR_WRONG)
    register.put(used)
    return used


def _typed(request: ControlRequest) -> str:
    """Return the request's code without spaces and hyphens, in capital letters; empty without one."""
    return "".join(letter for letter in request.text("otp", "").upper() if letter.isalnum())


def _is_app_code(typed: str) -> bool:
    return len(typed) == DIGITS and typed.isascii() and typed.isdigit()


def _matching_step(secret: str, typed: str, now: datetime, used: int) -> int | None:
    """Return the TOTP time step whose code was typed; None if it is none of the steps near ``now``.

    ``used``: the last step with a used code. Its code and earlier ones are refused (RFC 6238 §5.2).
    Raises ControlError without the package pyotp.
    """
    _require_pyotp()
    import pyotp

    codes = pyotp.TOTP(secret, digits=DIGITS)
    current = codes.timecode(now)
    found = None
    for near in NEAR_STEPS:
        step = current + near
        if secrets.compare_digest(codes.generate_otp(step), typed) and step > used and found is None:
            found = step
    return found


def _without_backup_code(account: Account, key: str) -> Account | None:
    left = tuple(code for code in account.backup_codes if not secrets.compare_digest(code, key))
    return None if len(left) == len(account.backup_codes) else replace(account, backup_codes=left)


def _require_pyotp() -> None:
    if not is_installed("pyotp"):
        raise ControlError.of(Code.FACTOR_MISSING)


def without_factor(account: Account) -> Account:
    return replace(account, totp="", totp_step=0, backup_codes=())


class SecondFactors:
    """Turns the second factor of accounts on and off, and completes sign-ins by its codes."""

    def __init__(
        self, register: AccountRegister, around: Around, session_of: SessionOf, proven: SessionOf
    ) -> None:
        """Create without waiting sign-ins. ``session_of``: returns a request's session and account.

        ``proven``: like it, but refuses a session without a recent proof (`Proofs.proven`).
        """
        self._register = register
        self._around = around
        self._session_of = session_of
        self._proven = proven
        self._new: dict[str, tuple[str, float]] = {}  # account → new secret, end of its life
        # Sign-ins whose password was right: digest of the token → account, end of its life, wrong codes.
        self._waiting: dict[str, tuple[str, float, int]] = {}

    def table(self) -> dict[str, Callable[[Call[AccountRequest]], AccountResponse]]:
        return {
            "factor_start": self.start,
            "factor_on": self.turn_on,
            "factor_off": self.turn_off,
            "factor_codes": self.new_codes,
        }

    def check(self, account: Account, request: ControlRequest) -> Account:
        """Check and use up the request's code if the account has a second factor.

        Return the changed account, which is also stored; without a second factor, the account as it
        is. Raises ControlError for a missing, wrong or used code, and for a code of the app while the
        time is not known or the package pyotp is missing.
        """
        known = self._around.clock_known()
        return check_code(self._register, account, request, self._around.wall(), clock_known=known)

    # Sign-in.

    def wait(self, account: Account) -> str:
        """Return a token for `complete`, after the password of the account was right.

        It is valid for five minutes.
        """
        now, token = self._around.now(), secrets.token_urlsafe(24)
        self._waiting = {key: waiting for key, waiting in self._waiting.items() if waiting[1] > now}
        while len(self._waiting) >= SIGN_INS_LIMIT:
            del self._waiting[next(iter(self._waiting))]
        self._waiting[digest(token)] = (account.name, now + SIGN_IN_LIFE, 0)
        return token

    def complete(self, request: Call[AccountRequest]) -> Account:
        """Return the account of a sign-in that waits for a code (`wait`), if the request's code is right.

        Raises ControlError otherwise. Five refusals, also of a missing code, end the sign-in.
        """
        key = digest(request.text("pending"))
        name, until, wrong = self._waiting.pop(key, ("", 0.0, 0))
        account = self._register.accounts().get(name)
        if account is None or until <= self._around.now():
            raise ControlError.of(Code.SESSION_ENDED)
        try:
            return self.check(account, request)
        except ControlError:
            if wrong + 1 < SIGN_IN_TRIES:
                self._waiting[key] = (name, until, wrong + 1)
            raise

    # Settings.

    def start(self, request: Call[AccountRequest]) -> AccountResponse:
        """Create and return a new secret for the app of the session's account.

        It has no effect until `turn_on` gets a first code, within ten minutes. Refuses without a recent
        proof (`Proofs.proven`) or the package pyotp, or if a second factor is on.
        """
        _, account = self._proven(request)
        self._refuse_second(account)
        _require_pyotp()
        import pyotp

        secret, now = pyotp.random_base32(), self._around.now()
        self._new = {name: new for name, new in self._new.items() if new[1] > now}
        self._new[account.name] = (secret, now + SETUP_LIFE)
        uri = pyotp.TOTP(secret, digits=DIGITS).provisioning_uri(name=account.name, issuer_name=ISSUER)
        return AccountResponse(secret=secret, uri=uri)

    def turn_on(self, request: Call[AccountRequest]) -> AccountResponse:
        """Turn the second factor on, with the secret of `start`, by a first code of the app.

        Return backup codes. Refuses a wrong code, one that comes too late, a session without a recent
        proof (`Proofs.proven`), and an account whose second factor is on.
        """
        _, account = self._proven(request)
        self._refuse_second(account)
        secret, until = self._new.get(account.name, ("", 0.0))
        if until <= self._around.now():
            raise ControlError.of(Code.FACTOR_LATE)
        codes, keys = _new_backup_codes()
        # `check` tests the first code by this secret, and stores the account with the code used up.
        new = replace(account, totp=secret, totp_step=0, backup_codes=keys)
        if not _is_app_code(_typed(request)):
            raise ControlError.of(Code.FACTOR_WRONG)
        self.check(new, request)
        del self._new[account.name]
        self._record("guardian second factor on", account, request)
        return AccountResponse(codes=codes)

    def turn_off(self, request: Call[AccountRequest]) -> AccountResponse:
        """Turn the second factor off. Refuses without a right code and a recent proof (`Proofs.proven`)."""
        account = self._with_factor(request)
        self._proven(request)
        account = self.check(account, request)
        self._register.put(without_factor(account))
        self._record("guardian second factor off", account, request)
        return AccountResponse()

    def new_codes(self, request: Call[AccountRequest]) -> AccountResponse:
        """Replace the account's backup codes and return the new ones. Refuses without a right code."""
        account = self.check(self._with_factor(request), request)
        codes, keys = _new_backup_codes()
        self._register.put(replace(account, backup_codes=keys))
        self._record("guardian backup codes", account, request)
        return AccountResponse(codes=codes)

    def _with_factor(self, request: Call[AccountRequest]) -> Account:
        _, account = self._session_of(request)
        if not account.totp:
            raise ControlError.of(Code.FACTOR_OFF)
        return account

    @staticmethod
    def _refuse_second(account: Account) -> None:
        if account.totp:
            raise ControlError.of(Code.FACTOR_ON)

    def _record(self, what: str, account: Account, request: ControlRequest) -> None:
        self._around.record(what, account.name, account.name, request.text("origin", ""))


def _new_backup_codes() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return new backup codes, as they are shown to the person, and their digests, which are stored."""
    letters = [
        "".join(secrets.choice(ALPHABET) for _ in range(BACKUP_CODE_LENGTH)) for _ in range(BACKUP_CODES)
    ]
    shown = tuple("-".join(code[i : i + 4] for i in range(0, BACKUP_CODE_LENGTH, 4)) for code in letters)
    return shown, tuple(digest(code) for code in letters)
