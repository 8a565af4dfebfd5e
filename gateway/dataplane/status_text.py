"""Describes the gateway's state in one line, as the TXT record of its own name.

A provider's support can let a caller query it, and knows within half a minute whether the filter runs. It has
no personal data.
"""

from __future__ import annotations

from gateway import __version__
from gateway.household.claim import Claim
from gateway.household.context import HomeContext
from gateway.store.store import Store


def about(home: HomeContext, store: Store, claim: Claim) -> str:
    """Return ``Qalqan 0.1.0 on``, ``… off until 21:40``, ``… off`` or ``… on, not set up``."""
    off = store.state(home.local_now()).off
    if off is None:
        return f"Qalqan {__version__} on" + (", not set up" if claim.unclaimed else "")
    if off.until is None:
        return f"Qalqan {__version__} off"
    until = off.until.astimezone(home.rules.household.config.zone)
    return f"Qalqan {__version__} off until {until:%H:%M}"
