"""Tests that the resolver of help lines is restarted when it ends, and replaces one of another service."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from gateway.dataplane import help_resolver
from gateway.dataplane.help_resolver import (
    HEALTHY,
    LONGEST_DELAY,
    REPORTED,
    SERVICE_PATIENCE,
    WATCH,
    WRITE_AGAIN,
    HelpResolver,
)
from tests.features.desk import Loop
from tests.pace import until

NAMES = {"help.example": frozenset({bytes([192, 0, 2, 7])})}


class Case:
    """A resolver whose program is a script, and the times at which the script was started."""

    def __init__(self, folder: Path, *, stays: bool = False, service: Path | None = None) -> None:
        self.folder = folder
        self.at = datetime(2026, 11, 25, tzinfo=UTC)
        self.loop = Loop(lambda: self.at)
        self.resolver = HelpResolver(cast("Any", self.loop), folder, ["br-lan"], stays=stays, service=service)

    @property
    def is_child(self) -> bool:
        """Whether the daemon runs the resolver itself."""
        return (self.folder / "help.pid").exists()

    @property
    def pid(self) -> int:
        return int((self.folder / "help.pid").read_text())

    def step(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        self.loop.run_due()

    def end(self) -> None:
        """Kill the process, and wait until it is a zombie."""
        os.kill(self.pid, signal.SIGKILL)
        stat = Path("/proc", str(self.pid), "stat")
        assert until(lambda: stat.read_text().rpartition(")")[2].split()[0] == "Z", 2.0) is not None


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Case]]:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setattr(help_resolver, "find_program", lambda _: str(program))
    made: list[Case] = []

    def case(**how: Any) -> Case:
        made.append(Case(tmp_path, **how))
        return made[-1]

    yield case
    for one in made:
        one.resolver._stays = False
        one.resolver.close()


def test_a_killed_resolver_is_restarted_and_a_healthy_run_resets_the_delay(make: Callable[..., Case]) -> None:
    case = make()
    case.resolver.serve(NAMES)
    delays = []
    for failure in range(1, 9):
        before = case.pid
        case.end()
        case.step(WATCH)
        waited = 0.0
        while case.pid == before:
            case.step(0.5)
            waited += 0.5
        delays.append(waited)
        assert bool(case.resolver.problems()) == (failure >= REPORTED)
    assert delays == [1, 2, 4, 8, 16, 32, LONGEST_DELAY, LONGEST_DELAY]
    case.step(HEALTHY)
    before = case.pid
    case.end()
    case.step(WATCH)
    assert case.resolver.problems() == []
    case.step(1.0)
    assert case.pid != before


def test_new_names_restart_it_without_waiting(make: Callable[..., Case]) -> None:
    case = make()
    case.resolver.serve(NAMES)
    before = case.pid
    case.resolver.serve({**NAMES, "second.example": frozenset({bytes([192, 0, 2, 8])})})
    assert case.pid == before, "it does not wait for the end of the former process"

    def restarted() -> bool:
        case.step(0.1)
        return case.pid != before

    assert until(restarted, 2.0) is not None
    assert "second.example" in (case.folder / "help.conf").read_text()
    assert case.resolver.problems() == []


def test_a_stop_that_keeps_the_table_keeps_it_until_the_next_daemon(make: Callable[..., Case]) -> None:
    case = make(stays=True)
    case.resolver.serve(NAMES)
    pid = case.pid
    case.resolver.close()
    assert _runs(pid)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    case.resolver._pid = None


def test_another_stop_ends_it(make: Callable[..., Case]) -> None:
    case = make()
    case.resolver.serve(NAMES)
    pid = case.pid
    case.resolver.close()
    assert not _runs(pid)
    assert not (case.folder / "help.conf").exists()
    case.resolver._pid = None


def test_a_program_that_cannot_start_is_tried_again(
    make: Callable[..., Case], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = make()
    monkeypatch.setattr(case.resolver, "_program", str(tmp_path / "missing"))
    case.resolver.serve(NAMES)
    for seconds in (1, 2):
        case.step(seconds)
    assert case.resolver.problems()
    monkeypatch.setattr(case.resolver, "_program", str(tmp_path / "program"))
    case.step(4)
    assert _runs(case.pid)


@contextmanager
def _other_service(case: Case) -> Iterator[None]:
    """A program that holds the resolver's port for a while, as a service of its own does."""
    assert case.resolver.port is not None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as service:
        service.bind(("127.0.0.1", case.resolver.port))
        case.resolver.serve(NAMES)
        for _ in range(20):
            case.step(WATCH)
        yield


