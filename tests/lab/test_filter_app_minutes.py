"""Minutes of apps that connect to bare addresses count and end them; names that an app shares do not count.

One real minute is enough for all: each child uses its apps in the same minute.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from time import monotonic
from typing import Any, NamedTuple

import pytest

from tests.lab import clients, names
from tests.lab.daemon import Daemon
from tests.lab.filtering import ALLOWED, CUT_MS, assert_started, film, fresh
from tests.lab.home import Home
from tests.lab.test_filter_apps import (
    ALLOWED_TO_TEEN,
    APP,
    APPS,
    ECHO,
    ECHOES,
    VOICE,
    AppFlow,
    connect,
    is_refused,
)
from tests.lab.test_filter_quota import next_minute, wait_for

pytestmark = pytest.mark.lab

FLOWS = [
    *APPS,
    AppFlow("telegram", "tcp", 443, APP),
    AppFlow("telegram", "udp", 599, APP),
    AppFlow("discord", "udp", 7, row=VOICE),
]
TARGETS = sorted({flow.target for flow in FLOWS})
# Names of another service that an app needs: the app's id and the name.
COMPANIONS = [
    ("messenger", "static.xx.fbcdn.net"),
    ("capcut", "api.byteoversea.com"),
    ("sferum", "id.vk.com"),
    ("minecraft", "profile.xboxlive.com"),
    ("fortnite", "account-public-service-prod.ol.epicgames.com"),
]
OWNERS = ("www.facebook.com", "www.tiktok.com", "vk.com", "www.xbox.com", "store.epicgames.com")
GAME = "api.minecraftservices.com"
DEVICES = {"phone": 4, "tablet": 6}  # IP version of its apps
TEEN = {**ALLOWED_TO_TEEN, "limits": dict.fromkeys(TARGETS, "1m")}
BLOCKED = [f"service:{service}" for service in ("facebook", "tiktok", "vk", "xbox", "epic-games")]
YOUNG = {"band": "10-12", "bedtime": {}, "block": BLOCKED}
FAMILY = {
    "son": TEEN,
    "daughter": {**TEEN, "name": "Daughter", "devices": [names.TABLET.mac]},
    "nephew": {**YOUNG, "name": "Nephew", "devices": [names.NEW.mac], "limits": {"internet": "1m"}},
    "niece": {
        **YOUNG, "name": "Niece", "devices": [names.PARENT.mac], "limits": {"service:minecraft": "1m"},
    },
}  # fmt: skip

# Sends on each connection and receives its echo, for some seconds. Prints bytes, and when the last one came.
USE = """
import contextlib, json, selectors, socket, sys, time
flows, seconds = json.loads(sys.argv[1]), float(sys.argv[2])
found, ready = [[0, 0.0] for _ in flows], selectors.DefaultSelector()
for number, (kind, where, port, row) in enumerate(flows):
    family = socket.AF_INET6 if ":" in where else socket.AF_INET
    one = socket.socket(family, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM)
    one.settimeout(5)
    one.connect((where, port))
    one.send(bytes.fromhex(row))
    one.setblocking(False)
    ready.register(one, selectors.EVENT_READ, number)
until, due = time.monotonic() + seconds, 0.0
while (now := time.monotonic()) < until and ready.get_map():
    if now >= due:
        due = now + 0.1
        for key in list(ready.get_map().values()):
            with contextlib.suppress(OSError):
                for _ in range(3):
                    key.fileobj.send(bytes(1200))
    for key, _ in ready.select(max(0.0, due - time.monotonic())):
        try:
            data = key.fileobj.recv(65536)
        except BlockingIOError:
            continue
        except OSError:
            if key.fileobj.type == socket.SOCK_DGRAM:
                continue  # an ICMP error ends no UDP flow
            data = b""
        if data:
            found[key.data] = [found[key.data][0] + len(data), time.monotonic()]
        else:
            ready.unregister(key.fileobj)
