"""What arrives at an interface, from inside its namespace: the line ``ready``, then one JSON object a packet.

It tells what the servers' own programs never see: other protocols, bytes that are no message.
"""

from __future__ import annotations

import argparse
import json
import socket
import struct
from typing import Any

_ETH_P_ALL = 3
_OUTGOING = 4  # sockaddr_ll.sll_pkttype PACKET_OUTGOING
_FRAGMENT = 44


def describe(data: bytes) -> dict[str, Any] | None:
    """Protocol, ports and the first bytes of the payload; None for what is no IP packet."""
    version = data[0] >> 4 if data else 0
    if version == 4:
        length, proto = (data[0] & 15) * 4, data[9]
        rest, ttl = data[length : struct.unpack_from("!H", data, 2)[0]], data[8]
    elif version == 6:
        proto, ttl, rest = data[6], data[7], data[40:]
        while proto == _FRAGMENT and len(rest) >= 8:
            proto, rest = rest[0], rest[8:]
    else:
        return None
    found: dict[str, Any] = {"version": version, "proto": proto, "ttl": ttl, "dport": 0}
    if proto in (6, 17) and len(rest) >= 8:
        found["dport"] = struct.unpack_from("!H", rest, 2)[0]
        rest = rest[(rest[12] >> 4) * 4 :] if proto == 6 and len(rest) > 12 else rest[8:]
    return found | {"bytes": len(rest), "start": rest[:64].hex()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--interface", default="eth0")
    parser.add_argument("--proto", type=int, help="of IP; all where it is left out")
    parser.add_argument("--port", type=int, help="of the destination")
    chosen = parser.parse_args()
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_ALL)) as sock:
        sock.bind((chosen.interface, _ETH_P_ALL))
        print("ready", flush=True)
        while True:
            data, where = sock.recvfrom(65535)
            found = describe(data) if where[2] != _OUTGOING else None
            if found is None or (chosen.proto is not None and found["proto"] != chosen.proto):
                continue
            if chosen.port is None or found["dport"] == chosen.port:
                print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