def test_a_resolver_of_another_service_is_left_alone(make: Callable[..., Case], tmp_path: Path) -> None:
    file = tmp_path / "service" / "help.conf"
    file.parent.mkdir()
    case = make(service=file)
    with _other_service(case):
        first = file.read_text().splitlines()
        assert f"port={case.resolver.port}" in first
        assert file.stat().st_mode & 0o777 == 0o644, "another user reads it"
        case.resolver.serve({**NAMES, "second.example": frozenset({bytes([192, 0, 2, 8])})})
        case.step(WATCH)
    assert first[0].startswith("# ")
    assert file.read_text().splitlines()[0] != first[0], "the service reads it again"
    assert not case.is_child
    assert case.resolver.problems() == []


def test_without_that_resolver_the_daemon_runs_one_at_the_same_port(
    make: Callable[..., Case], tmp_path: Path
) -> None:
    file = tmp_path / "service" / "help.conf"
    file.parent.mkdir()
    case = make(service=file)
    port = case.resolver.port
    case.resolver.serve(NAMES)
    case.step(SERVICE_PATIENCE - 1)
    assert not case.is_child
    case.step(WATCH)
    case.step(WATCH)
    assert _runs(case.pid)
    assert file.read_text() == "", "two would run"
    assert f"port={port}" in (case.folder / "help.conf").read_text().splitlines()
    assert case.resolver.port == port
    case.end()
    case.step(WATCH)
    case.step(1.0)
    assert _runs(case.pid), "it is restarted like any other"


def test_a_resolver_of_another_service_that_ends_later_is_replaced_too(
    make: Callable[..., Case], tmp_path: Path
) -> None:
    file = tmp_path / "help-service.conf"
    case = make(service=file)
    with _other_service(case):
        pass
    case.step(WATCH)
    case.step(SERVICE_PATIENCE - 2 * WATCH)
    assert not case.is_child, "the service may start it again"
    case.step(WATCH)
    case.step(WATCH)
    assert _runs(case.pid)
    assert (file.read_text(), case.resolver.problems()) == ("", [])


def test_a_configuration_that_cannot_be_written_is_tried_each_minute(make: Callable[..., Case]) -> None:
    """At the start there is no resolver then. Later it continues with the names that it has."""
    case = make()
    config = case.folder / "help.conf"
    blocked = case.folder / ".help.conf.new"
    blocked.mkdir()  # as on a full disk: nothing can be written
    case.resolver.serve(NAMES)
    assert not case.is_child
    assert [line.startswith(f"{config}: cannot be written (") for line in case.resolver.problems()] == [True]
    blocked.rmdir()
    case.step(WRITE_AGAIN)
    pid, text = case.pid, config.read_text()
    assert (_runs(pid), case.resolver.problems()) == (True, [])

    blocked.mkdir()
    case.resolver.serve({**NAMES, "second.example": frozenset({bytes([192, 0, 2, 8])})})
    for _ in range(3):
        case.step(WRITE_AGAIN)
    assert (case.pid, config.read_text(), _runs(pid)) == (pid, text, True)
    assert len(case.resolver.problems()) == 1
    blocked.rmdir()
    case.step(WRITE_AGAIN)
    assert "second.example" in config.read_text()
    assert case.resolver.problems() == []


def test_a_service_without_its_folder_is_replaced_immediately(
    make: Callable[..., Case], tmp_path: Path
) -> None:
    case = make(service=tmp_path / "missing" / "help.conf")
    case.resolver.serve(NAMES)
    assert _runs(case.pid)
    assert case.resolver.problems() == []


@pytest.mark.parametrize("stays", [False, True])
def test_a_stop_ends_the_resolver_of_the_service_unless_the_table_stays(
    stays: bool, make: Callable[..., Case], tmp_path: Path
) -> None:
    file = tmp_path / "help-service.conf"
    case = make(service=file, stays=stays)
    case.resolver.serve(NAMES)
    case.resolver.close()
    assert (file.read_text() != "") is stays


def test_a_process_id_that_could_not_be_written_is_written_as_soon_as_possible(
    make: Callable[..., Case], caplog: pytest.LogCaptureFixture
) -> None:
    case = make()
    case.resolver.serve(NAMES)
    case.end()
    note = case.folder / "help.pid"
    note.unlink()
    note.mkdir()  # as on a full disk: it cannot be replaced
    case.step(WATCH)
    case.step(1.0)
    assert [line.startswith(f"{note}: cannot be written") for line in case.resolver.problems()] == [True]
    for _ in range(3):
        case.step(WATCH)
    assert sum(str(note) in record.getMessage() for record in caplog.records) == 1, "the log names it once"
    note.rmdir()
    case.step(WATCH)
    assert _runs(case.pid)
    assert case.resolver.problems() == []
