"""What the modules of this folder say: which tunnel begins here, if any."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from gateway.policy.values import Proto


class More(Enum):
    """A type of its own, so that nobody takes "too short to tell" for "none"."""

    MORE = "more"


MORE = More.MORE


class Sign(NamedTuple):
    """A tunnel, or a question to a resolver on another port than DNS's own."""

    proto: Proto
    host: str | None = None  # that a question asks for
    qtype: int = 0


Told = Proto | More | None
"""Of the first bytes of a stream."""
