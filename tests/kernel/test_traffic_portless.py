"""IP protocols beside TCP, UDP and ICMP through the table, IPv4 and IPv6, with a listener and without."""

from __future__ import annotations

import contextlib
import socket
import time
from dataclasses import replace

import pytest

from gateway.kernel.marks import QueueKind
from gateway.kernel.ruleset.packet_rates import packet_rates
from gateway.kernel.ruleset.table import render_passes
from gateway.kernel.snapshot import PassElement, Slot, Snapshot
from gateway.wire.ip.packet import parse_ip
from tests.kernel.conftest import Gateway
from tests.kernel.home import CHILD4, CHILD6, CHILD_MAC, OTHER_MAC, PATIENCE, SITE4, SITE6, Home, Namespace
from tests.kernel.listener import DROP, HOLD
from tests.kernel.talks import HELP, REFUSED, SITES, passes
from tests.pace import until

pytestmark = pytest.mark.lab

ESP, GRE, IPV6_IN_IP, L2TP = 50, 47, 41, 115
PROTOCOLS = pytest.mark.parametrize(
    "number", [4, IPV6_IN_IP, GRE, ESP, L2TP, 253]
)  # in IPv6, AH is an extension header
PASSES = passes(1)
GRE_HEADER = bytes.fromhex("00000800")  # RFC 2784: conntrack looks at it


@pytest.fixture
def child(blank: Snapshot) -> Snapshot:
    return replace(
        blank, slots=(Slot(3, (CHILD_MAC,), closed=True),), plain=(OTHER_MAC,), passes=(PassElement(3, 1),)
    )


def raw(namespace: Namespace, site: str, number: int) -> socket.socket:
    return namespace.open(socket.AF_INET6 if ":" in site else socket.AF_INET, socket.SOCK_RAW, number)


def heard(end: socket.socket, count: int = 0) -> list[bytes]:
    """What arrives, without headers of IPv4: ``count`` packets, and what comes right behind them."""
    out: list[bytes] = []
    while True:
        end.settimeout(PATIENCE if len(out) < count else 0.15)
        try:
            data = end.recv(200)
        except TimeoutError:
            return out
        out.append(data[20:] if end.family == socket.AF_INET else data)


def send(end: socket.socket, site: str, text: bytes) -> None:
    """A refusal of an earlier packet is told at the next one."""
    for _ in range(3):
        with contextlib.suppress(OSError):
            end.sendto(GRE_HEADER + text, (site, 0))
            return


@SITES
@PROTOCOLS
def test_it_is_asked_about_once_and_passes(
    gateway: Gateway, home: Home, child: Snapshot, site: str, number: int
) -> None:
    gateway.load(child)
    listener = gateway.listen(lambda seen: PASSES)
    with raw(home.internet, site, number) as end, raw(home.child, site, number) as tunnel:
        for turn in range(3):
            send(tunnel, site, b"%d" % turn)
            assert until(lambda: listener.seen, 1.0) is not None
            time.sleep(0.05)
        assert heard(end, 3) == [GRE_HEADER + b"%d" % turn for turn in range(3)]
        assert [parse_ip(seen.data).proto for seen in listener.seen] == [number]
        assert [(seen.slot, seen.queue % len(QueueKind)) for seen in listener.seen] == [
            (3, QueueKind.CLOSED_UDP)
        ]
        send(end, CHILD6 if ":" in site else CHILD4, b"back")
        assert heard(tunnel, 1) == [GRE_HEADER + b"back"]
        gateway.apply(render_passes(child, removed=child.passes, added=()))
        send(tunnel, site, b"cut")
        assert heard(end) == []
    assert len(listener.seen) == 1


@SITES
@PROTOCOLS
def test_one_that_is_refused_is_asked_about_once(
    gateway: Gateway, home: Home, child: Snapshot, site: str, number: int
) -> None:
    gateway.load(child)
    listener = gateway.listen(lambda seen: REFUSED)
    with (
        raw(home.internet, site, number) as end,
        raw(home.child, site, number) as tunnel,
        raw(home.other, site, number) as adult,
    ):
        for _ in range(10):
            send(tunnel, site, b"refused")
            assert until(lambda: listener.seen, 1.0) is not None
            time.sleep(0.02)
        send(adult, site, b"an adult's")
        assert heard(end, 1) == [GRE_HEADER + b"an adult's"]
    assert len(listener.seen) == 1


