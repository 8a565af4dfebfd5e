"""Unlocks the requesting device by a wallet's adult proof: the page's script asks here for both steps."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from flask import Blueprint, jsonify, request, url_for
from flask.typing import ResponseReturnValue

from gateway.control.client import Unreachable
from gateway.control.contract.rules import FAMILY
from gateway.control.contract.sharing import ADULT_PROOF
from gateway.core.errors import ControlError
from gateway.policy.accounts.adult_proof import HOURS, LENGTHS, LONGEST_BY_WALLET, MORNING_AT
from webui.accounts.passwords import BusyError
from webui.accounts.session import anyone
from webui.accounts.tries import TooManyTriesError
from webui.daemon import daemon, source_address
from webui.features.status.home_text import Here
from webui.language import refusals, zones
from webui.language.i18n import gettext as _
from webui.language.walletwords import refused
from webui.wallet import ANSWER_LIMIT, RefusedError, is_offered, origin, wallets

blueprint = Blueprint("wallet", __name__, url_prefix="/my/adult/wallet")

DAY = timedelta(days=1)


@blueprint.post("/ask")
@anyone
def ask() -> ResponseReturnValue:
    """Return a request to a wallet for an age proof, for this device and page, or an error message (JSON)."""
    home, here = daemon().home(), daemon().here(source_address())
    if not is_offered(here):
        return _no(_("Wallets do not work here. A parent's password unlocks this device."), 409)
    if not home.status.clock.known:
        return _no(_("The gateway does not know the time yet, so it cannot check a proof."), 409)
    try:
        question = wallets().ask(here, origin(), home.now)
    except TooManyTriesError as error:
        return _no(error.sentence, 429)
    except BusyError as error:
        return _no(refusals.sentence(error), 503)
    except RefusedError as error:
        return _no(refused(error.reason), 409)
    return jsonify(request=question.request)


@blueprint.post("/answer")
@anyone
def answer() -> ResponseReturnValue:
    """Check a wallet's age proof and unlock the device for an adult.

    Return as JSON the address of the page to open, or an error message. Only the success and its
    expiry are stored.
    """
    request.max_content_length = ANSWER_LIMIT
    home, here = daemon().home(), daemon().here(source_address())
    sent = _sent()
    length = sent.get("length")
    if not is_offered(here) or not isinstance(length, str) or length not in LENGTHS:
        return _no(_("Wallets do not work here. A parent's password unlocks this device."), 409)
    try:
        now = zones.local(home.now, daemon().client.ask(FAMILY).timezone)
        until = wallets().check(here, origin(), sent.get("response"), home.now, _lasting(length, now))
        _open(here, length, until)
    except RefusedError as error:
        return _no(refused(error.reason), 403)
    except BusyError as error:
        return _no(refusals.sentence(error), 503)
    except Unreachable:
        raise
    except ControlError as error:
        return _no(refusals.sentence(error), 403)
    return jsonify(open=url_for("door.arrive"))


def _open(here: Here, length: str, until: datetime) -> None:
    daemon().client.ask(
        ADULT_PROOF,
        action="open",
        device=here.mac,
        method="wallet",
        length=length,
        until=until.isoformat(),
        origin=source_address(),
    )


def _lasting(length: str, now: datetime) -> timedelta:
    """Return how long a device stays unlocked. ``now``: in the time zone of the home."""
    if length in HOURS:
        return HOURS[length]
    morning = datetime.combine(now.date() + DAY, MORNING_AT, now.tzinfo)
    return min(morning.astimezone(UTC) - now.astimezone(UTC), LONGEST_BY_WALLET)


def _sent() -> dict[str, object]:
    try:
        found = json.loads(request.get_data(cache=False))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _no(sentence: str, status: int) -> ResponseReturnValue:
    return jsonify(problem=sentence), status
