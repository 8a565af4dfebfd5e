"""Reads the gateway's own IP and MAC addresses, and reports changes of them (rtnetlink(7))."""

from __future__ import annotations

import socket
import struct
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gateway.core.netlink import RECEIVE, PendingDatagrams, dump_route, fields
from gateway.lan import interfaces as lan

NETWORK = Path("/sys/class/net")

_GET_LINK, _GET_ADDRESS = 18, 22
_LINK = struct.Struct("=BxHiII")  # struct ifinfomsg: family, type, index, flags, change
_ADDRESS = struct.Struct("=BBBBI")  # struct ifaddrmsg: family, prefix, flags, scope, index
_LINK_ADDRESS, _LOCAL, _IFA_ADDRESS = 1, 2, 1
_UNUSABLE = 0x08 | 0x40  # IFA_F_DADFAILED, IFA_F_TENTATIVE: another host may have the address
_GROUPS = 0x1 | 0x10 | 0x100  # RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR


@dataclass(frozen=True, slots=True)
class OwnAddresses:
    """The gateway's own addresses as bytes: IP addresses by LAN interface, and MAC addresses."""

    ips: Mapping[str, frozenset[bytes]] = field(default_factory=dict)  # by LAN interface
    macs: frozenset[bytes] = frozenset()  # of all its network devices


@dataclass(frozen=True, slots=True)
class AddressClaimed:
    """Event: a device claimed an address of the gateway for itself, by ARP or neighbour discovery."""

    mac: str  # the sender of the frame, which can be forged


def read_own_addresses(names: Collection[str]) -> OwnAddresses:
    """Return the MAC addresses of all network devices, and the IP addresses of the LAN interfaces ``names``.

    An IPv6 address whose duplicate address detection runs or has failed is left out. Raises OSError.
    """
    inside = lan.indexes(names)
    found: dict[str, set[bytes]] = {name: set() for name in inside.values()}
    for body in dump_route(_GET_ADDRESS, _ADDRESS.size):
        _, _, flags, _, index = _ADDRESS.unpack_from(body)
        values = fields(body[_ADDRESS.size :])
        ip = values.get(_LOCAL) or values.get(_IFA_ADDRESS)
        if ip is not None and index in inside and not flags & _UNUSABLE:
            found[inside[index]].add(bytes(ip))
    links = (fields(body[_LINK.size :]).get(_LINK_ADDRESS, b"") for body in dump_route(_GET_LINK, _LINK.size))
    macs = frozenset(bytes(mac) for mac in links if len(mac) == 6 and any(mac))
    return OwnAddresses({name: frozenset(ips) for name, ips in found.items()}, macs)


def bridge_ports(name: str, network: Path = NETWORK) -> tuple[str, ...]:
    """Return the interfaces that are ports of the bridge ``name``, or of the bridge below the VLAN ``name``.

    Sorted; empty without a bridge. ``network``: the folder /sys/class/net.
    """
    below = (path.name.removeprefix("lower_") for path in (network / name).glob("lower_*"))
    return tuple(sorted({port.name for each in (name, *below) for port in (network / each).glob("brif/*")}))


class AddressEvents:
    """A netlink socket that becomes readable (``fileno``) when the machine's addresses or links change."""

    def __init__(self) -> None:
        self._socket = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, 0
        )
        self._socket.bind((0, _GROUPS))

    def fileno(self) -> int:
        return self._socket.fileno()

    def drain(self) -> None:
        """Read and discard the pending events. The caller then reads all addresses. Never blocks."""
        for _ in PendingDatagrams(self._socket, RECEIVE):
            pass

    def close(self) -> None:
        self._socket.close()
