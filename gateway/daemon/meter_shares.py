"""Whose bytes the bytes of a class are: by the names that the class's connections were decided on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from gateway.kernel.flowbytes import Moved
from gateway.kernel.totals import Pair
from gateway.path.live import FlowId, LiveFlows

Services = Callable[[str], tuple[str, ...]]
"""Ids of the services that a host belongs to."""


class Share(NamedTuple):
    service: str | None  # None: nobody knows
    bytes: int


def by_service(
    moved: Iterable[Moved],
    live: LiveFlows,
    services: Services,
    gates: Callable[[Pair], Collection[str]],
) -> Mapping[Pair, Mapping[str, int]]:
    """Bytes by class and service, of connections that are known by name."""
    found: dict[Pair, dict[str, int]] = {}
    for one in moved:
        pair = one.slot, one.class_number
        known = live.get(FlowId(*one.flows[0])) or live.get(FlowId(*one.flows[1]))
        if known is None:
            continue
        hosts = (seen.host for seen in known.observations if seen.host is not None)
        service = _one(tuple(name for host in hosts for name in services(host)), gates(pair))
        if service is not None:
            of_class = found.setdefault(pair, {})
            of_class[service] = of_class.get(service, 0) + one.bytes
    return found


def _one(services: tuple[str, ...], gates: Collection[str]) -> str | None:
    """Of several the one that has a limit of its own."""
    limited = (one for one in services if f"service:{one}" in gates)
    return next(limited, services[0] if services else None)


def shares(total: int, known: Mapping[str, int]) -> Iterator[Share]:
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
