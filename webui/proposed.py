"""The lists and age groups that a provider proposes in the first run. Nothing is on until a user agrees."""

from __future__ import annotations

from flask import current_app

from gateway.control.contract.lists import LISTS, ListSource
from webui.daemon import daemon
from webui.first_run import PROPOSED, wanted_lists
from webui.settings import FirstRunProposal


def proposal() -> FirstRunProposal:
    found: FirstRunProposal = current_app.extensions[PROPOSED]
    return found


def proposed_lists() -> tuple[ListSource, ...]:
    """Return the lists that the provider proposes and that are still off. Raises ControlError."""
    proposed = proposal().lists
    return wanted_lists(daemon().client.ask(LISTS).sources, proposed) if proposed else ()
