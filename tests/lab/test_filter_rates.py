"""How fast one device may open connections, and that its flood leaves the filter to the others."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.bench.wires import queued
from tests.lab.daemon import Daemon
from tests.lab.filtering import ALLOWED, FAMILIES, PROFILES, address, fresh, module, until
from tests.lab.home import ROOT, Home
from tests.lab.names import PHONE, TABLET
from tests.lab.netns import Namespace, stop
from tests.lab.openings import Opened
from tests.pace import longest

pytestmark = pytest.mark.lab

PORT = 9443  # of a server that answers each hello
UNSERVED = 9
SECONDS = 4
PAGES = 20  # connections a second of the other device
# The phone in the tablet's group of slots and failure mode: both use the same queues.
BOTH = {**PROFILES, "son": {**PROFILES["son"], "failure": "closed"}}
_HELLOS = f'iifname "br-lan" tcp dport {PORT} ct state established counter;'
_COUNTED = f"""
table inet lab_lost {{
  chain before {{ type filter hook forward priority -160; {_HELLOS} }}
  chain after {{ type filter hook forward priority -150; {_HELLOS} }}
}}
"""


@pytest.fixture(scope="module")
def daemon(home: Home) -> Iterator[Daemon]:
    home.begin_anew()
    with fresh(home, BOTH) as started:
        yield started


@pytest.fixture(scope="module", autouse=True)
def server(home: Home) -> Iterator[None]:
    argv = [sys.executable, "-m", "tests.lab.openings", "serve", str(PORT)]
    process = home.internet.popen(argv, cwd=ROOT)
    try:
        listens = ["ss", "-Hltn", f"sport = :{PORT}"]
        assert until(lambda: home.internet.run(listens).stdout.strip(), 5.0) is not None
        yield
    finally:
        stop(process)


@contextmanager
def lost(home: Home) -> Iterator[list[int]]:
    """Count the tablet's and the phone's packets that the gateway drops in the block, into the list."""
    home.gateway.run(["nft", "-f", "-"], stdin=_COUNTED, check=True)
    found: list[int] = []
    try:
        yield found
        listed = home.gateway.run(["nft", "-j", "list", "table", "inet", "lab_lost"], check=True).stdout
        rules = [item["rule"]["expr"] for item in json.loads(listed)["nftables"] if "rule" in item]
        before, after = (rule[-1]["counter"]["packets"] for rule in rules)
        found.append(before - after)
    finally:
        home.gateway.run(["nft", "destroy", "table", "inet", "lab_lost"])


def opened(device: Namespace, version: int, rate: float) -> Opened:
    arguments = ("open", address(ALLOWED, version), str(PORT), str(rate), str(SECONDS))
    return Opened(**json.loads(module(device, "openings", *arguments, timeout=120.0)))


@contextmanager
def meanwhile(device: Namespace, version: int) -> Iterator[list[Opened]]:
    """The device opens pages for as long as the others take; the list has what became of them afterwards."""
    found: list[Opened] = []
    other = threading.Thread(target=lambda: found.append(opened(device, version, PAGES)))
    other.start()
    try:
        yield found
    finally:
        other.join()


@FAMILIES
def test_a_device_opens_a_thousand_connections_a_second(home: Home, daemon: Daemon, version: int) -> None:
    rates = daemon.client.call("status")["rates"]
    rate = min(1000, rates["tcp"] // 2)  # a slower machine has a lower limit
    with lost(home) as dropped, meanwhile(home.devices[PHONE.key], version) as others:
        device = opened(home.devices[TABLET.key], version, rate)
    assert (device.answered, device.failed) == (rate * SECONDS, 0)
    assert dropped == [0]
    assert (others[0].answered, others[0].failed) == (PAGES * SECONDS, 0)
    assert others[0].percentile(0.99) < longest(0.01) * 1000
    assert daemon.client.call("status")["flows"]["postponed"] == 0


@FAMILIES
def test_a_flood_above_the_limit_leaves_the_filter_to_others(
    home: Home, daemon: Daemon, version: int
) -> None:
    rates = daemon.client.call("status")["rates"]
    tablet, seen, began = home.devices[TABLET.key], queued(daemon), time.monotonic()
    number = 12 * rates["tcp"]
    own = TABLET.ipv4 if version == 4 else TABLET.ipv6
    with meanwhile(home.devices[PHONE.key], version) as others:
        arguments = ("flood", "eth0", own, address(ALLOWED, version), str(UNSERVED), str(number))
        module(tablet, "openings", *arguments, timeout=120.0)
        took = time.monotonic() - began
    seen = queued(daemon) - seen
    assert 800 < seen < 800 + rates["tcp"] * took + 2 * PAGES * SECONDS + 100
    assert (others[0].answered, others[0].failed) == (PAGES * SECONDS, 0)
    status = daemon.client.call("status")
    assert sum(queue["dropped"] for queue in status["queue"].values()) == 0
