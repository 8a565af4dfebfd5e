"""Adds, checks and removes passkeys (WebAuthn): they sign in, and prove who uses a session.

A passkey works at one name: the pages' trusted name. The browser answers a challenge of the daemon; a process
of its own verifies the answer (`gateway/web/passkeys.py`). The pages ask for the result until it is there.
"""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from gateway.control.contract.accounts import AccountRequest, AccountResponse, PasskeyAnswer, PasskeyEntry
from gateway.control.proofs import Proofs
from gateway.control.protocol import Call, ControlRequest
from gateway.control.surroundings import Around
from gateway.core.errors import ControlError
from gateway.core.optional_packages import is_installed
from gateway.core.reason_codes import Code
from gateway.policy.accounts.passkeys import ALGORITHMS, LABEL_LIMIT, PASSKEYS_LIMIT, Passkey
from gateway.policy.accounts.people import Account, AccountRegister, digest

CHALLENGE_LIFE = 300.0  # seconds; each challenge is used once
RESULT_LIFE = 60.0  # seconds in which a check ends and its result is fetched
CHALLENGES_LIMIT = 64  # open ones; the oldest is dropped
CHALLENGE_BYTES = 32
USER_BYTES = 16  # of the user handle. It is random: it must not identify the person (WebAuthn §14.6.1)
ISSUER = "Qalqan"  # shown by browsers

ADD, PROVE, SIGN_IN = "add", "prove", "signin"

Begin = Callable[[Account, ControlRequest], AccountResponse]


@dataclass(slots=True)
class _Ceremony:
    """The state of one use of a passkey: first its challenge, then the check of the browser's answer."""

    purpose: str
    owner: str  # key of the session; of a sign-in, the device
    host: str
    until: float  # end of its life, by `around.now`
    name: str = ""  # of the account; of a sign-in, empty until the answer names the passkey
    user: str = ""  # the user handle of a new passkey
    credential: str = ""
    result: Mapping[str, Any] | None = None  # None while it is checked; empty if the check failed to run


