"""One end of a line in user space: ``python -m tests.lab.userline PORT LINE MTU``.

Packets of the TUN device LINE leave by the Ethernet port PORT as broadcast frames of an experimental type
(IEEE 802 local experimental EtherType 1), and the other way around.
"""

from __future__ import annotations

import fcntl
import os
import select
import socket
import struct
import subprocess
import sys

ETHERTYPE = 0x88B5
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000  # linux/if_tun.h
BROADCAST = b"\xff" * 6
_HEADER = 14
_LARGEST = 65_535


def main(port: str, line: str, mtu: str) -> None:
    tun = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", line.encode(), IFF_TUN | IFF_NO_PI))
    subprocess.run(["ip", "link", "set", line, "mtu", mtu, "up"], check=True)
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETHERTYPE))
    wire.bind((port, ETHERTYPE))
    header = BROADCAST + wire.getsockname()[4] + struct.pack("!H", ETHERTYPE)
    print("ready", flush=True)
    while True:
        readable, _, _ = select.select([tun, wire.fileno()], [], [])
        if tun in readable:
            wire.send(header + os.read(tun, _LARGEST))
        if wire.fileno() in readable:
            os.write(tun, wire.recv(_LARGEST)[_HEADER:])


if __name__ == "__main__":
    main(*sys.argv[1:])