print(json.dumps(found))
"""


class Minute(NamedTuple):
    """What was seen of one minute in which all apps were used."""

    daemon: Daemon
    ends: float  # as time.monotonic() has it
    apps: dict[str, list[list[float]]]  # device → bytes and time of the last one, for each of FLOWS
    companions: dict[str, bool]  # app → whether its companion went on
    game: list[float | None]  # ms from the end of the minute to the end of the game's streams
    web: bool  # whether another site went on


def use(home: Home, device: str, version: int, seconds: float) -> subprocess.Popen[bytes]:
    flows = [(flow.kind, flow.where[version], flow.port, flow.row.hex()) for flow in FLOWS]
    argv = [sys.executable, "-c", USE, json.dumps(flows), str(seconds)]
    return home.devices[device].popen(argv)


@pytest.fixture(scope="module")
def minute(home: Home) -> Iterator[Minute]:
    home.internet.run(["nft", "-f", "-"], stdin=ECHO + ECHOES, check=True)
    phone, new, niece = home.devices["phone"], home.devices["new"], home.devices["parent"]
    try:
        with fresh(home, FAMILY) as daemon, contextlib.ExitStack() as stack:
            for asked in {flow.asked for flow in FLOWS if flow.asked}:
                for device in ("phone", "tablet"):
                    assert clients.dig(home.devices[device], asked).records, (device, asked)
            # Names that are not counted are so at an address that an answer gave for them.
            for name in [name for _, name in COMPANIONS]:
                for kind in ("A", "AAAA"):
                    assert clients.dig(new, name, kind).records, name
            for name in (GAME, "profile.xboxlive.com"):
                assert clients.dig(niece, name).records, name
            ends = next_minute()
            wait = ends - monotonic() + CUT_MS / 1000 + 1.0
            apps = {device: use(home, device, version, wait) for device, version in DEVICES.items()}
            shared = {
                (app, version): stack.enter_context(film(new, name, version, rate="40k"))
                for app, name in COMPANIONS
                for version in (4, 6)
            }
            game = [stack.enter_context(film(niece, name, 4)) for name in (GAME, "profile.xboxlive.com")]
            web = stack.enter_context(film(phone, ALLOWED, 4, rate="40k"))
            assert_started(*shared.values(), *game, web)
            wait_for(ends - 0.5)
            assert all(flow.runs for flow in (*shared.values(), *game, web))
            ended = [flow.death(ends) for flow in game]
            seen = {
                device: json.loads(process.communicate(timeout=120)[0]) for device, process in apps.items()
            }
            gone_on = {app: all(shared[app, version].flows() for version in (4, 6)) for app, _ in COMPANIONS}
            yield Minute(daemon, ends, seen, gone_on, ended, web.flows())
    finally:
        home.internet.run(["nft", "delete", "table", "inet", "apps"], check=True)


def used(daemon: Daemon, mac: str) -> dict[str, int]:
    limits: list[dict[str, Any]] = daemon.client.call("device", mac=mac)["used"]
    return {limit["target"]: limit["minutes"] for limit in limits}


@pytest.mark.parametrize("device", DEVICES, ids=lambda device: f"IPv{DEVICES[device]}")
def test_the_minute_of_each_app_counts_and_ends_it(home: Home, minute: Minute, device: str) -> None:
    mac = home.seats[device].mac
    seen = [
        (flow.target, flow.kind, size) for flow, (size, _) in zip(FLOWS, minute.apps[device], strict=True)
    ]
    assert used(minute.daemon, mac) == dict.fromkeys(TARGETS, 1), seen
    late = minute.ends + CUT_MS / 1000
    for flow, (size, last) in zip(FLOWS, minute.apps[device], strict=True):
        assert minute.ends - 1.0 <= last <= late, (flow, size, last - minute.ends)
    for flow in FLOWS:
        how = connect(home.devices[device], flow, DEVICES[device])
        assert is_refused(how, flow.kind), (flow, how)


def test_another_site_goes_on(minute: Minute) -> None:
    assert minute.web


def test_names_that_an_app_shares_go_on_and_are_in_no_ledger(home: Home, minute: Minute) -> None:
    assert minute.companions == {app: True for app, _ in COMPANIONS}
    assert used(minute.daemon, names.NEW.mac) == {"internet": 0, "play": 0}
    for host in OWNERS:
        assert not clients.curl(home.devices["new"], f"https://{host}/").reached, host
    assert clients.curl(home.devices["new"], f"https://{ALLOWED}/").reached, "the minute is not used"


def test_the_app_itself_counts_and_its_shared_name_ends_with_it(minute: Minute) -> None:
    assert used(minute.daemon, names.PARENT.mac) == {"service:minecraft": 1, "play": 1}
    for took in minute.game:
        assert took is not None
        assert took <= CUT_MS
