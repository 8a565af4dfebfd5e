"""What a provider proposes to set-up, and is not in force: the subscriber decides."""

from __future__ import annotations

from flask import current_app

from webui.daemon import daemon
from webui.settings import Proposal
from webui.setup import PROPOSED, wanted_lists
from webui.values.lists import Source


def proposal() -> Proposal:
    found: Proposal = current_app.extensions[PROPOSED]
    return found


def proposed_lists() -> tuple[Source, ...]:
    """What a provider would have fetched, where nobody has said yes to it yet."""
    proposed = proposal().lists
    return wanted_lists(daemon().lists().sources, proposed) if proposed else ()
