"""`qalqan acceptance` on the gateway of a virtual home, with the real daemon: before any family is there."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import pytest

from gateway.cli.commands.acceptance import FILTER_CHECKS, SUBJECTS
from gateway.filter_test.catalogue import CHECKS
from tests.lab import names
from tests.lab.daemon import Daemon
from tests.lab.filtering import DAUGHTER, ZONE, fresh
from tests.lab.home import Home
from tests.lab.test_check import FIREWALL
from tests.pace import longest

pytestmark = pytest.mark.lab

LINES = ["daemon", "setup", "flow table", "memory", "clock", "lists", "filter", "queue"]
MOST_SECONDS = 60.0


@pytest.fixture(autouse=True)
def no_state(home: Home) -> None:
    """The home is shared: what another test stored would be a family's."""
    fresh(home, {})


def accept(daemon: Daemon, *words: str, status: int = 0) -> str:
    argv = [sys.executable, "-m", "gateway", "acceptance", *words, "--config", str(daemon.config)]
    done = daemon.home.gateway.run(argv, timeout=200)
    assert (done.returncode, done.stderr) == (status, ""), (done.stdout, done.stderr)
    return done.stdout


def results(text: str) -> dict[str, dict[str, Any]]:
    return {entry["about"]: entry for entry in json.loads(text)["results"]}


def test_its_parts_exist() -> None:
    assert set(FILTER_CHECKS) <= {check.id for check in CHECKS}
    assert SUBJECTS.keys() <= set(LINES)


def test_a_fresh_gateway_is_accepted_and_nothing_remains(home: Home) -> None:
    """Unclaimed and without lists, as a router comes from the factory."""
    with Daemon(home, {}, settings={"timezone": ZONE.key}, web=True) as daemon:
        home.gateway.run(["nft", "-f", "-"], stdin=FIREWALL, check=True)
        try:
            links = home.gateway.run(["ip", "-o", "link"]).stdout
            began = time.monotonic()
            text = accept(daemon, "--json")
            assert time.monotonic() - began < longest(MOST_SECONDS)
            found = results(text)
            assert list(found) == LINES
            assert json.loads(text)["ok"] is True
            for line in ("daemon", "queue", "filter"):
                assert found[line]["level"] == "ok", found[line]
            assert found["lists"]["code"] == "lists_later"
            assert "; 0 packets" not in found["queue"]["text"]
            shown = accept(daemon).splitlines()
            assert len(shown) == len(LINES) + 1
            assert shown[-1].startswith("accepted, after ")
            assert daemon.client.call("status")["unclaimed"] is True
            assert daemon.client.call("devices")["devices"] == []
            assert len(home.gateway.run(["ip", "-o", "link"]).stdout.splitlines()) == len(links.splitlines())
        finally:
            home.gateway.run(["nft", "delete", "table", "inet", "lab_fw"], check=True)


def test_the_rules_of_a_guest_have_no_fault_before_the_claim(home: Home) -> None:
    """All methods: an unknown device is not filtered then, and that is no fault."""
    with Daemon(home, {}, settings={"timezone": ZONE.key}, web=True) as daemon:
        argv = [sys.executable, "-m", "gateway", "audit", "guest", "--json", "--config", str(daemon.config)]
        done = home.gateway.run(argv, timeout=200)
        assert done.returncode == 0, done.stdout
        (audit,) = json.loads(done.stdout)["audits"]
        assert (audit["profile"], audit["counts"]["faults"]) == ("guest", 0)


def test_what_does_not_work_is_named_with_what_to_do(home: Home) -> None:
    """A rule of another program that offloads connections, and one that lets devices bypass the filter."""
    bypass = f"""table inet clash {{ chain pre {{ type filter hook prerouting priority -150;
      iifname "{names.LAN}" ct state new ct mark set ct mark or 0x00c00001; }}; }}"""
    with Daemon(home, {}, settings={"timezone": ZONE.key}, web=True) as daemon:
        home.gateway.run(["nft", "-f", "-"], stdin=bypass, check=True)
        try:
            text = accept(daemon, "--json", status=1)
        finally:
            home.gateway.run(["nft", "delete", "table", "inet", "clash"], check=True)
        found = results(text)
        assert json.loads(text)["ok"] is False
        assert (found["queue"]["level"], found["queue"]["code"]) == ("error", "marks_taken")
        assert (found["filter"]["level"], found["filter"]["code"]) == ("error", "filter_faults")
        assert "is not blocked" in found["filter"]["text"]
        for line in ("queue", "filter"):
            assert found[line]["fix"]


def test_without_a_daemon_it_says_so(home: Home) -> None:
    daemon = Daemon(home, {}, settings={"timezone": ZONE.key})
    shown = accept(daemon, status=1).splitlines()
    assert shown[0].startswith("error daemon: ")
    assert shown[-1].startswith("not accepted")
    assert not any(line.split(" ", 1)[1].startswith("filter:") for line in shown[:-1])


def test_a_family_is_not_named_to_a_machine(home: Home) -> None:
    profiles: dict[str, Any] = {"daughter": {**DAUGHTER, "name": "Aruzhan"}, "broken": "band: none of ours\n"}
    with Daemon(home, profiles, settings={"timezone": ZONE.key}, web=True) as daemon:
        assert "broken.yaml" in accept(daemon, status=1)
        text = accept(daemon, "--json", status=1)
        for mark in ("ruzhan", "daughter", "broken", names.TABLET.mac):
            assert mark not in text
