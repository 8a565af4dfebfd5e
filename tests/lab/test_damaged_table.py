"""The real daemon with a damaged category table: before it starts, and while a child's device uses it."""

from __future__ import annotations

import os
from time import monotonic, sleep

import pytest

from gateway.lists.table import TABLE_NAME
from gateway.policy.names.domain_table import pack_table
from tests.lab import names
from tests.lab.daemon import Daemon
from tests.lab.filtering import ALLOWED, fetch, fresh, until
from tests.lab.home import Home
from tests.pace import longest

pytestmark = pytest.mark.lab

CHILD = {"name": "Child", "band": "10-12", "devices": [names.TABLET.mac], "bedtime": {}}
STORED = "stored.example"  # of a list that was fetched
LOST = "lost.example"  # in the table that is damaged, and in no list


def large_table() -> bytes:
    many = {f"n{number}.example": {"gambling"} for number in range(30_000)}
    return pack_table({**many, LOST: {"gambling"}}, salt=bytes(16), built="2026-11-24T06:00:00Z")


def ready(home: Home) -> Daemon:
    """Return a daemon that does not run yet, with one stored copy of a list."""
    home.begin_anew()
    daemon = fresh(home, {"child": CHILD})
    copy = daemon.state / "lists" / "ut1-gambling.list"
    copy.parent.mkdir(parents=True)
    copy.write_text(f"{STORED}\n")
    return daemon


def verdict(daemon: Daemon, host: str) -> str:
    return str(daemon.client.call("why", host=host, profile="child")["verdict"])


def repaired(daemon: Daemon) -> bool:
    """Wait until the daemon has no problem with its table any more."""
    end = monotonic() + longest(60.0)
    while monotonic() < end:
        if not any(TABLE_NAME in line for line in daemon.client.call("status")["problems"]):
            return True
        sleep(0.2)
    return False


@pytest.mark.parametrize("damage", ["empty", "cut", "a folder"])
def test_a_daemon_starts_with_a_damaged_table_and_builds_it_again(home: Home, damage: str) -> None:
    daemon = ready(home)
    table = daemon.state / TABLE_NAME
    if damage == "a folder":
        table.mkdir()
    else:
        whole = pack_table({LOST: {"gambling"}}, salt=bytes(16), built="2026-11-24T06:00:00Z")
        table.write_bytes(b"" if damage == "empty" else whole[:90])
    with daemon:
        said = daemon.log.read_text()
        assert f"{table}: the category table " in said
        assert "Until then only the packaged lists filter." in said
        assert verdict(daemon, "1xbet.com") == "block", "the packaged lists filter"
        assert repaired(daemon), daemon.client.call("status")["problems"]
        assert verdict(daemon, STORED) == "block", "built from the stored copy"
        assert verdict(daemon, "1xbet.com") == "block"


def test_a_daemon_finds_one_damaged_byte_after_its_start_and_builds_the_table_again(home: Home) -> None:
    daemon = ready(home)
    table = daemon.state / TABLE_NAME
    data = bytearray(large_table())
    data[len(data) // 2] ^= 1
    table.write_bytes(data)
    with daemon:
        problem = f"{table}: the category table does not match its seal"
        assert until(lambda: problem in daemon.log.read_text(), 10.0) is not None
        assert "Until then only the packaged lists filter." in daemon.log.read_text()
        assert verdict(daemon, "1xbet.com") == "block", "the packaged lists filter"
        assert repaired(daemon), daemon.client.call("status")["problems"]
        assert verdict(daemon, STORED) == "block", "built from the stored copy"
        assert verdict(daemon, LOST) != "block"


def test_a_daemon_survives_that_its_table_is_cut_in_place(home: Home) -> None:
    daemon = ready(home)
    table = daemon.state / TABLE_NAME
    table.write_bytes(large_table())
    with daemon:
        pid = daemon.pid
        assert verdict(daemon, LOST) == "block"
        os.truncate(table, 4096)
        tablet = home.devices["tablet"]
        assert fetch(tablet, f"https://{ALLOWED}/", 4).how == "HTTP 200", "a look-up in the packet path"
        assert verdict(daemon, "1xbet.com") == "block"
        for number in range(0, 30_000, 1000):
            assert verdict(daemon, f"n{number}.example") in ("block", "allow")
        assert repaired(daemon), daemon.client.call("status")["problems"]
        assert verdict(daemon, STORED) == "block"
        assert daemon.pid == pid
        os.kill(pid, 0)
        assert "damaged while it was in use" in daemon.log.read_text()
