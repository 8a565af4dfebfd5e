"""Renders the nftables table ``bridge qalqan``, which drops claims of the gateway's own addresses.

Only frames from one port of a bridge to another pass its chain. Frames to the gateway itself do not, so
routed traffic costs nothing more, and the daemon still receives a claim that was sent to all devices.

A claim is an ARP packet with one of the addresses as sender, or a message of neighbour discovery from one of
them, or a neighbour advertisement for one of them. An ARP packet with the gateway's own MAC address is none.
Fields are matched by their offsets: `arp saddr` would accept only one of the two hardware types that hosts
accept, and `icmpv6` does not match frames with a VLAN tag.

Frames with an empty VLAN tag before another one are dropped too, since they may hide a claim.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

FAMILY, NAME = "bridge", "qalqan"
TABLE = f"{FAMILY} {NAME}"
CLAIMANTS = "claimants"
"""The set of MAC addresses that sent a dropped claim within the last minute."""

MAX_CLAIMANTS = 64
_REMOVAL = f"table {TABLE} {{ }}\ndelete table {TABLE}\n"
_HEADER = "# Written by Qalqan: lasts until an address of the gateway changes. Edits are undone.\n"


@dataclass(frozen=True, slots=True, order=True)
class GuardedBridge:
    """A bridge on which claims of the gateway's addresses are dropped: its ports, and these addresses.

    A claim is an ARP or neighbour discovery message of another device that says it has the address.
    """

    ports: tuple[str, ...]
    addresses: tuple[bytes, ...]  # packed


def render_bridges(bridges: Iterable[GuardedBridge], macs: Iterable[bytes]) -> str:
    """Return the nft text of the complete bridge table as one transaction, in place of a loaded one.

    The table drops claims of the gateway's addresses between the ports of a bridge. ``macs``: the packed MAC
    addresses of all the gateway's network devices.
    """
    own = _numbers(macs)
    lines = [
        f"table {TABLE} {{",
        f"  set {CLAIMANTS} {{",
        "    type ether_addr",
        f"    size {MAX_CLAIMANTS}",
        "    flags dynamic,timeout",
        "    timeout 1m",
        "  }",
        "  chain claim {",
        f"    update @{CLAIMANTS} {{ ether saddr }}",
        "    counter drop",  # a rule of its own: a full set must not let the frame pass
        "  }",
        "  chain forward {",
        "    type filter hook forward priority -200; policy accept;",
        # Hosts remove an empty VLAN tag and then read the next one, so a claim could hide behind two.
        "    @ll,96,16 0x8100 @ll,116,12 0 meta protocol { 8021q, 8021ad } drop",
    ]
    for bridge in bridges:
        ports = ", ".join(f'"{name}"' for name in bridge.ports)
        ipv4, ipv6 = (
            _numbers(address for address in bridge.addresses if len(address) == size) for size in (4, 16)
        )
        if ipv4:
            own_mac = f" @nh,64,48 != {{ {own} }}" if own else ""
            lines.append(
                f"    iifname {{ {ports} }} meta protocol arp @nh,112,32 {{ {ipv4} }}{own_mac} goto claim"
            )
        if ipv6:
            message = f"    iifname {{ {ports} }} meta protocol ip6 meta l4proto ipv6-icmp"
            lines.append(f"{message} @th,0,8 133-137 @nh,64,128 {{ {ipv6} }} goto claim")
            lines.append(f"{message} @th,0,8 136 @th,64,128 {{ {ipv6} }} goto claim")
    lines += ["  }", "}"]
    return f"{_HEADER}{_REMOVAL}" + "\n".join(lines) + "\n"


def render_removal() -> str:
    """Return nft text that removes the bridge table, without an error if there is none."""
    return _REMOVAL


def _numbers(packed: Iterable[bytes]) -> str:
    return ", ".join(f"0x{address.hex()}" for address in sorted(set(packed)))
