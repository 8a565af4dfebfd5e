"""Lists that a provider proposes in the first run. They are off until the subscriber turns them on."""

from __future__ import annotations

from flask import current_app

from gateway.control.contract.lists import LISTS, ListSource
from webui.daemon import daemon
from webui.settings import FirstRunProposal
from webui.setup import PROPOSED, wanted_lists


def proposal() -> FirstRunProposal:
    found: FirstRunProposal = current_app.extensions[PROPOSED]
    return found


def proposed_lists() -> tuple[ListSource, ...]:
    """Return the proposed lists that are still off."""
    proposed = proposal().lists
    return wanted_lists(daemon().client.ask(LISTS).sources, proposed) if proposed else ()
