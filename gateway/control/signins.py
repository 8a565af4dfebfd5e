"""Serves sign-in: passwords, recovery, the first claim, and sessions.

The web process computes the digest of a password, since scrypt takes 8 MB and 0.2 s, on a router far longer.
The packet loop has no time for that, and a thread would run at the daemon's high priority on one core. The
web process only gets the salt. The daemon compares digests, and no stored one leaves it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address
from typing import TYPE_CHECKING

from gateway.control.contract.accounts import AccountRequest, AccountResponse, SessionEntry
from gateway.control.proofs import Proofs
from gateway.control.protocol import Call, ControlRequest
from gateway.control.schema import values_of
from gateway.control.second_factor import SecondFactors
from gateway.control.surroundings import Around
from gateway.control.token_verbs import TokenDesk, announce
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.policy.accounts.people import (
    BROWSER_LIMIT,
    METHOD,
    NAME_LIMIT,
    RESERVED,
    SECRET,
    SESSION_LIFE,
    Account,
    AccountRegister,
    AnnouncementKind,
    Session,
    digest,
)
from gateway.policy.requests.tickets import ALPHABET

if TYPE_CHECKING:
    from gateway.control.passkeys import Passkeys

BUTTON_LIFE = 120.0  # seconds after a press of the button in which it is valid
RECOVERY_LENGTH = 16  # letters of a recovery code: 78 bits
SALT_LENGTH = 16  # letters, as in werkzeug

PASSKEY_ACTIONS = ("passkey_start", "passkey_check", "passkey_finish", "passkey_remove")

_SALT_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


class SignIns:
    def __init__(self, register: AccountRegister, around: Around, proofs: Proofs) -> None:
        self._register = register
        self._around = around
        self._proofs = proofs
        self._session = proofs.session
        self._tokens = TokenDesk(register, around, proofs.session, proofs.proven)
        self._factors = SecondFactors(register, around, proofs.session, proofs.proven)
        self._passkeys: Passkeys | None = None
        self._pressed: float | None = None  # time of the last press of the button, by `around.now`

    def table(self) -> dict[str, Callable[[Call[AccountRequest]], AccountResponse]]:
        return {
            "salt": self.salt,
            "check": self.check,
            "signout": self.sign_out,
            "claimable": self.claimable,
            "claim": self.claim,
            "recover": self.recover,
            "password": self.password,
            "recovery": self.recovery,
            "sessions": self.sessions,
            "end": self.end,
            "confirm": self.confirm,
            "prove": self.prove,
            "button": self.button,
            **self._tokens.table(),
            **self._factors.table(),
            **dict.fromkeys(PASSKEY_ACTIONS, self._by_passkey),
        }

    def begin(self, account: Account, request: ControlRequest) -> AccountResponse:
        """Start a session of an account in a browser. Return its token, which cannot be read again.

        The sign-in counts as a proof of who uses the session (`Proofs`).
        """
        token, now = secrets.token_urlsafe(24), self._around.wall()
        clock_trusted, device = self._around.clock_known(), self._around.device(request)
        browser, until = request.text("browser", "")[:BROWSER_LIMIT], now + SESSION_LIFE
        session = Session(digest(token), account.name, device, now, until, clock_trusted, browser)
        self._register.begin(session)
        self._proofs.add(session)
        self._record("guardian sign-in", account, request)
        return AccountResponse(session=token, **values_of(_signed_in(account)))

    def _by_passkey(self, request: Call[AccountRequest]) -> AccountResponse:
        return self._passkey_desk().table()[request.args.action](request)

    def _passkey_desk(self) -> Passkeys:
        """Return the `Passkeys` object; create it at the first call. Its module is imported only then."""
        if self._passkeys is None:
            from gateway.control.passkeys import Passkeys

            self._passkeys = Passkeys(self._register, self._around, self._proofs, self.begin)
        return self._passkeys

    # Passwords.

    def salt(self, request: Call[AccountRequest]) -> AccountResponse:
        """Return hash method and salt of an account's password; the sender computes its digest with them.

        For an unknown name, or an account without a password, the salt is random: so one response does
        not show whether the name exists.
        """
        account = self._register.find(request.text("name"))
        if account is not None and account.secret:
            return AccountResponse(method=METHOD, salt=account.secret.split("$")[1])
        salt = "".join(secrets.choice(_SALT_LETTERS) for _ in range(SALT_LENGTH))
        return AccountResponse(method=METHOD, salt=salt)

    def by_password(self, request: Call[AccountRequest]) -> AccountResponse:
        """Sign in with name and password digest; return a new session.

        An account with a second factor gets a `pending` token instead, for `by_code`. Refuses a wrong
        password.
        """
        account = by_password(self._register, request)
        if account.totp:
            return AccountResponse(pending=self._factors.wait(account))
        return self.begin(account, request)

    def by_code(self, request: Call[AccountRequest]) -> AccountResponse:
        """Complete a sign-in whose password was right by a code of the second factor; return a new session.

        Refuses a wrong code, or one that comes more than five minutes after the password.
        """
        return self.begin(self._factors.complete(request), request)

    def prove(self, request: Call[AccountRequest]) -> AccountResponse:
        """Record that the person who uses a session has just typed the right password.

        An account without a password uses a code of the second factor, if it has one. Dangerous changes
        need such a proof of the last ten minutes. Return for how many seconds it is valid. Refuses a
        wrong password or code.
        """
        session, account = self._session(request)
        if account.secret and not _fits(account, request):
            raise ControlError.of(Code.WRONG_PASSWORD)
        if not account.secret:
            self._factors.check(account, request)
        self._proofs.add(session)
        return AccountResponse(proof=self._proofs.seconds_left(session, account))

    def password(self, request: Call[AccountRequest]) -> AccountResponse:
        """Set or change the password of a session's account. Return a recovery code if it had no such code.

        A change needs the current password. All other sessions and all API tokens of the account
        end, since others may know the old password.
        """
        session, account = self._session(request)
        if account.secret and not _fits(account, request):
            raise ControlError.of(Code.WRONG_PASSWORD)
        code, account = _with_recovery(replace(account, secret=_secret(request)), fresh=not account.recovery)
        self._register.put(account)
        self._register.end(account.name, but=session.key)
        self._register.tokens.end(account.name)
        self._proofs.add(session)
        self._record("guardian password", account, request)
        return AccountResponse(recovery=code)

    # Recovery.

    def recovery(self, request: Call[AccountRequest]) -> AccountResponse:
        """Replace the recovery code of a session's account and return it.

        Refuses a wrong password, and an account without a password.
        """
        _, account = self._session(request)
        if not _fits(account, request):
            raise ControlError.of(Code.WRONG_PASSWORD)
        code, account = _with_recovery(account)
        self._register.put(account)
        self._record("guardian recovery code", account, request)
        return AccountResponse(recovery=code)

    def button(self, _: Call[AccountRequest]) -> AccountResponse:
        """Record a press of the button on the gateway; return for how many seconds it counts.

        The platform's button script calls it.
        """
        self._pressed = self._around.now()
        self._around.record("button", "", "console", "")
        return AccountResponse(seconds=int(BUTTON_LIFE))

    def recover(self, request: Call[AccountRequest]) -> AccountResponse:
        """Replace a forgotten password, and return a new session and a new recovery code.

        The sender proves itself by the recovery code, or by the button on the gateway and the code on
        its label; with a second factor, by its code too. Rules stay, other sessions and tokens end,
        and everyone sees a notice for a week.
        """
        account, secret = self._register.find(request.text("name")), _secret(request)
        if request.has("code"):
            typed_code = digest(_letters(request.text("code")))
            fits = secrets.compare_digest(account.recovery if account else "", typed_code)
            if account is None or not fits:
                raise ControlError.of(Code.WRONG_RECOVERY)
            account = self._factors.check(account, request)
            return self._recovered(account, secret, AnnouncementKind.CODE, request)
        self._check_button()
        self._check_label(request)
        if account is None:
            raise ControlError.of(Code.NO_GUARDIAN)
        account = self._factors.check(account, request)
        self._pressed = None
        return self._recovered(account, secret, AnnouncementKind.BUTTON, request)

    def _recovered(
        self, account: Account, secret: str, notice: AnnouncementKind, request: ControlRequest
    ) -> AccountResponse:
        code, account = _with_recovery(replace(account, secret=secret))
        self._register.put(account)
        self._register.end(account.name)
        self._register.tokens.end(account.name)
        self._announce(notice, account, request)
        self._record(f"guardian recover {notice}", account, request)
        return AccountResponse(recovery=code, **values_of(self.begin(account, request)))

    # The first claim.

    def claimable(self, request: Call[AccountRequest]) -> AccountResponse:
        around, claimable = self._around, not self._register.claimed
        return AccountResponse(
            claimable=claimable,
            home=self._is_home(request),
            unclaimed=around.unclaimed(),
            button=claimable and around.children(),
        )

    def claim(self, request: Call[AccountRequest]) -> AccountResponse:
        """Create the first parent account, for a browser in the home network.

        It needs the code on the gateway's label. If children have rules, the accounts were lost; as a
        child may know the label, the claim then also needs the button. Return a new session and a
        recovery code. Refuses a gateway that has a parent, and a wrong label code.
        """
        if self._register.claimed:
            raise ControlError.of(Code.CLAIMED)
        if not self._is_home(request):
            raise ControlError.of(Code.NOT_FROM_HOME)
        again = self._around.children()
        if again:
            self._check_button()
        self._check_label(request)
        code, account = _with_recovery(Account(new_name(request, self._register), secret=_secret(request)))
        self._pressed = None
        self._register.put(account)
        self._announce(AnnouncementKind.CLAIM_AGAIN if again else AnnouncementKind.CLAIM, account, request)
        self._record("guardian claim", account, request)
        return AccountResponse(recovery=code, **values_of(self.begin(account, request)))

    def _is_home(self, request: ControlRequest) -> bool:
        origin = request.text("origin", "")
        try:
            loopback = ip_address(origin).is_loopback
        except ValueError:
            return False
        return loopback or bool(self._around.requester(origin).mac)

    def _check_button(self) -> None:
        """Raise ControlError unless the gateway's button was pressed in the last BUTTON_LIFE seconds."""
        if self._pressed is None or self._around.now() - self._pressed > BUTTON_LIFE:
            raise ControlError.of(Code.NO_BUTTON)

    def _check_label(self, request: ControlRequest) -> None:
        code, label = _letters(request.text("label")), _letters(self._around.label())
        if not secrets.compare_digest(code.encode(), label.encode()):
            raise ControlError.of(Code.WRONG_LABEL)

    def _announce(self, kind: AnnouncementKind, account: Account, request: ControlRequest) -> None:
        announce(self._register, self._around, kind, account.name, request)

    # Sessions.

    def check(self, request: ControlRequest) -> AccountResponse:
        """Return the account of a session, and what its pages have to show.

        This is: a proposed role, new sign-ins to confirm, whether a child may be using it, and the
        state of proof and passkeys. Raises ControlError if the session has ended.
        """
        here, account = self._session(request)
        proposed = any(
            proposal.name == account.name for proposal in self._register.proposals(self._around.wall())
        )
        handed = self._around.child_uses(request.text("ip", ""), request.text("device", ""))
        new = self._entries(self._register.unconfirmed(here, self._around.wall()), here)
        return AccountResponse(
            proposed=proposed,
            handed=handed,
            sign_ins=new,
            proof=self._proofs.seconds_left(here, account),
            passkey=bool(account.passkeys) and self._passkey_desk().is_usable(account),
            **values_of(_signed_in(account)),
        )

    def sign_out(self, request: Call[AccountRequest]) -> AccountResponse:
        session, account = self._session(request)
        self._register.end(account.name, only=session.id)
        return AccountResponse()

    def sessions(self, request: Call[AccountRequest]) -> AccountResponse:
        """Return the signed-in browsers of a session's account, last used first, and how it can sign in."""
        here, account = self._session(request)
        found = tuple(reversed(self._register.sessions(account.name)))
        return AccountResponse(
            sessions=self._entries(found, here),
            recovery=bool(account.recovery),
            second_factor=bool(account.totp),
            backup_codes=len(account.backup_codes),
            passkeys=self._passkey_desk().entries(account) if account.passkeys else (),
        )

    def _entries(self, sessions: tuple[Session, ...], here: Session) -> tuple[SessionEntry, ...]:
        zone = self._around.wall().tzinfo
        return tuple(
            SessionEntry(
                id=session.id,
                device=session.device,
                browser=session.browser,
                since=session.since.astimezone(zone),
                used=(session.until - SESSION_LIFE).astimezone(zone),
                here=session.key == here.key,
            )
            for session in sessions
        )

    def confirm(self, request: Call[AccountRequest]) -> AccountResponse:
        """Record that the person recognises a new sign-in of the own account, by the id of its session.

        Only a session that began earlier may confirm. Return a count of 1 if it was confirmed, else
        0.
        """
        here, account = self._session(request)
        for session in self._register.unconfirmed(here, self._around.wall()):
            if session.id == request.text("id"):
                self._register.confirm(session)
                self._record("guardian sign-in confirmed", account, request)
                return AccountResponse(count=1)
        return AccountResponse(count=0)

    def end(self, request: Call[AccountRequest]) -> AccountResponse:
        """Sign out one browser of the own account by its session's id, or all others. Return how many."""
        here, account = self._session(request)
        if request.has("id"):
            count = self._register.end(account.name, only=request.text("id"))
        else:
            count = self._register.end(account.name, but=here.key)
        if count:
            self._record("guardian sessions", account, request)
        return AccountResponse(count=count)

    def _record(self, what: str, account: Account, request: ControlRequest) -> None:
        self._around.record(what, account.name, account.name, request.text("origin", ""))


