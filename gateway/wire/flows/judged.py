"""What has been judged on one flow: each thing once, however often its bytes are read again."""

from __future__ import annotations

from gateway.policy.values import Observation
from gateway.wire.flows.actions import Judge


class Docket:
    """The observations of one flow. Its size follows from the limits of the streams that feed it."""

    __slots__ = ("_by_end", "heard")

    def __init__(self) -> None:
        self._by_end: dict[tuple[int, Observation], bool] = {}
        self.heard: dict[Observation, bool] = {}  # distinct ones in the order in which they were judged

    def allows_at(self, end: int, observation: Observation, judge: Judge) -> bool:
        """Two equal observations that end at different stream offsets are two hellos or requests, and judged
        twice. Where one begins does not tell: a method may arrive in pieces, the last of them first.
        """
        key = (end, observation)
        allowed = self._by_end.get(key)
        if allowed is None:
            allowed = self._by_end[key] = self._ask(observation, judge)
        return allowed

    def allows(self, observation: Observation, judge: Judge) -> bool:
        """Judged only if nothing equal was."""
        allowed = self.heard.get(observation)
        return self._ask(observation, judge) if allowed is None else allowed

    def _ask(self, observation: Observation, judge: Judge) -> bool:
        allowed = judge(observation)
        self.heard[observation] = allowed and self.heard.get(observation, True)
        return allowed
