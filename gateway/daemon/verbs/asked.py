"""A bound on asking the gateway which names are refused for everyone, for all programs and people of a home
together: verbs that say so of a name answer nobody any more when so many were met within a minute.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from gateway.codes import Code
from gateway.control.protocol import Request, Verb
from gateway.errors import ControlError, GatewayError
from gateway.path.probes import Probes
from gateway.policy.values import Reason

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon

# Those from whose answer it can be told whether a name is refused for everyone.
TELLING = frozenset({"why", "preview", "list_lookup", "list_report", "request", "teach"})
HOUSEHOLD = -1  # in the place of a slot; the socket is one device


def bounded(table: Mapping[str, Verb], daemon: Daemon) -> Mapping[str, Verb]:
    """The verbs, with those bounded that tell such a thing."""
    probes, now = daemon.probes, daemon.loop.now
    return {
        name: _bounded(name, verb, probes, now) if name in TELLING else verb for name, verb in table.items()
    }


def _bounded(name: str, verb: Verb, probes: Probes, now: Callable[[], float]) -> Verb:
    def asked(request: Request) -> Mapping[str, object]:
        if probes.full and probes.over(HOUSEHOLD, b"", now()):
            msg = f"{name}: too many names were asked for that nobody may open; ask again in a minute"
            raise ControlError(msg).coded(Code.ASK_LATER)
        try:
            answer = verb(request)
        except GatewayError as error:
            if error.code == Code.FOR_EVERYONE:
                probes.refused(HOUSEHOLD, b"", _name(request), now())
            raise
        if answer.get("refused_for_everyone") or answer.get("reason") == Reason.REFUSED_FOR_EVERYONE:
            probes.refused(HOUSEHOLD, b"", _name(request), now())
        return answer

    return asked


def _name(request: Request) -> str:
    """As it was asked for; one name in two spellings counts twice, which no one who asks in earnest meets."""
    return str(request.values.get("host") or request.values.get("site") or "")
