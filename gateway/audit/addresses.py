"""Addresses: of the gateway's links, and those that an audit's devices may have."""

from __future__ import annotations

import ipaddress
import itertools
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gateway.audit.namespace import Apart, AuditError, command

NEEDED = 3  # addresses of a family: the device's, its second one, a stranger's
_CANDIDATES = 24
_LOWEST = 1 << 16  # of IPv6: what people write by hand lies below

Address = ipaddress.IPv4Interface | ipaddress.IPv6Interface


@dataclass(frozen=True, slots=True)
class Seat:
    """What a device of the audit has."""

    mac: str
    link: str  # in its own namespace
    addresses: dict[int, list[str]] = field(default_factory=dict)  # by IP version


def random_mac(first: int | None = None) -> str:
    """Locally administered (IEEE 802c), as phones invent them; or one that begins so."""
    begin = random.SystemRandom().randrange(256) & 0xFC | 0x02 if first is None else first
    return bytes((begin, *os.urandom(5))).hex(":")


def read(link: str, name: str) -> str:
    """What the kernel says of a link of the gateway."""
    return Path("/sys/class/net", link, name).read_text("ascii").strip()


def addresses(link: str | None = None) -> Iterator[Address]:
    """Those of one link of the gateway, or of all."""
    for line in command("ip", "-o", "addr", "show", *(("dev", link) if link else ())).splitlines():
        for kind, value in itertools.pairwise(line.split()):
            if kind in ("inet", "inet6") and not ipaddress.ip_interface(value).is_loopback:
                yield ipaddress.ip_interface(value)


def has_room(one: Address, *, own: bool) -> bool:
    """Whether a device may have an address beside this one. ``own``: it is a network of the audit's own."""
    linked = one.ip.is_link_local and not (own and one.version == 4)
    return not linked and one.network.num_addresses >= 4


def free(network: Address, device: Apart, mac: str) -> list[str]:
    """Addresses that nobody has. Raises AuditError where none is found."""
    choose = random.SystemRandom()
    size = network.network.num_addresses
    if network.version == 6 and size > 2 * _LOWEST:  # so many bits at random are nobody's
        return [str(network.network[choose.randrange(_LOWEST, size - 1)]) for _ in range(NEEDED)]
    numbers = choose.sample(range(1, size - 1), min(size - 2, _CANDIDATES))
    candidates = [str(network.network[one]) for one in numbers if network.network[one] != network.ip]
    if network.version == 6:
        return candidates[:NEEDED]
    found: list[str] = device.ask("free", candidates=candidates, mac=mac)["free"]
    if not found:
        msg = f"no address of {network.network} is free for the audit's device; free one and try again"
        raise AuditError(msg)
    return found[:NEEDED]
