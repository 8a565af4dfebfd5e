"""The support file over OpenWISP: a command of the server, which a parent of the home has to allow."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from gateway.core.reason_codes import Code
from tests.fleet.conftest import AddGateway
from tests.fleet.gateway_agent import Gateway
from tests.fleet.server import ROOT, Server, ServerError
from tests.fleet.ssh import Access, connected
from tests.fleet.steps import cycle, wait_until
from tests.lab import names
from tests.lab.daemon import Daemon
from tests.lab.home import Home

COMMAND = "qalqan support --approved"
PROFILES = {"daughter": {"name": "Aruzhan", "band": "10-12", "devices": [names.TABLET.mac]}}


def sent(server: Server, gateway: Gateway) -> Mapping[str, Any]:
    """Send the command and return it with its output once it has ended."""
    path = f"{server.device_path(gateway.identity)}command/"
    body = {"type": "custom", "input": {"command": COMMAND}}
    command = server.api("POST", path, body)["id"]
    found: Mapping[str, Any] = wait_until(
        lambda: server.api("GET", f"{path}{command}/"),
        lambda now: now["status"] != "in-progress",
        "the command does not end",
    )
    return found


def test_the_snippet_of_the_document_deletes_old_answers(
    server: Server, add_gateway: AddGateway, access: Access
) -> None:
    gateway = add_gateway()
    assert cycle(server, gateway) == "applied"
    with connected(server, gateway, access):
        old, new = (sent(server, gateway)["id"] for _ in range(2))
    age = (
        "from datetime import timedelta; from django.utils.timezone import now; "
        "from openwisp_controller.connection.models import Command; "
        f"Command.objects.filter(id='{old}').update(created=now() - timedelta(days=8))"
    )
    server.manage("shell", "-c", age)
    document = (ROOT / "docs/providers/support.md").read_text("utf-8")
    (snippet,) = re.findall(r"python manage\.py shell -c '(.*?)'\n", document, re.DOTALL)
    server.manage("shell", "-c", snippet)
    place = f"{server.device_path(gateway.identity)}command/"
    assert server.api("GET", f"{place}{new}/")["id"] == new
    with pytest.raises(ServerError, match="404"):
        server.api("GET", f"{place}{old}/")


def test_support_gets_the_file_only_while_a_parent_allows_it(
    server: Server, add_gateway: AddGateway, access: Access
) -> None:
    gateway = add_gateway()
    assert cycle(server, gateway) == "applied"
    with Home(quic=False) as home:
        daemon = Daemon(home, PROFILES)
        socket = gateway.root / "var/run/qalqan"
        socket.mkdir(parents=True)
        daemon.socket.parent.symlink_to(socket)
        with daemon, connected(server, gateway, access):
            refused = sent(server, gateway)
            daemon.client.call("support_access", minutes=60, by="Mum")
            allowed = sent(server, gateway)
            daemon.client.call("support_access", by="Mum")
            ended = sent(server, gateway)
    for answer in (refused, ended):
        assert answer["status"] == "failed"
        assert Code.NOT_APPROVED.sentence in answer["output"]
    assert allowed["status"] == "success", allowed["output"]
    report = json.loads(allowed["output"])
    assert report["code"].startswith(f"{report['file']['version']}-")
    for marker in ("Aruzhan", "daughter", names.TABLET.mac, "Mum"):
        assert marker not in allowed["output"], marker