class Passkeys:
    def __init__(self, register: AccountRegister, around: Around, proofs: Proofs, begin: Begin) -> None:
        """Create without any open challenge. ``begin``: starts a session of an account."""
        self._register = register
        self._around = around
        self._proofs = proofs
        self._begin = begin
        self._open: dict[str, _Ceremony] = {}  # digest of the challenge → waits for an answer
        self._checking: dict[str, _Ceremony] = {}  # … → has one

    def table(self) -> dict[str, Callable[[Call[AccountRequest]], AccountResponse]]:
        return {
            "passkey_start": self.start,
            "passkey_check": self.check,
            "passkey_finish": self.finish,
            "passkey_remove": self.remove,
        }

    def start(self, request: Call[AccountRequest]) -> AccountResponse:
        """Create a challenge, and return it with the options of a WebAuthn request for the browser.

        ``purpose`` of the request: to sign in, to prove who uses a session, or to add a passkey.
        Refuses without the package fido2, a trusted name, a session where one is needed, or a usable
        passkey for a proof. To add one, the account needs a password and fewer than PASSKEYS_LIMIT
        passkeys, and the session a recent proof (`Proofs.proven`).
        """
        host, purpose = self._host(), request.choice("purpose", (SIGN_IN, PROVE, ADD))
        now, user = self._around.now(), ""
        if purpose == SIGN_IN:
            owner, name = self._device(request), ""
            options = _using(host, ())
        elif purpose == PROVE:
            session, account = self._proofs.session(request)
            owner, name = session.key, account.name
            own = _of_host(account, host)
            if not own:
                raise ControlError.of(Code.PASSKEY_NONE)
            options = _using(host, own)
        else:
            session, account = self._proofs.proven(request)
            owner, name = session.key, account.name
            self._refuse_more(account)
            user = next((passkey.user for passkey in account.passkeys), _encode(USER_BYTES))
            options = _adding(account, host, user)
        self._open = {
            key: ceremony
            for key, ceremony in self._open.items()
            if ceremony.until > now and (ceremony.purpose, ceremony.owner) != (purpose, owner)
        }
        while len(self._open) >= CHALLENGES_LIMIT:
            del self._open[next(iter(self._open))]
        challenge = _encode(CHALLENGE_BYTES)
        self._open[digest(challenge)] = _Ceremony(purpose, owner, host, now + CHALLENGE_LIFE, name, user)
        return AccountResponse(pending=challenge, options={**options, "challenge": challenge})

    def check(self, request: Call[AccountRequest]) -> AccountResponse:
        """Start to verify a browser's answer to a challenge, in another process. `finish` returns the result.

        The challenge is used up, whatever the result. Refuses an expired challenge, one of another
        session or device, or an unknown passkey.
        """
        challenge, answer = request.text("pending"), request.args.passkey
        key = digest(challenge)
        ceremony = self._taken(self._open, key, request)
        if answer is None:
            request.refuse("passkey", "is missing")
        work: dict[str, object] = {
            "host": ceremony.host,
            "challenge": challenge,
            "id": answer.id,
            "client_data": answer.client_data,
            "data": answer.data,
        }
        if ceremony.purpose == ADD:
            work["do"] = "register"
        else:
            account, passkey = self._found(ceremony, answer)
            ceremony.name = account.name
            work |= {"do": "verify", "key": passkey.key, "signature": answer.signature}
        now = self._around.now()
        ceremony.credential, ceremony.until = answer.id, now + RESULT_LIFE
        self._around.check_passkey(work, partial(self._checked, ceremony))
        self._checking = {key: other for key, other in self._checking.items() if other.until > now}
        self._checking[key] = ceremony
        return AccountResponse(checking=True)

    @staticmethod
    def _checked(ceremony: _Ceremony, result: Mapping[str, Any]) -> None:
        ceremony.result = result

    def finish(self, request: Call[AccountRequest]) -> AccountResponse:
        """Complete the use of a passkey after `check`: return a new session or a proof, or add a new passkey.

        ``checking`` in the answer: it is still being verified; ask again. Refuses a wrong or copied
        passkey, a check that could not run or took more than RESULT_LIFE seconds, and to add a passkey
        that is known or one too many.
        """
        key = digest(request.text("pending"))
        ceremony = self._taken(self._checking, key, request)
        result = ceremony.result
        if result is None:
            self._checking[key] = ceremony
            return AccountResponse(checking=True)
        if not result:
            raise ControlError.of(Code.PASSKEY_UNCHECKED)
        count, public = result.get("count"), result.get("key")
        account = self._register.accounts().get(ceremony.name)
        if account is None or type(count) is not int:
            raise ControlError.of(Code.PASSKEY_WRONG)
        if ceremony.purpose == ADD:
            return self._add(account, ceremony, str(public), count, request)
        account = self._use(account, ceremony, count, request)
        if ceremony.purpose == SIGN_IN:
            return self._begin(account, request)
        session, _ = self._proofs.session(request)
        self._proofs.add(session)
        return AccountResponse(proof=self._proofs.seconds_left(session, account))

    def remove(self, request: Call[AccountRequest]) -> AccountResponse:
        """Remove a passkey of the session's account by its id.

        Refuses an unknown id, and a session without a recent proof (`Proofs.proven`).
        """
        _, account = self._proofs.proven(request)
        left = tuple(passkey for passkey in account.passkeys if passkey.id != request.text("id"))
        if len(left) == len(account.passkeys):
            raise ControlError.of(Code.PASSKEY_NONE)
        self._register.put(replace(account, passkeys=left))
        self._record("guardian passkey removed", account, request)
        return AccountResponse()

    def entries(self, account: Account) -> tuple[PasskeyEntry, ...]:
        """Return an account's passkeys for display, oldest first.

        ``host`` of an entry is empty if it is the present trusted name.
        """
        host, zone = self._around.trusted_name(), self._around.wall().tzinfo
        return tuple(
            PasskeyEntry(
                id=passkey.id,
                label=passkey.label,
                since=passkey.since.astimezone(zone),
                used=passkey.used and passkey.used.astimezone(zone),
                host="" if passkey.host == host else passkey.host,
            )
            for passkey in account.passkeys
        )

    def is_usable(self, account: Account) -> bool:
        """Return whether the account has a passkey for the present trusted name."""
        return bool(_of_host(account, self._around.trusted_name()))

    # Steps.

    def _host(self) -> str:
        """Return the trusted HTTPS name of the pages, at which passkeys work.

        Raises ControlError without it, or without the package fido2.
        """
        if not is_installed("fido2"):
            raise ControlError.of(Code.PASSKEY_MISSING)
        host = self._around.trusted_name()
        if not host:
            raise ControlError.of(Code.PASSKEY_NAMELESS)
        return host

    def _device(self, request: ControlRequest) -> str:
        origin = request.text("origin", "")
        return self._around.requester(origin).mac or origin

    def _taken(self, ceremonies: dict[str, _Ceremony], key: str, request: ControlRequest) -> _Ceremony:
        """Remove and return the state of a challenge from ``ceremonies``. ``key``: the challenge's digest.

        Raises ControlError for an expired or used one, and for that of another session or device.
        """
        ceremony = ceremonies.pop(key, None)
        if ceremony is not None and ceremony.until > self._around.now():
            signing_in = ceremony.purpose == SIGN_IN
            owner = self._device(request) if signing_in else self._proofs.session(request)[0].key
            if owner == ceremony.owner:
                return ceremony
        raise ControlError.of(Code.PASSKEY_LATE)

    def _found(self, ceremony: _Ceremony, answer: PasskeyAnswer) -> tuple[Account, Passkey]:
        """Return the account and the passkey that a browser's answer names.

        For a sign-in all accounts are searched, else that of the session. Raises ControlError if none
        fits.
        """
        accounts = self._register.accounts()
        searched = (accounts[ceremony.name],) if ceremony.name else accounts.values()
        found = [
            (account, passkey)
            for account in searched
            for passkey in _of_host(account, ceremony.host)
            if passkey.credential == answer.id
        ]
        # An answer may lack the user handle only if the challenge listed the IDs of the account's passkeys.
        if not found or answer.user not in (found[0][1].user, "" if ceremony.purpose == PROVE else None):
            raise ControlError.of(Code.PASSKEY_WRONG)
        return found[0]

    def _use(self, account: Account, ceremony: _Ceremony, count: int, request: ControlRequest) -> Account:
        """Store the new counter and time of use of a passkey, and return the changed account.

        Raises ControlError if the passkey was removed, or if its counter shows that it was copied.
        """
        passkey = next(
            (passkey for passkey in account.passkeys if passkey.credential == ceremony.credential), None
        )
        if passkey is None:  # it was removed meanwhile
            raise ControlError.of(Code.PASSKEY_WRONG)
        if passkey.is_copied(count):
            self._record("guardian passkey copied", account, request)
            raise ControlError.of(Code.PASSKEY_COPIED)
        used = replace(passkey, count=count, used=self._around.wall())
        passkeys = tuple(used if other is passkey else other for other in account.passkeys)
        account = replace(account, passkeys=passkeys)
        self._register.put(account)
        return account

    def _add(
        self, account: Account, ceremony: _Ceremony, key: str, count: int, request: ControlRequest
    ) -> AccountResponse:
        self._refuse_more(account)
        accounts = self._register.accounts().values()
        if any(passkey.credential == ceremony.credential for other in accounts for passkey in other.passkeys):
            raise ControlError.of(Code.PASSKEY_KNOWN)
        label = " ".join(request.text("label", "").split())[:LABEL_LIMIT]
        passkey = Passkey(
            ceremony.credential, key, ceremony.host, ceremony.user, label, self._around.wall(), count=count
        )
        account = replace(account, passkeys=(*account.passkeys, passkey))
        self._register.put(account)
        self._record("guardian passkey added", account, request)
        return AccountResponse(passkeys=self.entries(account))

    @staticmethod
    def _refuse_more(account: Account) -> None:
        """Raise ControlError if an account may not get another passkey.

        It needs a password, in case the passkey is lost, and fewer than PASSKEYS_LIMIT passkeys.
        """
        if not account.secret:
            raise ControlError.of(Code.PASSKEY_PASSWORD)
        if len(account.passkeys) >= PASSKEYS_LIMIT:
            raise ControlError.of(Code.PASSKEYS_FULL, most=PASSKEYS_LIMIT)

    def _record(self, what: str, account: Account, request: ControlRequest) -> None:
        self._around.record(what, account.name, account.name, request.text("origin", ""))


