"""The table at work on real traffic between namespaces, IPv4 and IPv6, with a listener on the queues."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from gateway.kernel.ruleset.packet_rates import packet_rates
from gateway.kernel.snapshot import PassElement, Rates, Slot, Snapshot
from tests.kernel.conftest import Gateway
from tests.kernel.home import (
    OTHER_MAC,
    SITE4,
    Home,
    receive,
)
from tests.kernel.listener import HOLD, Seen
from tests.kernel.talks import FORWARD, REFUSED, SITES, passes, tcp_client, tcp_server
from tests.pace import longest, until

pytestmark = pytest.mark.lab


@SITES
def test_unfiltered_device_is_never_queued(gateway: Gateway, home: Home, child: Snapshot, site: str) -> None:
    gateway.load(child)
    listener = gateway.listen(lambda seen: REFUSED)
    with tcp_server(home, site) as server, tcp_client(home.other, site) as client:
        client.send(b"hello")
        assert home.internet.accept(server).recv(100) == b"hello"
    assert listener.seen == []


@SITES
def test_refused_connection_fails_within_ms(gateway: Gateway, home: Home, child: Snapshot, site: str) -> None:
    gateway.load(child)
    listener = gateway.listen(lambda seen: REFUSED)
    with tcp_server(home, site) as server, tcp_client(home.child, site) as client:
        peer = home.internet.accept(server)
        started = time.monotonic()
        client.send(b"a hello that names a refused host")
        with pytest.raises(ConnectionResetError):
            client.recv(1)
        assert time.monotonic() - started < longest(0.25)
        peer.setblocking(False)
        with pytest.raises(BlockingIOError):
            peer.recv(1)  # the hello never arrived
    assert [(seen.slot, seen.hook, seen.queue) for seen in listener.seen] == [(3, FORWARD, 2)]


@SITES
def test_only_payload_is_asked_about_and_only_until_decided(
    gateway: Gateway, home: Home, child: Snapshot, site: str
) -> None:
    gateway.load(replace(child, passes=(PassElement(3, 1),)))

    def judge(seen: Seen) -> int:
        return passes(1) if b"server speaks" in seen.data else HOLD

    listener = gateway.listen(judge)
    with tcp_server(home, site) as server, tcp_client(home.child, site) as client:
        peer = home.internet.accept(server)
        client.send(b"client speaks")
        assert peer.recv(100) == b"client speaks"
        peer.send(b"server speaks")
        assert client.recv(100) == b"server speaks"
        for _ in range(50):
            client.send(b"x" * 1000)
            peer.send(b"y" * 1000)
            assert receive(peer, 1000) == b"x" * 1000
            assert receive(client, 1000) == b"y" * 1000
    assert [seen.answer for seen in listener.seen] == [False, False]


@SITES
def test_guests_slot_takes_the_unknown_and_spares_the_plain(
    gateway: Gateway, home: Home, blank: Snapshot, site: str
) -> None:
    snapshot = replace(blank, slots=(Slot(70, (), closed=False),), guest=70, plain=(OTHER_MAC,))
    gateway.load(snapshot)
    listener = gateway.listen(lambda seen: HOLD)
    with tcp_server(home, site) as server:
        for device in (home.child, home.other):
            with tcp_client(device, site) as client:
                client.send(b"hello")
                assert home.internet.accept(server).recv(100) == b"hello"
    assert {(seen.slot, seen.queue) for seen in listener.seen} == {(70, 6)}


def test_packets_outside_any_connection_are_dropped_for_slots(
    gateway: Gateway, home: Home, child: Snapshot
) -> None:
    gateway.load(child)
    segment = bytes.fromhex("8000 01bb 00000001 00000001 5030 0000 0000 0000") + b"stray"  # SYN and FIN: 0x03
    segment = segment[:13] + b"\x03" + segment[14:]
    with (
        home.internet.open(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as end,
        home.child.open(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as device,
        home.other.open(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as adult,
    ):
        device.sendto(segment + b" child", (SITE4, 0))
        adult.sendto(segment + b" adult", (SITE4, 0))
        assert end.recv(100).endswith(b"adult")
        end.settimeout(0.2)
        with pytest.raises(TimeoutError):
            end.recv(100)


def test_one_devices_flood_is_held_before_the_queue(gateway: Gateway, home: Home, child: Snapshot) -> None:
    gateway.load(child)
    listener = gateway.listen(lambda seen: HOLD)
    began = time.monotonic()
    with home.child.open(socket.AF_INET, socket.SOCK_DGRAM) as client:
        for _ in range(4000):
            client.sendto(b"flood", (SITE4, 9))
    took = time.monotonic() - began
    rate, burst = packet_rates(child.rates)["guard"]
    assert until(lambda: len(listener.seen) > 0.9 * burst, 1.0) is not None
    time.sleep(0.2)
    assert len(listener.seen) < burst + rate * took + 100


@SITES
def test_each_kind_of_packet_has_the_rate_of_the_machine(
    gateway: Gateway, home: Home, child: Snapshot, site: str
) -> None:
    gateway.load(replace(child, rates=Rates(tcp=3210)))
    gateway.listen(lambda seen: HOLD)
    with tcp_server(home, site) as server, tcp_client(home.child, site) as client:
        peer = home.internet.accept(server)
        client.send(b"client speaks")
        assert peer.recv(100) == b"client speaks"
        assert (limits(gateway, home, "guardtcp"), limits(gateway, home, "guard")) == ([3210], [])
        peer.send(b"server speaks")
        assert client.recv(100) == b"server speaks"
        assert limits(gateway, home, "guard") == [400]
    assert limits(gateway, home, "guardhttp") == []


def limits(gateway: Gateway, home: Home, name: str) -> list[int]:
    """The packets per second of each slot that a set counts."""
    with home.router.inside():
        found = gateway.nft.list(f"list set inet qalqan {name}")[0]["set"].get("elem", [])
    return [limit["rate"] for element in found for limit in _named(element, "limit")]


def _named(value: object, name: str) -> Iterator[dict[str, Any]]:
    """Yield what has this name anywhere in JSON: where nft writes it depends on its version."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == name:
                yield inner
            else:
                yield from _named(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _named(inner, name)
