"""API operations of the caller's own account: its sessions and tokens."""

from __future__ import annotations

from gateway.control.contract.accounts import SessionEntry, TokenEntry
from gateway.control.schema import record
from webui.api.operations import GUARDIAN, HELPER, SUPPORT, Noun
from webui.api.who import Caller

noun = Noun("account")

EVERYBODY = (GUARDIAN, HELPER, SUPPORT)


@record
class Me:
    name: str
    role: str
    minutes: int
    token: bool  # authenticated with a token


@record
class Sessions:
    sessions: tuple[SessionEntry, ...]
    recovery: bool


@record
class Ended:
    count: int


@record
class TokenEntries:
    tokens: tuple[TokenEntry, ...]


@noun.declare("GET", "/account", *EVERYBODY, answer=Me)
def me_(me: Caller) -> object:
    """Return the caller's name and role, and whether the request has an API token.

    `minutes`: what a helper may give to each child a day.
    """
    return Me(me.name, me.role, me.minutes, bool(me.via))


@noun.declare("GET", "/account/sessions", *EVERYBODY, answer=Sessions, by_session=True)
def sessions(me: Caller) -> object:
    """List the caller's sessions, and whether a recovery code exists. Not available to tokens."""
    return me.account("sessions")


@noun.declare("DELETE", "/account/sessions", *EVERYBODY, answer=Ended, by_session=True)
def end_others(me: Caller) -> object:
    """End all other sessions of the caller, and return their number."""
    return me.account("end")


@noun.declare("DELETE", "/account/sessions/{session}", *EVERYBODY, answer=Ended, by_session=True)
def end(me: Caller, session: str) -> object:
    """End one of the caller's sessions by its id, and return how many were ended."""
    return me.account("end", id=session)


@noun.declare("GET", "/account/tokens", answer=TokenEntries, by_session=True)
def tokens(me: Caller) -> object:
    """List the caller's tokens, without their secrets."""
    return me.account("tokens")


@noun.declare("DELETE", "/account/tokens/{session}", by_session=True)
def end_token(me: Caller, session: str) -> object:
    """Revoke one of the caller's API tokens by its id."""
    return me.account("token_end", id=session)
