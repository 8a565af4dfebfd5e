"""The interfaces that face the home: their indexes, and the addresses under which the pages are reached."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable

# The pages' own address, which no interface carries: devices send what is not on the LAN to the gateway, and
# its table leads port 80 of it to the web process. So the router's own pages keep port 80 of its address.
# IPv4: the dummy address of RFC 7600, which is never routed. IPv6: a unique local one (RFC 4193).
PAGES = ("192.0.0.8", "fd71:616c:7161:6e00::80")


def packed(address: str) -> bytes:
    """4 or 16 bytes."""
    return ipaddress.ip_address(address).packed


def text(address: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET if len(address) == 4 else socket.AF_INET6, address)


PAGES_PACKED = tuple(map(packed, PAGES))


def name(index: int) -> str | None:
    """Of an interface; None when it is gone."""
    try:
        return socket.if_indextoname(index)
    except OSError:
        return None


def problems(names: Iterable[str]) -> list[str]:
    """One line for each interface that is not there: what it carries is not filtered until it is."""
    present = {name for _, name in socket.if_nameindex()}
    mend = "look it up with: ip -brief link; it is filtered as soon as it is there"
    return [f"lan: there is no interface {name}; {mend}" for name in names if name not in present]


def indexes(names: Iterable[str]) -> dict[int, str]:
    """Those of the interfaces that are there, with their names."""
    found = {}
    for name in names:
        try:
            found[socket.if_nametoindex(name)] = name
        except OSError:
            continue
    return found
