"""`python -m gateway.lan.scanner IFACE …`: prints the hardware addresses that answer on the LAN.

The daemon starts it as a child process. It prints one address per line. It sends an ARP request to each
address of the interface's IPv4 networks, and two echo requests to all IPv6 nodes (RFC 4291 2.7.1). The
second has an unknown option: nodes that do not answer an echo request to a group must report the option
(RFC 8200 4.2).
"""

from __future__ import annotations

import ipaddress
import json
import resource
import signal
import subprocess
import sys
import threading
from typing import Any

LARGEST = 22  # prefix length of the largest network to scan, 1,024 addresses; else the part around us
STARTS = 5.0  # seconds until the listening socket is open
SECONDS = 2.0  # wait for answers on each interface
MAX_SECONDS = 18  # in total
MAX_MEMORY = 512 << 20  # bytes of address space


def networks(addresses: list[dict[str, Any]]) -> list[ipaddress.IPv4Network]:
    """Return the networks to scan, from the ``addr_info`` of ``ip -json address``."""
    found = []
    for address in addresses:
        if address.get("family") == "inet" and address.get("scope") == "global":
            prefix = max(LARGEST, min(int(address["prefixlen"]), 30))
            found.append(ipaddress.IPv4Network(f"{address['local']}/{prefix}", strict=False))
    return list(dict.fromkeys(found))


def scan(interface: str, addresses: list[dict[str, Any]]) -> set[str]:
    """Return the hardware addresses that answer on one interface."""
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
    sniffer.join(timeout=SECONDS)
    sniffer.stop()
    return heard


def main(interfaces: list[str]) -> int:
    signal.alarm(MAX_SECONDS)
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    output = subprocess.run(["ip", "-json", "address"], capture_output=True, check=True).stdout
    links = {link.get("ifname"): link for link in json.loads(output)}
    for interface in interfaces:
        link = links.get(interface)
        if link is None:
            continue
        for mac in sorted(scan(interface, link["addr_info"]) - {link.get("address")}):
            sys.stdout.write(f"{mac}\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
