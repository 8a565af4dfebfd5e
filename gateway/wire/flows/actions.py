"""The possible actions for a packet, and the type of the judge, which allows or refuses an observation."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple, Protocol

from gateway.policy.values import Observation


class FlowAction(Enum):
    """What to do with a packet of a TCP or UDP flow, and with the flow itself."""

    HOLD = "hold"  # forward this packet; its flow stays undecided
    UPLOAD = "upload"  # HOLD for plain HTTP with a long request that has no answer yet
    ANSWERABLE = "answerable"  # HOLD, and the kernel may decide by the server's first data
    PASSES = "passes"  # decided: the kernel forwards the flow without queueing it
    # Plain HTTP, or a dialogue with STARTTLS: the kernel queues only packets of the LAN side.
    ASKS = "asks"
    REFUSED = "refused"  # TCP: mark and reset the flow; UDP: refuse this packet, and later ones if decided
    DROP = "drop"  # drop this packet; the flow is unchanged


Judge = Callable[[Observation], bool]  # True if allowed

Answerable = Callable[[Observation], bool]  # True if the kernel may decide by the server's answer


def never_answerable(_observation: Observation) -> bool:
    """Return False: the kernel may never decide a flow by the server's answer.

    The default where no kernel decides, as in a replay of a capture.
    """
    return False


class Bodies(Protocol):
    """Lets the kernel forward parts of long HTTP request bodies. ``key`` is a flow's key in the table.

    A range is the first sequence number and the number of those that follow it, which may wrap.
    """

    def watch(self, key: FlowKey, first: int, count: int) -> bool:
        """Queue the server's segments that acknowledge these numbers; return whether that is possible.

        They then reach the flow table. Before the first answer this includes segments without payload.
        Replaces all earlier ranges.
        """

    def forward(self, key: FlowKey, first: int, count: int) -> bool:
        """Forward the client's segments that begin at these numbers unread; return whether that is possible.

        Replaces an earlier such range. It ends after minutes; the caller may then ask again.
        """

    def end(self, key: FlowKey) -> None:
        """Remove all ranges of a flow: the kernel queues its segments again."""


FlowKey = tuple[int, int, bytes, int, bytes, int]
"""Zone, protocol, LAN address and port, remote address and port."""

Recognise = Callable[[str, bytes, int], tuple[str, ...]]
"""Returns the services whose signatures match: protocol (tcp, udp), a client's first bytes, server's port."""


def recognise_nothing(_proto: str, _payload: bytes, _port: int) -> tuple[str, ...]:
    """Return an empty tuple, no services: the default without a service catalogue."""
    return ()


class Ruling(NamedTuple):
    """The action for one packet, and the observation that decided its flow or was judged last."""

    action: FlowAction
    observation: Observation | None = None


HOLD = Ruling(FlowAction.HOLD)
DROP = Ruling(FlowAction.DROP)
