"""On a device: resolves names and connects to each, by TLS and QUIC over both families.

Reads a line of JSON, `{"resolver": ADDRESS, "hosts": [[NAME, IPV4, IPV6], …]}`, walks, and says what did
not work: `{"NAME A": "not resolved", …}`. One process for all walks of a device: its start costs more.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
import sys
from collections.abc import Iterator

from tests.lab.h3client import get

PATIENCE = 5.0  # seconds; a machine that runs other tests is slow
_TYPES = {"A": 1, "AAAA": 28}


def main() -> None:
    for line in sys.stdin:
        asked = json.loads(line)
        failed = dict(_walk(asked["resolver"], asked["hosts"]))
        print(json.dumps(failed), flush=True)


def _walk(resolver: str, hosts: list[list[str]]) -> Iterator[tuple[str, str]]:
    for name, *addresses in hosts:
        for qtype, address in zip(_TYPES, addresses, strict=True):
            if not _resolves(resolver, name, qtype, address):
                yield f"{name} {qtype}", "not resolved"
        for version, address in zip((4, 6), addresses, strict=True):
            wrong = _tls(name, address)
            if wrong:
                yield f"{name} TCP over IPv{version}", wrong
            answer = asyncio.run(get(name, address, 443, PATIENCE, 1))
            if not answer["reached"]:
                yield f"{name} QUIC over IPv{version}", str(answer["how"])


def _resolves(resolver: str, name: str, qtype: str, address: str) -> bool:
    number = os.urandom(2)
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    question = number + b"\x01\x00\x00\x01" + bytes(6) + labels + b"\x00" + bytes([0, _TYPES[qtype], 0, 1])
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(PATIENCE)
        asking.sendto(question, (resolver, 53))
        try:
            answer = asking.recv(4096)
        except TimeoutError:
            return False
    return answer[:2] == number and socket.inet_pton(family, address) in answer


def _tls(name: str, address: str) -> str:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((address, 443), PATIENCE) as plain,
            context.wrap_socket(plain, server_hostname=name),
        ):
            return ""
    except OSError as error:
        return str(error) or type(error).__name__


if __name__ == "__main__":
    main()
