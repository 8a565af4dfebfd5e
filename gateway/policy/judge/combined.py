"""Applies two profiles to a device with an unconfirmed owner: what either blocks is blocked.

A device that imitates another one therefore gains nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import replace
from datetime import datetime

from gateway.policy.judge.decide import Judge
from gateway.policy.judge.world import World
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import SafeSearch
from gateway.policy.time.gates import joined
from gateway.policy.time.schedule import Calendar
from gateway.policy.time.time_rules import Closing, Situation, Standing, TimeLimit
from gateway.policy.values import Decision, Observation, Verdict

_SEARCH = (SafeSearch.OFF, SafeSearch.MODERATE, SafeSearch.STRICT)


def aligned_profiles(profile: Profile, otherwise: Profile) -> tuple[Profile, Profile]:
    """Return both profiles, adjusted, for a device that may belong to either of two persons.

    If the second is filtered, both use the stricter safe search, and the first blocks while the daemon is
    down if the second does. The first profile logs nothing.
    """
    rules, others = replace(profile.rules, log_level=0), otherwise.rules
    if not otherwise.filtered:
        return replace(profile, rules=rules), otherwise
    if otherwise.closes:
        rules = replace(rules, failure=others.failure)
    stricter = max(rules.safe_search, others.safe_search, key=lambda budget: _SEARCH.index(budget.value))
    rules, others = replace(rules, safe_search=stricter), replace(others, safe_search=stricter)
    return replace(profile, rules=rules), replace(otherwise, rules=others)


class CombinedJudge(Judge):
    """A judge for a device of two profiles: what either blocks is blocked. The first profile decides first.

    ``other`` is the judge of the second profile. The time left (`left`, `remaining`) is that of the first
    profile alone.
    """

    def __init__(
        self,
        profile: Profile,
        world: World,
        calendar: Calendar,
        other: Judge,
        situation: Callable[[], Situation],
    ) -> None:
        """Create the judge. ``situation`` returns the second profile's present situation.

        A situation has the pauses, extra time and used minutes.
        """
        super().__init__(profile, world, calendar)
        self._other = other
        self._other_situation = situation

    def as_of(self, other_is: Situation) -> CombinedJudge:
        """Return a copy of this judge in which the second profile's situation is always ``other_is``.

        A situation has the pauses, extra time and used minutes. The copy is for decisions about another
        moment.
        """
        clone = copy(self)
        clone._other_situation = lambda: other_is
        return clone

    def decide(
        self, seen: Observation, situation: Situation, now: datetime, *, explain: bool = False
    ) -> Decision:
        return self.both(seen, situation, self._other_situation(), now, explain=explain)

    def both(
        self,
        seen: Observation,
        mine_is: Situation,
        other_is: Situation,
        now: datetime,
        *,
        explain: bool = False,
    ) -> Decision:
        """Return the first profile's block, else the second's, else the allow with the time rules of both.

        If one of them answers a DNS query with a safe search name, so does the result.
        ``mine_is``, ``other_is``: the situation (pauses, extra time, used minutes) for each profile.
        """
        mine = super().decide(seen, mine_is, now, explain=explain)
        if not mine.allowed:
            return mine
        other = self._other.decide(seen, other_is, now, explain=explain)
        if not other.allowed:
            return other
        chosen = other if other.verdict is Verdict.REWRITE and mine.verdict is not Verdict.REWRITE else mine
        gates = joined((mine.gates, other.gates))
        until = min((moment for moment in (mine.until, other.until) if moment is not None), default=None)
        if (gates, until) == (chosen.gates, chosen.until):
            return chosen
        return replace(chosen, gates=gates, until=until)

    def standing(self, situation: Situation, now: datetime) -> Standing:
        """Return the state of the gates (time rules) under both profiles: closed if either closes it.

        It has no site repair: none runs on a device with an unconfirmed owner.
        """
        mine = super().standing(situation, now)
        if not self._other.profile.filtered:
            return mine  # nothing closes for the other profile
        other = self._other.standing(self._other_situation(), now)
        return Standing(
            closed={**other.closed, **mine.closed},
            lifted=_lifted(mine, other),
            off=mine.off and other.off,
            since=max(mine.since, other.since),
            until=min(mine.until, other.until),
            budgets=_budgets(mine.budgets, other.budgets),
            allowed=(*mine.allowed, *other.allowed),
        )


def _lifted(mine: Standing, other: Standing) -> Mapping[str, frozenset[str]]:
    """Return, by service, the closed gates (time rules) that extra time opens for it in both profiles.

    Each profile must not close the gate, or must have extra time that opens it for the service.
    ``mine``, ``other``: the state of each profile's gates.
    """
    found: dict[str, frozenset[str]] = {}
    closed: list[tuple[Mapping[str, Closing], Mapping[str, frozenset[str]]]] = [
        (mine.closed, mine.lifted),
        (other.closed, other.lifted),
    ]
    for service in {*mine.lifted, *other.lifted}:
        gates = mine.lifted.get(service, frozenset()) | other.lifted.get(service, frozenset())
        found[service] = frozenset(
            gate
            for gate in gates
            if all(gate not in shut or gate in lifted.get(service, ()) for shut, lifted in closed)
        )
    return found


def _budgets(mine: Mapping[str, TimeLimit], other: Mapping[str, TimeLimit]) -> Mapping[str, TimeLimit]:
    """Return the limits of both profiles by gate (their target); of two, that with fewer minutes left."""
    both = {**other, **mine}
    for gate in mine.keys() & other.keys():
        both[gate] = min(mine[gate], other[gate], key=lambda budget: budget.left)
    return both
