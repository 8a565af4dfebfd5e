"""Apps that connect to bare addresses are recognised by address or first bytes, and have the app's rules."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab import clients, names
from tests.lab.daemon import Daemon
from tests.lab.filtering import (
    ALLOWED,
    CUT,
    DAUGHTER,
    FAMILIES,
    MUM,
    SON,
    address,
    fetch,
    fresh,
    python,
    set_time,
)
from tests.lab.home import Home
from tests.lab.netns import Namespace

pytestmark = pytest.mark.lab

APP = {4: "149.154.167.51", 6: "2001:67c:4e8:f002::a"}  # a data centre of Telegram
WEB = {4: "149.154.167.99", 6: "2001:67c:4e8:f002::b"}  # another, on which the pretended internet has HTTPS
NOON, EVENING = "2026-11-25T12:00:00", "2026-11-25T18:30:00"  # a Wednesday
PORTS = pytest.mark.parametrize(
    ("kind", "port"), [("tcp", 443), ("tcp", 80), ("udp", 599)], ids=["TCP 443", "TCP 80", "UDP 599"]
)
ECHO = """
table inet apps {
  chain called {
    type nat hook prerouting priority dstnat;
    ip daddr 149.154.167.51 tcp dport { 80, 443 } redirect to :7
    ip daddr 149.154.167.51 udp dport 599 redirect to :7
    ip6 daddr 2001:67c:4e8:f002::a tcp dport { 80, 443 } redirect to :7
    ip6 daddr 2001:67c:4e8:f002::a udp dport 599 redirect to :7
  }
}
"""
ALLOWED_TO_TEEN = {**SON, "categories": {"social_networks": "allow"}}  # the age group asks for approval
TEEN = {**ALLOWED_TO_TEEN, "block": ["service:discord"], "windows": {"service:telegram": ["18:00-19:00"]}}
VOICE = b"\x00\x01\x00\x46" + bytes(range(70))  # Discord's first datagram
NOISE = bytes([0xEF]) + bytes(range(150, 223))  # as MTProto's, which begins with random bytes

# Sends bytes, and prints what became of them.
SEND = """
import json, socket, sys
address, kind, port, row, wait = sys.argv[1:]
row, how = bytes.fromhex(row), "silent"
family = socket.AF_INET6 if ":" in address else socket.AF_INET
with socket.socket(family, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM) as one:
    one.settimeout(float(wait))
    try:
        one.connect((address, int(port)))
        one.send(row)
        how = "echoed" if one.recv(4096) == row else "closed"
    except ConnectionResetError:
        how = "reset"
    except ConnectionRefusedError:
        how = "refused"
    except OSError:
        pass
print(json.dumps(how))
"""
# Sends and receives for some seconds; prints the bytes, and whether the connection was cut.
PUMP = """
import json, socket, sys, time
moved, cut, until = 0, False, time.monotonic() + float(sys.argv[2])
with socket.create_connection((sys.argv[1], 443), 5) as one:
    one.settimeout(5)
    try:
        while time.monotonic() < until:
            one.sendall(bytes([0xEF]) * 4096)
            moved += len(one.recv(65536))
            time.sleep(0.05)
    except OSError:
        cut = True
print(json.dumps([moved, cut]))
"""


@pytest.fixture(scope="module")
def app(home: Home) -> Iterator[None]:
    """Telegram's servers, which answer with what they get."""
    home.internet.run(["nft", "-f", "-"], stdin=ECHO, check=True)
    yield
    home.internet.run(["nft", "delete", "table", "inet", "apps"], check=True)


@pytest.fixture(scope="module")
def daemon(home: Home, app: None) -> Iterator[Daemon]:
    daughter = {**DAUGHTER, "block": ["service:telegram"], "limits": {}}
    with fresh(home, {"daughter": daughter, "son": TEEN, "mum": MUM}) as started:
        set_time(started, NOON)
        yield started


def send(device: Namespace, where: str, kind: str, port: int, row: bytes = NOISE) -> str:
    wait = clients.SILENCE_S if kind == "udp" else clients.PATIENCE_S
    found: str = json.loads(python(device, SEND, where, kind, str(port), row.hex(), str(wait)))
    return found


