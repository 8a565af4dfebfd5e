"""One filtered device, or several under one slot, as the packet path sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from gateway.policy.judge.conclude import refuses
from gateway.policy.profile.bypass_methods import Way
from gateway.policy.profile.profile import Profile
from gateway.policy.values import Decision, Observation
from gateway.wire.dns.svcb import ALL, Unwanted

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
    unwanted: Unwanted = ALL  # what its answers shall not hold


def unwanted_by(*profiles: Profile) -> Unwanted:
    """What at least one of them refuses to be led to."""
    resolvers, ech = (
        any(refuses(one.rules, way) for one in profiles) for way in (Way.ENCRYPTED_DNS, Way.ECH)
    )
    return Unwanted(resolvers, ech)