def new_name(request: ControlRequest, register: AccountRegister) -> str:
    """Return the requested name for a new account, with single spaces.

    Raises ControlError for one that is too long, reserved or taken.
    """
    name = " ".join(request.text("name").split())
    if len(name) > NAME_LIMIT:
        request.refuse("name", f"must have at most {NAME_LIMIT} characters")
    if name.casefold() in RESERVED or register.find(name) is not None:
        raise ControlError.of(Code.NAME_TAKEN, name=name)
    return name


def by_password(register: AccountRegister, request: ControlRequest) -> Account:
    """Return the account with the request's `name`, if the request's password `digest` is right.

    Raises ControlError for an unknown name or a wrong digest.
    """
    account = register.find(request.text("name"))
    if account is None or not _fits(account, request):
        raise ControlError.of(Code.WRONG_PASSWORD)
    return account


def _signed_in(account: Account) -> AccountResponse:
    return AccountResponse(
        guardian=account.name,
        role=account.role.value,
        minutes=account.minutes,
        password=bool(account.secret),
    )


def _fits(account: Account, request: ControlRequest) -> bool:
    kept = account.secret.rpartition("$")[2]
    return bool(kept) and secrets.compare_digest(kept.encode(), request.text("digest", "-").encode())


def _secret(request: ControlRequest) -> str:
    secret = request.text("secret")
    if SECRET.fullmatch(secret) is None:
        request.refuse("secret", f"must be a hash by {METHOD}")
    return secret


def _with_recovery(account: Account, *, fresh: bool = True) -> tuple[str, Account]:
    """Return a new recovery code to show, and the changed account, which has only the code's digest.

    With ``fresh`` False: an empty text, and the account unchanged.
    """
    if not fresh:
        return "", account
    letters = "".join(secrets.choice(ALPHABET) for _ in range(RECOVERY_LENGTH))
    shown = "-".join(letters[i : i + 4] for i in range(0, RECOVERY_LENGTH, 4))
    return shown, replace(account, recovery=digest(letters))


def _letters(text: str) -> str:
    return "".join(letter for letter in text.upper() if letter.isalnum())
