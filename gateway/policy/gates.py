"""Gates: what an allowed flow has to pass at every moment, and the classes of flows that share all of theirs.

A gate is a text without spaces:

- ``device``: closed while the device is paused or in quarantine. Every flow but help has it.
- ``bedtime``
- ``internet``, ``play``, ``service:<id>``, ``category:<id>``: the profile's limit of that name. What passes
  it is counted there.
- ``window:<one of the four>``: the profile's windows of that name.

A flow has only the gates that its profile has rules for. The kernel keeps one counter and one switch for each
*class*, a combination of gates that occurs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import Enum

from gateway.policy.rules import INTERNET, PLAY, Rules

DEVICE = "device"
BEDTIME = "bedtime"
WINDOW = "window:"
STATE_GATES = (
    DEVICE,
    BEDTIME,
    WINDOW + INTERNET,
    INTERNET,
)  # of the device as a whole, in the order of decision
CLASSES = range(1, 64)  # six bits of a mark; 0 is no class

Gates = tuple[str, ...]
"""The gates of a flow in the order of decision."""


class Bound(Enum):
    """How much of the time rules a flow is bound by."""

    ALL = "all"
    NO_LIMITS = "no limits"  # homework: open when time is used up, not at bedtime, not in a pause
    DEVICE_ONLY = "device only"  # probes and updates: open at bedtime too, not in a pause


def target_gates(rules: Rules, target: str, bound: Bound = Bound.ALL) -> Gates:
    """The gates of one target of limits and windows: its window before its limit."""
    if bound is Bound.DEVICE_ONLY:
        return ()
    window = (WINDOW + target,) if target in rules.windows else ()
    limit = (target,) if target in rules.limits and bound is Bound.ALL else ()
    return window + limit


def state_gates(rules: Rules, bound: Bound = Bound.ALL) -> Gates:
    """The gates that hold for the device as a whole."""
    if bound is Bound.DEVICE_ONLY:
        return (DEVICE,)
    bedtime = (BEDTIME,) if rules.sleeps else ()
    return (DEVICE, *bedtime, *target_gates(rules, INTERNET, bound))


def service_gates(rules: Rules, services: Iterable[str], bound: Bound = Bound.ALL) -> Gates:
    return tuple(gate for one in services for gate in target_gates(rules, f"service:{one}", bound))


def category_gates(
    rules: Rules, categories: Iterable[str], *, counted: bool, bound: Bound = Bound.ALL
) -> Gates:
    """``counted``: whether the flow spends ``limits.play``."""
    found = [gate for one in sorted(categories) for gate in target_gates(rules, f"category:{one}", bound)]
    return (*found, *(target_gates(rules, PLAY, bound) if counted else ()))


def in_order(gates: Collection[str]) -> Gates:
    """Any set of gates in the order of decision: the device, services, categories, play."""
    return tuple(sorted(gates, key=_place))


def _place(gate: str) -> tuple[int, str]:
    if gate in STATE_GATES:
        return STATE_GATES.index(gate), ""
    target = gate.removeprefix(WINDOW)
    kind = 4 if target.startswith("service:") else 6 if target == PLAY else 5
    return kind, f"{target} {gate != WINDOW + target}"


def limit_gates(gates: Iterable[str]) -> frozenset[str]:
    """Those of ``gates`` that are counted against a limit."""
    return frozenset(gate for gate in gates if gate not in (DEVICE, BEDTIME) and not gate.startswith(WINDOW))
