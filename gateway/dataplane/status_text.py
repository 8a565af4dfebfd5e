"""Describes the state of the gateway in one line, the TXT record of its own name.

The support of a provider can ask a caller to query it, to learn whether the filter runs. It contains no
personal data.
"""

from __future__ import annotations

from gateway import __version__
from gateway.household.claim import Claim
from gateway.household.context import HomeContext
from gateway.store.store import Store


def about(home: HomeContext, store: Store, claim: Claim) -> str:
    """Return the gateway's version and state in one line.

    ``Qalqan 0.1.0 on``, ``… off until 21:40``, ``… off`` or ``… on, not set up``.
    """
    off = store.state(home.local_now()).off
    if off is None:
        return f"Qalqan {__version__} on" + (", not set up" if claim.unclaimed else "")
    if off.until is None:
        return f"Qalqan {__version__} off"
    until = off.ends.astimezone(home.rules.household.config.zone)
    return f"Qalqan {__version__} off until {until:%H:%M}"
