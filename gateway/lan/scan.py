"""Scans the LAN on demand, in a child process that frees its memory when it ends: scapy takes 77 MB.

The child is `python -m gateway.lan.scan IFACE …`. It prints the hardware addresses that answer, one per line.
It sends an ARP request to each address of the interface's IPv4 networks, and two echo requests to all IPv6
nodes (RFC 4291 2.7.1). The second has an unknown option: nodes that do not answer an echo request to a group
must report the option (RFC 8200 4.2).
"""

from __future__ import annotations

import errno
import ipaddress
import json
import logging
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

from gateway.core.loop import Loop, Timer
from gateway.policy.identity.macs import parse_mac

PAUSE = 30.0  # seconds between two scans from the pages: each loads scapy and probes every address
TIMEOUT = 20.0  # seconds; the scan needs two to load, and two for each interface
MAX_BYTES = 1 << 16  # of output: a line of 18 bytes for each answer, more than three thousand answers
MAX_FOUND = 1024  # devices
LARGEST = 22  # prefix length of the largest network to scan, 1,024 addresses; else the part around us
STARTS = 5.0  # seconds until the listening socket is open
WAIT = 2.0  # seconds of waiting for answers on each interface
CHILD_TIMEOUT = 18  # seconds after which the child ends itself, shorter than TIMEOUT
MAX_MEMORY = 512 << 20  # bytes of the child's address space

_log = logging.getLogger(__name__)


class Scanning:
    """Runs scans of the LAN for devices in a child process, one at a time.

    After each scan, ``answered`` is called with each MAC address that answered, then ``ended``.
    `found` and `problem` have the result of the last one.
    """

    def __init__(
        self,
        loop: Loop,
        interfaces: Iterable[str],
        answered: Callable[[str], None],
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        self._loop = loop
        self._ended = ended
        self._begun = -PAUSE
        self._interfaces = tuple(interfaces)
        self._answered = answered
        self._pid = 0
        self._pipe = -1
        self._output = b""
        self._timer: Timer | None = None
        self.found: frozenset[str] = frozenset()  # by the last scan
        self.problem = ""  # of the last scan

    @property
    def running(self) -> bool:
        return self._pid != 0

    @property
    def wait(self) -> float:
        """Return the seconds until the pages may start another scan; 0 if they may now."""
        return max(0.0, self._begun + PAUSE - self._loop.now())

    def start(self) -> None:
        """Start a network scan in the background unless one is running. Raises OSError if it cannot start.

        The caller checks `wait` for scans from the pages.
        """
        if self._pid:
            return
        self._begun = self._loop.now()
        self._output, self.found, self.problem = b"", frozenset(), ""
        reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        command = [sys.executable, "-m", "gateway.lan.scan", *self._interfaces]
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, writing, 1),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ]
        try:
            self._pid = os.posix_spawn(command[0], command, os.environ, file_actions=actions, setsid=True)
        except OSError:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        self._pipe = reading
        self._loop.on_readable(reading, self._read)
        self._timer = self._loop.call_later(TIMEOUT, self._late)

    def _read(self) -> None:
        try:
            data = os.read(self._pipe, MAX_BYTES)
        except BlockingIOError:
            return
        self._output += data
        if len(self._output) > MAX_BYTES:
            self._end(f"it printed more than {MAX_BYTES} bytes")
        elif not data:
            self._end("")

    def _late(self) -> None:
        self._end(f"it did not finish within {TIMEOUT:g} s")

    def _end(self, problem: str) -> None:
        """Kill the child if it still runs, and pass on the MAC addresses that it printed.

        ``problem``: why it was ended; empty if it ended itself. A problem is logged.
        """
        status = self._reap()
        words = self._output.decode("ascii", "replace").split()
        macs = [mac for word in words if (mac := parse_mac(word)) is not None][:MAX_FOUND]
        self.found = frozenset(macs)
        self.problem = problem or ("" if status == 0 else "it failed; is scapy installed?")
        if self.problem:
            _log.warning("Network scan failed: %s", self.problem)
        for mac in sorted(self.found):
            self._answered(mac)
        self._ended()

    def _reap(self) -> int:
        if self._timer is not None:
            self._timer.cancel()
        self._loop.forget(self._pipe)
        os.close(self._pipe)
        try:
            os.kill(self._pid, signal.SIGKILL)  # it has ended or is about to
            _, status = os.waitpid(self._pid, 0)
        except OSError as error:
            if error.errno not in (errno.ESRCH, errno.ECHILD):
                raise
            status = 0
        self._pid, self._pipe = 0, -1
        return status

    def close(self) -> None:
        if self._pid:
            self._reap()


