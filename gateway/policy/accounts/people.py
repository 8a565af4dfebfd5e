"""The accounts of a household: roles, sessions, announcements to everyone, and pending proposals.

Values, and a register of them in memory. The register reports changes to the code that stores them. No
password is known here: an account has the hash that the web process made.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from gateway.policy.accounts.passkeys import Passkey
from gateway.policy.accounts.tokens import Token, Tokens
from gateway.policy.time.clock_changes import Jump, Moment, MomentKind, moved

METHOD = "scrypt:8192:8:10"
SECRET = re.compile(r"scrypt:8192:8:10\$[A-Za-z0-9]{16}\$[0-9a-f]{128}")  # as werkzeug writes it
SESSION_LIFE = timedelta(days=90)  # of a session after its last use
# How long an announcement is shown, such as who set up the gateway or has a new password.
ANNOUNCED_FOR = timedelta(days=7)
PROPOSAL_LIFE = timedelta(days=7)  # how long a proposal waits
PEOPLE_LIMIT = 16  # two parents, grandparents, sitters, support
SESSIONS_LIMIT = 16  # per person; the one unused for longest is dropped
ANNOUNCEMENTS_LIMIT = (
    128  # eight for each account of PEOPLE_LIMIT; an announcement without an account is dropped first
)
NAME_LIMIT = 40  # characters
DEVICE_LIMIT = 64  # characters of a device's name, which is hostile input
BROWSER_LIMIT = 40  # characters of a browser's name, such as "Firefox, Android"
MINUTES_LIMIT = 240  # a helper's, per day and child
# Names that no account may have. The audit log uses them when no person acted; "all" means all children.
RESERVED = frozenset({"console", "router", "provider", "qalqan", "all"})
REMOVED = "none"  # instead of a role: the account is removed


class PersonRole(StrEnum):
    GUARDIAN = "guardian"  # everything
    HELPER = "helper"  # may pause, and grant up to `Account.minutes` per day and child
    SUPPORT = "support"  # the provider's: health, without a name in it


class AnnouncementKind(StrEnum):
    """The security event that an announcement is about. The pages show it to everyone for a week.

    LOST, the loss of the database, is reported as a problem instead.
    """

    CLAIM = "claim"  # set up the gateway
    CLAIM_AGAIN = "claim_again"  # … while children had rules and no guardian existed
    CODE = "code"  # has a new password, set with a recovery code
    BUTTON = "button"  # … with the label and the button
    CONSOLE = "console"  # … on the console
    BACKUP = "backup"  # created a backup of rules and accounts
    RESTORE = "restore"  # restored a backup
    GUARDIAN = "guardian"  # became a guardian, by another guardian's tap
    TOKEN = "token"  # created a token for a program
    LOST = "lost"  # the database was lost; no page shows it, and a problem line is made from it


@dataclass(frozen=True, slots=True)
class Account:
    name: str
    role: PersonRole = PersonRole.GUARDIAN
    secret: str = ""  # the password's hash; empty: none yet
    minutes: int = 0  # a helper's, per day and child
    recovery: str = ""  # the recovery code's digest; empty: none
    came: bool = False  # has signed in at least once
    totp: str = ""  # the secret of the second factor in base32; empty: none
    totp_step: int = 0  # the last time step (RFC 6238) whose code was used
    backup_codes: tuple[str, ...] = ()  # digests of the unused ones
    passkeys: tuple[Passkey, ...] = ()

    @property
    def guards(self) -> bool:
        return self.role is PersonRole.GUARDIAN


@dataclass(frozen=True, slots=True)
class Session:
    """One browser in which a person is signed in."""

    key: str  # the token's digest
    name: str
    device: str  # the device's name; hostile input
    since: datetime
    until: datetime  # SESSION_LIFE after its last use
    clock_trusted: bool = True  # used while the clock was trusted
    browser: str = ""  # its name, as the web process found it; empty: unknown
    confirmed: bool = True  # the person has confirmed this sign-in on an older session, or had none

    @property
    def id(self) -> str:
        """The first characters of the key, by which the pages name a session to end. They cannot sign in."""
        return self.key[:12]


@dataclass(frozen=True, slots=True)
class Announcement:
    kind: AnnouncementKind
    name: str  # of the account; empty for LOST
    device: str  # hostile input; empty: the console. LOST: how it was lost, such as "damaged, no copy"
    at: datetime
    until: datetime
    clock_trusted: bool = True


@dataclass(frozen=True, slots=True)
class ProposedRole:
    """A new role that one guardian proposes for another person, who has not accepted yet."""

    name: str  # the person it is about
    role: str  # a PersonRole, or REMOVED
    minutes: int
    by: str
    at: datetime


def digest(token: str) -> str:
    """Return the BLAKE2b digest (hex) of a random token, which cannot be guessed: a fast hash is enough."""
    return hashlib.blake2b(token.encode(), digest_size=16).hexdigest()


def _no_callback() -> None:
    return


class AccountRegister:
    """All accounts, sessions, tokens, announcements and proposed roles of a household, in memory.

    Calls ``changed`` after each change that must be stored.
    """

    def __init__(
        self,
        accounts: Iterable[Account] = (),
        sessions: Iterable[Session] = (),
        announced: Iterable[Announcement] = (),
        proposals: Iterable[ProposedRole] = (),
        changed: Callable[[], None] = _no_callback,
        tokens: Iterable[Token] = (),
    ) -> None:
        self._accounts = {account.name: account for account in accounts}
        self._sessions = {session.key: session for session in sessions}
        self.announced = list(announced)
        self._proposals = {proposal.name: proposal for proposal in proposals}
        self._changed = changed
        self.tokens = Tokens(tokens, changed)
        self.stale = False  # a session was used since the last `changed`

    # Accounts.

    def accounts(self) -> Mapping[str, Account]:
        """Return all accounts by name, whatever their role."""
        return self._accounts

    def find(self, name: str) -> Account | None:
        """Return the account with this name, ignoring case and extra spaces; None if there is none."""
        folded = " ".join(name.split()).casefold()
        return next(
            (account for account in self._accounts.values() if account.name.casefold() == folded), None
        )

    @property
    def claimed(self) -> bool:
        return any(account.guards for account in self._accounts.values())

    def is_last_guardian(self, name: str) -> bool:
        return [account.name for account in self._accounts.values() if account.guards] == [name]

    def put(self, account: Account) -> None:
        self._accounts[account.name] = account
        self._changed()

    def remove(self, name: str) -> None:
        """Remove an account with its sessions and tokens, and all proposed roles about or by this person."""
        self._accounts.pop(name, None)
        self.tokens.end(name)
        self._proposals = {
            key: proposal for key, proposal in self._proposals.items() if name not in (key, proposal.by)
        }
        self.end(name)

    # Sessions.

    def sessions(self, name: str | None = None) -> tuple[Session, ...]:
        """Return the sessions of a person, or all; the one unused for longest first."""
        found = (session for session in self._sessions.values() if name in (None, session.name))
        return tuple(sorted(found, key=lambda session: session.until))

    def begin(self, session: Session) -> None:
        """Add the session of a new sign-in.

        The person's sessions above SESSIONS_LIMIT end, those unused for longest first. The new one is
        unconfirmed if the person has another, on which it can be confirmed. Also records in the account that
        the person has signed in. Raises KeyError without an account of this name.
        """
        old = self.sessions(session.name)
        for oldest in old[: max(0, len(old) + 1 - SESSIONS_LIMIT)]:
            del self._sessions[oldest.key]
        self._sessions[session.key] = replace(session, confirmed=not old)
        account = self._accounts[session.name]
        self._accounts[session.name] = replace(account, came=True)
        self._changed()

    def use(self, key: str, now: datetime, *, clock_trusted: bool) -> Session | None:
        """Return the session with this key, now valid for SESSION_LIFE again; None if unknown or expired.

        The new end is not reported by ``changed``: ``stale`` is set instead. Also None if its account no
        longer exists. No session counts as expired without a trusted clock, now or when its end was set.
        """
        session = self._sessions.get(key)
        if (
            session is None
            or (clock_trusted and session.clock_trusted and session.until <= now)
            or session.name not in self._accounts
        ):
            return None
        if abs(now + SESSION_LIFE - session.until) >= timedelta(minutes=1):
            session = self._sessions[key] = replace(
                session, until=now + SESSION_LIFE, clock_trusted=clock_trusted
            )
            self.stale = True
        return session

    def end(self, name: str, *, only: str = "", but: str = "") -> int:
        """End all sessions of a person, or those that the arguments choose. Return how many ended.

        Arguments:
            only: end only the session with this id.
            but: keep the session with this key.
        """
        gone = [
            key
            for key, session in self._sessions.items()
            if session.name == name and key != but and (not only or session.id == only)
        ]
        for key in gone:
            del self._sessions[key]
        self._changed()
        return len(gone)

    def unconfirmed(self, here: Session, now: datetime) -> tuple[Session, ...]:
        """Return the person's unconfirmed sessions that the older session ``here`` may confirm.

        They began within ANNOUNCED_FOR before ``now``, and not before ``here``. An intruder's session, which
        began later, therefore cannot confirm itself or older ones.
        """
        return tuple(
            session
            for session in self._sessions.values()
            if session.name == here.name
            and session.key != here.key
            and not session.confirmed
            and session.since >= here.since
            and now - session.since < ANNOUNCED_FOR
        )

    def confirm(self, session: Session) -> None:
        self._sessions[session.key] = replace(session, confirmed=True)
        self._changed()

    # Announcements and proposals.

    def announce(self, announcement: Announcement) -> None:
        """Add an announcement in place of the last one of its kind and name.

        Above ANNOUNCEMENTS_LIMIT an old one is dropped, first one without an account.
        """
        same = (announcement.kind, announcement.name)
        kept = [
            announcement for announcement in self.announced if (announcement.kind, announcement.name) != same
        ]
        while len(kept) >= ANNOUNCEMENTS_LIMIT:
            kept.remove(
                next(
                    (announcement for announcement in kept if announcement.name not in self._accounts),
                    kept[0],
                )
            )
        self.announced = [*kept, announcement]
        self._changed()

    def proposals(self, now: datetime) -> tuple[ProposedRole, ...]:
        """Return the proposed roles that are not expired at ``now``."""
        return tuple(proposal for proposal in self._proposals.values() if now - proposal.at < PROPOSAL_LIFE)

    def propose(self, proposal: ProposedRole) -> None:
        self._proposals[proposal.name] = proposal
        self._changed()

    def settle(self, name: str) -> None:
        """Remove the proposed role about this person, which was answered or withdrawn."""
        if self._proposals.pop(name, None) is not None:
            self._changed()

    # Time.

    def shift(self, jump: Jump) -> None:
        """Adjust stored times to a clock change, so that durations stay the same.

        Except for proposals, times that a trusted clock set stay if the clock was not trusted before the
        change. Expired sessions, tokens and announcements that would be valid again are dropped.
        """
        self.tokens.shift(jump)
        self._set(
            {
                key: after
                for key, session in self._sessions.items()
                if (after := _moved_session(session, jump))
            },
            [
                moved_on
                for announcement in self.announced
                if (moved_on := _moved_announcement(announcement, jump))
            ],
            {key: replace(proposal, at=proposal.at + jump.size) for key, proposal in self._proposals.items()},
        )

    def drop_old(self, now: datetime) -> None:
        """Remove expired sessions, tokens, announcements and proposed roles.

        Call it only while the clock is trusted.
        """
        self.tokens.drop_old(now)
        self._set(
            {key: session for key, session in self._sessions.items() if session.until > now},
            [announcement for announcement in self.announced if announcement.until > now],
            {proposal.name: proposal for proposal in self.proposals(now)},
        )

    def _set(
        self, sessions: dict[str, Session], announced: list[Announcement], proposals: dict[str, ProposedRole]
    ) -> None:
        if (sessions, announced, proposals) != (self._sessions, self.announced, self._proposals):
            self._sessions, self.announced, self._proposals = sessions, announced, proposals
            self._changed()

    def all_proposals(self) -> tuple[ProposedRole, ...]:
        """Return all proposed roles, the expired ones too."""
        return tuple(self._proposals.values())


def _moved_session(session: Session, jump: Jump) -> Session | None:
    found = moved(
        Moment(session.until, MomentKind.LASTING, clock_trusted=session.clock_trusted), session.since, jump
    )
    return found and replace(
        session, until=found[0].until, clock_trusted=found[0].clock_trusted, since=found[1]
    )


def _moved_announcement(announcement: Announcement, jump: Jump) -> Announcement | None:
    found = moved(
        Moment(announcement.until, MomentKind.LASTING, clock_trusted=announcement.clock_trusted),
        announcement.at,
        jump,
    )
    return found and replace(
        announcement, until=found[0].until, clock_trusted=found[0].clock_trusted, at=found[1]
    )
