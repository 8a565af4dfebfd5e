"""The tricks of circumvention tools get nothing out of a refused name's server; on an allowed one they work.

Without the filter the same tricks work for any name, which is tried too: else they would prove nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.lab import clients, evasions, rawquic
from tests.lab.daemon import Daemon
from tests.lab.filtering import ALLOWED, FAMILIES, REFUSED, Arrivals, address, fresh, module
from tests.lab.home import Home

pytestmark = pytest.mark.lab

OTHER = "other.example.org"  # a decoy for who goes to the allowed site
# OpenSSL's server, or the pretended internet's, ends these by itself.
NEVER_ANSWERED = {"a ChangeCipherSpec first", "a warning first", "http: unix line ends"}

# What has one hop left does not come through: so a fake can die between the gateway and the server.
_HOPS = """
table inet lab_hops {
  chain incoming {
    type filter hook prerouting priority raw; policy accept;
    ip ttl 1 drop
    ip6 hoplimit 1 drop
  }
}
"""
# TCP Fast Open for every listener, no cookie asked for: data on a SYN is believed (ip-sysctl.rst).
_FAST_OPEN = "net.ipv4.tcp_fastopen=1538"

Results = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def far(home: Home) -> Iterator[Home]:
    """The home, with an internet that lies two hops away."""
    before = home.internet.run(["sysctl", "net.ipv4.tcp_fastopen"]).stdout.replace(" ", "").strip()
    home.internet.run(["nft", "-f", "-"], stdin=_HOPS, check=True)
    home.internet.run(["sysctl", "-qw", _FAST_OPEN], check=True)
    yield home
    home.internet.run(["sysctl", "-qw", before], check=True)
    home.internet.run(["nft", "delete", "table", "inet", "lab_hops"], check=True)


class Lab:
    """Runs all cases of a kind at once, in one process on the tablet, the first time one is asked for."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._known: dict[tuple[str, str, int], Results] = {}

    def quic(self, case: str, host: str, version: int) -> dict[str, Any]:
        return self._all("rawquic", host, version)[case]

    def tcp(self, case: str, host: str, version: int) -> dict[str, Any]:
        return self._all("rawclient", host, version)[case]

    def _all(self, kind: str, host: str, version: int) -> Results:
        key = kind, host, version
        if key not in self._known:
            decoy = OTHER if host == ALLOWED else ALLOWED
            cases = rawquic.CASES if kind == "rawquic" else evasions.CASES
            common = {"host": host, "decoy": decoy, "address": address(host, version), "version": version}
            common |= {"patience": clients.EXCHANGE_S if host == ALLOWED else clients.SILENCE_S}
            tries = [{"case": case, **common} for case in cases]
            found = json.loads(
                module(
                    self._home.devices["tablet"], kind, stdin=json.dumps(tries), timeout=20 * clients._START_S
                )
            )
            self._known[key] = {one["case"]: one for one in found}
        return self._known[key]


@pytest.fixture(scope="module")
def unfiltered(far: Home) -> Lab:
    """Before the daemon starts; so the fixture ``lab`` asks for it first."""
    lab = Lab(far)
    for version in (4, 6):
        lab.tcp("plain", ALLOWED, version)
        lab.quic("plain", ALLOWED, version)
    return lab


@pytest.fixture(scope="module")
def daemon(far: Home, unfiltered: Lab) -> Iterator[Daemon]:
    with fresh(far) as started:
        yield started


@pytest.fixture(scope="module")
def lab(far: Home, arrivals: Arrivals) -> Lab:
    return Lab(far)


@pytest.fixture(scope="module")
def arrivals(far: Home, daemon: Daemon) -> Arrivals:
    return Arrivals(far)


def _reached(arrivals: Arrivals, host: str, *protos: str) -> list[dict[str, Any]]:
    lines = [line for proto in protos for line in arrivals.of(proto)]
    return [line for line in lines if line["name"].lower().rstrip(".").split(":")[0] == host]


@FAMILIES
@pytest.mark.parametrize("case", evasions.CASES)
def test_tcp(arrivals: Arrivals, lab: Lab, unfiltered: Lab, version: int, case: str) -> None:
    refused = lab.tcp(case, REFUSED, version)
    assert refused["data"] == 0, refused
    assert refused["how"] != "answered", refused
    assert not _reached(arrivals, REFUSED, "http", "https")
    bare = unfiltered.tcp(case, ALLOWED, version)
    assert (bare["how"] == "answered") is (case not in NEVER_ANSWERED), bare
    if evasions.CASES[case].ordinary:
        allowed = lab.tcp(case, ALLOWED, version)
        assert allowed["how"] == "answered", allowed


@FAMILIES
@pytest.mark.parametrize("case", rawquic.CASES)
def test_quic(lab: Lab, unfiltered: Lab, version: int, case: str) -> None:
    refused = lab.quic(case, REFUSED, version)
    assert refused["data"] == 0, refused
    assert refused["how"] != "answered", refused
    bare = unfiltered.quic(case, ALLOWED, version)
    assert bare["how"] == "answered", bare
    if rawquic.CASES[case].ordinary:
        allowed = lab.quic(case, ALLOWED, version)
        assert allowed["how"] == "answered", allowed


@FAMILIES
def test_a_change_of_rules_between_a_hello_and_its_answer(far: Home, daemon: Daemon, version: int) -> None:
    """The hello was allowed, and the server gets it after its name is blocked."""
    chosen = {"case": "lost on the way at first", "host": ALLOWED, "decoy": OTHER, "version": version}
    tries = json.dumps([{**chosen, "address": address(ALLOWED, version), "patience": 3.0}])
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(module, far.devices["tablet"], "rawclient", stdin=tries, timeout=60.0)
        time.sleep(evasions.LOST_S / 2)
        daemon.client.call("edit", id="daughter", set={f"block/{ALLOWED}": True}, by="console")
        (result,) = json.loads(found.result())
    daemon.client.call("edit", id="daughter", set={f"block/{ALLOWED}": None}, by="console")
    assert result["data"] == 0
    assert result["how"] == "reset"


@FAMILIES
@pytest.mark.parametrize(("mss", "window"), [(0, 0), (48, 0), (0, 44)], ids=["usual", "MSS 48", "window 44"])
def test_a_second_hello_after_a_retry(far: Home, daemon: Daemon, version: int, mss: int, window: int) -> None:
    """The server's first answer is a HelloRetryRequest in short segments, one of which looks like a
    ServerHello: the second hello is judged all the same.
    """
    where = {"address": address(ALLOWED, version), "version": version, "mss": mss, "window": window}
    tries = [{**where, "first": ALLOWED, "second": second} for second in (REFUSED, ALLOWED)]
    refused, allowed = json.loads(
        module(far.devices["tablet"], "helloretry", stdin=json.dumps(tries), timeout=60.0)
    )
    assert refused == 0
    assert allowed > 60


def test_the_filter_stays_well(daemon: Daemon, lab: Lab) -> None:
    for version in (4, 6):
        lab.tcp("plain", REFUSED, version)
    status = daemon.client.call("status")
    print(f"after all tricks: {status['flows']}, {status['verdicts']}")
    assert sum(queue["faults"] for queue in status["queue"].values()) == 0
    assert sum(queue["dropped"] for queue in status["queue"].values()) == 0
    assert "Traceback" not in daemon.log.read_text()