@SITES
def test_what_was_refused_is_asked_about_again_after_a_while(
    gateway: Gateway, home: Home, child: Snapshot, site: str
) -> None:
    gateway.load(child)
    listener = gateway.listen(lambda seen: REFUSED)
    with raw(home.internet, site, GRE) as end, raw(home.child, site, GRE) as tunnel:
        send(tunnel, site, b"1")
        assert until(lambda: listener.seen, 1.0) is not None
        assert heard(end) == []
        gateway.apply("flush set inet qalqan shut4\nflush set inet qalqan shut6")
        listener.judge = lambda seen: PASSES
        send(tunnel, site, b"2")
        assert heard(end, 1) == [GRE_HEADER + b"2"]


@SITES
def test_held_and_dropped_ones_are_asked_about_again(
    gateway: Gateway, home: Home, child: Snapshot, site: str
) -> None:
    gateway.load(child)
    listener = gateway.listen(lambda seen: DROP if b"drop" in seen.data else HOLD)
    with raw(home.internet, site, GRE) as end, raw(home.child, site, GRE) as tunnel:
        for text in (b"drop", b"hold", b"hold"):
            send(tunnel, site, text)
        assert heard(end, 2) == [GRE_HEADER + b"hold"] * 2
    assert len(listener.seen) == 3


@SITES
def test_help_passes_without_any_open_class(gateway: Gateway, home: Home, child: Snapshot, site: str) -> None:
    gateway.load(replace(child, passes=()))
    gateway.listen(lambda seen: HELP)
    with raw(home.internet, site, ESP) as end, raw(home.child, site, ESP) as tunnel:
        send(tunnel, site, b"calls")
        send(tunnel, site, b"calls")
        assert heard(end, 2) == [GRE_HEADER + b"calls"] * 2


@SITES
@pytest.mark.parametrize("number", [ESP, GRE])
@pytest.mark.parametrize("alive", [0, 60], ids=["dead", "unnoticed"])
def test_a_closed_profile_is_closed_without_a_daemon(
    gateway: Gateway, home: Home, child: Snapshot, site: str, number: int, alive: int
) -> None:
    gateway.load(child, alive=alive)
    with raw(home.internet, site, number) as end, raw(home.child, site, number) as tunnel:
        send(tunnel, site, b"closed")
        assert heard(end) == []


@SITES
@pytest.mark.parametrize("closed", [True, False], ids=["closed", "open"])
@pytest.mark.parametrize(("number", "arrives"), [(ESP, True), (GRE, False), (IPV6_IN_IP, False)])
def test_wifi_calling_goes_on_without_a_daemon(
    gateway: Gateway, home: Home, blank: Snapshot, site: str, closed: bool, number: int, arrives: bool
) -> None:
    slots = (Slot(3, (CHILD_MAC,), closed=closed),)
    gateway.load(replace(blank, slots=slots, help4=(SITE4,), help6=(SITE6,)), alive=0)
    with raw(home.internet, site, number) as end, raw(home.child, site, number) as tunnel:
        send(tunnel, site, b"calls")
        assert heard(end, int(arrives)) == ([GRE_HEADER + b"calls"] if arrives else [])


@SITES
def test_named_protocols_are_never_asked_about(
    gateway: Gateway, home: Home, child: Snapshot, site: str
) -> None:
    gateway.load(replace(child, protocols=(ESP,)))
    listener = gateway.listen(lambda seen: REFUSED)
    with raw(home.internet, site, ESP) as end, raw(home.child, site, ESP) as tunnel:
        send(tunnel, site, b"named")
        assert heard(end, 1) == [GRE_HEADER + b"named"]
    assert listener.seen == []


def test_a_flood_is_held_before_the_queue(gateway: Gateway, home: Home, child: Snapshot) -> None:
    gateway.load(child)
    listener = gateway.listen(lambda seen: HOLD)
    began = time.monotonic()
    with raw(home.child, SITE4, GRE) as tunnel:
        for _ in range(4000):
            send(tunnel, SITE4, b"flood")
    took = time.monotonic() - began
    rate, burst = packet_rates(child.rates)["guard"]
    assert until(lambda: len(listener.seen) > 0.9 * burst, 1.0) is not None
    time.sleep(0.2)
    assert len(listener.seen) < burst + rate * took + 100
