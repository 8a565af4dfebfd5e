"""HTTPS by one form: the real pages, daemon and lego, a real ACME authority (pebble), and a family's phone.

Only lego's options differ from a gateway's: the authority and the resolver. DuckDNS is `tests.lab.duckdns`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab import clients
from tests.lab.daemon import Daemon
from tests.lab.filtering import DAUGHTER, until
from tests.lab.home import ROOT, Home
from tests.lab.netns import stopping
from tests.lab.test_filter_accounts import Phone
from tests.lab.trusted import LONG, PLAIN
from tests.web import pebble
from tests.web.authority import TrustedAuthority
from tests.web.pebble import wait_for_port

pytestmark = [
    pytest.mark.lab,
    pytest.mark.slow,
    pytest.mark.needs("pebble"),
    pytest.mark.needs("lego"),
    pytest.mark.timeout(300),
]

NAME, TOKEN = "family-4821.duckdns.org", "a7c4d0ad-114e-40ef-ba1d-d217904a50f2"
FORM = {"provider": "duckdns", "name": NAME, "token": TOKEN, "email": "mum@example.net"}
PAGE = "/parent/settings/secure/"
DUCKDNS = "www.duckdns.org"
ISSUED_S = 90.0


@dataclass(frozen=True)
class Internet:
    """What lego reaches: the authority and DuckDNS, in the gateway's namespace."""

    authority: pebble.Server
    folder: Path

    @property
    def requests(self) -> list[str]:
        """What DuckDNS was asked, and its answers."""
        log = self.folder / "duckdns.log"
        return log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def internet(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Internet]:
    gateway, folder = home.gateway, tmp_path / "duckdns"
    hosts = Path("/etc/netns") / gateway.name / "hosts"
    authority = TrustedAuthority("Of DuckDNS")
    folder.mkdir()
    authority.issue(DUCKDNS).put(folder)
    (folder / "root.pem").write_bytes(authority.root_pem)
    hosts.parent.mkdir(parents=True, exist_ok=True)
    hosts.write_text(f"127.0.0.1 localhost {DUCKDNS}\n")
    (tmp_path / "acme").mkdir()
    with pebble.running(tmp_path / "acme", gateway.command) as server:
        program = tmp_path / "bin" / "lego"
        program.parent.mkdir()
        options = f"--server {server.directory} --dns.disable-cp --dns.resolvers {server.dns}"
        program.write_text(
            f"#!/bin/sh\nexport SSL_CERT_FILE={folder / 'root.pem'} LEGO_CA_CERTIFICATES={server.bundle}\n"
            f'exec {shutil.which("lego")} {options} "$@"\n'
        )
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
        argv = ["python3", "-m", "tests.lab.duckdns", str(folder), NAME, TOKEN, str(server.set_txt)]
        with stopping(gateway.popen(argv, cwd=ROOT, stdout=None)):
            wait_for_port(443, gateway.command)
            yield Internet(server, folder)
    hosts.unlink()


@pytest.fixture
def daemon(home: Home, internet: Internet) -> Iterator[Daemon]:
    shutil.rmtree(home.folder / "qalqan" / "state", ignore_errors=True)
    shutil.rmtree(home.folder / "qalqan" / "tls", ignore_errors=True)
    with Daemon(home, {"daughter": DAUGHTER}, web_user=True) as started:
        yield started


def test_the_form_gets_a_certificate_and_the_pages_are_encrypted(
    home: Home, daemon: Daemon, internet: Internet
) -> None:
    phone = Phone(home, "parent", PLAIN)
    token = daemon.client.call("guardian", action="add", name="Mum")["token"]
    assert phone.post("/signin", code=token).status == 303
    form = phone.get(PAGE).body
    assert all(f'name="{field}"' in form for field in FORM)
    assert phone.post(PAGE, **FORM | {"token": "another-token"}).status == 303
    assert until(lambda: "The provider rejected the token." in phone.get(PAGE).body, ISSUED_S) is not None
    assert internet.requests[-1].startswith("KO")
    assert phone.post(PAGE, **FORM).status == 303
    assert "The certificate is on its way" in phone.get(PAGE).body

    daemon.await_web_restart(ISSUED_S)
    assert internet.requests[-2:] == ["OK set", "OK clear"]
    root = home.folder / "pebble-root.pem"
    address = f"{internet.authority.management}/roots/0"
    found = home.gateway.run(["curl", "-sS", "--cacert", str(internet.authority.bundle), address], check=True)
    root.write_text(found.stdout)
    trusting = ["--no-insecure", "--cacert", str(root)]
    parent = home.devices["parent"]

    def served() -> bool:
        return clients.curl(parent, f"https://{NAME}/calendar", extra=trusting).reached

    assert until(served, LONG) is not None
    assert not clients.curl(parent, f"https://{NAME}/calendar", extra=["--no-insecure"]).reached
    browser = ["-H", "Accept: text/html"]
    led = clients.curl(parent, f"{PLAIN}{PAGE}", extra=browser)
    assert (led.status, led.location) == (303, f"https://{NAME}{PAGE}")
    secure = Phone(home, "parent", f"https://{NAME}")
    token = daemon.client.call("guardian", action="link", name="Mum")["token"]
    assert secure.post("/signin", code=token).status == 303
    assert "The pages are encrypted" in secure.get(PAGE).body
    logs = daemon.log.read_text() + daemon.web_log.read_text()
    assert TOKEN not in logs