def networks(addresses: list[dict[str, Any]]) -> list[ipaddress.IPv4Network]:
    """Return the IPv4 networks of an interface to scan, each with 4 to 1,024 addresses around its own.

    ``addresses`` is the interface's ``addr_info`` of ``ip -json address``.
    """
    found = []
    for address in addresses:
        if address.get("family") == "inet" and address.get("scope") == "global":
            prefix = max(LARGEST, min(int(address["prefixlen"]), 30))
            found.append(ipaddress.IPv4Network(f"{address['local']}/{prefix}", strict=False))
    return list(dict.fromkeys(found))


def scan_interface(interface: str, addresses: list[dict[str, Any]]) -> set[str]:
    """Send ARP and IPv6 echo requests on one interface, and return the MAC addresses that answer.

    Takes some seconds. ``addresses`` is the interface's ``addr_info`` of ``ip -json address``. Needs scapy
    and root. The result is in lower case, and may include the machine's own address.
    """
    from scapy.layers.inet6 import HBHOptUnknown, ICMPv6EchoRequest, IPv6, IPv6ExtHdrDestOpt
    from scapy.layers.l2 import ARP, Ether
    from scapy.sendrecv import AsyncSniffer, sendp

    own = next((address["local"] for address in addresses if address.get("scope") == "link"), None)
    heard: set[str] = set()

    def note(frame: Any) -> None:
        answer = frame.haslayer(ARP) and frame[ARP].op == 2
        if answer or (frame.haslayer(IPv6) and frame[IPv6].dst == own and frame[IPv6].nh == 58):
            heard.add(frame.src.lower())

    listening = threading.Event()
    sniffer = AsyncSniffer(iface=interface, store=False, prn=note, started_callback=listening.set)
    sniffer.start()
    listening.wait(STARTS)
    for network in networks(addresses):
        asked = [str(host) for host in network.hosts()]
        sendp(Ether(dst="ff:ff:ff:ff:ff:ff") / ARP(pdst=asked), iface=interface, verbose=0)
    if own is not None:
        nodes = Ether(dst="33:33:00:00:00:01") / IPv6(src=own, dst="ff02::1", hlim=255)
        unknown = IPv6ExtHdrDestOpt(options=[HBHOptUnknown(otype=0x80, optdata=b"")])
        sendp(
            [nodes / ICMPv6EchoRequest(id=1), nodes / unknown / ICMPv6EchoRequest(id=2)],
            iface=interface,
            verbose=0,
        )
    sniffer.join(timeout=WAIT)
    sniffer.stop()
    return heard


def main(interfaces: list[str]) -> int:
    import subprocess  # takes 0.6 MB, which the daemon saves

    signal.alarm(CHILD_TIMEOUT)
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    output = subprocess.run(["ip", "-json", "address"], capture_output=True, check=True).stdout
    links = {link.get("ifname"): link for link in json.loads(output)}
    for interface in interfaces:
        link = links.get(interface)
        if link is None:
            continue
        for mac in sorted(scan_interface(interface, link["addr_info"]) - {link.get("address")}):
            sys.stdout.write(f"{mac}\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
