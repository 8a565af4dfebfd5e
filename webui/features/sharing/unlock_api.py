"""API operations that unlock the requesting device for an adult, by a guardian's password typed on it.

A wallet's proof needs the browser's own call, and therefore the page.
"""

from __future__ import annotations

from typing import Annotated

from gateway.control.contract.sharing import AdultProofChange, Length
from gateway.control.schema import Text, record
from webui.accounts.passwords import LONGEST
from webui.accounts.proofs import CODE_LIMIT, typed_code
from webui.accounts.tries import TooManyTriesError
from webui.api.operations import ANYONE, Name, Noun
from webui.api.problems import Problem, of_status
from webui.api.who import Caller
from webui.daemon import daemon, source_address
from webui.features.sharing.unlock_pages import lock_here, open_here
from webui.features.status.home_text import Here

noun = Noun("unlock")


@record
class Unlock:
    name: Name  # a guardian's
    password: Annotated[str, Text(1, LONGEST, r"[^\x00-\x1f\x7f-\x9f]+")]
    length: Length
    otp: Annotated[str, Text(6, CODE_LIMIT, r"[A-Za-z0-9 -]+")] | None = None  # of a second factor


@noun.declare("PUT", "/my/adult-proof", ANYONE, body=Unlock, answer=AdultProofChange)
def open_(_me: Caller | None, body: Unlock) -> object:
    """Unlock the requesting device for an adult for a limited time with a guardian's password.

    It is for a new, a guest's or a shared device. This does not sign in. 429 after too many tries.
    """
    try:
        return open_here(_here(), body.name, body.password, body.length, typed_code(body.otp or ""))
    except TooManyTriesError as error:
        headers = {"Retry-After": str(error.seconds)}
        raise Problem(429, "slow_down", error.sentence, headers) from None


@noun.declare("DELETE", "/my/adult-proof", ANYONE)
def close(_me: Caller | None) -> object:
    """End the unlocking of the requesting device for an adult: its own rules apply again."""
    return lock_here(_here())


def _here() -> Here:
    here = daemon().here(source_address())
    if not here.mac:
        raise of_status(403)
    return here
