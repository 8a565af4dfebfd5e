"""`python -m tests.lab.dhcpclient IFACE`: gets a lease as any device does, by frames of its own making.

What a real client cannot be told is told here: its whole list of options, in its order, and another hardware
address in the message than that of its frames, as a repeater's client has it. Prints the leased address.
"""

from __future__ import annotations

import argparse
import secrets
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

from tests.lab.rawpackets import checksum

PATIENCE_S = 10.0
_BROADCAST, _ANYBODY = b"\xff" * 6, b"\xff" * 4
_COOKIE = b"\x63\x82\x53\x63"
_DISCOVER, _OFFER, _REQUEST, _ACK = 1, 2, 3, 5
_ANSWER_BY_BROADCAST = 0x8000
_MESSAGE, _SERVER, _WANTED = 53, 54, 50


def option(code: int, value: bytes) -> bytes:
    return bytes((code, len(value))) + value


def frame(source: bytes, hardware: bytes, transaction: int, options: bytes) -> bytes:
    message = (
        struct.pack("!BBBBIHH", 1, 1, 6, 0, transaction, 0, _ANSWER_BY_BROADCAST)
        + bytes(16)
        + hardware.ljust(208, b"\0")
        + _COOKIE
        + options
        + b"\xff"
    )
    udp = struct.pack("!HHHH", 68, 67, 8 + len(message), 0) + message
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, bytes(4), _ANYBODY)
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return _BROADCAST + source + b"\x08\0" + head + udp


def answer(data: bytes, transaction: int) -> tuple[bytes, dict[int, bytes]] | None:
    """The address and the options of a server's message of this exchange."""
    if len(data) < 282 or data[12:14] != b"\x08\0" or data[23] != 17 or data[36:38] != b"\0\x44":
        return None
    message = data[42:]
    if message[0] != 2 or struct.unpack_from("!I", message, 4)[0] != transaction:
        return None
    found: dict[int, bytes] = {}
    at = 240
    while at < len(message) and message[at] != 255:
        if message[at] == 0:
            at += 1
            continue
        found[message[at]] = message[at + 2 : at + 2 + message[at + 1]]
        at += 2 + message[at + 1]
    return message[16:20], found


def lease(interface: str, hardware: bytes | None, said: bytes) -> str:
    """DISCOVER, OFFER, REQUEST, ACK. Raises TimeoutError."""
    transaction = secrets.randbits(32)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800)) as sock:
        sock.bind((interface, 0x0800))
        source = sock.getsockname()[4]
        hardware = hardware or source
        wanted = b""
        for message, reply in ((_DISCOVER, _OFFER), (_REQUEST, _ACK)):
            options = option(_MESSAGE, bytes((message,))) + wanted + said
            sock.send(frame(source, hardware, transaction, options))
            address, told = _await(sock, transaction, reply)
            wanted = option(_WANTED, address) + option(_SERVER, told[_SERVER])
    return socket.inet_ntoa(address)


def _await(sock: socket.socket, transaction: int, reply: int) -> tuple[bytes, dict[int, bytes]]:
    until = time.monotonic() + PATIENCE_S
    while (left := until - time.monotonic()) > 0:
        sock.settimeout(left)
        found = answer(sock.recv(2048), transaction)
        if found is not None and found[1].get(_MESSAGE) == bytes((reply,)):
            return found
    raise TimeoutError("no DHCP server answered")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("interface")
    parser.add_argument("--name", default="")
    parser.add_argument("--vendor-class", default="")
    parser.add_argument("--options", default="", help="numbers of option 55, in their order")
    parser.add_argument("--hardware", default="", help="chaddr, where it is not the frame's")
    parser.add_argument("--keep", action="store_true", help="leave the interface's addresses as they are")
    told = parser.parse_args()
    hardware = bytes.fromhex(told.hardware.replace(":", "")) or None
    own = hardware or bytes.fromhex(
        Path(f"/sys/class/net/{told.interface}/address").read_text().strip().replace(":", "")
    )
    said = option(61, b"\x01" + own)
    said += option(12, told.name.encode()) if told.name else b""
    said += option(60, told.vendor_class.encode()) if told.vendor_class else b""
    said += option(55, bytes(map(int, told.options.split(",")))) if told.options else b""
    address = lease(told.interface, hardware, said)
    if not told.keep:
        run = ["ip", "addr", "replace", f"{address}/24", "dev", told.interface]
        subprocess.run(run, check=True)
    sys.stdout.write(f"{address}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
