"""Records what has been judged on one flow: each thing once, however often its bytes are read."""

from __future__ import annotations

from gateway.policy.values import Observation
from gateway.wire.flows.actions import Judge


class JudgedObservations:
    """The judged observations of one flow. Its size is bounded by the limits of the flow's streams."""

    __slots__ = ("_by_end", "judged")

    def __init__(self) -> None:
        self._by_end: dict[tuple[int, Observation], bool] = {}
        self.judged: dict[Observation, bool] = {}  # distinct ones in the order of their first judgement

    def allows_at(self, end: int, observation: Observation, judge: Judge) -> bool:
        """Judge an observation that ends at stream offset ``end``, unless it was judged.

        Equal observations with different ends are two hellos or requests, and are judged twice. The start
        does not identify one: a method may arrive in pieces, the last of them first.
        """
        key = (end, observation)
        allowed = self._by_end.get(key)
        if allowed is None:
            allowed = self._by_end[key] = self._ask(observation, judge)
        return allowed

    def allows(self, observation: Observation, judge: Judge) -> bool:
        """Judge an observation, unless an equal one was judged."""
        allowed = self.judged.get(observation)
        return self._ask(observation, judge) if allowed is None else allowed

    def _ask(self, observation: Observation, judge: Judge) -> bool:
        allowed = judge(observation)
        self.judged[observation] = allowed and self.judged.get(observation, True)
        return allowed
