"""The real web process on a port of this machine."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.pace import longest

ROOT = Path(__file__).parents[2]


def command(control: Path, port: int, *lan: str, https: Mapping[str, str | int] | None = None) -> list[str]:
    """As `qalqan web` starts it."""
    told = {
        "control": str(control), "state": None, "lan": lan, "port": port, "allow_wan": False,
        "listen": None if lan else f"127.0.0.1:{port}", "country": "", "language": "", "https": https,
    }  # fmt: skip
    return [sys.executable, "-m", "gateway.cli.web_process", json.dumps(told), "plain"]


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextmanager
def serving(control: Path, port: int, argv: Sequence[str] = ()) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(argv or command(control, port), cwd=ROOT) as process:
        deadline = time.monotonic() + longest(10.0)
        while True:
            try:
                ask(port, "/static/icon.svg")
                break
            except ConnectionRefusedError:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
        try:
            yield process
        finally:
            process.kill()


def ask(port: int, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(
            "GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()
