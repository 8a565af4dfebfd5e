"""Run on a device: DNS, TLS, HTTP, QUIC and tunnels to many names, at a steady rate and for a limited time.

python -m tests.soak.traffic SECONDS PER_SECOND SEED

Prints a JSON object: how often each kind of traffic was tried, and how often it got an answer.
"""

from __future__ import annotations

import json
import random
import socket
import sys
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException

import dns.exception
import dns.message

from tests.lab import names
from tests.lab.probe import PROBES

NAMES = 20_000  # distinct ones; a few are popular, as in a family
POPULAR = (
    "www.youtube.com", "www.tiktok.com", "www.instagram.com", "www.google.com", "kk.wikipedia.org",
    "www.roblox.com", "www.bbc.co.uk", "doubleclick.net", "nordvpn.com", "www.pornhub.com",
)  # fmt: skip
MIX = {"dns": 50, "tls": 25, "http": 10, "h3": 10, "tunnel": 5}  # shares
PATIENCE_S = 2.0


def host(chance: random.Random) -> str:
    """Return a name; low numbers come up most often."""
    number = int(chance.paretovariate(0.7)) - 1
    if number < len(POPULAR):
        return POPULAR[number]
    return f"www.site-{number % NAMES}.example"


def query(name: str) -> bool:
    """Resolve a name at the gateway; return whether an answer came."""
    message = dns.message.make_query(name, random.choice(("A", "AAAA", "HTTPS")))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE_S)
        sock.sendto(message.to_wire(), (names.GATEWAY_IPV4, 53))
        return bool(sock.recv(4096))


def fetch(name: str) -> bool:
    """Fetch a page by HTTP; return whether an answer came, also the gateway's redirect."""
    connection = HTTPConnection(names.ipv4_of(name), timeout=PATIENCE_S)
    try:
        connection.request("GET", "/", headers={"Host": name})
        return connection.getresponse().status > 0
    except HTTPException:
        return False
    finally:
        connection.close()


def probe(kind: str, name: str, port: int) -> bool:
    """Try a connection with the lab's client for ``kind``; return whether the site answered."""
    chosen = Namespace(address=names.ipv4_of(name), port=port, host=name, timeout=PATIENCE_S, version=1)
    return bool(PROBES[kind](chosen)["reached"])


TRIES: dict[str, Callable[[str], bool]] = {
    "dns": query,
    "http": fetch,
    "tls": lambda name: query(name) and probe("tls", name, 443),
    "h3": lambda name: query(name) and probe("h3", name, 443),
    "tunnel": lambda name: probe("udp", name, 51820),
}


def main() -> None:
    seconds, rate, seed = float(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    chance, ends = random.Random(seed), time.monotonic() + seconds
    tried, answered = Counter[str](), Counter[str]()
    while (began := time.monotonic()) < ends:
        (kind,) = chance.choices(list(MIX), list(MIX.values()))
        tried[kind] += 1
        try:
            answered[kind] += TRIES[kind](host(chance))
        except (OSError, dns.exception.DNSException):
            pass
        time.sleep(max(0.0, min(1 / rate - (time.monotonic() - began), ends - time.monotonic())))
    json.dump({"tried": tried, "answered": answered}, sys.stdout)


if __name__ == "__main__":
    main()
