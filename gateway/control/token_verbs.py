"""API tokens of guardians: create, list, end, and check their role."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from gateway.control.contract.accounts import AccountRequest, AccountResponse, TokenEntry
from gateway.control.permissions import may_change
from gateway.control.protocol import Call, ControlRequest
from gateway.control.surroundings import Around
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.policy.accounts.people import (
    ANNOUNCED_FOR,
    Account,
    AccountRegister,
    Announcement,
    AnnouncementKind,
    PersonRole,
    Session,
    digest,
)
from gateway.policy.accounts.tokens import DAYS, LABEL_LIMIT, TOKENS_LIMIT, Token, origin_with_token

PREFIX = "qalqan_"  # lets scanners for leaked secrets, and people, recognise it
TOKEN_BYTES = 24  # 192 bits: cannot be guessed

SessionOf = Callable[[ControlRequest], tuple[Session, Account]]


class TokenDesk:
    """Creates, lists, ends and checks API tokens: actions of the verb ``guardian``.

    All but the check need a browser's session: a token cannot create tokens.
    """

    def __init__(
        self, register: AccountRegister, around: Around, session_of: SessionOf, proven: SessionOf
    ) -> None:
        """Serve the tokens of the accounts in ``register``.

        ``session_of``: returns a request's session and account. ``proven``: like it, but refuses a
        session without a recent proof (`Proofs.proven`).
        """
        self._register = register
        self._around = around
        self._session_of = session_of
        self._proven = proven

    def table(self) -> dict[str, Callable[[Call[AccountRequest]], AccountResponse]]:
        return {
            "tokens": self.tokens,
            "token_make": self.make,
            "token_end": self.end,
            "token_check": self.check,
        }

    def tokens(self, request: Call[AccountRequest]) -> AccountResponse:
        _, account = self._session_of(request)
        zone = self._around.wall().tzinfo
        return AccountResponse(
            tokens=tuple(
                TokenEntry(
                    id=token.id,
                    label=token.label,
                    role=token.role,
                    since=token.since.astimezone(zone),
                    used=token.used and token.used.astimezone(zone),
                    until=token.until and token.until.astimezone(zone),
                )
                for token in self._register.tokens.of(account.name)
            )
        )

    def make(self, request: Call[AccountRequest]) -> AccountResponse:
        """Create an API token for the parent of the session, and return it with its id.

        It cannot be read again. Everyone sees a notice for a week. Refuses another role's account, a
        session without a recent proof (`Proofs.proven`), and more than TOKENS_LIMIT tokens.
        """
        _, account = self._proven(request)
        if not account.guards:
            raise ControlError.of(Code.GUARDIANS_ONLY)
        label = " ".join(request.text("label").split())
        if len(label) > LABEL_LIMIT:
            request.refuse("label", f"must have at most {LABEL_LIMIT} characters")
        role = request.choice("role", PersonRole)
        days = request.args.days or 0
        if days and days not in DAYS:
            request.refuse("days", f"must be one of {', '.join(map(str, DAYS))}, or 0 for no end")
        now, clock_trusted = self._around.wall(), self._around.clock_known()
        token, made = issue_token(
            self._register, account.name, label, role, now, clock_trusted=clock_trusted, days=days
        )
        self._record("guardian token", f"{label} {role}", account, request)
        announce(self._register, self._around, AnnouncementKind.TOKEN, account.name, request)
        return AccountResponse(token=token, id=made.id)

    def end(self, request: Call[AccountRequest]) -> AccountResponse:
        _, account = self._session_of(request)
        found = self._register.tokens.find(request.text("id"), account.name)
        if found is None:
            raise ControlError.of(Code.NO_TOKEN)
        self._register.tokens.end(account.name, found.id)
        self._record("guardian token end", found.label, account, request)
        return AccountResponse()

    def check(self, request: Call[AccountRequest]) -> AccountResponse:
        """Return the account and the role of an API token. Refuses an unknown or ended one.

        The role is at most the current role of the account.
        """
        around = self._around
        found = account_of(
            self._register, request.text("token"), around.wall(), clock_trusted=around.clock_known()
        )
        if found is None:
            raise ControlError.of(Code.WRONG_TOKEN)
        token, account = found
        role = held_to(token, account)
        minutes = account.minutes if role is account.role else 0
        return AccountResponse(guardian=account.name, role=role.value, minutes=minutes, via=token.id)

    def _record(self, what: str, detail: str, account: Account, request: ControlRequest) -> None:
        self._around.record(what, detail, account.name, request.text("origin", ""))


def issue_token(
    register: AccountRegister,
    name: str,
    label: str,
    role: str,
    now: datetime,
    *,
    clock_trusted: bool,
    days: int = 0,
    replaces: str = "",
) -> tuple[str, Token]:
    """Create and store an API token of a person; return the secret token and its entry.

    ``name``: the person. ``label``, ``role``: of the token. ``days``: until it ends; 0: no end.
    ``replaces``: the digest of a token that the caller ends afterwards. Raises ControlError if there are
    TOKENS_LIMIT other tokens, of all persons together.
    """
    if sum(token.key != replaces for token in register.tokens.all()) >= TOKENS_LIMIT:
        raise ControlError.of(Code.TOO_MANY_TOKENS, most=TOKENS_LIMIT)
    token = PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    until = now + timedelta(days=days) if days else None
    made = Token(digest(token), name, label, role, now, until=until, clock_trusted=clock_trusted)
    register.tokens.add(made)
    return token, made


def account_of(
    register: AccountRegister, token: str, now: datetime, *, clock_trusted: bool
) -> tuple[Token, Account] | None:
    """Return the entry of an API token and its account, and record its use; None if the token is not valid.

    Without a trusted clock no token counts as expired.
    """
    found = register.tokens.use(digest(token), now, clock_trusted=clock_trusted)
    account = None if found is None else register.accounts().get(found.name)
    return None if found is None or account is None else (found, account)


def announce(
    register: AccountRegister, around: Around, kind: AnnouncementKind, name: str, request: ControlRequest
) -> None:
    """Show everyone a notice about a change of the account ``name``, for a week.

    It has the device of the request.
    """
    now = around.wall()
    register.announce(
        Announcement(kind, name, around.device(request), now, now + ANNOUNCED_FOR, around.clock_known())
    )


def held_to(token: Token, account: Account) -> PersonRole:
    """Return the role in which an API token may act: its own, or its account's if that has fewer rights."""
    ranks = [PersonRole.SUPPORT, PersonRole.HELPER, PersonRole.GUARDIAN]
    made_for = PersonRole(token.role) if token.role in set(PersonRole) else PersonRole.SUPPORT
    return min(made_for, account.role, key=ranks.index)


def from_where(
    request: ControlRequest, register: AccountRegister, now: datetime, *, clock_trusted: bool
) -> str:
    """Return where a change comes from, for the audit log: the address, and the label of an API token.

    ``via`` of the request is the token's id; without it, return the address alone. Raises ControlError
    for a token that is not of the person in ``by``, has ended, or lacks the rights.
    """
    origin = request.text("origin", "")
    if not request.has("via"):
        return origin
    name = request.text("by")
    token, account = register.tokens.find(request.text("via"), name), register.accounts().get(name)
    if token is None or account is None or token.has_ended(now, clock_trusted=clock_trusted):
        raise ControlError.of(Code.WRONG_TOKEN)
    if not may_change(held_to(token, account), request.do):
        raise ControlError.of(Code.GUARDIANS_ONLY)
    return origin_with_token(token.label, origin)
