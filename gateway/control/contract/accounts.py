"""The verb of accounts: sign-in, people, sessions, tokens. gateway/control/README.md lists its actions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from gateway.control.schema import OneLine, Text, Whole, record
from gateway.control.verbs import BY_GUARDIANS, BY_PAGES, Danger, Verb
from gateway.policy.accounts.people import MINUTES_LIMIT
from gateway.policy.accounts.tokens import DAYS

Action = Literal[
    "list", "add", "link", "reset", "remove", "button",  # for root alone
    "signin", "salt", "check", "signout", "claimable", "claim", "recover", "password", "recovery",
    "sessions", "end", "confirm", "people", "invite", "change", "answer",
    "tokens", "token_make", "token_end", "token_check",
    "prove", "factor_start", "factor_on", "factor_off", "factor_codes",
    "passkey_start", "passkey_check", "passkey_finish", "passkey_remove",
]  # fmt: skip

Binary = Annotated[str, Text(0, 16384, r"[A-Za-z0-9_-]*")]  # base64url, as WebAuthn's JSON has it


@record
class PasskeyAnswer:
    """The parts of a browser's answer to a WebAuthn request (PublicKeyCredential) that are verified."""

    id: Annotated[str, Text(1, 1400, r"[A-Za-z0-9_-]+")]  # the credential ID
    client_data: Binary  # clientDataJSON
    data: Binary  # attestationObject of a new passkey, else authenticatorData
    signature: Binary = ""
    user: Binary = ""  # the user handle


@record
class AccountRequest:
    """A request for an action on accounts, sign-in links, passwords, sessions, tokens or passkeys.

    ``action`` decides which of the other fields are needed. The session's token is a separate key,
    ``session``.
    """

    action: Action
    name: OneLine | None = None
    role: OneLine | None = None
    minutes: Annotated[int, Whole(0, MINUTES_LIMIT)] | None = None  # of a helper, a day and child
    token: OneLine | None = None  # of a link, or of the API
    digest: OneLine | None = None  # of the current password
    secret: OneLine | None = None  # the hash of a new password
    code: OneLine | None = None  # for recovery
    otp: OneLine | None = None  # a code of the second factor: of the app, or a backup code
    pending: OneLine | None = None  # of a sign-in that waits for a code; the challenge of a passkey
    purpose: Literal["signin", "prove", "add"] | None = None  # of `passkey_start`
    passkey: PasskeyAnswer | None = None  # of `passkey_check`
    label: OneLine | None = None  # the code on the gateway's label, or the name of a token or passkey
    days: Annotated[int, Whole(0, max(DAYS))] | None = None  # of a token; 0: no end
    id: OneLine | None = None  # of a session, token or passkey
    answer: Literal["yes", "no"] | None = None
    again: bool = False  # invite a known person again
    ip: OneLine | None = None  # of the browser, for `check`
    device: OneLine | None = None  # the MAC address of the device on which the session began, for `check`
    browser: OneLine | None = None  # its name, for a new session


@record
class PersonAccount:
    name: str
    role: str  # guardian, helper, support
    minutes: int  # that a helper may give to each child a day
    password: bool  # has one
    came: bool  # has signed in before
    sessions: int
    second_factor: bool
    passkeys: int


@record
class RoleProposal:
    """A proposed change of a parent's role, or removal, that waits for this parent's consent."""

    name: str
    role: str  # helper, support, none
    minutes: int
    by: str
    at: datetime


@record
class SessionEntry:
    """A signed-in browser of an account: its device, and when it signed in and was last used."""

    id: str
    device: str  # untrusted input
    browser: str  # empty: unknown
    since: datetime
    used: datetime
    here: bool  # the one that asks


@record
class TokenEntry:
    id: str
    label: str
    role: str
    since: datetime
    used: datetime | None  # None: never
    until: datetime | None  # None: until it is ended


@record
class PasskeyEntry:
    id: str
    label: str  # empty: unnamed
    since: datetime
    used: datetime | None  # None: never
    host: str  # another name for which it was made, at which alone it works; empty: the present one


@record
class AccountResponse:
    """The answer to an account action. Each action sets some of the fields."""

    # The account that signs in, or that a session or token belongs to.
    guardian: str = ""
    role: str = ""
    minutes: int = 0
    password: bool = False
    proposed: bool = False  # another role is proposed to it; of `change`: the change is a proposal
    handed: bool = False  # of `check`: a child may be using the session
    # Of `check`: the account's new sessions that this one may confirm.
    sign_ins: tuple[SessionEntry, ...] = ()
    proof: int = 0  # seconds for which dangerous changes need no new proof of the password or a passkey
    second_factor: bool = False
    backup_codes: int = 0  # of `sessions`: the number of unused ones
    session: str = ""  # a new session's token, which cannot be read again
    # Of `passkey_start`: the challenge. Else the password was right: `signin` with this and an `otp`.
    pending: str = ""
    secret: str = ""  # of a new second factor, to type into an app; it cannot be read again
    uri: str = ""  # the same as an address for a QR code
    codes: tuple[str, ...] = ()  # new backup codes, which cannot be read again
    passkey: bool = False  # of `check`: the account has one for the present trusted name
    options: Any = None  # of `passkey_start`: of the WebAuthn request, with its challenge
    checking: bool = False  # the passkey's answer is being verified: send `passkey_finish` (again)
    via: str = ""  # the id of a token

    recovery: Any = None  # a new recovery code; of `sessions`: whether there is one
    token: str = ""  # of a link or of the API; it cannot be read again
    id: str = ""  # of a new token
    method: str = ""  # of the password's hash
    salt: str = ""
    claimable: bool = False
    home: bool = False  # the browser is in the home network
    unclaimed: bool = False  # there was never a guardian, a person's file or a recorded device
    button: bool = False  # the claim needs a press of the gateway's button
    count: int = 0  # of ended sessions, or of confirmed sign-ins
    done: bool = False  # of `answer`: the proposed change was made
    seconds: int = 0  # for which a press of the button is valid

    guardians: tuple[str, ...] = ()  # names of all accounts
    people: tuple[PersonAccount, ...] = ()
    proposals: tuple[RoleProposal, ...] = ()
    sessions: tuple[SessionEntry, ...] = ()
    tokens: tuple[TokenEntry, ...] = ()
    passkeys: tuple[PasskeyEntry, ...] = ()
    label: str = ""  # the code on the gateway's label, until a guardian claims the gateway


def _needs_proof(args: AccountRequest) -> bool:
    """Return whether an account action needs a recent proof of identity: a password, code or passkey.

    Those do that change other accounts, change how a person signs in, or make an API token. Some actions,
    such as `password`, check the password or a code themselves instead.
    """
    if args.action == "answer":
        return args.answer == "yes"
    if args.action == "passkey_start":
        return args.purpose == "add"
    return args.action in {
        *("invite", "change", "token_make"),
        *("factor_start", "factor_on", "factor_off", "passkey_remove"),
    }


ACCOUNTS = Verb(
    "guardian",
    AccountRequest,
    AccountResponse,
    senders=BY_PAGES | BY_GUARDIANS,
    danger=Danger(
        "making a sign-in link for a person, changing or removing a role and agreeing to it; making an API "
        "token; setting up a second step and turning it off; adding and removing a passkey",
        _needs_proof,
    ),
)
