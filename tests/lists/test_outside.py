"""Nothing that a family types, and no server that it leads to, makes the gateway ask its own home."""

from __future__ import annotations

import ipaddress
import os
import pty
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.request import HTTPRedirectHandler

import pytest
import yaml

from gateway.core.http_client import Outside
from gateway.core.public_addresses import NotOutside, check_url, is_outside, our_networks
from gateway.household.list_library import read_library
from tests import pace
from tests.lab.netns import Namespace, stop
from tests.lists.outside_world import LAN, LAN6, LIST, PORT, RESOLVER, SITE, SITE6

ROOT = Path(__file__).parents[2]
FETCH = """
import sys
from pathlib import Path
from gateway.core.errors import GatewayError
from gateway.lists.book import Validators
from gateway.lists.fetch import Fetcher
try:
    Fetcher(sleep=lambda _: None, stall=2).fetch("own", sys.argv[1], Path(sys.argv[2]), Validators(), 10_000)
except GatewayError as error:
    print(error)
"""


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254",
     "100.64.0.1",
     "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::1", "::", "fe80::1",
     "fe80::1%eth0",
     "fc00::1", "fd00::1", "ff02::1", "fec0::1", "2001:db8::1", "3fff::1", "2001::1", "2002:7f00:1::1",
     "2002:2d3c:101::1", "::127.0.0.1", "::45.60.1.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
     "::ffff:192.168.1.1",
     "64:ff9b::7f00:1", "64:ff9b::c0a8:101", "64:ff9b::a9fe:a9fe", "64:ff9b:1::2d3c:101", "", "x", "1.2.3"],
)  # fmt: skip
def test_what_is_not_the_internet(address: str) -> None:
    assert not is_outside(address)


def test_a_connection_that_is_aborted_while_it_is_made_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = socket.socketpair()
    theirs.settimeout(5)
    outside = Outside(lambda *_: ["45.60.1.1"], tuple)

    def slow(*_: object) -> socket.socket:
        outside.abort()
        return ours

    monkeypatch.setattr(socket, "create_connection", slow)
    with theirs, outside.connect(("a.example", 80)):
        assert theirs.recv(1) == b""
    with pytest.raises(TimeoutError):
        outside.connect(("a.example", 80))
    outside.release()


@pytest.mark.parametrize(
    "address", ["45.60.1.1", "8.8.8.8", "2a00:1450:4001:80e::200e", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_what_is_the_internet_unless_it_is_ours(address: str) -> None:
    assert is_outside(address)
    ours = [ipaddress.ip_network(one) for one in ("45.60.1.0/24", "8.8.8.8/32", "2a00:1450:4000::/37")]
    assert not is_outside(address, ours)


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://good.test/", "//good.test/", "good.test", "", "https://",
     "http://:80/", "gopher://x/",
     "https://mum:secret@good.test/", "https://mum@good.test/", "http://good.test:99999/",
     "http://good.test:x/",
     "http://[::1/", "https://good.test/\n", "https://good.test/a b", "https://good.тест/",
     "https://x/" + "a" * 5000,
     "data:text/plain,x", "javascript:alert(1)", "http://good.test:0/"],
)  # fmt: skip
def test_what_is_no_web_address(url: str) -> None:
    with pytest.raises(NotOutside):
        check_url(url)


def test_a_web_address() -> None:
    assert check_url("https://lists.example:8443/a?b=c") == "lists.example"


@pytest.mark.parametrize(
    "typed", ["127.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.0.0.1", "::1", "localhost", "0"]
)
def test_however_it_is_written(typed: str) -> None:
    with pytest.raises((NotOutside, OSError)):
        Outside().addresses(typed, 80)


def test_one_address_inside_is_enough() -> None:
    names = {"mixed": ["45.60.1.1", "10.0.0.1"], "good": ["45.60.1.1", "45.60.1.2"]}
    there = Outside(lambda host, _port: names[host], lambda: ())
    assert there.addresses("good", 80) == names["good"]
    with pytest.raises(
        NotOutside, match=r"mixed resolves to 10\.0\.0\.1, which is not a public internet address"
    ):
        there.addresses("mixed", 80)


