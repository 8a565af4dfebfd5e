"""Names further on in a connection: HTTP/2 without TLS, and TLS that begins after plain text."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.lab import starttls
from tests.lab.daemon import Daemon
from tests.lab.filtering import ALLOWED, FAMILIES, REFUSED, address, bracketed, fresh, module, until
from tests.lab.home import ROOT, Home
from tests.lab.netns import Namespace, stop

pytestmark = pytest.mark.lab

PORT = 8085
WAYS = pytest.mark.parametrize("how", ["preface", "upgrade"])


class Server:
    """A server of the module ``name``; ``names`` are those that it was asked for."""

    def __init__(self, home: Home, name: str, argument: str) -> None:
        self._log = home.folder / f"{name}.log"
        argv = home.internet.command([sys.executable, "-m", f"tests.lab.{name}", "serve", argument])
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(argv, cwd=ROOT, stdout=log)
        assert until(lambda: bool(self._log.read_text()), 20.0) is not None

    @property
    def names(self) -> list[str]:
        return self._log.read_text().split()[1:]


@pytest.fixture(scope="module")
def daemon(home: Home) -> Iterator[Daemon]:
    with fresh(home) as started:
        yield started


@pytest.fixture(scope="module")
def server(home: Home) -> Iterator[Server]:
    started = Server(home, "cleartext2", str(PORT))
    yield started
    stop(started.process)


@pytest.fixture(scope="module")
def mail(home: Home) -> Iterator[None]:
    started = Server(home, "starttls", str(home.folder))
    yield
    stop(started.process)


def _fetch(device: Namespace, version: int, how: str, *hosts: str) -> int:
    return int(module(device, "cleartext2", "fetch", address(ALLOWED, version), str(PORT), how, *hosts))


@FAMILIES
@WAYS
def test_each_request_of_http2_is_judged(
    home: Home, daemon: Daemon, server: Server, version: int, how: str
) -> None:
    """On one connection: three to an allowed name are answered, and the fourth ends it."""
    other = f"{how}{version}.example.org"
    assert _fetch(home.devices["tablet"], version, how, REFUSED) == 0
    assert _fetch(home.devices["tablet"], version, how, ALLOWED, other, ALLOWED, REFUSED, ALLOWED) == 3
    assert other in server.names
    assert REFUSED not in server.names
    assert _fetch(home.devices["parent"], version, how, ALLOWED, f"parent.{other}") == 2


@FAMILIES
@pytest.mark.parametrize("option", ["--http2-prior-knowledge", "--http2"])
def test_http2_of_curl(home: Home, daemon: Daemon, server: Server, version: int, option: str) -> None:
    def status(host: str) -> str:
        pinned = f"{host}:{PORT}:{bracketed(address(host, version))}"
        argv = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_version} %{http_code}", option, "-m", "5"]
        url = f"http://{host}:{PORT}/"
        return home.devices["tablet"].run([*argv, "--resolve", pinned, url]).stdout.strip()

    assert status(ALLOWED) == "2 200"
    assert "200" not in status(REFUSED)
    assert REFUSED not in server.names


@FAMILIES
def test_a_hello_after_plain_text_is_judged(home: Home, daemon: Daemon, mail: None, version: int) -> None:
    """On ports that say nothing, also after 40 commands."""

    def answered(device: str, host: str) -> list[str]:
        tries = [
            {"dialogue": name, "address": address(host, version), "host": host} for name in starttls.SCRIPTS
        ]
        done = json.loads(
            module(home.devices[device], "starttls", "fetch", stdin=json.dumps(tries), timeout=90.0)
        )
        return [name for name, found in zip(starttls.SCRIPTS, done, strict=True) if found]

    assert answered("tablet", REFUSED) == []
    assert answered("tablet", ALLOWED) == list(starttls.SCRIPTS)
    assert answered("phone", REFUSED) == []
    assert answered("parent", REFUSED) == list(starttls.SCRIPTS)
