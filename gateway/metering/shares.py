"""Divides the bytes of a class (a slot's connections under the same time rules) among services."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Generic, NamedTuple, TypeVar, cast

from gateway.kernel.conntrack import Moved
from gateway.kernel.usage import Pair
from gateway.path.live_flows import FlowId, LiveFlows

Name = TypeVar("Name")
Services = Callable[[str], tuple[str, ...]]
"""Returns the ids of the services that a host belongs to."""


class Share(NamedTuple, Generic[Name]):
    """The part of the bytes of a class (connections of a slot under the same time rules) for one service."""

    service: Name | None  # None: unknown
    bytes: int


def add_by_service(
    found: dict[Pair, dict[str, int]],
    moved: Iterable[Moved],
    live: LiveFlows,
    services: Services,
    gates: Callable[[Pair], Collection[str]],
) -> None:
    """Add the bytes of connections with a known service to ``found``, by class and service.

    A class is the connections of a slot under the same time rules. ``moved``: the new bytes of each
    connection. ``live``: the names by which connections were judged. ``gates``: returns the time limits for
    which a class counts.
    """
    of_host: dict[str, tuple[str, ...]] = {}
    for flow in moved:
        pair = flow.slot, flow.class_number
        outward, inward = flow.flows  # each equals a FlowId
        known = live.get(cast(FlowId, outward)) or live.get(cast(FlowId, inward))
        if known is None:
            continue
        names = known.services
        for seen in known.observations:
            if seen.host is not None:
                if seen.host not in of_host:
                    of_host[seen.host] = services(seen.host)
                names += of_host[seen.host]
        service = _counted_service(names, gates(pair))
        if service is not None:
            of_class = found.setdefault(pair, {})
            of_class[service] = of_class.get(service, 0) + flow.bytes


def _counted_service(services: tuple[str, ...], gates: Collection[str]) -> str | None:
    """Return the first service with a time limit of its own, else the first one; None if there is none."""
    if len(services) < 2:
        return services[0] if services else None
    return next((service for service in services if f"service:{service}" in gates), services[0])


def shares(total: int, known: Mapping[Name, int]) -> Iterator[Share[Name]]:
    """Yield the shares of ``total`` bytes by service, largest first, then the rest without a service.

    ``known``: the bytes of the class's connections by service. ``total`` comes from the counter of the class,
    which is authoritative. The counters of connections may be higher, because they include the time before
    the decision, or lower, if connections ended between two readings.
    """
    left = total
    for service, size in sorted(known.items(), key=lambda item: -item[1]):
        share = min(size, left)
        if share > 0:
            yield Share(service, share)
            left -= share
    if left > 0:
        yield Share(None, left)