def test_the_kernel_tells_our_networks() -> None:
    assert any(ipaddress.ip_address("127.0.0.1") in one for one in our_networks())
    assert all(one.prefixlen >= 8 for one in our_networks())


# ---------------------------------------------------------------------------- real servers, in namespaces


@dataclass
class World:
    """A gateway with a home, and an internet beyond it."""

    gateway: Namespace
    folder: Path
    logs: dict[str, Path]

    def fetch(self, url: str) -> tuple[bytes, str]:
        """What came, and what was said."""
        target = self.folder / "copy"
        target.unlink(missing_ok=True)
        proxy = f"http_proxy=http://127.0.0.1:{PORT}"  # is not used: it would resolve names by itself
        command = ["env", proxy, sys.executable, "-c", FETCH, url, str(target)]
        done = subprocess.run(
            self.gateway.command(command), cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
        )
        assert done.stderr == ""
        return target.read_bytes() if target.exists() else b"", done.stdout.strip()

    def asked(self, where: str) -> list[str]:
        return self.logs[where].read_text().splitlines()[1:]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    name = f"qq{os.getpid()}x{os.urandom(2).hex()}"
    gateway, internet = Namespace(f"{name}-gw"), Namespace(f"{name}-net")
    for one in (gateway, internet):
        subprocess.run(["ip", "netns", "add", one.name], check=True)
    running = []
    try:
        _wire(gateway, internet)
        gateway.set_resolvers(RESOLVER)
        places: dict[str, tuple[Namespace, str, *tuple[str, ...]]] = {
            "internet": (internet, "web", f"{SITE}:{PORT}", f"[{SITE6}]:{PORT}"),
            "home": (
                gateway,
                "web",
                f"127.0.0.1:{PORT}",
                f"{LAN}:{PORT}",
                f"[{LAN6}]:{PORT}",
                f"[::1]:{PORT}",
            ),
            "names": (internet, "names", RESOLVER),
        }
        logs = {}
        for key, (place, what, *words) in places.items():
            logs[key] = folder / key
            with logs[key].open("wb") as out:
                argv = [sys.executable, "-m", "tests.lists.outside_world", what, *words]
                running.append(place.popen(argv, stdout=out, cwd=ROOT))
        for log in logs.values():
            _until_ready(log)
        yield World(gateway, folder, logs)
    finally:
        for process in running:
            stop(process)
        for one in (gateway, internet):
            subprocess.run(["ip", "netns", "del", one.name], check=False)
        shutil.rmtree(Path("/etc/netns", gateway.name), ignore_errors=True)


def _wire(gateway: Namespace, internet: Namespace) -> None:
    for one in (gateway, internet):
        one.run(["ip", "link", "set", "lo", "up"], check=True)
    gateway.run(
        ["ip", "link", "add", "wan", "type", "veth", "peer", "name", "gw", "netns", internet.name], check=True
    )
    gateway.run(["ip", "link", "add", "lan", "type", "bridge"], check=True)
    for one, link, *addresses in (
        (gateway, "wan", "100.64.0.2/30", "fd99::2/64"),
        (internet, "gw", "100.64.0.1/30", "fd99::1/64"),
        (gateway, "lan", f"{LAN}/24", f"{LAN6}/64"),
        (internet, "lo", f"{SITE}/32", f"{RESOLVER}/32", f"{SITE6}/128"),
    ):
        one.run(["ip", "link", "set", link, "up"], check=True)
        for address in addresses:
            nodad = ["nodad"] if ":" in address else []
            one.run(["ip", "addr", "add", address, "dev", link, *nodad], check=True)
    gateway.run(["ip", "route", "add", "default", "via", "100.64.0.1"], check=True)
    gateway.run(["ip", "-6", "route", "add", "default", "via", "fd99::1"], check=True)


def _until_ready(log: Path) -> None:
    assert pace.until(lambda: log.read_text().startswith("ready"), 10.0) is not None, log.read_text()


def at(name: str, rest: str = "/list") -> str:
    return f"http://{name}:{PORT}{rest}"


