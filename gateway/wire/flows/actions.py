"""What becomes of a packet, and who says whether an observation may pass."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from gateway.policy.values import Observation


class Action(Enum):
    HOLD = "hold"  # this packet goes on, its flow stays undecided
    UPLOAD = "upload"  # as HOLD: plain HTTP whose client sends much before it is answered
    PASSES = "passes"  # decided: the kernel carries on alone
    ASKS = "asks"  # plain HTTP: replies are released, each packet of the LAN side still comes
    REFUSED = (
        "refused"  # TCP: the flow is marked and reset; UDP: this packet is refused, and each that follows
    )
    DROP = "drop"  # this packet vanishes; nothing is said about its flow


Judge = Callable[[Observation], bool]  # True: may pass


class Ruling(NamedTuple):
    """One packet's action, and the observation that settled its flow or was judged last."""

    action: Action
    observation: Observation | None = None


HOLD = Ruling(Action.HOLD)
DROP = Ruling(Action.DROP)
