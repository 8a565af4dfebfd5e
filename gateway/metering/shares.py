"""Divides the bytes of a class among services, by the names by which its connections were judged."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Generic, NamedTuple, TypeVar, cast

from gateway.kernel.conntrack import Moved
from gateway.kernel.usage import Pair
from gateway.path.live_flows import FlowId, LiveFlows

Name = TypeVar("Name")
Services = Callable[[str], tuple[str, ...]]
"""Ids of the services that a host belongs to."""


class Share(NamedTuple, Generic[Name]):
    service: Name | None  # None: unknown
    bytes: int


def by_service(
    moved: Iterable[Moved],
    live: LiveFlows,
    services: Services,
    gates: Callable[[Pair], Collection[str]],
) -> Mapping[Pair, Mapping[str, int]]:
    """Return bytes by class and service, of connections whose name is known."""
    found: dict[Pair, dict[str, int]] = {}
    of_host: dict[str, tuple[str, ...]] = {}
    for one in moved:
        pair = one.slot, one.class_number
        outward, inward = one.flows  # each equals a FlowId
        known = live.get(cast(FlowId, outward)) or live.get(cast(FlowId, inward))
        if known is None:
            continue
        names: tuple[str, ...] = ()
        for seen in known.observations:
            if seen.host is not None:
                if seen.host not in of_host:
                    of_host[seen.host] = services(seen.host)
                names += of_host[seen.host]
        service = _one(names, gates(pair))
        if service is not None:
            of_class = found.setdefault(pair, {})
            of_class[service] = of_class.get(service, 0) + one.bytes
    return found


def _one(services: tuple[str, ...], gates: Collection[str]) -> str | None:
    """Return the service that has a limit of its own, else the first."""
    if len(services) < 2:
        return services[0] if services else None
    return next((one for one in services if f"service:{one}" in gates), services[0])


def shares(total: int, known: Mapping[Name, int]) -> Iterator[Share[Name]]:
    """Divide ``total`` bytes of a class among the known services; the rest has none.

    The class's own counter is authoritative. The counters of connections differ: they may be higher by the
    time before a decision, or lower if connections ended between two looks.
    """
    left = total
    for service, size in sorted(known.items(), key=lambda item: -item[1]):
        share = min(size, left)
        if share > 0:
            yield Share(service, share)
            left -= share
    if left > 0:
        yield Share(None, left)