@pytest.mark.lab
@pytest.mark.parametrize("host", [SITE, f"[{SITE6}]", "good.test", "good6.test"])
def test_a_list_on_the_internet_comes(world: World, host: str) -> None:
    assert world.fetch(at(host)) == (LIST, "")


@pytest.mark.lab
@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.1", "[::1]", LAN, f"[{LAN6}]", "[::ffff:127.0.0.1]", f"[::ffff:{LAN}]",
     "localhost", "0.0.0.0",
     "inside.test", "inside6.test", "mixed.test", "mixed6.test", "loop.test", "mapped.test",
     "translated.test",
     "unspecified.test", "link.test"],
)  # fmt: skip
@pytest.mark.parametrize("way", ["typed", "redirected"])
def test_no_list_is_fetched_from_an_address_in_the_home(world: World, host: str, way: str) -> None:
    before = len(world.asked("home"))
    url = at(host, "/secret")
    found, said = world.fetch(url if way == "typed" else at("good.test", f"/go?to={url}"))
    assert found == b""
    assert said.startswith("own: "), said
    assert world.asked("home")[before:] == []


@pytest.mark.lab
@pytest.mark.parametrize(
    "url", [f"ftp://{LAN}/list", f"ftp://127.0.0.1:{PORT}/x", "file:///etc/passwd", "//[::1/"]
)
def test_a_redirect_to_no_web_page(world: World, url: str) -> None:
    before = len(world.asked("home"))
    found, said = world.fetch(at("good.test", f"/go?to={url}"))
    assert found == b""
    assert said.startswith("own: "), said
    assert world.asked("home")[before:] == []


@pytest.mark.lab
def test_a_redirect_within_the_internet_is_followed(world: World) -> None:
    assert world.fetch(at("good.test", f"/go?to={at('good6.test')}")) == (LIST, "")


@pytest.mark.lab
def test_a_name_that_says_something_else_the_second_time(world: World) -> None:
    """It is asked once, and the connection goes where it said; the next time it is refused."""
    assert world.fetch(at("turning.test")) == (LIST, "")
    assert world.asked("internet")[-1] == f"turning.test:{PORT} /list"
    found, said = world.fetch(at("turning.test"))
    assert found == b""
    assert "turning.test resolves to 127.0.0.1, which is not a public internet address" in said
    assert not [line for line in world.asked("home") if "turning" in line]


@pytest.mark.lab
def test_an_update_on_a_terminal_draws_one_bar(world: World, tmp_path: Path) -> None:
    """The command in a process with a terminal, where only one of the family's own lists is on."""
    config = tmp_path / "qalqan.yaml"
    config.write_text(f"state: {tmp_path}/state\nruntime: {tmp_path}\n")
    key = "own-1c9a2f4e"
    off = sorted(one.id for one in read_library(tmp_path).published.values() if one.tier is not None)
    own = {key: {"name": "Mine", "url": at("good.test"), "category": "gambling"}}
    config.with_name("lists.yaml").write_text(yaml.safe_dump({"lists": own, "off": off}))
    argv = [sys.executable, "-m", "gateway", "--config", str(config), "lists", "update"]
    screen, terminal = pty.openpty()
    process = world.gateway.popen(argv, cwd=ROOT, stdout=terminal, stderr=terminal)
    os.close(terminal)
    drawn = b""
    with suppress(OSError):  # Linux reports the end of a terminal as an error (EIO)
        while part := os.read(screen, 4096):
            drawn += part
    os.close(screen)
    assert process.wait(30) == 0, drawn
    *frames, _end = drawn.decode().split("\r\x1b[K")
    bars = [frame.removesuffix("\x1b[K") for frame in "".join(frames).split("\r") if frame]
    assert bars[0] == f"[{'-' * 30}]   0 %  {key}, 0 kB"
    assert bars[-1] == f"[{'#' * 27}---]  90 %  building the table"
    assert "names of " in drawn.decode()
    assert (tmp_path / "state/lists" / f"{key}.list").read_bytes() == LIST


def test_no_proxy_is_used() -> None:
    made = Outside().opener(HTTPRedirectHandler())
    kinds = {type(one).__name__ for one in vars(made)["handlers"]}
    assert not kinds & {"ProxyHandler", "FTPHandler", "FileHandler", "DataHandler"}
