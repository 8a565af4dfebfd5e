"""Converts between names and indexes of interfaces and forms of IP addresses; checks the LAN interfaces."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable

from gateway.policy.config.web import PAGES


def packed(address: str) -> bytes:
    """Return an IP address in text form as 4 or 16 bytes. Raises ValueError for another text."""
    return ipaddress.ip_address(address).packed


def text(address: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET if len(address) == 4 else socket.AF_INET6, address)


PAGES_PACKED = tuple(map(packed, PAGES))


def name(index: int) -> str | None:
    """Return the name of the interface with this index, or None if it no longer exists."""
    try:
        return socket.if_indextoname(index)
    except OSError:
        return None


def problems(names: Iterable[str]) -> list[str]:
    """Return an error message for each of these LAN interfaces that does not exist.

    The traffic of such an interface is filtered once it appears.
    """
    present = {name for _, name in socket.if_nameindex()}
    fix = "look it up with: ip link; it is filtered as soon as it exists"
    return [f"lan: there is no interface {name}; {fix}" for name in names if name not in present]


def indexes(names: Iterable[str]) -> dict[int, str]:
    """Return the names of those of the given interfaces that exist, by their index."""
    found = {}
    for name in names:
        try:
            found[socket.if_nametoindex(name)] = name
        except OSError:
            continue
    return found
