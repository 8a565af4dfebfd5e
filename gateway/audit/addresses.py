"""Addresses of the gateway's links, and free addresses for the devices of a filter test."""

from __future__ import annotations

import ipaddress
import itertools
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gateway.audit.namespace import AuditError, NamespaceProcess, command

NEEDED = 3  # addresses per IP version: the device's, its second one, an unknown device's
_CANDIDATES = 24
_LOWEST = 1 << 16  # of IPv6: addresses set by hand are usually below

Address = ipaddress.IPv4Interface | ipaddress.IPv6Interface


@dataclass(frozen=True, slots=True)
class AuditDevice:
    """Hardware address, link and IP addresses of a test device."""

    mac: str
    link: str  # in its own namespace
    addresses: dict[int, list[str]] = field(default_factory=dict)  # by IP version


def random_mac(first: int | None = None) -> str:
    """Return a locally administered address (IEEE 802c), or one with the given first byte."""
    begin = random.SystemRandom().randrange(256) & 0xFC | 0x02 if first is None else first
    return bytes((begin, *os.urandom(5))).hex(":")


def read(link: str, name: str) -> str:
    """Return an attribute of a link of the gateway."""
    return Path("/sys/class/net", link, name).read_text("ascii").strip()


def addresses(link: str | None = None) -> Iterator[Address]:
    """Yield the addresses of one link of the gateway, or of all links."""
    for line in command("ip", "-o", "addr", "show", *(("dev", link) if link else ())).splitlines():
        for kind, value in itertools.pairwise(line.split()):
            if kind in ("inet", "inet6") and not ipaddress.ip_interface(value).is_loopback:
                yield ipaddress.ip_interface(value)


def has_room(address: Address, *, own: bool) -> bool:
    """Return whether a device may get an address in this network. ``own``: the test made the network."""
    linked = address.ip.is_link_local and not (own and address.version == 4)
    return not linked and address.network.num_addresses >= 4


def free(network: Address, device: NamespaceProcess, mac: str) -> list[str]:
    """Return addresses that no device uses. Raises AuditError if there are none."""
    choose = random.SystemRandom()
    size = network.network.num_addresses
    if network.version == 6 and size > 2 * _LOWEST:  # a random address of so many bits is free
        return [str(network.network[choose.randrange(_LOWEST, size - 1)]) for _ in range(NEEDED)]
    numbers = choose.sample(range(1, size - 1), min(size - 2, _CANDIDATES))
    candidates = [str(network.network[number]) for number in numbers if network.network[number] != network.ip]
    if network.version == 6:
        return candidates[:NEEDED]
    found: list[str] = device.ask("free", candidates=candidates, mac=mac)["free"]
    if not found:
        msg = f"no address of {network.network} is free for the audit's device; free one and try again"
        raise AuditError(msg)
    return found[:NEEDED]
