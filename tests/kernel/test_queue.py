"""One turn of a queue on the event loop, with real packets."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from gateway.core.loop import Loop
from gateway.kernel.queue import BATCH, DROP, PacketQueue, read_counters
from tests.kernel.home import Namespace

pytestmark = pytest.mark.lab

QUEUE, PORT = 77, 5000
HERE = 1  # the mark of what was in the queue: the rule lets it by


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    made = Namespace()
    made.run(
        "iptables-nft",
        *f"-A INPUT -p udp --dport {PORT} -m mark --mark 0 -j NFQUEUE --queue-num {QUEUE}".split(),
    )
    yield made
    made.close()


def waiting(namespace: Namespace) -> int:
    with namespace.inside():
        return read_counters()[QUEUE].waiting


UNPRIVILEGED = """
import os
from gateway.kernel.queue import read_counters
held = os.open("/proc/net/netfilter/nfnetlink_queue", os.O_RDONLY)
os.dup2(held, 3)
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
print(sorted(read_counters()))
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", "LISTEN_FDNAMES": "nfnetlink_queue"}
print(sorted(read_counters()), sorted(read_counters()))
"""


def test_a_daemon_that_is_not_root_reads_what_was_opened_for_it(namespace: Namespace) -> None:
    loop = Loop()
    with namespace.inside():
        queue = PacketQueue(loop, QUEUE, lambda packet, mark, hook, indev: HERE, fail_open=False)
        done = subprocess.run([sys.executable, "-c", UNPRIVILEGED], capture_output=True, text=True)
    queue.close()
    loop.close()
    assert done.stdout.splitlines() == ["[]", f"[{QUEUE}] [{QUEUE}]"], done.stderr


def test_a_turn_ends_after_its_share_and_the_rest_waits_for_the_next(namespace: Namespace) -> None:
    received = namespace.open(socket.AF_INET, socket.SOCK_DGRAM)
    received.bind(("127.0.0.1", PORT))
    sent = namespace.open(socket.AF_INET, socket.SOCK_DGRAM)
    loop = Loop()
    with namespace.inside():
        queue = PacketQueue(loop, QUEUE, lambda packet, mark, hook, indev: HERE, fail_open=False)
    for number in range(BATCH + 10):
        sent.sendto(str(number).encode(), ("127.0.0.1", PORT))
    assert waiting(namespace) == BATCH + 10
    loop.run_once(0)
    assert (queue.packets, waiting(namespace)) == (BATCH, 10)
    loop.run_once(0)
    assert (queue.packets, waiting(namespace)) == (BATCH + 10, 0)
    assert [int(received.recv(99)) for _ in range(BATCH + 10)] == list(range(BATCH + 10))
    queue.close()
    loop.close()


def test_what_follows_a_verdict_runs_when_the_packet_has_gone(namespace: Namespace) -> None:
    received = namespace.open(socket.AF_INET, socket.SOCK_DGRAM)
    received.bind(("127.0.0.1", PORT))
    sent = namespace.open(socket.AF_INET, socket.SOCK_DGRAM)
    arrived: list[bytes] = []
    loop = Loop()

    def after() -> None:
        arrived.append(received.recv(99, socket.MSG_DONTWAIT))
        raise RuntimeError

    with namespace.inside():
        queue = PacketQueue(loop, QUEUE, lambda packet, mark, hook, indev: HERE, fail_open=False, after=after)
    for word in (b"first", b"second"):
        sent.sendto(word, ("127.0.0.1", PORT))
    loop.run_once(0)
    assert arrived == [b"first", b"second"]
    assert (queue.packets, queue.faults, waiting(namespace)) == (2, 2, 0), "a failure costs no packet"
    queue.close()
    loop.close()


def test_a_handler_that_raises_costs_its_packet_and_no_other(namespace: Namespace) -> None:
    received = namespace.open(socket.AF_INET, socket.SOCK_DGRAM)
    received.bind(("127.0.0.1", PORT))
    sent = namespace.open(socket.AF_INET, socket.SOCK_DGRAM)
    loop = Loop()

    def handler(packet: bytes, mark: int, hook: int, indev: int) -> int:
        if packet.endswith(b"bad"):
            raise RuntimeError
        return DROP if packet.endswith(b"drop") else HERE

    with namespace.inside():
        queue = PacketQueue(loop, QUEUE, handler, fail_open=False)
    for word in (b"bad", b"drop", b"good"):
        sent.sendto(word, ("127.0.0.1", PORT))
    loop.run_once(0)
    assert received.recv(99) == b"good"
    assert (queue.packets, queue.faults, waiting(namespace)) == (3, 1, 0)
    queue.close()
    loop.close()
