"""A real ACME authority for tests: pebble, and pebble-challtestsrv as the DNS that it asks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.web.authority import TrustedAuthority
from tests.webui.serving import free_port

START_S = 30.0

Command = Callable[[Sequence[str]], list[str]]


@dataclass(frozen=True)
class Server:
    directory: str
    dns: str
    folder: Path
    set_txt: Path  # a program: NAME VALUE
    bundle: Path  # the authority of the server's own certificate
    management: str  # address of pebble's own interface, which has the root of what it issues


@contextmanager
def running(folder: Path, command: Command = list) -> Iterator[Server]:
    """Run both in a folder. ``command``: returns the command line of a program, for another namespace."""
    authority = TrustedAuthority("Of the ACME server itself")
    authority.issue("localhost").put(folder)
    bundle = folder / "bundle.pem"
    bundle.write_bytes(authority.root_pem)
    acme, management, dns, control = free_port(), free_port(), free_port(), free_port()
    settings = {
        "listenAddress": f"127.0.0.1:{acme}", "managementListenAddress": f"127.0.0.1:{control}",
        "certificate": str(folder / "chain.pem"), "privateKey": str(folder / "key.pem"),
        "httpPort": free_port(), "tlsPort": free_port(), "externalAccountBindingRequired": False,
    }  # fmt: skip
    (folder / "pebble.json").write_text(json.dumps({"pebble": settings}))
    set_txt = folder / "set-txt"
    set_txt.write_text(
        f"#!{sys.executable}\nimport json, sys, urllib.request\n"
        "body = json.dumps({'host': sys.argv[1], 'value': sys.argv[2]}).encode()\n"
        # The ones before would stay, and five are more than an answer of DNS over UDP holds.
        "for verb in ('clear-txt', 'set-txt'):\n"
        f"    urllib.request.urlopen(f'http://127.0.0.1:{management}/{{verb}}', body).read()\n"
    )
    set_txt.chmod(0o755)
    none = ["-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", ""]
    names = [
        "pebble-challtestsrv",
        "-management",
        f"127.0.0.1:{management}",
        "-dns01",
        f"127.0.0.1:{dns}",
        *none,
    ]
    pebble = ["pebble", "-config", str(folder / "pebble.json"), "-dnsserver", f"127.0.0.1:{dns}"]
    options = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", "PEBBLE_AUTHZREUSE": "0"}
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command(names), stdout=log, stderr=log) as names_process,
        subprocess.Popen(
            command(pebble), stdout=log, stderr=log, env={**os.environ, **options}
        ) as pebble_process,
    ):
        try:
            for port in (management, acme):
                wait_for_port(port, command)
            yield Server(
                f"https://localhost:{acme}/dir",
                f"127.0.0.1:{dns}",
                folder,
                set_txt,
                bundle,
                f"https://localhost:{control}",
            )
        finally:
            pebble_process.kill()
            names_process.kill()


def wait_for_port(port: int, command: Command = list) -> None:
    """Wait until a server listens at a TCP port."""
    deadline = time.monotonic() + START_S
    argv = command(["ss", "-Hltn", f"sport = :{port}"])
    while not subprocess.run(argv, capture_output=True, check=True).stdout.strip():
        assert time.monotonic() < deadline, "it did not start"
        time.sleep(0.1)
