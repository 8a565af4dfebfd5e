"""What correct clients seldom do, and have to be allowed to do: on a device.

Standard input is a JSON list of tries {kind, host, refused, address, version, size}, the output a JSON list
of how each ended: ``answered`` (a ServerHello came), or the name of the error.
"""

from __future__ import annotations

import json
import socket
import ssl
import sys
import time
from typing import Any

from tests.lab import clients
from tests.wire.tls_forge import client_hello, extension, records

_FILLING = 0xFFEE  # an extension that servers ignore
_OPTIONS = {
    "record route": b"\x07\x27\x04" + bytes(37),
    "timestamp": b"\x44\x24\x05\x00" + bytes(32),
}
_PAUSE_S = 0.1  # after a refused connection; the sequence numbers of the next one are then far away
_PORTS_FREE_S = 12.0  # Linux's connection table has a refused connection for up to 10 s
_SERVER_HELLO = b"\x16\x02"  # types of the record and of its message


def hello(host: str, size: int = 0) -> bytes:
    """A hello with ``size`` bytes more than usual."""
    return records(client_hello(host, after=extension(_FILLING, bytes(size)) if size else b""), 16_384)


def connect(chosen: dict[str, Any], *, options: bytes = b"", port: int = 0) -> socket.socket:
    """``port``: of this side. 0: one that no other connection of the device has, to whichever address."""
    family = socket.AF_INET if chosen["version"] == 4 else socket.AF_INET6
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.settimeout(clients.PATIENCE_S)
    if options:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, options)
    if port:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("", port))
    try:
        sock.connect((chosen["address"], 443))
    except OSError:
        sock.close()
        raise
    return sock


def connect_again(chosen: dict[str, Any], port: int) -> socket.socket:
    """Connect from the port of a refused connection; again while this is refused, until the port is free.

    Raises ConnectionRefusedError if it is refused for _PORTS_FREE_S seconds.
    """
    end = time.monotonic() + _PORTS_FREE_S
    while True:
        time.sleep(_PAUSE_S)
        try:
            return connect(chosen, port=port)
        except ConnectionRefusedError:
            if time.monotonic() > end:
                raise


def outcome(sock: socket.socket, data: bytes, *, ends: bool = False) -> str:
    """Send a hello, and the end of this side if it ``ends``; how it is answered."""
    try:
        sock.sendall(data)
        if ends:
            sock.shutdown(socket.SHUT_WR)
        answer = b""
        while len(answer) < 6 and (more := sock.recv(4096)):
            answer += more
    except OSError as error:
        return type(error).__name__
    return "answered" if answer[:1] + answer[5:6] == _SERVER_HELLO else answer[:6].hex()


def attempt(chosen: dict[str, Any]) -> str:
    kind, host = chosen["kind"], chosen["host"]
    if kind == "fetch":
        return _fetched(chosen)
    if kind == "reuse":
        with connect(chosen) as first:
            port = first.getsockname()[1]
            before = outcome(first, hello(chosen["refused"], chosen["size"]))
        if before != "ConnectionResetError":
            return f"refused: {before}"
        with connect_again(chosen, port) as sock:
            return outcome(sock, hello(host, chosen["size"]))
    with connect(chosen) as sock:
        return outcome(sock, hello(host, chosen["size"]), ends=kind == "end")


def _fetched(chosen: dict[str, Any]) -> str:
    """A page, with an IP option in each packet."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    request = f"GET / HTTP/1.1\r\nHost: {chosen['host']}\r\nConnection: close\r\n\r\n".encode()
    try:
        with connect(chosen, options=_OPTIONS[chosen["option"]]) as sock:
            secure = context.wrap_socket(sock, server_hostname=chosen["host"])
            secure.sendall(request)
            return "answered" if secure.recv(4096).startswith(b"HTTP/1.1 200") else "another answer"
    except OSError as error:
        return type(error).__name__


def main() -> None:
    print(json.dumps([attempt(chosen) for chosen in json.load(sys.stdin)]))


if __name__ == "__main__":
    main()
