"""Gates: the time rules of allowed flows, checked at every moment, and classes of flows with equal gates.

A gate is a text without spaces:

- ``device``: closed while the device is paused or in quarantine. Flows to help lines or to the gateway, and
  probes, do not have it.
- ``bedtime``
- ``internet``, ``play``, ``service:<id>``, ``group:<id>``, ``category:<id>``: the profile's limit of that
  name. Flows that pass it are counted there.
- ``window:<one of these five>``: the profile's windows of that name.
- ``uncounted``: never closed. A flow with it uses no time of its limits, but they still close it.

A flow has only the gates that its profile has rules for. The kernel keeps one counter and one switch for each
*class*, a combination of gates that occurs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import Enum
from typing import TYPE_CHECKING

from gateway.policy.profile.rules import INTERNET, PLAY, Action, Rules

if TYPE_CHECKING:
    from gateway.policy.names.services import Service

DEVICE = "device"
BEDTIME = "bedtime"
WINDOW = "window:"
UNCOUNTED = "uncounted"
UNCOUNTED_CATEGORIES = frozenset({"education", "health"})  # school and health

Gates = tuple[str, ...]
"""The gates of a flow in the order of decision."""


def own_gates(target: str) -> Gates:
    """Return the gates that are about one target, such as ``play``: its allowed hours and its limit."""
    return WINDOW + target, target


def target_of(gate: str) -> str:
    """Return the target that a gate is about: ``play`` for ``window:play`` and for ``play``."""
    return gate.removeprefix(WINDOW)


# In the order of decision:
DEVICE_WIDE = (BEDTIME, *own_gates(INTERNET))  # time rules of the whole device
STATE_GATES = (DEVICE, *DEVICE_WIDE)  # gates of the whole device
PLAY_WIDE = own_gates(PLAY)  # time rules of everything that counts as play


class Bound(Enum):
    """The time rules that apply to a flow: all, or fewer for homework, updates and connectivity checks."""

    ALL = "all"
    NO_LIMITS = "no limits"  # homework: open when the time is used, but not at bedtime or in a pause
    DEVICE_ONLY = "device only"  # updates, time servers, certificates: also open at bedtime, not in a pause
    NOTHING = "nothing"  # probes: also open in a pause, because a phone would switch to mobile data


def target_gates(rules: Rules, target: str, bound: Bound = Bound.ALL) -> Gates:
    """Return the gates (time rules) that ``rules`` have for a target: its allowed hours, then its limit.

    ``target``: ``internet``, ``play``, ``service:ID``, ``group:ID`` or ``category:ID``. ``bound``: which time
    rules apply to the flow.
    """
    if bound in (Bound.DEVICE_ONLY, Bound.NOTHING):
        return ()
    window = (WINDOW + target,) if target in rules.windows else ()
    limit = (target,) if target in rules.counted and bound is Bound.ALL else ()
    return window + limit


def state_gates(rules: Rules, bound: Bound = Bound.ALL) -> Gates:
    """Return the gates for the whole device: pause, bedtime, and hours and limit of the internet.

    They are in the order of decision. ``bound``: which time rules apply to the flow.
    """
    if bound is Bound.NOTHING:
        return ()
    if bound is Bound.DEVICE_ONLY:
        return (DEVICE,)
    bedtime = (BEDTIME,) if rules.sleeps else ()
    return (DEVICE, *bedtime, *target_gates(rules, INTERNET, bound))


def service_gates(rules: Rules, services: Iterable[str], bound: Bound = Bound.ALL) -> Gates:
    """Return the gates (allowed hours and limits) that ``rules`` have for these services, by their ids."""
    return tuple(gate for service in services for gate in target_gates(rules, f"service:{service}", bound))


def group_gates(rules: Rules, groups: Iterable[str], bound: Bound = Bound.ALL) -> Gates:
    """Return the gates (allowed hours and limits) that ``rules`` have for these groups of services."""
    return tuple(gate for group in groups for gate in target_gates(rules, f"group:{group}", bound))


def category_gates(
    rules: Rules, categories: Iterable[str], *, counted: bool, bound: Bound = Bound.ALL
) -> Gates:
    """Return the gates (allowed hours and limits) that ``rules`` have for these categories, and for play.

    ``counted``: whether the flow uses the time of ``limits.play``; if not, those for play are left out.
    ``bound``: which time rules apply to the flow (all, or fewer for homework, updates and probes).
    """
    found = [
        gate for category in sorted(categories) for gate in target_gates(rules, f"category:{category}", bound)
    ]
    return (*found, *(target_gates(rules, PLAY, bound) if counted else ()))


def gates_of_service(rules: Rules, service: Service) -> Gates:
    """Return the gates (time rules) of a service's flows: of device, service, group, categories and play.

    They are in the order of decision.
    """
    counted = Action.COUNT in rules.actions(service.id, service.categories)
    return (
        *state_gates(rules),
        *service_gates(rules, (service.id,)),
        *group_gates(rules, (service.group,)),
        *category_gates(rules, service.categories, counted=counted),
    )


def with_uncounted(gates: Gates) -> Gates:
    """Return ``gates``, with UNCOUNTED added if the internet's limit is the only limit among them.

    UNCOUNTED: the flow uses no minutes. A flow with another limit, by name or for play, is counted anyway.
    """
    return (*gates, UNCOUNTED) if limit_gates(gates) == {INTERNET} else gates


def in_order(gates: Collection[str]) -> Gates:
    """Return gates (time rules) sorted in the order of decision.

    The order: those of the device, services, groups, categories, play, UNCOUNTED.
    """
    return tuple(sorted(gates, key=_place))


def _place(gate: str) -> tuple[int, str]:
    if gate in STATE_GATES:
        return STATE_GATES.index(gate), ""
    target = target_of(gate)
    return _KINDS.get(target.partition(":")[0], 6), f"{target} {gate != WINDOW + target}"


_KINDS = {"service": 4, "group": 5, "category": 6, PLAY: 7, UNCOUNTED: 8}


def is_limit(gate: str) -> bool:
    """Return True if the gate (time rule) is a limit: closed by used minutes, not by clock or person."""
    return gate not in (DEVICE, BEDTIME, UNCOUNTED) and not gate.startswith(WINDOW)


def limit_gates(gates: Iterable[str]) -> frozenset[str]:
    """Return those of ``gates`` that are limits of minutes."""
    return frozenset(gate for gate in gates if is_limit(gate))


def joined(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    """Return all gates (time rules) of a flow with several hosts, from the gates of each host.

    UNCOUNTED (the flow uses no minutes) is left out if one of the hosts uses minutes of a limit.
    """
    sets = tuple(sets)
    gates = frozenset[str]().union(*sets)
    return gates - {UNCOUNTED} if any(counted_gates(each) for each in sets) else gates


def counted_gates(gates: Collection[str]) -> frozenset[str]:
    """Return the limits whose minutes a flow with ``gates`` uses up: none if UNCOUNTED is among them."""
    return frozenset() if UNCOUNTED in gates else limit_gates(gates)


def spent_limits(rules: Rules, gates: Collection[str]) -> frozenset[str]:
    """Return the targets of ``rules`` whose minutes a flow with ``gates`` uses up.

    Stored gates may be those of earlier rules; targets that are not counted any more are left out.
    """
    return counted_gates(gates).intersection(rules.counted)