def is_refused(how: str, kind: str) -> bool:
    return how in CUT or (kind == "udp" and how == "silent")


@FAMILIES
@PORTS
def test_a_blocked_app_is_refused_by_its_address(
    home: Home, daemon: Daemon, version: int, kind: str, port: int
) -> None:
    how = send(home.devices["tablet"], APP[version], kind, port)
    assert is_refused(how, kind), how
    assert send(home.devices["parent"], APP[version], kind, port) == "echoed"
    assert send(home.devices["tablet"], address("far.example.org", version), kind, 7) == "echoed"


@FAMILIES
def test_a_fake_name_does_not_open_its_address(home: Home, daemon: Daemon, version: int) -> None:
    url, where = f"https://{ALLOWED}/", WEB[version]
    outcome = fetch(home.devices["tablet"], url, version, to=where)
    assert not outcome.reached
    assert outcome.how in CUT, outcome
    assert fetch(home.devices["parent"], url, version, to=where).reached
    assert fetch(home.devices["tablet"], url, version).reached, "the site itself"


@FAMILIES
def test_its_window_opens_it(home: Home, daemon: Daemon, version: int) -> None:
    phone = home.devices["phone"]
    assert is_refused(send(phone, APP[version], "tcp", 443), "tcp")
    set_time(daemon, EVENING)
    try:
        assert send(phone, APP[version], "tcp", 443) == "echoed"
        assert send(phone, APP[version], "udp", 599) == "echoed"
    finally:
        set_time(daemon, NOON)
    assert is_refused(send(phone, APP[version], "tcp", 443), "tcp")


@FAMILIES
def test_a_call_is_recognised_by_its_first_bytes(home: Home, daemon: Daemon, version: int) -> None:
    phone, where = home.devices["phone"], address("voice.example.org", version)
    assert send(phone, where, "udp", 7, VOICE) == "silent"
    assert send(phone, where, "udp", 7, VOICE[:-1]) == "echoed"
    assert send(home.devices["parent"], where, "udp", 7, VOICE) == "echoed"


def test_the_reason_is_told(home: Home, daemon: Daemon) -> None:
    send(home.devices["tablet"], APP[4], "tcp", 443)
    told = daemon.client.call("refusals", profile="daughter")["refusals"]
    refusal: dict[str, Any] = next(one for one in told if not one["host"])
    assert (refusal["name"], refusal["rule"]) == ("Telegram", "block: service:telegram")
    assert refusal["sign"] == "address"
    why = daemon.client.call("why", device=names.TABLET.mac, to=f"{APP[4]}:443")
    assert (why["verdict"], why["rule"], why["services"]) == (
        "block",
        "block: service:telegram",
        ["Telegram"],
    )
    assert why["sentence"].endswith("The connection was recognised by its address.")
    opened = daemon.client.call("why", device=names.PHONE.mac, to=f"{APP[4]}:443", at="2026-11-25T18:30")
    assert opened["verdict"] == "allow"
    assert {"rule": "service:telegram", "outcome": "by its address"} in opened["passed"]


@pytest.mark.slow
def test_its_minutes_count_and_end_it(home: Home, daemon: Daemon) -> None:
    phone = home.devices["phone"]
    daemon.write_profile("son", {**ALLOWED_TO_TEEN, "limits": {"service:telegram": "1m"}})
    daemon.reload()
    try:
        # The clock was set not long ago, and the minute in which that happened does not count.
        moved, cut = json.loads(python(phone, PUMP, APP[4], "150", timeout=180.0))
        assert cut, f"{moved} bytes went through"
        (used,) = daemon.client.call("device", mac=names.PHONE.mac)["used"]
        assert (used["target"], used["minutes"]) == ("service:telegram", 1)
        assert is_refused(send(phone, APP[4], "tcp", 80), "tcp")
        assert fetch(phone, f"https://{ALLOWED}/", 4).reached
    finally:
        daemon.write_profile("son", TEEN)
        daemon.reload()
