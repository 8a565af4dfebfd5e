"""Servers outside and clients in the house, with what they say to each other."""

from __future__ import annotations

import socket

import pytest

from gateway.kernel.marks import FlowState, verdict_byte
from tests.kernel.home import (
    SITE4,
    SITE6,
    Home,
    Namespace,
)

SITES = pytest.mark.parametrize("site", [SITE4, SITE6], ids=["ipv4", "ipv6"])
FORWARD = 2
REFUSED = verdict_byte(FlowState.REFUSED)
HELP = verdict_byte(FlowState.HELP)


def passes(class_number: int) -> int:
    return verdict_byte(FlowState.PASSES, class_number)


def asks(class_number: int) -> int:
    return verdict_byte(FlowState.ASKS, class_number)


def family(address: str) -> int:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def tcp_server(home: Home, site: str, port: int = 443) -> socket.socket:
    server = home.internet.open(family(site), socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((site, port))
    server.listen()
    return server


def tcp_client(device: Namespace, site: str, port: int = 443) -> socket.socket:
    client = device.open(family(site), socket.SOCK_STREAM)
    client.connect((site, port))
    return client


def converse(client: socket.socket, peer: socket.socket) -> None:
    """The server speaks first; then each says and hears three things."""
    peer.send(b"server speaks")
    assert client.recv(100) == b"server speaks"
    for _ in range(3):
        client.send(b"client speaks")
        assert peer.recv(100) == b"client speaks"
        peer.send(b"it goes on")
        assert client.recv(100) == b"it goes on"
