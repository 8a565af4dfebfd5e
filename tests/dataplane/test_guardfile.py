"""When the boot guard's files are written, and what stands in them."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from gateway.dataplane.boot_guard import FILE, LINK_VARIABLE, NAMES, SOON, GuardFile
from gateway.kernel.ruleset.table import render
from gateway.kernel.snapshot import GUARD_DNS_PORT, Slot, boot_guard_snapshot
from gateway.store.flash_wear import OFTEN
from tests.features.desk import Loop
from tests.kernel.snapshots import FAMILY, ONE_CHILD

HELP, LINE = "befrienders.org", "line.example"


class Help:
    def __init__(self) -> None:
        self.by_name: dict[str, frozenset[bytes]] = {}

    def is_name(self, name: str) -> bool:
        return name in (HELP, LINE)

    def found(self, name: str, *addresses: str) -> None:
        self.by_name[name] = frozenset(
            socket.inet_pton(socket.AF_INET6 if ":" in one else socket.AF_INET, one) for one in addresses
        )


class Case:
    """The files of one state folder, over several runs of the daemon."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.begin()

    def begin(self) -> None:
        self.at = datetime(2026, 11, 25, tzinfo=UTC)
        self.loop, self.help = Loop(lambda: self.at), Help()
        self.guard = GuardFile(cast("Any", self.loop), self.folder, self.folder / "run", self.help)

    def step(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        self.loop.run_due()

    @property
    def file(self) -> Path:
        return self.folder / FILE

    @property
    def text(self) -> str:
        return self.file.read_text()

    def written(self, act: Callable[[], None]) -> bool:
        """Whether a file was replaced meanwhile."""
        before = self._stamps()
        act()
        return self._stamps() != before

    def _stamps(self) -> list[tuple[int, int]]:
        found = [self.folder / name for name in (FILE, NAMES)]
        return [(one.stat().st_ino, one.stat().st_mtime_ns) for one in found if one.exists()]


@pytest.fixture
def case(tmp_path: Path) -> Case:
    (tmp_path / "run").mkdir()
    return Case(tmp_path)


def test_it_is_the_guard_of_the_table_for_its_owner_alone(case: Case) -> None:
    case.guard.keep(replace(ONE_CHILD, help4=("192.0.2.99",)))
    assert case.text == render(boot_guard_snapshot(replace(ONE_CHILD, help4=(), help6=())))
    assert stat.S_IMODE(case.file.stat().st_mode) == 0o600


def test_what_the_guard_does_not_say_writes_nothing(case: Case) -> None:
    case.guard.keep(ONE_CHILD)
    same = replace(ONE_CHILD, passes=(), owners=(), dns_port=999, help_dns_port=998, native=False)
    assert not case.written(lambda: case.guard.keep(same))
    assert not case.written(lambda: case.guard.keep(ONE_CHILD))


def test_who_is_closed_is_written_at_once(case: Case) -> None:
    case.guard.keep(ONE_CHILD)
    assert case.written(lambda: case.guard.keep(replace(FAMILY, lan=FAMILY.lan)))
    assert "02:00:00:00:00:0b : goto slot2" in case.text


def test_without_a_closed_profile_there_is_no_file(case: Case) -> None:
    case.guard.keep(ONE_CHILD)
    case.guard.keep(replace(ONE_CHILD, slots=(Slot(1, (), closed=False),)))
    assert list(case.folder.glob("guard*")) == []
    case.guard.keep(ONE_CHILD)
    assert case.file.exists()


def test_addresses_of_help_wait(case: Case) -> None:
    """The first of a run a minute, later ones for hours: they change several times a day."""
    case.guard.keep(ONE_CHILD)
    case.help.found(HELP, "192.0.2.16", "2001:db8::16")
    assert not case.written(lambda: case.guard.keep(ONE_CHILD))
    assert case.written(lambda: case.step(SOON))
    assert "192.0.2.16" in case.text
    assert "2001:db8::16" in case.text
    case.help.found(HELP, "192.0.2.16", "192.0.2.17")
    case.guard.keep(ONE_CHILD)
    assert not case.written(lambda: case.step(OFTEN.guard_every - SOON - 1))
    assert case.written(lambda: case.step(SOON + 2))
    assert "192.0.2.17" in case.text


def test_what_waits_is_written_at_a_clean_stop(case: Case) -> None:
    case.guard.keep(ONE_CHILD)
    case.help.found(HELP, "192.0.2.16")
    case.guard.keep(ONE_CHILD)
    case.guard.close()
    assert "192.0.2.16" in case.text


def test_the_next_run_writes_nothing_and_forgets_no_address(case: Case) -> None:
    case.help.found(HELP, "192.0.2.16")
    case.help.found(f"={LINE}", "192.0.2.18")
    case.help.found("gone.example", "192.0.2.19")
    case.guard.keep(ONE_CHILD)
    case.begin()
    assert not case.written(lambda: case.guard.keep(ONE_CHILD))
    case.help.found(HELP, "192.0.2.17")
    case.guard.keep(ONE_CHILD)
    case.step(SOON)
    assert "192.0.2.17, 192.0.2.18" in case.text
    assert "192.0.2.16" not in case.text, "today's own answer counts"
    assert "192.0.2.19" not in case.text, "it is help's no more"


def test_a_name_that_lost_its_addresses_in_this_run_is_not_written_again(case: Case) -> None:
    case.help.found(HELP, "192.0.2.16")
    case.help.found(LINE, "192.0.2.17")
    case.guard.keep(ONE_CHILD)
    case.guard.close()
    case.begin()
    case.guard.keep(ONE_CHILD)
    assert "192.0.2.17" in case.text  # not resolved yet
    case.help.found(HELP, "192.0.2.16")
    case.help.found(LINE, "192.0.2.17")
    case.guard.keep(ONE_CHILD)
    del case.help.by_name[LINE]
    case.guard.keep(ONE_CHILD)
    case.guard.close()
    assert "192.0.2.16" in case.text
    assert "192.0.2.17" not in case.text


def test_names_are_for_a_resolver_of_its_own(case: Case) -> None:
    case.help.found(HELP, "192.0.2.16", "2001:db8::16")
    case.guard.keep(ONE_CHILD)
    lines = (case.folder / NAMES).read_text().splitlines()
    assert {f"port={GUARD_DNS_PORT}", "interface=br-lan", f"address=/{HELP}/2001:db8::16"} <= set(lines)


@pytest.mark.parametrize("text", ["", "table inet", "\xff\xfe", "address=/befrienders.org/1.2.3.4.5\n"])
def test_files_that_are_broken_are_written_anew(case: Case, text: str) -> None:
    for name in (FILE, NAMES):
        (case.folder / name).write_text(text, "latin-1")
    case.begin()
    case.guard.keep(ONE_CHILD)
    assert case.text == render(boot_guard_snapshot(replace(ONE_CHILD, help4=(), help6=())))


def test_a_folder_that_takes_no_file_is_told_and_tried_again(
    case: Case, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = case.folder / f".{FILE}.new"
    blocked.mkdir()
    for _ in range(2):
        case.guard.keep(ONE_CHILD)
    (problem,) = case.guard.problems()
    assert problem.startswith(f"The boot guard {case.file} cannot be written (")
    assert len(caplog.records) == 1
    blocked.rmdir()
    case.guard.keep(ONE_CHILD)
    assert case.file.exists()
    assert case.guard.problems() == []


def test_the_firewalls_link_goes_when_the_table_stands(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    link = case.folder / "included.nft"
    monkeypatch.setenv(LINK_VARIABLE, str(link))
    link.symlink_to(case.file)
    case.begin()
    case.guard.keep(ONE_CHILD)
    case.guard.taken_over()
    assert not link.is_symlink()
    assert case.file.exists()
    case.guard.taken_over()


def test_a_number_that_is_somebody_elses_by_now_is_left_alone(case: Case) -> None:
    pid_file = case.folder / "run" / "guard-names.pid"
    for text in (f"{os.getpid()}\n", "999999999\n", "garbage"):
        pid_file.write_text(text)
        case.guard.taken_over()
        assert pid_file.exists() is False
