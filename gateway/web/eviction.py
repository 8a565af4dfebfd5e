"""Selects the connection to close when there are too many. The front and the pages use the same rule.

Addresses do not identify a flood: a device may have a thousand, and all devices of a household share one
prefix. The criterion is whether the pages ever responded on a connection. The order is this; in each step,
connections of the address with the most, if that is more than a browser needs, come first:

1. Connections that have been silent for long without a response.
2. If too many are new, the oldest of these: a flood of new connections evicts itself, and neither running
   streams nor the newest connections.
3. Answered connections, the longest silent one first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Protocol, TypeVar

SILENT = 5.0  # seconds without traffic or a response: a small router needs one for a first page
BROWSER = 6  # connections of a browser to one host; more from one address count as a flood


class EvictableConnection(Protocol):
    """The properties of a connection that `pick_eviction` needs."""

    @property
    def who(self) -> str: ...  # the address

    @property
    def answered(self) -> bool: ...

    @property
    def begun(self) -> float: ...  # seconds, on the same clock as ``last``

    @property
    def last(self) -> float: ...  # the last traffic in either direction


AnyConnection = TypeVar("AnyConnection", bound=EvictableConnection)


def pick_eviction(found: Collection[AnyConnection], now: float, coming: int) -> AnyConnection:
    """Return the connection to close, of those in ``found``, which is not empty. The module has the rule.

    ``now``: seconds on the clock of the connections. ``coming``: how many connections without a response may
    stay while others can be closed.
    """
    count = Counter(connection.who for connection in found)

    def above(connection: EvictableConnection) -> int:
        return -max(0, count[connection.who] - BROWSER)

    waiting = [connection for connection in found if not connection.answered]
    silent = [connection for connection in waiting if now - connection.last > SILENT]
    if silent:
        return min(silent, key=lambda connection: (above(connection), connection.last))
    if len(waiting) > coming or len(waiting) == len(found):
        return min(waiting, key=lambda connection: (above(connection), connection.begun))
    answered = [connection for connection in found if connection.answered]
    return min(answered, key=lambda connection: (above(connection), connection.last))
