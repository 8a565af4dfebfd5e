"""One filtered device, or several under one slot, as the packet path sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from gateway.policy.values import Decision, Observation

Decide = Callable[[Observation, datetime], Decision]
Sink = Callable[["Subject", Observation, Decision, datetime], None]


@dataclass(slots=True)
class Subject:
    """Mutable on purpose: a pause or a new profile changes what ``decide`` says, never whose slot it is."""

    slot: int  # 0: the devices without one, of which DNS alone is judged, by the lists that bind everyone
    name: str  # of the profile, for messages
    decide: Decide
    class_number: Callable[[frozenset[str]], int]  # gates → class in the kernel's marks, 1..63
    running: Decide | None = None  # of a flow that passed when it began; None: as of any other
