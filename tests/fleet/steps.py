"""What the tests do with a server and a gateway: wait for the server's task queue, and compare the family."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from tests.fleet.gateway_agent import Gateway
from tests.fleet.server import Server

SOON = 180  # seconds until OpenWISP's task queue has done its work, on a loaded machine

FAMILY = {
    "qalqan.yaml": "country: kz\ntimezone: Asia/Almaty\n",
    "profiles/daughter.yaml": 'name: Daughter\nband: 10-12\ndevices: ["02:00:00:00:aa:0a"]\n',
    "profiles/son.yaml": "name: Son\nband: 6-9\n",
}


def reported(server: Server, gateway: Gateway) -> Mapping[str, Any]:
    found: Mapping[str, Any] = server.device(gateway.identity)["config"]
    return found


def wait_until(read: Callable[[], Any], done: Callable[[Any], bool], problem: str) -> Any:
    """Return what ``read`` finds once ``done`` accepts it; fail with ``problem`` if it does not."""
    end = time.monotonic() + SOON
    while not done(found := read()):
        assert time.monotonic() < end, f"{problem}: {found}"
        time.sleep(0.2)
    return found


def cycle(server: Server, gateway: Gateway) -> str:
    """Return the status after the next change of the configuration.

    Polls once the server has stored the change: a poll before that may hide it (docs/performance.md).
    """
    wait_until(
        lambda: reported(server, gateway)["status"],
        lambda status: status == "modified",
        "the server never offered a new configuration",
    )
    return gateway.cycle()


def family(gateway: Gateway) -> Mapping[str, str]:
    root = gateway.root / "etc/qalqan"
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*.yaml")}
