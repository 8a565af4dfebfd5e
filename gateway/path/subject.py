"""The packet path's view of one filtered device, or of several with one slot: how to judge its traffic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from gateway.policy.judge.conclude import blocks_bypass
from gateway.policy.profile.bypass_methods import BypassMethod
from gateway.policy.profile.profile import Profile
from gateway.policy.values import Decision, Observation
from gateway.wire.dns.svcb import ALL, Unwanted

Decide = Callable[[Observation, datetime], Decision]
Sink = Callable[["Subject", Observation, Decision, datetime], None]
DecisionWatcher = Callable[[bytes, Observation, Decision, datetime], None]
"""Receives the decisions about a device, by its packed address."""


class LiveDecisions:
    """Passes decisions about packets and queries to one watcher, while a guardian looks at live traffic."""

    __slots__ = ("watcher",)

    def __init__(self) -> None:
        self.watcher: DecisionWatcher | None = None

    def watch(self, watcher: DecisionWatcher | None) -> None:
        """Send the next decisions to ``watcher``, in place of an earlier one; None: to no watcher."""
        self.watcher = watcher


@dataclass(slots=True)
class Subject:
    """The functions and settings that judge the traffic of one slot.

    A slot is a filtered device, or several that share one profile. They are the decision function, the
    numbers of combinations of time rules (classes), and the parameters to remove from DNS answers. A new
    profile, or the start or end of a site repair, makes a new `Subject` for the slot.
    """

    slot: int  # 0 for devices without one; of these only DNS is judged, by the lists that apply to everyone
    name: str  # of the profile, for messages
    decide: Decide
    class_number: Callable[[frozenset[str]], int]  # gates → class in the kernel's marks, 1..63
    running: Decide | None = None  # for flows that already passed; None means ``decide``
    unwanted: Unwanted = ALL  # parameters to remove from answers
    shared: bool = False  # whether several devices have the slot, as guests have: each has a share of limits


def unwanted_by(*profiles: Profile) -> Unwanted:
    """Return which parameters to remove from DNS answers: those whose bypass any of the profiles blocks."""
    resolvers, ech = (
        any(blocks_bypass(profile.rules, way) for profile in profiles)
        for way in (BypassMethod.ENCRYPTED_DNS, BypassMethod.ECH)
    )
    return Unwanted(resolvers, ech)
