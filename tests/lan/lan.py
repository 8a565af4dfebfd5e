"""A gateway's end and a device's end of one cable, each in a namespace of its own."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path
from types import TracebackType

from tests.lab.netns import Namespace, remove

ROOT = Path(__file__).parents[2]
GATEWAY_MAC, DEVICE_MAC = "02:00:00:00:aa:01", "02:00:00:00:00:0a"


class Cable:
    """``gateway`` has lan0, ``device`` has eth0; with ``bare`` the device has no addresses."""

    def __init__(self, *, bare: bool = False) -> None:
        stem = f"qq{os.getpid()}x{secrets.token_hex(2)}-"
        self.gateway, self.device = Namespace(stem + "gw"), Namespace(stem + "dev")
        for one in (self.gateway, self.device):
            subprocess.run(["ip", "netns", "add", one.name], check=True)
            one.run(["ip", "link", "set", "lo", "up"], check=True)
        link = ["ip", "link", "add", "lan0", "address", GATEWAY_MAC, "type", "veth", "peer", "name", "eth0"]
        self.gateway.run([*link, "address", DEVICE_MAC, "netns", self.device.name], check=True)
        self._up(self.gateway, "lan0", "1")
        self._up(self.device, "eth0", "" if bare else "10")

    @staticmethod
    def _up(where: Namespace, link: str, host: str) -> None:
        where.run(["sysctl", "-qw", f"net.ipv6.conf.{link}.accept_dad=0"], check=True)
        where.run(["ip", "link", "set", link, "up"], check=True)
        if host:
            where.run(["ip", "addr", "add", f"192.168.77.{host}/24", "dev", link], check=True)
            where.run(["ip", "addr", "add", f"2001:db8:77::{host}/64", "dev", link, "nodad"], check=True)

    def python(self, where: Namespace, code: str, *arguments: str) -> subprocess.Popen[bytes]:
        return where.popen([sys.executable, "-c", code, *arguments], cwd=ROOT)

    def send(self, code: str) -> None:
        """Frames of scapy's from the device; ``code`` calls ``out(frame)``."""
        lines = (
            "from scapy.all import *\n"
            f"def out(frame): sendp(Ether(src={DEVICE_MAC!r}, dst='ff:ff:ff:ff:ff:ff') / frame if"
            " not isinstance(frame, Ether) else frame, iface='eth0', verbose=0)\n"
        )
        self.device.run([sys.executable, "-c", lines + code], check=True)

    def __enter__(self) -> Cable:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        remove([self.gateway.name, self.device.name])
