"""Grants of extra time: computes the effect of a grant for one profile.

A grant extends the flows that close first. A flow closes at the first of its gates. Each gate that closes
before the new end is moved to it, so that the granted minutes are usable. What is closed opens, counted from
now. The minutes of a limit stay minutes of use; bedtimes and windows are moved by the clock. Limits that a
service shares with others are also moved by the clock in a grant for that service, since minutes of use would
apply to all of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import FAMILY
from gateway.policy.time.gates import DEVICE_WIDE, PLAY_WIDE, Gates, in_order, is_limit, own_gates, target_of
from gateway.policy.time.schedule import Calendar
from gateway.policy.time.time_rules import FOREVER, GateOpening, Outlook, Situation, TimeRules, whole_minutes


@dataclass(frozen=True, slots=True)
class Extension:
    """The effect of granted extra time on one gate (time rule): how much longer it stays open."""

    gate: str
    minutes: int  # by which it closes later; for a limit without `until`, by which today's limit grows
    until: datetime | None  # an instant (UTC) until which it stays open; None: `minutes` are minutes of use
    # It opens only for this service; None: for all. With a service and without `until`, `gate` is the
    # service's own limit.
    service: str | None = None
    # For clock changes (gateway.policy.time.clock_changes); these do not change the effect of the grant.
    boundary: datetime | None = field(default=None, compare=False)
    clock_trusted: bool = field(default=True, compare=False)


def extend(
    profile: Profile,
    situation: Situation,
    calendar: Calendar,
    now: datetime,
    extra: timedelta,
    service: str | None = None,
    gates: Gates = (),
) -> tuple[Extension, ...]:
    """Return which gates (time rules) stay open for how much longer if ``extra`` time is given.

    Empty if nothing closes, or if filtering is off without an end. With ``service``: for its flows only.
    Without: if bedtime or the hours or limit of the internet are closed, these gates; else also play and the
    closed groups and categories. If all is open, the gate that closes first decides in the same way.
    ``gates``: all gates of the service's flows (`gates_of_service`); without them its own, the device's and
    play's.
    """
    outlook = Outlook(TimeRules(profile, calendar, situation), now, () if service is None else (service,))
    if outlook.start >= FOREVER:
        return ()
    if service is not None:
        wanted = gates or (*DEVICE_WIDE, *own_gates(f"service:{service}"), *PLAY_WIDE)
        closings = outlook.closings(wanted)
        flow = tuple(closings)
    else:
        closings = outlook.closings(gate for gate in outlook.all_gates() if not _is_of_service(gate))
        flow = _of_first(closings, [gate for gate in closings if outlook.is_shut_or_granted(gate)])
    if not flow:
        return ()
    first = min(flow, key=lambda gate: closings[gate])
    end = closings[first] + extra
    boundary, clock_trusted = outlook.boundary(first, closings[first])
    return tuple(
        replace(
            _extension(outlook, gate, closings[gate], end, service),
            boundary=boundary,
            clock_trusted=clock_trusted,
        )
        for gate in flow
        if closings[gate] < end
    )


def _extension(
    outlook: Outlook, gate: str, closing: datetime, end: datetime, service: str | None
) -> Extension:
    """Return the extension that moves the closing of a gate (time rule) from ``closing`` to ``end``.

    It is in minutes of use for a limit of the whole grant or of its service; otherwise by the clock.
    """
    if is_limit(gate) and (service is None or gate == f"service:{service}"):
        minutes = outlook.missing_minutes(gate, end)
        if minutes is not None:
            return Extension(gate, minutes, None, service)
    return Extension(gate, whole_minutes(end - closing), end, service)


def own_closing(
    profile: Profile, situation: Situation, calendar: Calendar, now: datetime, gate: str
) -> datetime | None:
    """Return when (UTC) a limit or schedule (``gate``) closes by its own rule; None if it does not.

    It is ``now`` if it is closed already, and the earliest possible time for a limit. Grants that last until
    a time, and a switched-off filter (`Situation.off_until`), are ignored. Extra minutes of a limit count.
    """
    bare = replace(situation, grants=(), off_until=None)
    return Outlook(TimeRules(profile, calendar, bare), now, ()).closings((gate,)).get(gate)


def _is_of_service(gate: str) -> bool:
    return target_of(gate).startswith("service:")


def _of_first(closings: Mapping[str, datetime], shut: Collection[str]) -> Gates:
    """Return the gates (time rules) that extra time for the whole device extends.

    ``closings``: when each gate closes. ``shut``: gates that are closed, or would be without a grant, so that
    a second grant extends the same gates as the first.
    """
    if not closings:
        return ()
    device = tuple(gate for gate in closings if gate in DEVICE_WIDE)
    first = set(shut) or {min(closings, key=lambda gate: closings[gate])}
    if not first.isdisjoint(device):
        return device
    return in_order({*device, *first, *(gate for gate in PLAY_WIDE if gate in closings)})


def in_force(
    extensions: Iterable[Extension], owner: str = FAMILY
) -> tuple[tuple[GateOpening, ...], dict[str, int]]:
    """Return the extensions of one family day as grants until a time, and as extra minutes by limit.

    They are the ``grants`` and ``bonus`` of a `Situation`. ``owner``: the owner of the grants.
    """
    grants: list[GateOpening] = []
    bonus: dict[str, int] = {}
    for extension in extensions:
        if extension.until is None:
            bonus[extension.gate] = bonus.get(extension.gate, 0) + extension.minutes
        else:
            grants.append(
                GateOpening(
                    extension.gate,
                    extension.until,
                    extension.service,
                    owner,
                    extension.boundary,
                    extension.clock_trusted,
                )
            )
    return tuple(grants), bonus
