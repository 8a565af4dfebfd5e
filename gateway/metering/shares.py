"""Whose bytes the bytes of a class are: by the names that the class's connections were decided on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Generic, NamedTuple, TypeVar, cast

from gateway.kernel.flowbytes import Moved
from gateway.kernel.totals import Pair
from gateway.path.live_flows import FlowId, LiveFlows

Name = TypeVar("Name")
Services = Callable[[str], tuple[str, ...]]
"""Ids of the services that a host belongs to."""


class Share(NamedTuple, Generic[Name]):
    service: Name | None  # None: nobody knows
    bytes: int


def by_service(
    moved: Iterable[Moved],
    live: LiveFlows,
    services: Services,
    gates: Callable[[Pair], Collection[str]],
) -> Mapping[Pair, Mapping[str, int]]:
    """Bytes by class and service, of connections that are known by name."""
    found: dict[Pair, dict[str, int]] = {}
    of_host: dict[str, tuple[str, ...]] = {}
    for one in moved:
        pair = one.slot, one.class_number
        outward, inward = one.flows  # each equal to a FlowId
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
    """Of several the one that has a limit of its own."""
    if len(services) < 2:
        return services[0] if services else None
    return next((one for one in services if f"service:{one}" in gates), services[0])


def shares(total: int, known: Mapping[Name, int]) -> Iterator[Share[Name]]:
    """``total`` bytes of a class divided among what is known to have moved; the rest is nobody's.

    The class's own counter is what counts. Connections count apart from it: a little more, from before they
    were decided, or less, where they ended between two looks.
    """
    left = total
    for service, size in sorted(known.items(), key=lambda item: -item[1]):
        share = min(size, left)
        if share > 0:
            yield Share(service, share)
            left -= share
    if left > 0:
        yield Share(None, left)
