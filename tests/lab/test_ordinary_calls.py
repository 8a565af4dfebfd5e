"""Video calls between two Chromiums (WebRTC): directly, through TURN over UDP and on the web's port, one way,
and past candidates that nobody answers at. TURN inside TLS is a name like any other; Chromium takes no
certificate of the pretended internet there.
"""

from __future__ import annotations

import json
import secrets
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.lab import chromium, names
from tests.lab.daemon import Daemon
from tests.lab.filtering import FAMILIES, fresh, until
from tests.lab.home import ROOT, Home
from tests.lab.internet import turn
from tests.lab.netns import Namespace, stop
from tests.lab.ordinary import CHILDREN, family, profile

pytestmark = [pytest.mark.lab, pytest.mark.browser]

MEET = "meet.example.org"
TURN_UDP, TURN_TCP = "turn.example.org", "turn-tcp.example.org"
INTERNET = "internet"  # where the other one sits, when not in this home
DEAD = [f"198.51.100.{number}" for number in range(1, 13)]
CALL_S = 80.0  # of which half are for the first contact
FLAGS = (
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-features=LocalNetworkAccessChecks,WebRtcHideLocalIpsWithMdns",
    "--remote-debugging-port=0",
)


@pytest.fixture(scope="module")
def daemon(home: Home) -> Iterator[Daemon]:
    small = profile(CHILDREN["tablet"], "tablet", allow=[MEET, TURN_UDP, TURN_TCP])
    with fresh(home, {**family(), "tablet": small}) as started:
        yield started


@pytest.fixture(scope="module")
def servers(home: Home) -> Iterator[None]:
    rules = ["table inet calls {", "chain called {", "type nat hook prerouting priority dstnat;"]
    rules.append(f"ip daddr {names.ipv4_of(TURN_TCP)} tcp dport 443 redirect to :{turn.TCP_PORT}")
    rules.append(f"ip6 daddr {names.ipv6_of(TURN_TCP)} tcp dport 443 redirect to :{turn.TCP_PORT}")
    rules += ["}", "chain silent {", "type filter hook prerouting priority filter;"]
    rules += ["ip daddr 198.51.100.0/24 drop", "}", "}", ""]
    home.internet.run(["nft", "-f", "-"], stdin="\n".join(rules), check=True)
    process = home.internet.popen([sys.executable, "-m", "tests.lab.internet.turn"], cwd=ROOT)
    try:
        assert process.stdout is not None
        readable, _, _ = select.select([process.stdout], [], [], 60.0)
        assert readable
        assert process.stdout.readline() == b"ready\n"
        yield
    finally:
        stop(process)
        home.internet.run(["nft", "delete", "table", "inet", "calls"], check=True)


def ice(*urls: str, relay: bool) -> str:
    servers = [{"urls": list(urls), "username": turn.USER, "credential": turn.PASSWORD}] if urls else []
    return json.dumps({"iceServers": servers, "iceTransportPolicy": "relay" if relay else "all"})


def call(
    home: Home,
    caller: str,
    callee: str,
    how: str,
    *,
    version: int | None = None,
    seconds: float = 4.0,
    one_way: bool = False,
    dead: tuple[str, ...] = (),
) -> dict[str, dict[str, str]]:
    """What both sides measured of a call, by role."""
    home.begin_anew()
    room = secrets.token_hex(4)
    with ExitStack() as stack:
        for role, device in (("offer", caller), ("answer", callee)):
            query = {"room": room, "role": role, "ice": how, "seconds": str(seconds)}
            if role == "answer":
                query |= {"sends": "0" if one_way else "1"}
            else:
                query |= {"dead": json.dumps(dead)}
            query |= {"family": str(version)} if version else {}
            namespace = home.internet if device == INTERNET else home.devices[device]
            url = f"https://{MEET}/call/page?{urlencode(query)}"
            stack.callback(stop, _browser(home, namespace, device, url))
        until(lambda: len(_told(home, room)) == 2, CALL_S, 0.25)
        return _told(home, room)


