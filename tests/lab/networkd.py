"""systemd-networkd as a device's network client: it listens to router advertisements and speaks DHCPv6."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab.netns import Namespace, stopping

PROGRAM = "/usr/lib/systemd/systemd-networkd"
_LINK = "second"
# With an empty /run, and without udev: a read-only /sys tells networkd that it is in a container.
_START = f"""
set -e
mount -t tmpfs tmpfs /run
mount -o remount,bind,ro /sys
mkdir -p /run/systemd/network
printf '%s' "$1" >/run/systemd/network/00-lab.network
exec {PROGRAM}
"""


class Networkd:
    """``state``: what it knows of its interface, in the form that `networkctl` reads."""

    def __init__(self, process: int, index: int) -> None:
        self._file = Path(f"/proc/{process}/root/run/systemd/netif/links/{index}")

    @property
    def state(self) -> dict[str, str]:
        lines = self._file.read_text().splitlines() if self._file.exists() else []
        return dict(line.split("=", 1) for line in lines if "=" in line)


@contextmanager
def networkd(device: Namespace, *, ipv4: bool) -> Iterator[Networkd]:
    """Run it on an interface of its own, so that eth0 stays as it is. ``ipv4``: with DHCP for IPv4 too."""
    unit = (
        f"[Match]\nName={_LINK}\n"
        f"[Network]\nIPv6AcceptRA=yes\nDHCP={'yes' if ipv4 else 'ipv6'}\n"
        "[DHCPv4]\nUseCaptivePortal=yes\n[DHCPv6]\nUseCaptivePortal=yes\n[IPv6AcceptRA]\nUseCaptivePortal=yes\n"
    )
    link = ["ip", "link", "add", "link", "eth0", "name", _LINK, "type", "macvlan", "mode", "bridge"]
    device.run(link, check=True)
    try:
        index = int(device.run(["cat", f"/sys/class/net/{_LINK}/ifindex"], check=True).stdout)
        argv = ["unshare", "--mount", "sh", "-c", _START, "sh", unit]
        quiet = subprocess.DEVNULL
        with stopping(device.popen(argv, stdout=quiet, stderr=quiet)) as process:
            yield Networkd(process.pid, index)
    finally:
        device.run(["ip", "link", "del", _LINK], check=True)
