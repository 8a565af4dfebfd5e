"""A message to a topic goes to the internet, or to one host of the home, and nowhere else; real servers."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gateway.core.http_client import Outside
from tests.lab.netns import Namespace, stop
from tests.lists.outside_world import LAN, RESOLVER, SITE
from tests.lists.test_outside import _until_ready, _wire
from tests.pace import longest
from webui.messages import ntfy
from webui.messages.unsent import NotSent, SendFailure

ROOT = Path(__file__).parents[3]
PORT = 8098
HOME_SERVER = "192.168.77.9"
SEND = """
import sys, time
from webui.messages.ntfy import send
from webui.messages.unsent import NotSent
start = time.monotonic()
try:
    send(sys.argv[1], "Два запроса ждут", title="Qalqan «дом»", click="http://qalqan.home.arpa/parent/requests",
         inside=sys.argv[2] == "inside", deadline=3)
    print("sent")
except NotSent as error:
    print(error)
print(time.monotonic() - start)
"""


@dataclass
class World:
    """A gateway, the internet beyond it, and a server in its home."""

    gateway: Namespace
    logs: dict[str, Path]

    def send(self, address: str, where: str = "outside") -> tuple[str, float]:
        proxy = [f"{key}=http://127.0.0.1:{PORT}" for key in ("http_proxy", "https_proxy")]  # are not used
        done = subprocess.run(
            self.gateway.command(["env", *proxy, sys.executable, "-c", SEND, address, where]),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert done.stderr == ""
        said, took = done.stdout.split("\n")[:2]
        return said, float(took)

    def got(self, where: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.logs[where].read_text().splitlines()[1:]]

    def counts(self) -> dict[str, int]:
        return {where: len(self.got(where)) for where in ("gateway", "home", "internet")}


@pytest.fixture(scope="module")
def world(namespaces: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    name = f"qq{os.getpid()}n{os.urandom(2).hex()}"
    gateway, internet, home = (Namespace(f"{name}-{end}") for end in ("gw", "net", "srv"))
    for one in (gateway, internet, home):
        subprocess.run(["ip", "netns", "add", one.name], check=True)
    running = []
    try:
        _wire(gateway, internet)
        into_the_home(gateway, home)
        gateway.set_resolvers(RESOLVER)
        places: dict[str, tuple[Namespace, list[str]]] = {
            "internet": (internet, ["tests.webui.standin.ntfy_world", f"{SITE}:{PORT}"]),
            "gateway": (gateway, ["tests.webui.standin.ntfy_world", f"127.0.0.1:{PORT}", f"{LAN}:{PORT}"]),
            "home": (home, ["tests.webui.standin.ntfy_world", f"{HOME_SERVER}:{PORT}"]),
            "names": (internet, ["tests.lists.outside_world", "names", RESOLVER]),
        }
        logs = {}
        for key, (place, words) in places.items():
            logs[key] = folder / key
            with logs[key].open("wb") as out:
                running.append(place.popen([sys.executable, "-m", *words], stdout=out, cwd=ROOT))
        for log in logs.values():
            _until_ready(log)
        yield World(gateway, logs)
    finally:
        for process in running:
            stop(process)
        for one in (gateway, internet, home):
            subprocess.run(["ip", "netns", "del", one.name], check=False)
        shutil.rmtree(Path("/etc/netns", gateway.name), ignore_errors=True)


def into_the_home(gateway: Namespace, home: Namespace) -> None:
    gateway.run(
        ["ip", "link", "add", "srv", "type", "veth", "peer", "name", "eth0", "netns", home.name], check=True
    )
    gateway.run(["ip", "link", "set", "srv", "master", "lan", "up"], check=True)
    home.run(["ip", "link", "set", "eth0", "up"], check=True)
    home.run(["ip", "addr", "add", f"{HOME_SERVER}/24", "dev", "eth0"], check=True)


def at(host: str, path: str = "/topic") -> str:
    return f"http://{host}:{PORT}{path}"


@pytest.mark.parametrize("host", [SITE, "good.test"])
def test_a_message_arrives_in_any_language_with_a_way_to_the_requests(world: World, host: str) -> None:
    assert world.send(at(host, "/a-long-topic"))[0] == "sent"
    assert world.got("internet")[-1] == {
        "path": "/a-long-topic", "body": "Два запроса ждут", "Host": f"{host}:{PORT}",
        "Title": "=?UTF-8?B?UWFscWFuIMKr0LTQvtC8wrs=?=", "Click": "http://qalqan.home.arpa/parent/requests",
        "Content-Type": "text/plain",
    }  # fmt: skip


@pytest.mark.parametrize("host", [
    LAN, HOME_SERVER, "127.0.0.1", "localhost", "2130706433", "0", "inside.test", "mixed.test", "loop.test",
    "mapped.test", "translated.test", "unspecified.test", "[::1]", "100.64.0.2",
])  # fmt: skip
def test_without_the_switch_nothing_in_the_home_is_reached(world: World, host: str) -> None:
    before = world.counts()
    assert world.send(at(host))[0] in ("not_outside", "no_name")
    assert world.counts() == before


def test_with_the_switch_the_one_host_in_the_home_is_reached(world: World) -> None:
    before = world.counts()
    assert world.send(at(HOME_SERVER), "inside")[0] == "sent"
    assert world.counts() == before | {"home": before["home"] + 1}


@pytest.mark.parametrize("host", [
    SITE, "good.test", LAN, "inside.test", "127.0.0.1", "localhost", "0", "mixed.test", "[::1]", "loop.test",
    "169.254.169.254", "10.9.9.9",
])  # fmt: skip
def test_with_the_switch_neither_the_gateway_nor_the_internet_is_reached(world: World, host: str) -> None:
    before = world.counts()
    assert world.send(at(host), "inside")[0] in ("not_inside", "no_name")
    assert world.counts() == before


@pytest.mark.parametrize("to", [
    at(LAN), at("127.0.0.1"), at(HOME_SERVER), at(SITE, "/elsewhere"), "file:///etc/passwd", "ftp://good.test/",
])  # fmt: skip
@pytest.mark.parametrize(("host", "where"), [(SITE, "outside"), (HOME_SERVER, "inside")])
def test_no_redirect_is_followed(world: World, to: str, host: str, where: str) -> None:
    before = world.counts()
    assert world.send(at(host, f"/moved?to={to}"), where)[0] == "refused 307"
    reached = "internet" if where == "outside" else "home"
    assert world.counts() == before | {reached: before[reached] + 1}


@pytest.mark.parametrize(("path", "said"), [("/dead", "slow"), ("/drip", "slow"), ("/busy", "refused 503")])
def test_a_server_that_dawdles_is_left_in_time(world: World, path: str, said: str) -> None:
    told, took = world.send(at(SITE, path))
    assert told == said
    assert took < longest(5.0, below=45.0), "the server goes on for a minute"


def test_a_server_that_is_not_there_is_told_so(world: World) -> None:
    assert world.send(f"http://{SITE}:1/topic")[0] == "unreachable"
    assert world.send(at("nobody.invalid"))[0] == "no_name"
    assert world.send("https://good.test:8098/topic")[0] == "unreachable"  # no TLS there


def test_after_the_deadline_no_further_address_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def stall(where: tuple[str, int], *_: object) -> None:
        tried.append(where[0])
        time.sleep(0.5)
        raise TimeoutError

    addresses = ["45.60.1.1", "45.60.1.2", "45.60.1.3"]
    monkeypatch.setattr(socket, "create_connection", stall)
    monkeypatch.setattr(ntfy, "Outside", partial(Outside, lambda *_: addresses, tuple))
    with pytest.raises(NotSent, match="slow"):
        ntfy.send("https://ntfy.example/topic", "Text", title="Qalqan", click="/", deadline=0.2)
    assert tried == addresses[:1]


@pytest.mark.parametrize(
    "address", ["file:///etc/passwd", "ftp://good.test/x", "http://mum:secret@good.test/x"]
)
def test_what_is_no_web_address_is_not_asked(world: World, address: str) -> None:
    before = world.counts()
    assert world.send(address)[0] == "address"
    assert world.counts() == before


@pytest.mark.parametrize(
    ("error", "final"),
    [
        (NotSent(SendFailure.SLOW), False),
        (NotSent(SendFailure.REFUSED, 503), False),
        (NotSent(SendFailure.REFUSED, 429), False),
        (NotSent(SendFailure.REFUSED, 403), True),
        (NotSent(SendFailure.REFUSED, 307), True),
        (NotSent(SendFailure.NOT_INSIDE), True),
    ],
)
def test_what_another_try_does_not_change_is_not_tried_again(error: NotSent, final: bool) -> None:
    assert error.final == final


def test_why_never_has_the_address_in_it() -> None:
    assert [str(NotSent(why)) for why in SendFailure] == [why.value for why in SendFailure]
