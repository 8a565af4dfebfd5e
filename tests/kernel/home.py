"""A home of four network namespaces without names: two devices, router, internet. It ends with its owner.

    child 192.168.77.10 ─┐ br-lan          wan
                         ├──── router ───────── internet 198.51.100.1, .2
    other 192.168.77.11 ─┘ .1, fd77::1          2001:db8:1::1, ::2

Sockets keep the namespace they were made in, so one process holds the ends of every connection.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

_CLONE_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)

CHILD_MAC, OTHER_MAC = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
ROUTER4, ROUTER6 = "192.168.77.1", "fd77::1"
CHILD4, CHILD6 = "192.168.77.10", "fd77::a"
OTHER4, OTHER6 = "192.168.77.11", "fd77::b"
SITE4, SITE6 = "198.51.100.1", "2001:db8:1::1"
SECOND4, SECOND6 = "198.51.100.2", "2001:db8:1::2"
LAN = "br-lan"
# How a kernel refuses a flow table with hardware offloading: a device has no such driver, or the kernel
# has no flow tables.
NOT_IN_HARDWARE = "Could not process rule: Operation not supported"
NO_FLOW_TABLES = "Could not process rule: No such file or directory"
PATIENCE = 10.0  # seconds for what has to come; what is not to come is listened for in less


def _call(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def receive(end: socket.socket, length: int) -> bytes:
    """Exactly ``length`` bytes, or fewer where the connection ends."""
    out = b""
    while len(out) < length and (part := end.recv(length - len(out))):
        out += part
    return out


class Namespace:
    """A network namespace that lives as long as this object."""

    def __init__(self) -> None:
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            _call(_LIBC.unshare(_CLONE_NEWNET))
            self.descriptor = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        finally:
            _call(_LIBC.setns(before, _CLONE_NEWNET))
            os.close(before)
        self.path = f"/proc/{os.getpid()}/fd/{self.descriptor}"
        self._sockets: list[socket.socket] = []
        for interfaces in ("all", "default"):
            self.sysctl(f"ipv6/conf/{interfaces}/accept_dad", 0)  # addresses are usable at once
        self.ip("link set lo up")

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """This thread, and what it starts, are in the namespace meanwhile."""
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            _call(_LIBC.setns(self.descriptor, _CLONE_NEWNET))
            yield
        finally:
            _call(_LIBC.setns(before, _CLONE_NEWNET))
            os.close(before)

    def ip(self, *commands: str) -> None:
        self.run("ip", "-batch", "-", text="\n".join(commands))

    def run(self, *command: str, text: str = "") -> str:
        with self.inside():
            done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
        return done.stdout

    def sysctl(self, name: str, value: int) -> None:
        with self.inside():
            Path("/proc/sys/net", name).write_text(str(value), "ascii")

    def open(self, family: int, kind: int, proto: int = 0) -> socket.socket:
        with self.inside():
            made = socket.socket(family, kind, proto)
        return self._keep(made)

    def accept(self, server: socket.socket) -> socket.socket:
        return self._keep(server.accept()[0])

    def _keep(self, made: socket.socket) -> socket.socket:
        made.settimeout(PATIENCE)
        self._sockets.append(made)
        return made

    def close(self) -> None:
        for made in self._sockets:
            made.close()
        os.close(self.descriptor)


class Home:
    """The four namespaces and their links."""

    def __init__(self) -> None:
        self.child, self.other, self.router, self.internet = (Namespace() for _ in range(4))
        self._link()
        with self.router.inside():
            self.lan_index = socket.if_nametoindex(LAN)
        self.router.sysctl("ipv4/ip_forward", 1)
        self.router.sysctl("ipv6/conf/all/forwarding", 1)

    def expect_tracking(self) -> None:
        """As on OpenWrt; these exist once something tracks connections."""
        self.router.sysctl("netfilter/nf_conntrack_checksum", 0)
        self.router.sysctl("netfilter/nf_conntrack_acct", 1)

    def _link(self) -> None:
        self.router.ip(
            f"link add {LAN} type bridge",
            f"link add lan0 type veth peer name eth0 netns {self.child.path}",
            f"link add lan1 type veth peer name eth0 netns {self.other.path}",
            f"link add wan type veth peer name eth0 netns {self.internet.path}",
            f"link set lan0 master {LAN}",
            f"link set lan1 master {LAN}",
            *(f"link set {name} up" for name in (LAN, "lan0", "lan1", "wan")),
            f"address add {ROUTER4}/24 dev {LAN}",
            f"address add {ROUTER6}/64 dev {LAN} nodad",
            "address add 198.51.100.254/24 dev wan",
            "address add 2001:db8:1::fe/64 dev wan nodad",
        )
        for device, mac, ipv4, ipv6 in (
            (self.child, CHILD_MAC, CHILD4, CHILD6),
            (self.other, OTHER_MAC, OTHER4, OTHER6),
        ):
            device.ip(
                f"link set eth0 address {mac}",
                "link set eth0 up",
                f"address add {ipv4}/24 dev eth0",
                f"address add {ipv6}/64 dev eth0 nodad",
                f"route add default via {ROUTER4}",
                f"route add ::/0 via {ROUTER6}",
            )
        self.internet.ip(
            "link set eth0 up",
            *(f"address add {address}/24 dev eth0" for address in (SITE4, SECOND4)),
            *(f"address add {address}/64 dev eth0 nodad" for address in (SITE6, SECOND6)),
            "route add default via 198.51.100.254",
            "route add ::/0 via 2001:db8:1::fe",
        )

    def close(self) -> None:
        for namespace in (self.child, self.other, self.router, self.internet):
            namespace.close()
