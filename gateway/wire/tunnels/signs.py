"""The result types of this package: a recognised tunnel, none, or "more bytes are needed"."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from gateway.policy.values import Proto

LONGEST = 1200  # bytes of a stream that are always enough: OpenVPN's largest reset, with a client's key


class More(Enum):
    """The type of MORE, the result "more bytes are needed". It differs from None, which means no tunnel."""

    MORE = "more"


MORE = More.MORE


class TunnelSign(NamedTuple):
    """A recognised tunnel or proxy protocol, or DNS on another port than 53 or inside an HTTP request.

    Of a DNS question it also has the host and type, as far as they are known.
    """

    proto: Proto
    host: str | None = None  # of a question
    qtype: int = 0


TunnelMatch = Proto | More | None
"""The result for the first bytes of a stream; MORE if more bytes are needed."""
