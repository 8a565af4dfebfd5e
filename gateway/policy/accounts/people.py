"""Who may do what in a family: accounts, their sessions, what everybody is told, and what waits for a yes.

Values, and a register of them in memory; what keeps it is told of each change. Nothing here knows a
password: an account has the hash that the web process made of one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from gateway.policy.accounts.tokens import Token, Tokens
from gateway.policy.time.clock_changes import Jump, Kind, Moment, moved

METHOD = "scrypt:8192:8:10"
SECRET = re.compile(r"scrypt:8192:8:10\$[A-Za-z0-9]{16}\$[0-9a-f]{128}")  # as werkzeug writes it
LIFE = timedelta(days=90)  # of a session that nobody uses
TOLD = timedelta(days=7)  # how long everybody is told who set the gateway up, or has a new password
PROPOSED = timedelta(days=7)  # how long a proposal waits
PEOPLE_LIMIT = 16  # two parents, grandparents, sitters, support
SESSIONS_LIMIT = 16  # a person; the longest unused gives way
TOLD_LIMIT = 128  # above one of each kind by each account; of who has none, the oldest gives way
NAME_LIMIT = 40  # characters
DEVICE_LIMIT = 64  # characters of a device's name, which is hostile input
MINUTES_LIMIT = 240  # a helper's, a day and child
RESERVED = frozenset({"console", "router", "qalqan", "all"})  # who the audit names where it was no person
OUT = "none"  # in the place of a role: no account any more


class PersonRole(StrEnum):
    GUARDIAN = "guardian"  # everything
    HELPER = "helper"  # may pause, and give so many minutes a day and child
    SUPPORT = "support"  # the provider's: health, without a name in it


HELPER_VERBS = frozenset({"pause", "resume", "grant", "revoke"})


def may_change(role: PersonRole, verb: str) -> bool:
    """Whether somebody of this role may ask for a change by this verb of the control socket."""
    if role is PersonRole.GUARDIAN:
        return True
    return role is PersonRole.HELPER and verb in HELPER_VERBS


class Told(StrEnum):
    """What everybody is told for a week."""

    CLAIM = "claim"  # set up the gateway
    CODE = "code"  # has a new password, by a recovery code
    BUTTON = "button"  # …, by the label and the button
    CONSOLE = "console"  # …, by the console
    BACKUP = "backup"  # made a copy of rules and accounts
    RESTORE = "restore"  # put one in place
    GUARDIAN = "guardian"  # became one, by another one's tap
    TOKEN = "token"  # made one for a program


@dataclass(frozen=True, slots=True)
class Account:
    name: str
    role: PersonRole = PersonRole.GUARDIAN
    secret: str = ""  # the password's hash; empty: none yet
    minutes: int = 0  # a helper's, a day and child
    recovery: str = ""  # the recovery code's digest; empty: none
    came: bool = False  # has signed in once

    @property
    def guards(self) -> bool:
        return self.role is PersonRole.GUARDIAN


@dataclass(frozen=True, slots=True)
class Session:
    """One browser that is signed in."""

    key: str  # the token's digest
    name: str
    device: str  # hostile input
    since: datetime
    until: datetime  # LIFE after it was used last
    sure: bool = True  # used while the clock was known

    @property
    def id(self) -> str:
        """By which it is ended; the key opens nothing, and need not be told."""
        return self.key[:12]


@dataclass(frozen=True, slots=True)
class Announcement:
    told: Told
    name: str
    device: str  # hostile input; empty: the console
    at: datetime
    until: datetime
    sure: bool = True


@dataclass(frozen=True, slots=True)
class Proposal:
    """What one guardian would make of another, who has not said yes."""

    name: str  # whom it is about
    role: str  # a PersonRole, or OUT
    minutes: int
    by: str
    at: datetime


def digest(token: str) -> str:
    """Of what chance made and no one can guess: no slow hash is needed."""
    return hashlib.blake2b(token.encode(), digest_size=16).hexdigest()


def _nothing() -> None:
    return


class Register:
    """``changed`` is called after each change that must not be lost."""

    def __init__(
        self,
        accounts: Iterable[Account] = (),
        sessions: Iterable[Session] = (),
        announced: Iterable[Announcement] = (),
        proposals: Iterable[Proposal] = (),
        changed: Callable[[], None] = _nothing,
        tokens: Iterable[Token] = (),
    ) -> None:
        self._accounts = {one.name: one for one in accounts}
        self._sessions = {one.key: one for one in sessions}
        self.announced = list(announced)
        self._proposals = {one.name: one for one in proposals}
        self._changed = changed
        self.tokens = Tokens(tokens, changed)
        self.stale = False  # some session was used since the last `changed`

    # Accounts.

    def guardians(self) -> Mapping[str, Account]:
        """Everybody who has an account, by name."""
        return self._accounts

    def find(self, name: str) -> Account | None:
        """As it is typed: its letters may be small or capital ones."""
        folded = " ".join(name.split()).casefold()
        return next((one for one in self._accounts.values() if one.name.casefold() == folded), None)

    @property
    def claimed(self) -> bool:
        return any(one.guards for one in self._accounts.values())

    def is_last_guardian(self, name: str) -> bool:
        return [one.name for one in self._accounts.values() if one.guards] == [name]

    def put(self, account: Account) -> None:
        self._accounts[account.name] = account
        self._changed()

    def keep_guardian(self, name: str, secret: str = "") -> None:
        self.put(replace(self._accounts.get(name) or Account(name), secret=secret))

    def remove(self, name: str) -> None:
        """With all sessions and tokens, and with what was proposed about or by this person."""
        self._accounts.pop(name, None)
        self.tokens.end(name)
        self._proposals = {key: one for key, one in self._proposals.items() if name not in (key, one.by)}
        self.end(name)

    # Sessions.

    def sessions(self, name: str | None = None) -> tuple[Session, ...]:
        """The longest unused first."""
        found = (one for one in self._sessions.values() if name in (None, one.name))
        return tuple(sorted(found, key=lambda one: one.until))

    def begin(self, session: Session) -> None:
        old = self.sessions(session.name)
        for one in old[: max(0, len(old) + 1 - SESSIONS_LIMIT)]:
            del self._sessions[one.key]
        self._sessions[session.key] = session
        account = self._accounts[session.name]
        self._accounts[session.name] = replace(account, came=True)
        self._changed()

    def use(self, key: str, now: datetime, *, sure: bool) -> Session | None:
        """Which session it is; noted that it is used, without a write each time."""
        one = self._sessions.get(key)
        if one is None or (sure and one.sure and one.until <= now) or one.name not in self._accounts:
            return None
        if abs(now + LIFE - one.until) >= timedelta(minutes=1):
            one = self._sessions[key] = replace(one, until=now + LIFE, sure=sure)
            self.stale = True
        return one

    def end(self, name: str, *, only: str = "", but: str = "") -> int:
        """A person's sessions: all, the one with the id ``only``, or all ``but`` the one with that key."""
        gone = [
            key
            for key, one in self._sessions.items()
            if one.name == name and key != but and (not only or one.id == only)
        ]
        for key in gone:
            del self._sessions[key]
        self._changed()
        return len(gone)

    # What everybody is told, and what waits for a yes.

    def announce(self, announcement: Announcement) -> None:
        """In the place of the last one of its kind and name, so that nobody crowds out what else is told."""
        same = (announcement.told, announcement.name)
        kept = [one for one in self.announced if (one.told, one.name) != same]
        while len(kept) >= TOLD_LIMIT:
            kept.remove(next((one for one in kept if one.name not in self._accounts), kept[0]))
        self.announced = [*kept, announcement]
        self._changed()

    def proposals(self, now: datetime) -> tuple[Proposal, ...]:
        return tuple(one for one in self._proposals.values() if now - one.at < PROPOSED)

    def propose(self, proposal: Proposal) -> None:
        self._proposals[proposal.name] = proposal
        self._changed()

    def settle(self, name: str) -> None:
        """What was proposed about this person is answered or withdrawn."""
        if self._proposals.pop(name, None) is not None:
            self._changed()

    # Time.

    def shift(self, jump: Jump) -> None:
        """The clock was set, or became known: what lasts goes with it."""
        self.tokens.shift(jump)
        self._set(
            {key: after for key, one in self._sessions.items() if (after := _moved_session(one, jump))},
            [moved_on for one in self.announced if (moved_on := _moved_announcement(one, jump))],
            {key: replace(one, at=one.at + jump.size) for key, one in self._proposals.items()},
        )

    def drop_old(self, now: datetime) -> None:
        """Call it while the clock is known."""
        self.tokens.drop_old(now)
        self._set(
            {key: one for key, one in self._sessions.items() if one.until > now},
            [one for one in self.announced if one.until > now],
            {one.name: one for one in self.proposals(now)},
        )

    def _set(
        self, sessions: dict[str, Session], announced: list[Announcement], proposals: dict[str, Proposal]
    ) -> None:
        if (sessions, announced, proposals) != (self._sessions, self.announced, self._proposals):
            self._sessions, self.announced, self._proposals = sessions, announced, proposals
            self._changed()

    def all_proposals(self) -> tuple[Proposal, ...]:
        return tuple(self._proposals.values())


def _moved_session(one: Session, jump: Jump) -> Session | None:
    found = moved(Moment(one.until, Kind.LASTING, sure=one.sure), one.since, jump)
    return found and replace(one, until=found[0].until, sure=found[0].sure, since=found[1])


def _moved_announcement(one: Announcement, jump: Jump) -> Announcement | None:
    found = moved(Moment(one.until, Kind.LASTING, sure=one.sure), one.at, jump)
    return found and replace(one, until=found[0].until, sure=found[0].sure, at=found[1])
