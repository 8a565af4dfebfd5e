"""Resolvers outside, and questions to them."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable

import pytest

from tests.kernel.home import PATIENCE, ROUTER4, ROUTER6, SITE4, SITE6, Namespace
from tests.kernel.listener import Seen
from tests.kernel.talks import family

PREROUTING, INPUT, FORWARD, OUTPUT = 0, 1, 2, 3
OPEN_UDP, CLOSED_UDP = 1, 3
RESOLVERS = pytest.mark.parametrize(
    "resolver", [SITE4, SITE6, ROUTER4, ROUTER6], ids=["site4", "site6", "gateway4", "gateway6"]
)


class Resolver:
    """Answers on UDP and TCP of a namespace, with its own name in the answer, until it is closed."""

    def __init__(self, namespace: Namespace, port: int, name: bytes) -> None:
        self._name = name
        self._udp = namespace.open(socket.AF_INET6, socket.SOCK_DGRAM)
        self._tcp = namespace.open(socket.AF_INET6, socket.SOCK_STREAM)
        for made in (self._udp, self._tcp):
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(("::", port))
        # Answer from the address that was asked, as dnsmasq does.
        self._udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        self._udp.settimeout(0.05)
        self._tcp.settimeout(0.05)
        self._tcp.listen()
        self._running = True
        self._threads = [
            threading.Thread(target=run, daemon=True) for run in (self._serve_udp, self._serve_tcp)
        ]
        for thread in self._threads:
            thread.start()

    def _serve_udp(self) -> None:
        while self._running:
            try:
                question, ancillary, _, client = self._udp.recvmsg(2000, 200)
            except TimeoutError:
                continue
            info = [(level, kind, data) for level, kind, data in ancillary if kind == socket.IPV6_PKTINFO]
            address = [(level, kind, data[:16] + struct.pack("=I", 0)) for level, kind, data in info]
            if client[0].startswith("fe80"):
                address = info
            self._udp.sendmsg([question + b" answered by " + self._name], address, 0, client)

    def _serve_tcp(self) -> None:
        while self._running:
            try:
                peer, _ = self._tcp.accept()
            except TimeoutError:
                continue
            with peer:
                peer.settimeout(PATIENCE)
                peer.send(peer.recv(2000) + b" answered by " + self._name)

    def close(self) -> None:
        self._running = False
        for thread in self._threads:
            thread.join()


Start = Callable[[Namespace, int, bytes], None]


def ask(device: Namespace, resolver: str, question: bytes = b"question", timeout: float = PATIENCE) -> bytes:
    with device.inside():
        scope = socket.if_nametoindex("eth0")
    with device.open(family(resolver), socket.SOCK_DGRAM) as client:
        client.settimeout(timeout)
        client.connect((resolver, 53, 0, scope) if resolver.startswith("fe80") else (resolver, 53))
        client.send(question)
        return client.recv(2000)


def ask_again(client: socket.socket, question: bytes) -> bytes:
    client.send(question)
    return client.recv(2000)


def hooks(seen: list[Seen]) -> list[tuple[int, int, int]]:
    return [(each.hook, each.queue, each.slot) for each in seen]
