"""What no queue is asked about and still carries data: ICMP, and further paths of one TCP connection."""

from __future__ import annotations

import contextlib
import socket
import time
from dataclasses import replace

import pytest

from gateway.kernel.ruleset.packet_rates import SIZES
from gateway.kernel.snapshot import PassElement, Slot, Snapshot
from tests.kernel.conftest import Gateway
from tests.kernel.home import CHILD_MAC, OTHER_MAC, PATIENCE, Home, Namespace
from tests.kernel.listener import HOLD
from tests.kernel.talks import SITES
from tests.pace import until

pytestmark = pytest.mark.lab

ICMP, ICMPV6 = 1, 58
IPPROTO_MPTCP = 262
SECOND = ("nodad", "preferred_lft", "0")  # the other address stays the one that connections have
DATA = 1200  # bytes of an echo of a tunnel


@pytest.fixture
def child(blank: Snapshot) -> Snapshot:
    return replace(
        blank, slots=(Slot(3, (CHILD_MAC,), closed=True),), plain=(OTHER_MAC,), passes=(PassElement(3, 1),)
    )


def raw(namespace: Namespace, site: str) -> socket.socket:
    if ":" in site:
        return namespace.open(socket.AF_INET6, socket.SOCK_RAW, ICMPV6)
    return namespace.open(socket.AF_INET, socket.SOCK_RAW, ICMP)


def echo(site: str, number: int, data: bytes) -> bytes:
    """With a right sum; of ICMPv6 the kernel writes it."""
    kind = 128 if ":" in site else 8
    message = bytes([kind, 0, 0, 0]) + b"\x12\x34" + number.to_bytes(2, "big") + data
    rest = -int.from_bytes(message, "big") % 65535
    return message if ":" in site else message[:2] + rest.to_bytes(2, "big") + message[4:]


def echoes(end: socket.socket, site: str, least: int) -> int:
    """How many echo requests arrived: ``least`` of them, and what comes right behind."""
    kind, count = 128 if ":" in site else 8, 0
    while True:
        end.settimeout(PATIENCE if count < least else 0.2)
        try:
            data = end.recv(4096)
        except TimeoutError:
            return count
        message = data[20:] if end.family == socket.AF_INET else data
        count += message[0] == kind


@SITES
def test_pings_pass_and_a_tunnel_in_them_trickles(
    gateway: Gateway, home: Home, child: Snapshot, site: str
) -> None:
    gateway.load(child)
    gateway.listen(lambda seen: HOLD)
    rate, burst = SIZES["guardicmp"]
    arrived = {}
    for device in (home.child, home.other):
        with raw(home.internet, site) as end, raw(device, site) as sender:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            for number in range(5):
                sender.sendto(echo(site, number, bytes(56)), (site, 0))
            assert echoes(end, site, 5) == 5
            before = time.monotonic()
            for number in range(400):
                sender.sendto(echo(site, number, bytes(DATA)), (site, 0))
            took = time.monotonic() - before + 0.5
            arrived[device] = echoes(end, site, 400 if device is home.other else 11)
    assert arrived[home.other] == 400
    # The answers count as well.
    assert 10 < arrived[home.child] * DATA <= (burst + rate * took) * 1024


@SITES
def test_a_connection_has_one_path(gateway: Gateway, home: Home, child: Snapshot, site: str) -> None:
    """MPTCP spreads the bytes of one connection over several; the kernel's own, on both sides."""
    gateway.load(child)
    gateway.listen(lambda seen: HOLD)
    family = socket.AF_INET6 if ":" in site else socket.AF_INET
    home.internet.run("ip", "mptcp", "limits", "set", "subflow", "2", "add_addr_accepted", "2")
    joins = {}
    with home.internet.open(family, socket.SOCK_STREAM, IPPROTO_MPTCP) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((site, 7070))
        server.listen()
        for device, last in ((home.child, "20"), (home.other, "21")):
            more = f"fd77::{last}/64" if ":" in site else f"192.168.77.{last}/24"
            with contextlib.suppress(RuntimeError):  # from the other test's turn
                device.run("ip", "address", "add", more, "dev", "eth0", *(SECOND if ":" in site else []))
            device.run("ip", "mptcp", "limits", "set", "subflow", "2")
            device.run("ip", "mptcp", "endpoint", "flush")
            device.run("ip", "mptcp", "endpoint", "add", more.partition("/")[0], "dev", "eth0", "subflow")
            before = _joins(home.internet)
            with device.open(family, socket.SOCK_STREAM, IPPROTO_MPTCP) as client:
                client.connect((site, 7070))
                client.sendall(b"hello")
                with home.internet.accept(server) as end:
                    assert end.recv(5) == b"hello"
                    end.sendall(b"there")
                    assert client.recv(5) == b"there"
                    if device is home.other:
                        joined = until(lambda: _joins(home.internet) > before, 1.0)  # noqa: B023
                        assert joined is not None, "or a child's would prove nothing"
                    else:
                        time.sleep(0.3)
                    client.sendall(b"again")
                    assert end.recv(5) == b"again"
            joins[device] = _joins(home.internet) - before
    assert joins[home.other] > 0
    assert joins[home.child] == 0


def _joins(namespace: Namespace) -> int:
    names, numbers = (
        line.split()
        for line in namespace.run("cat", "/proc/net/netstat").splitlines()
        if line.startswith("MPTcpExt:")
    )
    return int(numbers[names.index("MPJoinSynRx")])