def _browser(home: Home, namespace: Namespace, device: str, url: str) -> subprocess.Popen[bytes]:
    shutil.rmtree(chromium.profile_folder(home, device), ignore_errors=True)
    where = [f"--host-resolver-rules=MAP {MEET} {names.ipv4_of(MEET)}"] if device == INTERNET else []
    return namespace.popen([*chromium.command(home, device), *FLAGS, *where, url])


def _told(home: Home, room: str) -> dict[str, dict[str, str]]:
    found = {}
    for line in home.seen():
        target = urlsplit(line["detail"].partition(" ")[2])
        if target.path.startswith(f"/call/told/{room}/"):
            values = parse_qs(target.query, keep_blank_values=True)
            found[target.path.rpartition("/")[2]] = {key: one[0] for key, one in values.items()}
    return found


def assert_seen_and_heard(told: dict[str, dict[str, str]], *roles: str, frames: int = 20) -> None:
    assert set(told) == {"offer", "answer"}, told
    for role in roles:
        measured = told[role]
        assert measured.get("state") == "connected", told
        assert int(measured["frames"]) >= frames, told
        assert int(measured["audio"]) >= 100, told
        assert int(measured["lost"]) <= 0.02 * (int(measured["video"]) + int(measured["audio"])), told


@FAMILIES
@pytest.mark.parametrize(
    "device",
    ["phone", pytest.param("new", marks=pytest.mark.slow), pytest.param("parent", marks=pytest.mark.slow)],
    ids=lambda device: CHILDREN[device].value,
)
def test_a_call_with_somebody_elsewhere(
    home: Home, daemon: Daemon, servers: None, device: str, version: int
) -> None:
    """Without any server: their browsers reach each other, IPv4 through the home's address translation."""
    told = call(home, device, INTERNET, ice(relay=False), version=version)
    assert_seen_and_heard(told, "offer", "answer")


def test_past_candidates_that_nobody_answers_at(home: Home, daemon: Daemon, servers: None) -> None:
    told = call(home, "phone", INTERNET, ice(f"stun:{TURN_UDP}:3478", relay=False), dead=tuple(DEAD))
    assert_seen_and_heard(told, "offer", "answer")
    assert int(told["offer"]["checks"]) > len(DEAD), "the dead ones were tried"


@pytest.mark.parametrize(
    ("urls", "protocol"),
    [
        (f"turn:{TURN_UDP}:3478", "udp"),
        (f"turn:{TURN_TCP}:443?transport=tcp", "tcp"),
    ],
    ids=["udp", "tcp"],
)
def test_a_call_between_two_rooms_through_turn(
    home: Home, daemon: Daemon, servers: None, urls: str, protocol: str
) -> None:
    told = call(home, "phone", "new", ice(urls, relay=True))
    assert_seen_and_heard(told, "offer", "answer")
    assert {one["relay"] for one in told.values()} == {protocol}


def test_a_film_that_goes_one_way(home: Home, daemon: Daemon, servers: None) -> None:
    """As when a child shows its screen: a heavy stream upwards, and nothing but reports down."""
    told = call(home, "phone", INTERNET, ice(relay=False), one_way=True, seconds=8.0)
    assert_seen_and_heard(told, "answer", frames=40)


def test_a_small_child_calls_through_a_server_that_is_allowed(
    home: Home, daemon: Daemon, servers: None
) -> None:
    """In strict bands the other's own address has no name: what is left is the way by a named server."""
    told = call(home, "tablet", INTERNET, ice(f"turn:{TURN_UDP}:3478", relay=False))
    assert_seen_and_heard(told, "offer", "answer")
    assert told["offer"]["kind"] == "relay"


def test_a_small_child_reaches_no_strangers_address(home: Home, daemon: Daemon, servers: None) -> None:
    told = call(home, "tablet", INTERNET, ice(relay=False))
    assert set(told) == {"offer", "answer"}, "both were there"
    assert all("failed" in one for one in told.values()), told
