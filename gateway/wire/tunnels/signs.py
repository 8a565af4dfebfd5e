"""The results of the modules of this package: the tunnel that begins with some bytes, if any."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from gateway.policy.values import Proto


class More(Enum):
    """A type of its own, so that "more bytes are needed" is not confused with "no tunnel"."""

    MORE = "more"


MORE = More.MORE


class TunnelSign(NamedTuple):
    """A tunnel, or a DNS question on another port than 53."""

    proto: Proto
    host: str | None = None  # of a question
    qtype: int = 0


TunnelMatch = Proto | More | None
"""The result for the first bytes of a stream; MORE if more bytes are needed."""
