"""Checks whether the kernel supports flow tables, and finds the devices that one for the LAN needs.

A flow in a flow table is forwarded from device to device past all rules (nf_flowtable.rst of the kernel's
documentation). Its devices are those that receive the packets: a bridge's ports, and the device below a VLAN
or below PPPoE. OpenWrt's firewall selects them by the same rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from gateway.core.errors import KernelError
from gateway.kernel.nft import Nft

NETWORK = Path("/sys/class/net")
PPPOE = Path("/proc/net/pppoe")  # the sessions: number, the other side's MAC address, device
_MOST_BELOW = 4  # levels of devices
_KIND = re.compile(r"^DEVTYPE=(bridge|vlan|ppp)$", re.MULTILINE)
_SESSION = re.compile(r"^[0-9A-F]{8} \S+ +(\S+)$", re.MULTILINE)
_BELOW = "lower_"  # prefix of the link to a lower device
_PROBE = """table inet qalqan_probe {
  flowtable ft { hook ingress priority 0; devices = { lo }; }
  chain probe { type filter hook forward priority 0; meta l4proto { tcp, udp } flow add @ft; }
}
"""
HARDWARE_PROBE = """table inet qalqan_probe {{
  flowtable ft {{ hook ingress priority 0; devices = {{ "{device}" }}; flags offload; }}
}}
"""


def has_flow_tables(nft: Nft) -> bool:
    """Return whether the kernel supports nftables flow tables; False without root. Changes nothing."""
    try:
        nft.check(_PROBE)
    except KernelError:
        return False
    return True


def offloads_in_hardware(nft: Nft, device: str) -> bool:
    """Return whether the kernel accepts a flow table with hardware offloading on this device.

    The kernel asks the driver, and refuses the whole table if one of its devices has no such support. Changes
    nothing.
    """
    try:
        nft.check(HARDWARE_PROBE.format(device=device))
    except KernelError:
        return False
    return True


def devices_below(names: Iterable[str], network: Path = NETWORK, sessions: Path = PPPOE) -> tuple[str, ...]:
    """Return the network devices below these interfaces: a bridge's ports, a VLAN's device, else itself.

    For PPP: itself and the devices of all PPPoE sessions, since the kernel encapsulates PPPoE itself if the
    device below is in the flow table. Sorted; without those of a missing interface.
    """
    found: set[str] = set()
    for name in names:
        found.update(_below(network / name, sessions, _MOST_BELOW))
    return tuple(sorted(found))


def _below(device: Path, sessions: Path, most: int) -> Iterator[str]:
    try:
        kind = _KIND.search((device / "uevent").read_text("ascii", "replace"))
        below = [path.name.removeprefix(_BELOW) for path in device.iterdir() if path.name.startswith(_BELOW)]
    except OSError:
        return
    if kind is None or kind[1] == "ppp":
        yield device.name
    if kind is not None and kind[1] == "ppp":
        below = _under_pppoe(sessions)
    if kind is not None and most:
        for name in below:
            yield from _below(device.parent / name, sessions, most - 1)


def _under_pppoe(sessions: Path) -> list[str]:
    try:
        return _SESSION.findall(sessions.read_text("ascii", "replace"))
    except OSError:
        return []  # the kernel has no PPPoE
