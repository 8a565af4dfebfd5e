"""Limits how many names a minute the control socket discloses as blocked for everyone.

The limit applies to the whole household. Without it, the names on a sealed list could be found by guessing.
Names of malware and phishing count too: the answers about them are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gateway.control.protocol import Answer, ControlRequest, Handler
from gateway.core.errors import ControlError, GatewayError
from gateway.core.reason_codes import Code
from gateway.path.guess_limit import GuessLimit
from gateway.policy.values import Reason

# Verbs with an answer that discloses whether a name is blocked for everyone.
DISCLOSING = frozenset(
    {"why", "filter_test_site", "list_lookup", "list_report", "request", "answer", "teach"}
)
HOUSEHOLD = -1  # in place of a slot: all requests count as those of one device


def limit(verb: Handler, guesses: GuessLimit, now: Callable[[], float]) -> Handler:
    """Return a handler that calls ``verb``, unless too many names were disclosed in the last minute.

    Then it raises ControlError. A response that says that a name is blocked for everyone discloses it; so
    does an error with this reason. ``now``: returns seconds of the loop's clock.
    """

    def asked(request: ControlRequest) -> Answer:
        if guesses.full and guesses.over(HOUSEHOLD, b"", now()):
            raise ControlError.of(Code.ASK_LATER)
        try:
            answer = verb(request)
        except GatewayError as error:
            if error.code == Code.FOR_EVERYONE:
                guesses.refused(HOUSEHOLD, b"", _name(request), now())
            raise
        assert isinstance(answer, Mapping), "none of these verbs takes steps"
        if answer.get("refused_for_everyone") or answer.get("reason") == Reason.REFUSED_FOR_EVERYONE:
            guesses.refused(HOUSEHOLD, b"", _name(request), now())
        return answer

    return asked


def _name(request: ControlRequest) -> str:
    """Return the host name in a request, as it was typed; empty without one.

    Two spellings count twice, which is rare in normal use.
    """
    return str(request.values.get("host") or request.values.get("site") or "")
