"""The interfaces that face the home: their indexes, and the addresses under which the pages are reached."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable

from gateway.policy.config.web import PAGES


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
    mend = "look it up with: ip link; it is filtered as soon as it is there"
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
