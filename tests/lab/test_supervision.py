"""Tests that signals, missing file descriptors, a lost table and a dead resolver do not end the daemon."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress

import pytest

from gateway.control.protocol import ANSWER_LIMIT, LineReader
from gateway.core.errors import ControlError
from tests.lab import clients, names
from tests.lab.daemon import Daemon
from tests.lab.descriptors import scarce_descriptors
from tests.lab.filtering import ALLOWED, CUT, REFUSED, fetch, fresh, until
from tests.lab.home import Home
from tests.rawclient import RawClient

pytestmark = pytest.mark.lab

HELP = "befrienders.org"
NOTHING: dict[str, object] = {}
VERBS: Sequence[tuple[str, dict[str, object]]] = (
    *((verb, NOTHING) for verb in ("status", "health", "support", "devices", "lists", "family", "scan")),
    ("health", {"again": True}),  # starts a process
    ("week", {"id": "son"}),
    ("pause", {"who": "son", "minutes": 5}),
    ("resume", {"who": "son"}),
)


@pytest.fixture(scope="module")
def notices(tmp_path_factory: pytest.TempPathFactory) -> Iterator[socket.socket]:
    """The service manager's socket."""
    path = tmp_path_factory.mktemp("manager") / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made, pytest.MonkeyPatch.context() as patch:
        made.bind(str(path))
        made.setblocking(False)
        patch.setenv("NOTIFY_SOCKET", str(path))
        patch.setenv("WATCHDOG_USEC", "400000")
        yield made


@pytest.fixture(scope="module")
def daemon(home: Home, notices: socket.socket) -> Iterator[Daemon]:
    assert notices
    with fresh(home) as started:
        yield started


def _drain(notices: socket.socket) -> list[bytes]:
    found = []
    with suppress(BlockingIOError):
        while True:
            found.append(notices.recv(100))
    return found


def _filters(home: Home) -> bool:
    tablet = home.devices["tablet"]
    return (
        fetch(tablet, f"https://{REFUSED}/", 4).how in CUT and fetch(tablet, f"https://{ALLOWED}/", 4).reached
    )


def test_a_hundred_signals_cause_few_reloads_and_user_signals_none(
    home: Home, daemon: Daemon, notices: socket.socket
) -> None:
    pid = daemon.pid
    _drain(notices)
    for _ in range(100):
        for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
            os.kill(pid, number)
        time.sleep(0.01)
    time.sleep(1.5)
    reloads = _drain(notices).count(b"RELOADING=1")
    print(f"100 SIGHUP caused {reloads} reloads")
    assert 1 <= reloads <= 6
    assert _filters(home)


def test_a_daemon_without_a_free_descriptor_runs_on_and_says_so(
    home: Home, daemon: Daemon, notices: socket.socket
) -> None:
    tablet, repairs = home.devices["tablet"], daemon.client.call("status")["repairs"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(20.0)
        sock.connect(str(daemon.socket))
        client, reader = RawClient(daemon.socket), LineReader(ANSWER_LIMIT)
        client._ask(sock, reader, "status", {})
        assert _filters(home)  # the first connection to a name may need a descriptor
        with scarce_descriptors(daemon.pid):
            _drain(notices)
            for verb, values in VERBS:
                with suppress(ControlError):
                    client._ask(sock, reader, verb, values)
            daemon.reload()
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as waiting:
                waiting.connect(str(daemon.socket))
                clients.dig(tablet, ALLOWED, server="8.8.8.8", extra=("+tcp",), timeout=1)
                time.sleep(3.0)
                assert _filters(home)
            assert b"WATCHDOG=1" in _drain(notices)
    assert until(lambda: _filters(home), 5.0) is not None
    problems = daemon.client.call("status")["problems"]
    assert [line for line in problems if "file descriptors" in line], problems
    assert clients.dig(tablet, ALLOWED, server="8.8.8.8", extra=("+tcp",)).records
    assert daemon.client.call("status")["repairs"] == repairs


def test_a_table_that_is_deleted_again_and_again_is_restored_and_reported_once(
    home: Home, daemon: Daemon
) -> None:
    before = len(daemon.client.call("status")["problems"])
    for _ in range(5):
        home.gateway.run(["nft", "delete", "table", "inet", "qalqan"], check=True)
        assert until(lambda: "chain forward" in _table(home), 2.0) is not None
    problems = daemon.client.call("status")["problems"]
    assert len(problems) == before + 1
    assert any("tables of Qalqan 5 times" in line for line in problems), problems
    assert _filters(home)


def test_a_dead_resolver_of_help_lines_is_started_again(home: Home, daemon: Daemon) -> None:
    assert until(lambda: names.ipv4_of(HELP) in _help(home), 10.0) is not None
    file = daemon.folder / "run" / "help.pid"
    assert until(file.exists, 5.0) is not None
    before = int(file.read_text())
    home.gateway.run(["kill", "-KILL", str(before)], check=True)
    assert until(lambda: int(file.read_text()) != before, 8.0) is not None
    daemon.kill()
    assert until(lambda: clients.dig(home.devices["tablet"], HELP, timeout=1).records, 8.0) is not None
    daemon.start()


def _table(home: Home) -> str:
    return home.gateway.run(["nft", "list", "table", "inet", "qalqan"]).stdout


def _help(home: Home) -> str:
    return home.gateway.run(["nft", "list", "set", "inet", "qalqan", "help4"]).stdout
