"""A program of the home that asks the API of the real pages from a device, with a token or a session."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.lab import names
from tests.lab.daemon import WEB_PORT, Daemon
from tests.lab.home import Home
from tests.lab.netns import Namespace

PAGES = f"http://{names.GATEWAY_IPV4}:{WEB_PORT}"


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Caller:
    device: Namespace
    headers: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: object = None, *extra: str) -> Reply:
        """``extra``: further arguments of curl."""
        command = ["curl", "-sS", "-i", "--max-time", "20", "-X", method, f"{PAGES}/api/v1{path}", *extra]
        for name, value in self.headers.items():
            command += ["-H", f"{name}: {value}"]
        if body is not None:
            command += ["-H", "Content-Type: application/json", "--data-binary", json.dumps(body)]
        return _reply(self.device, command)

    def get(self, path: str) -> Any:
        """The answer of what has to be there."""
        reply = self.ask("GET", path)
        assert reply.status == 200, reply
        return reply.json

    def done(self, method: str, path: str, body: object = None) -> Any:
        """The answer of what has to happen, or has begun to."""
        reply = self.ask(method, path, body)
        assert reply.status in (200, 201, 202, 204), reply
        return reply.json if reply.body else None


def _reply(device: Namespace, command: list[str]) -> Reply:
    """A body may be a file, so that nothing is read as text here."""
    done = subprocess.run(device.command(command), capture_output=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    head, _, body = done.stdout.replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"").partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    pairs = (line.partition(": ") for line in lines)
    headers: dict[str, str] = {}
    for name, _, value in pairs:
        headers[name.lower()] = ", ".join(one for one in (headers.get(name.lower()), value) if one)
    return Reply(int(first.split()[1]), headers, body)


def link_of(daemon: Daemon, name: str = "Mum", role: str = "guardian", minutes: int = 0) -> str:
    """The console's, with which somebody signs in once."""
    more = {"minutes": minutes} if minutes else {}
    return str(daemon.client.call("guardian", action="add", name=name, role=role, **more)["token"])


def by_session(home: Home, link: str, device: str = "parent") -> Caller:
    """A browser that is signed in, on our own pages."""
    ours = {"Origin": PAGES}
    form = ["curl", "-sS", "-i", "-H", f"Origin: {PAGES}", "-d", f"code={link}", f"{PAGES}/signin"]
    reply = _reply(home.devices[device], form)
    assert reply.status == 303, reply
    found = re.search(rf"qalqan-{WEB_PORT}=[^;]+", reply.headers["set-cookie"])
    assert found is not None, reply
    return Caller(home.devices[device], {**ours, "Cookie": found[0]})


def by_token(home: Home, browser: Caller, role: str = "guardian", device: str = "parent") -> Caller:
    """A program with a token that this browser's guardian makes on the page for it."""
    form = ["-d", f"label={role}", "-d", f"role={role}", "-d", "days=30"]
    heads = [part for name, value in browser.headers.items() for part in ("-H", f"{name}: {value}")]
    command = ["curl", "-sS", "-i", "-L", *heads, *form, f"{PAGES}/account/tokens/"]
    found = re.search(rb"qalqan_[\w-]+", _reply(browser.device, command).body)
    assert found is not None
    return Caller(home.devices[device], {"Authorization": f"Bearer {found[0].decode()}"})
