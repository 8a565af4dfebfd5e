"""Builds the handler of the verb `guardian` (accounts), and returns account changes shown to everyone."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from pathlib import Path

from gateway.control.contract.status import AnnouncementEntry
from gateway.control.guardians import Guardians
from gateway.control.proofs import Proofs
from gateway.control.protocol import Answer, ControlRequest, Handler
from gateway.control.surroundings import CONSOLE, Around, Requester
from gateway.control.token_verbs import from_where
from gateway.core.logs import SECRET
from gateway.features.accounts.passkey_checks import PasskeyChecks
from gateway.household.claim import label
from gateway.household.context import HomeContext
from gateway.household.presence import Presence
from gateway.policy.accounts.people import DEVICE_LIMIT, AnnouncementKind
from gateway.policy.accounts.tokens import origin_with_token, split_origin
from gateway.store.tables.alerts import AlertTable
from gateway.store.tables.audit import RecordAudit
from gateway.store.tables.people import AccountTable
from gateway.store.tables.push_subscriptions import PushTable

# Changes of accounts that every guardian is notified of.
NOTIFIED = frozenset(
    f"guardian {what}"
    for what in (
        *("claim", "add", "reset", "remove", "role", "recover code", "recover button", "propose"),
        *("second factor on", "second factor off"),
        *("passkey added", "passkey removed", "passkey copied"),
    )
)

SIGNED_IN = "guardian sign-in"  # notifies the person who signed in

_log = logging.getLogger(__name__)


class Origins:
    """Finds the device that sends a request, for audit lines: its address may be another device's later."""

    def __init__(self, home: HomeContext, people: AccountTable, presence: Presence) -> None:
        self._home = home
        self._people = people
        self._presence = presence

    def requester(self, origin: str) -> Requester:
        """Return the MAC address and the name of the device at the IP address ``origin``.

        The name has only printable characters, at most DEVICE_LIMIT. Both are empty for an unknown device.
        """
        mac = self._presence.mac_of(origin) if origin else None
        if mac is None:
            return Requester()
        name = "".join(letter for letter in self._presence.here.name_of(mac) if letter.isprintable())
        return Requester(mac, name.strip()[:DEVICE_LIMIT])

    def place_of(self, origin: str) -> str:
        """Return an IP address with MAC address and name: ``192.168.1.7 02:00:00:00:00:0c Galaxy-S23``.

        Unknown parts are left out.
        """
        seen = self.requester(origin)
        return " ".join(part for part in (origin, seen.mac, seen.name) if part)

    def recorded(self, verb: Handler) -> Handler:
        """Return a handler that calls ``verb`` with the sending device added to ``origin``, for audit lines.

        For an API token (``via``), its label is added too. The handler raises ControlError for a token that
        is not valid for the request. A request without ``origin`` and ``via`` is passed on unchanged.
        """

        @wraps(verb)
        def named(request: ControlRequest) -> Answer:
            if not request.has("origin") and not request.has("via"):
                return verb(request)
            home = self._home
            origin = from_where(request, self._people, home.now(), clock_trusted=home.clock_trusted)
            token, address = split_origin(origin)
            values = {**request.values, "origin": origin_with_token(token, self.place_of(address))}
            return verb(replace(request, values=values))

        return named


def guardians(
    home: HomeContext,
    people: AccountTable,
    alerts: AlertTable,
    push: PushTable,
    audit: RecordAudit,
    presence: Presence,
    origins: Origins,
    proofs: Proofs,
    checks: PasskeyChecks,
    child_uses: Callable[[str, str], bool],
) -> Guardians:
    code = label(Path(home.rules.household.config.state))

    def record(what: str, detail: str, by: str, origin: str) -> None:
        token, address = split_origin(origin)
        place = address if by == CONSOLE else origins.place_of(address)
        audit(what, detail, by=by, at=home.now(), origin=origin_with_token(token, place))
        if what == SIGNED_IN:
            home.publish("people", what=what, name=detail, by=by)
        if what in NOTIFIED:
            names = [account.name for account in people.accounts().values() if account.guards]
            alerts.keep_only(names)
            push.keep_only(names)
            home.publish("people", what=what, name=detail, by=by)

    def trusted_name() -> str:
        https = home.rules.household.config.web.https
        return "" if https is None else https.name

    return Guardians(
        people,
        Around(
            home.loop.now,
            home.local_now,
            lambda: home.clock_trusted,
            record,
            origins.requester,
            lambda: code,
            lambda: presence.claim.unclaimed,
            lambda: home.rules.household.has_children,
            child_uses,
            trusted_name,
            checks.start,
        ),
        proofs,
    )


def log_claim_code(home: HomeContext, people: AccountTable) -> None:
    """If there is no guardian yet, log the code on the router's label, for the first sign-in.

    Call it at the end of the daemon's start.
    """
    if not people.claimed:
        text = "No guardian yet. The first person at home who enters the label's code %s%s becomes one."
        code = label(Path(home.rules.household.config.state))
        button = " and presses the gateway's button" if home.rules.household.has_children else ""
        _log.warning(text, code, button, extra={SECRET: True})


def announced(home: HomeContext, people: AccountTable) -> tuple[AnnouncementEntry, ...]:
    """Return the account changes of the last week that the pages show to everyone, newest first.

    That all accounts were lost is not among them.
    """
    now = home.local_now()
    return tuple(
        AnnouncementEntry(
            told=change.kind,
            name=change.name,
            device=change.device,
            at=change.at.astimezone(now.tzinfo),
        )
        for change in reversed(people.announced)
        if change.until > now and change.kind is not AnnouncementKind.LOST
    )
