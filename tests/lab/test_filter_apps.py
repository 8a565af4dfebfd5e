"""Apps that connect to bare addresses are recognised by address or first bytes, and have the app's rules."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

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
FAR = {version: address("far.example.org", version) for version in (4, 6)}  # of no known service
VOICE = b"\x00\x01\x00\x46" + bytes(range(70))  # Discord's first datagram
NOISE = bytes([0xEF]) + bytes(range(150, 223))  # as MTProto's, which begins with random bytes


class AppFlow(NamedTuple):
    """How an app connects without a name. ``asked``: a name of the app that the device queries before."""

    service: str
    kind: str
    port: int
    where: dict[int, str] = FAR
    asked: str = ""
    row: bytes = NOISE

    @property
    def target(self) -> str:
        return f"service:{self.service}"


RIOT = {4: "104.160.141.3", 6: "2a04:82c0::3"}
META = {4: "157.240.1.53", 6: "2a03:2880::53"}
APPS = [
    AppFlow("whatsapp", "tcp", 5222, META),
    AppFlow("whatsapp", "tcp", 7, row=b"WA\x06\x03" + NOISE),
    AppFlow("viber", "tcp", 5242, asked="www.viber.com"),
    AppFlow("signal", "udp", 10_000, asked="chat.signal.org"),
    AppFlow("roblox", "udp", 53_000, {4: "128.116.1.2", 6: "2620:135:6000::2"}),
    AppFlow("brawl-stars", "tcp", 9339, asked="game.brawlstarsgame.com"),
    AppFlow("steam", "udp", 27_020, {4: "155.133.248.36", 6: "2404:3fc0:1::2"}),
    AppFlow("league-of-legends", "udp", 5100, RIOT, asked="www.leagueoflegends.com"),
    AppFlow("pubg", "udp", 7500, asked="prod-live-front.playbattlegrounds.com"),
    AppFlow("pubg-mobile", "udp", 17_500, asked="napubgm.igamecj.com"),
    AppFlow("free-fire", "tcp", 39_698, asked="ff.garena.com"),
    AppFlow("zoom", "udp", 8801, {4: "170.114.10.1", 6: "2407:30c0::1"}),
    AppFlow("microsoft-teams", "udp", 3479, {4: "52.113.194.132", 6: "2603:1063::5"}),
]
EACH_APP = pytest.mark.parametrize("flow", APPS, ids=lambda app: f"{app.service} {app.kind} {app.port}")
ECHOES = "".join(
    f"add rule inet apps called {'ip' if version == 4 else 'ip6'} daddr {where} {app.kind} dport {app.port} "
    "redirect to :7\n"
    for app in APPS
    for version, where in app.where.items()
)
TARGETS = list(dict.fromkeys(app.target for app in APPS))
ALLOWED_TO_TEEN = {**SON, "categories": {"social_networks": "allow"}}  # the age group asks for approval
WINDOWS = {target: ["18:00-19:00"] for target in ("service:telegram", *TARGETS)}
TEEN = {**ALLOWED_TO_TEEN, "block": ["service:discord"], "windows": WINDOWS}

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


@pytest.fixture(scope="module")
def app(home: Home) -> Iterator[None]:
    """The apps' servers, which answer with what they get."""
    home.internet.run(["nft", "-f", "-"], stdin=ECHO + ECHOES, check=True)
    yield
    home.internet.run(["nft", "delete", "table", "inet", "apps"], check=True)


@pytest.fixture(scope="module")
def daemon(home: Home, app: None) -> Iterator[Daemon]:
    daughter = {**DAUGHTER, "block": ["service:telegram", *TARGETS], "limits": {}}
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


def connect(device: Namespace, app: AppFlow, version: int) -> str:
    if app.asked:
        clients.dig(device, app.asked)
    return send(device, app.where[version], app.kind, app.port, app.row)


@EACH_APP
@FAMILIES
def test_each_app_is_refused_and_explained(home: Home, daemon: Daemon, flow: AppFlow, version: int) -> None:
    how = connect(home.devices["tablet"], flow, version)
    assert is_refused(how, flow.kind), how
    assert connect(home.devices["parent"], flow, version) == "echoed"
    if flow.row == NOISE:  # a question has no first bytes
        where = flow.where[version]
        to = f"[{where}]:{flow.port}" if version == 6 else f"{where}:{flow.port}"
        why = daemon.client.call("why", device=names.TABLET.mac, to=to, speaks=flow.kind)
        assert (why["verdict"], why["rule"]) == ("block", f"block: {flow.target}")


def test_the_hours_of_each_app_open_it(home: Home, daemon: Daemon) -> None:
    phone = home.devices["phone"]
    every = [(app, version) for app in APPS for version in (4, 6)]
    opened = [(app.service, version) for app, version in every if connect(phone, app, version) == "echoed"]
    assert opened == []
    set_time(daemon, EVENING)
    try:
        refused = {(app.service, version): connect(phone, app, version) for app, version in every}
        assert set(refused.values()) == {"echoed"}, refused
    finally:
        set_time(daemon, NOON)


@FAMILIES
def test_a_call_is_recognised_by_its_first_bytes(home: Home, daemon: Daemon, version: int) -> None:
    phone, where = home.devices["phone"], address("voice.example.org", version)
    assert send(phone, where, "udp", 7, VOICE) == "silent"
    assert send(phone, where, "udp", 7, VOICE[:-1]) == "echoed"
    assert send(home.devices["parent"], where, "udp", 7, VOICE) == "echoed"


def test_the_reason_is_told(home: Home, daemon: Daemon) -> None:
    send(home.devices["tablet"], APP[4], "tcp", 443)
    refusals = daemon.client.call("refusals", profile="daughter")["refusals"]
    refusal: dict[str, Any] = next(
        entry for entry in refusals if not entry["host"] and entry["name"] == "Telegram"
    )
    assert refusal["rule"] == "block: service:telegram"
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
