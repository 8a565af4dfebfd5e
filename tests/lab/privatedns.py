"""What Android does about its resolver, from inside a device's namespace; prints one JSON object.

``strict HOST``: with a provider's name set. It asks for that name in the clear, again after 1, 2, 4 … seconds
while there is no address, then calls port 853 of each with the name as SNI and asks there for a random name
under dnsotls-ds.metric.gstatic.com. ``automatic ADDRESS``: it calls port 853 of the resolver that it was
given, without a server name, and asks in the clear where that fails.
"""

from __future__ import annotations

import argparse
import json
import random
import secrets
import socket
import ssl
import struct
import time

_A, _AAAA = 1, 28  # RFC 1035 3.2.2, RFC 3596 2.1
_TIMEOUT = 3.0


def _message(name: str, qtype: int) -> bytes:
    labels = b"".join(bytes([len(one)]) + one.encode() for one in name.split("."))
    return (
        struct.pack(">HHHHHH", random.randrange(1 << 16), 0x100, 1, 0, 0, 0)
        + labels
        + struct.pack(">BHH", 0, qtype, 1)
    )


def _addresses(answer: bytes, question: int) -> list[str]:
    """Of the answers that point at the question's name, which is all that this internet's servers send."""
    count, at, found = struct.unpack_from(">H", answer, 6)[0], question, []
    for _ in range(count):
        qtype, _class, _ttl, size = struct.unpack_from(">HHIH", answer, at + 2)
        data = answer[at + 12 : at + 12 + size]
        at += 12 + size
        if qtype in (_A, _AAAA):
            found.append(socket.inet_ntop(socket.AF_INET if qtype == _A else socket.AF_INET6, data))
    return found


def ask(resolver: str, name: str, qtype: int) -> list[str]:
    family = socket.AF_INET6 if ":" in resolver else socket.AF_INET
    message = _message(name, qtype)
    with socket.socket(family, socket.SOCK_DGRAM) as one:
        one.settimeout(_TIMEOUT)
        one.sendto(message, (resolver, 53))
        try:
            return _addresses(one.recv(4096), len(message))
        except TimeoutError:
            return []


def validate(address: str, host: str | None) -> bool:
    """One question over TLS (RFC 7858 3.3); the certificate is not what this is about."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    message = _message(f"{secrets.token_hex(4)}-dnsotls-ds.metric.gstatic.com", _AAAA)
    try:
        with (
            socket.create_connection((address, 853), _TIMEOUT) as plain,
            context.wrap_socket(plain, server_hostname=host) as secure,
        ):
            secure.sendall(struct.pack(">H", len(message)) + message)
            return len(secure.recv(4096)) > 2
    except OSError:
        return False


def strict(resolver: str, host: str, tries: int) -> dict[str, object]:
    found: list[str] = []
    for number in range(tries):
        if number:
            time.sleep(2.0 ** (number - 1))
        found = [*ask(resolver, host, _A), *ask(resolver, host, _AAAA)]
        if found:
            break
    validated = [validate(one, host) for one in found]
    return {"addresses": found, "validated": any(validated)}


def automatic(resolver: str, address: str) -> dict[str, object]:
    validated = validate(address, None)
    return {"addresses": ask(resolver, "www.example.org", _A), "validated": validated}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mode", choices=["strict", "automatic"])
    parser.add_argument("what", help="the provider's name, or the address of the resolver")
    parser.add_argument("--resolver", required=True, help="who is asked in the clear")
    parser.add_argument("--tries", type=int, default=1)
    chosen = parser.parse_args()
    if chosen.mode == "strict":
        told = strict(chosen.resolver, chosen.what, chosen.tries)
    else:
        told = automatic(chosen.resolver, chosen.what)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