def _of_host(account: Account, host: str) -> tuple[Passkey, ...]:
    return tuple(passkey for passkey in account.passkeys if passkey.host == host)


def _encode(size: int) -> str:
    """Return ``size`` random bytes as base64url without padding, as WebAuthn's JSON has them."""
    return urlsafe_b64encode(secrets.token_bytes(size)).rstrip(b"=").decode()


def _using(host: str, own: Iterable[Passkey]) -> dict[str, Any]:
    """Return the options of `navigator.credentials.get` for the passkeys ``own``.

    If there are none, the browser offers any passkey of the host.
    """
    return {
        "rpId": host,
        "timeout": int(CHALLENGE_LIFE * 1000),
        "userVerification": "required",
        "allowCredentials": _descriptors(own),
    }


def _adding(account: Account, host: str, user: str) -> dict[str, Any]:
    """Return the options of `navigator.credentials.create` for a new passkey of an account.

    An authenticator that has a passkey of the account already adds none. ``user``: the user handle.
    """
    return {
        "rp": {"id": host, "name": ISSUER},
        "user": {"id": user, "name": account.name, "displayName": account.name},
        "timeout": int(CHALLENGE_LIFE * 1000),
        "attestation": "none",
        "pubKeyCredParams": [{"type": "public-key", "alg": number} for number in ALGORITHMS],
        "excludeCredentials": _descriptors(_of_host(account, host)),
        "authenticatorSelection": {"residentKey": "preferred", "userVerification": "required"},
    }


def _descriptors(passkeys: Iterable[Passkey]) -> list[dict[str, str]]:
    return [{"type": "public-key", "id": passkey.credential} for passkey in passkeys]
