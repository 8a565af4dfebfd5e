"""Flow tables: whether this kernel has them, and on which devices a home's own would be.

A flow that is in one goes from device to device past every rule (nf_flowtable.rst of the kernel's documents).
Its devices are those that packets really come in by: a bridge's ports, and what carries a VLAN. The firewall
of OpenWrt picks them by the same rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from gateway.core.errors import KernelError
from gateway.kernel.nft import Nft

NETWORK = Path("/sys/class/net")
_MOST_BELOW = 4  # devices upon each other
_KIND = re.compile(r"^DEVTYPE=(?:bridge|vlan)$", re.MULTILINE)
_BELOW = "lower_"  # a link to the device below
_PROBE = """table inet qalqan_probe {
  flowtable ft { hook ingress priority 0; devices = { lo }; }
  chain probe { type filter hook forward priority 0; meta l4proto { tcp, udp } flow add @ft; }
}
"""


def has_flow_tables(nft: Nft) -> bool:
    """Asks the kernel, changes nothing."""
    try:
        nft.check(_PROBE)
    except KernelError:
        return False
    return True


def devices_below(names: Iterable[str], network: Path = NETWORK) -> tuple[str, ...]:
    """The devices that carry these, in order; what is not there has none."""
    found: set[str] = set()
    for name in names:
        found.update(_below(network / name, _MOST_BELOW))
    return tuple(sorted(found))


def _below(device: Path, most: int) -> Iterator[str]:
    try:
        kind = (device / "uevent").read_text("ascii", "replace")
        below = [path.name.removeprefix(_BELOW) for path in device.iterdir() if path.name.startswith(_BELOW)]
    except OSError:
        return
    if _KIND.search(kind) is None:
        yield device.name
    elif most:
        for name in below:
            yield from _below(device.parent / name, most - 1)
