"""One try at reaching something, from inside a device's namespace. Prints one JSON object: reached, ms, how.

Times are those of the try alone, without the start of a program.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any

Result = dict[str, Any]
WIREGUARD_INITIATION = b"\x01\x00\x00\x00"


def wireguard_initiation() -> bytes:
    """148 bytes; the last bit of the key in it is 0 (RFC 7748 5)."""
    data = bytearray(WIREGUARD_INITIATION + os.urandom(144))
    data[39] &= 0x7F
    return bytes(data)


def _named(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, ConnectionResetError):
        return "reset"
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, ssl.SSLEOFError):
        return "closed"
    return error.strerror or type(error).__name__


def tls(chosen: argparse.Namespace) -> Result:
    """A TLS handshake and one request, with the standard library's client."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    name = chosen.host or None
    with (
        socket.create_connection((chosen.address, chosen.port), chosen.timeout) as plain,
        context.wrap_socket(plain, server_hostname=name) as secure,
    ):
        secure.sendall(f"GET / HTTP/1.1\r\nHost: {chosen.host}\r\nConnection: close\r\n\r\n".encode())
        return {"reached": secure.recv(16).startswith(b"HTTP/1.1 200"), "how": secure.version()}


def h3(chosen: argparse.Namespace) -> Result:
    """One HTTP/3 request."""
    from tests.lab.h3client import get

    return asyncio.run(get(chosen.host, chosen.address, chosen.port, chosen.timeout, chosen.version))


def udp(chosen: argparse.Namespace) -> Result:
    """One datagram and its answer; to port 51820 a WireGuard handshake initiation."""
    family = socket.AF_INET6 if ":" in chosen.address else socket.AF_INET
    payload = wireguard_initiation() if chosen.port == 51820 else os.urandom(32)
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(chosen.timeout)
        sock.connect((chosen.address, chosen.port))
        sock.send(payload)
        return {"reached": True, "how": f"{len(sock.recv(2048))} bytes came back"}


def tcp(chosen: argparse.Namespace) -> Result:
    """A TCP connection: what the server says first, else whether it echoes."""
    with socket.create_connection((chosen.address, chosen.port), chosen.timeout) as sock:
        sock.settimeout(chosen.timeout)
        sock.sendall(b"hello\r\n")
        data = sock.recv(256)
        return {"reached": bool(data), "how": data.decode("latin-1").strip() or "closed"}


PROBES: dict[str, Callable[[argparse.Namespace], Result]] = {"tls": tls, "h3": h3, "udp": udp, "tcp": tcp}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("probe", choices=PROBES)
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("--host", default="")
    parser.add_argument("--timeout", type=float, default=5.0)
    parser.add_argument("--version", type=int, choices=(1, 2), default=1, help="of QUIC")
    chosen = parser.parse_args()
    began = time.monotonic()
    try:
        result = PROBES[chosen.probe](chosen)
    except OSError as error:
        result = {"reached": False, "how": _named(error)}
    result["ms"] = round((time.monotonic() - began) * 1000, 2)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
