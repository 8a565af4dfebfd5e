"""The verb `guardian` in this daemon: what its surroundings are, and what everybody is told of it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.control.around import CONSOLE, Around, Visitor
from gateway.control.guardians import Guardians
from gateway.control.protocol import Request, Verb
from gateway.control.tokendesk import from_where as from_where_asked
from gateway.daemon.label import label
from gateway.logs import SECRET
from gateway.policy.people import DEVICE_LIMIT
from gateway.policy.tokens import stamped, unstamped

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon

# What other guardians may want to hear of at once.
TOLD_TO_GUARDIANS = frozenset(
    f"guardian {what}"
    for what in ("claim", "add", "reset", "remove", "role", "recover code", "recover button", "propose")
)

_log = logging.getLogger(__name__)


def guardians(daemon: Daemon) -> Guardians:
    code = label(Path(daemon.rules.household.config.state))

    def record(what: str, detail: str, by: str, origin: str) -> None:
        label, address = unstamped(origin)
        place = address if by == CONSOLE else place_of(daemon, address)
        daemon.store.audit(what, detail, by=by, at=daemon.clock.now(), origin=stamped(label, place))
        if what in TOLD_TO_GUARDIANS:
            daemon.store.alerts.keep_only(
                [one.name for one in daemon.store.guardians().values() if one.guards]
            )
            daemon.control.publish("people", what=what, name=detail, by=by)

    return Guardians(
        daemon.store.people,
        Around(
            daemon.loop.now,
            daemon.local_now,
            lambda: daemon.watch.known,
            record,
            lambda origin: visitor(daemon, origin),
            lambda: code,
            lambda: daemon.presence.claim.unclaimed,
        ),
    )


def tell_unclaimed(daemon: Daemon) -> None:
    """On the console, once all runs: how an unclaimed gateway is claimed."""
    if not daemon.store.people.claimed:
        text = "no guardian yet: the first visitor from the home with the label's code %s is one"
        code = label(Path(daemon.rules.household.config.state))
        _log.warning(text, code, extra={SECRET: True})


def visitor(daemon: Daemon, origin: str) -> Visitor:
    mac = daemon.presence.mac_of(origin) if origin else None
    if mac is None:
        return Visitor()
    name = "".join(letter for letter in daemon.presence.here.name_of(mac) if letter.isprintable())
    return Visitor(mac, name.strip()[:DEVICE_LIMIT])


def place_of(daemon: Daemon, origin: str) -> str:
    """``192.168.1.7 02:00:00:00:00:0c Galaxy-S23``: an address alone means another device in a month."""
    seen = visitor(daemon, origin)
    return " ".join(part for part in (origin, seen.mac, seen.name) if part)


def from_where(daemon: Daemon, verb: Verb) -> Verb:
    """The same verb, which writes into the audit from which device it was asked."""

    @wraps(verb)
    def named(request: Request) -> Mapping[str, object]:
        if not request.has("origin") and not request.has("via"):
            return verb(request)
        label, address = unstamped(from_where_asked(request, daemon.store.people, daemon.local_now()))
        values = {**request.values, "origin": stamped(label, place_of(daemon, address))}
        return verb(replace(request, values=values))

    return named


def announced(daemon: Daemon) -> list[dict[str, object]]:
    """Newest first: what everybody is told for a week."""
    now = daemon.local_now()
    return [
        {"told": one.told, "name": one.name, "device": one.device, "at": one.at.astimezone(now.tzinfo)}
        for one in reversed(daemon.store.people.announced)
        if one.until > now
    ]
