"""The minutes' file: what stands in it after a kill, a power cut, a full disk; folded, and erased in time."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest

from gateway.store import minutes_file as minutes
from gateway.store.database import StoreError
from gateway.store.flash_wear import OFTEN, RARELY
from gateway.store.minutes_file import (
    ClockRecord,
    MinuteFlag,
    MinuteRecord,
    MinutesFile,
    Record,
    UseRecord,
    spent,
)
from gateway.store.store import Store
from tests.store.helpers import NOW

DAY = date(2026, 11, 24)
ONE = timedelta(days=1)
DEVICE, OTHER = "02:00:00:00:00:0a", "02:00:00:00:00:0b"


class Folded:
    def __init__(self) -> None:
        self.days: dict[date, Mapping[tuple[str, str], int]] = {}
        self.refuses = False

    def __call__(self, day: date, records: Sequence[Record]) -> None:
        if self.refuses:
            raise StoreError("the disk is full")
        self.days[day] = spent(records)


@pytest.fixture
def folded() -> Folded:
    return Folded()


@pytest.fixture
def file(tmp_path: Path, folded: Folded) -> MinutesFile:
    made = MinutesFile(tmp_path / "minutes", folded)
    made.open(DAY)
    return made


def counted(minute: int, device: str = DEVICE, gate: str = "internet", profile: str = "son") -> MinuteRecord:
    return MinuteRecord(minute, profile, device, gate, 300_000, "youtube")


def moving(minute: int, size: int) -> MinuteRecord:
    return MinuteRecord(minute, "son", DEVICE, "internet", size, None, MinuteFlag.OPEN)


def test_a_day_is_taken_up_where_it_was_left(tmp_path: Path, file: MinutesFile, folded: Folded) -> None:
    clock = ClockRecord(7, 100.5, 29_000_000, b"boot-1")
    records = (clock, counted(7), moving(8, 50_000))
    file.append(records, 0.0)
    again = MinutesFile(tmp_path / "minutes", folded)
    assert again.open(DAY) == records
    assert again.last_clock() == clock
    again.append([counted(9)], 1.0)
    assert MinutesFile(tmp_path / "minutes", folded).open(DAY) == (*records, counted(9))


def test_the_last_minute_may_be_of_an_earlier_date(tmp_path: Path, file: MinutesFile, folded: Folded) -> None:
    """The clock was set back two days: the number says which was later."""
    first, later, last = (ClockRecord(one, 100.5, 29_000_000 - one, b"boot-1") for one in (7, 8, 9))
    file.append([first, counted(7)], 0.0)
    file.open(DAY - 2 * ONE)
    file.append([later, counted(8), last, counted(9)], 1.0)
    assert MinutesFile(tmp_path / "minutes", folded).last_clock() == last


def test_no_file_is_made_while_nothing_counts(tmp_path: Path, file: MinutesFile) -> None:
    file.append([], 0.0)
    file.sync(100.0, force=True)
    assert not (tmp_path / "minutes").exists()


def test_minutes_that_devices_share_are_one() -> None:
    assert spent(
        [counted(1), counted(1, OTHER), counted(2, OTHER), moving(3, 9), counted(1, gate="play")]
    ) == {
        ("son", "internet"): 2,
        ("son", "play"): 1,
    }


def test_a_day_that_is_over_is_folded_and_kept_for_a_week(file: MinutesFile, folded: Folded) -> None:
    file.append([counted(1), counted(2)], 0.0)
    file.open(DAY + ONE)
    folded.refuses = True
    file.tidy(DAY + ONE)
    assert not folded.days
    folded.refuses = False
    file.tidy(DAY + ONE)
    assert folded.days == {DAY: {("son", "internet"): 2}}
    file.tidy(DAY + 7 * ONE)
    assert len(file.details(DAY)) == 2
    file.tidy(DAY + 8 * ONE)
    file.tidy(DAY + 8 * ONE)
    assert len(file.details(DAY)) == 2, "the clock may have been set ahead, and be put back today"
    file.tidy(DAY + 9 * ONE)
    assert file.details(DAY) == ()


def test_of_days_with_minutes_the_eighth_goes_at_once(file: MinutesFile, folded: Folded) -> None:
    for ago in range(10):
        file.open(DAY - ago * ONE)
        file.append([counted(1)], 0.0)
    file.open(DAY)
    file.tidy(DAY)
    assert [bool(file.details(DAY - ago * ONE)) for ago in range(10)] == [True] * 8 + [False] * 2
    assert len(folded.days) == 9


def test_an_old_file_that_cannot_be_deleted_ends_nothing(tmp_path: Path, file: MinutesFile) -> None:
    file.open(DAY - ONE)
    file.append([counted(1)], 0.0)
    (last,) = (tmp_path / "minutes").iterdir()
    stuck = last.with_name(last.name.replace(str(DAY - ONE), str(DAY - 9 * ONE)))
    stuck.mkdir()
    file.open(DAY)
    file.tidy(DAY)
    assert stuck.is_dir()
    assert file.problems()


def test_a_day_that_goes_on_after_all_is_folded_again(file: MinutesFile, folded: Folded) -> None:
    file.append([counted(1)], 0.0)
    file.open(DAY + 9 * ONE)
    file.tidy(DAY + 9 * ONE)
    assert len(file.open(DAY)) == 1
    file.append([counted(2)], 0.0)
    file.open(DAY + ONE)
    file.tidy(DAY + ONE)
    assert folded.days[DAY] == {("son", "internet"): 2}


def test_a_day_to_come_is_left_alone(file: MinutesFile, folded: Folded) -> None:
    """The clock was wrong once; when that day comes, its minutes are there."""
    file.open(DAY + 30 * ONE)
    file.append([counted(1)], 0.0)
    file.open(DAY)
    file.tidy(DAY)
    assert not folded.days
    assert file.open(DAY + 30 * ONE) == (counted(1),)


def test_totals_of_days_are_in_the_database_for_a_month(tmp_path: Path) -> None:
    store = Store(tmp_path / "qalqan.db")
    store.minutes.keep(DAY, {("son", "internet"): 3})
    store.minutes.keep(DAY, {("son", "internet"): 62, ("son", "play"): 5, ("daughter", "play"): 1})
    assert store.minutes.of("son", DAY) == {(DAY, "internet"): 62, (DAY, "play"): 5}
    assert store.minutes.of("son", DAY + ONE) == {}
    store.purge(NOW + 30 * ONE)
    assert store.minutes.of("son", DAY)
    store.purge(NOW + 31 * ONE)
    assert not store.minutes.of("son", DAY)
    store.close()


def test_what_is_erased_of_a_person(file: MinutesFile) -> None:
    file.append([counted(1), counted(2, profile="daughter")], 0.0)
    file.erase("son")
    file.append([counted(3)], 0.0)
    first, second, third = file.details(DAY)
    assert isinstance(first, MinuteRecord)
    assert (first.minute, first.service, first.bytes) == (1, None, 0)
    assert (second, third) == (counted(2, profile="daughter"), counted(3))


@pytest.mark.parametrize("stuck", [DAY - ONE, DAY])
def test_a_day_that_cannot_be_written_does_not_keep_the_others_from_being_erased(
    tmp_path: Path, file: MinutesFile, stuck: date
) -> None:
    for day in (DAY - ONE, DAY):
        file.open(day)
        file.append([counted(1)], 0.0)
    (tmp_path / "minutes" / f".{file._path(stuck).name}.new").mkdir()
    with pytest.raises(StoreError, match="minutes cannot be erased"):
        file.erase("son")
    assert file.problems()
    file.append([counted(3)], 60.0)
    kept = {
        day: [record.service for record in file.details(day) if isinstance(record, MinuteRecord)]
        for day in (DAY - ONE, DAY)
    }
    written = counted(1).service
    assert kept == {
        DAY - ONE: [written if stuck == DAY - ONE else None],
        DAY: [written if stuck == DAY else None, counted(3).service],
    }


def test_a_day_that_cannot_be_read_keeps_its_minutes_and_the_erasure_fails(
    file: MinutesFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = (counted(1), counted(2, profile="daughter"))
    file.append(records, 0.0)

    def no_descriptor(path: Path, mode: str) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), str(path), mode)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", no_descriptor)
        with pytest.raises(StoreError, match="Too many open files"):
            file.erase("son")
    assert file.details(DAY) == records
    file.erase("son")
    assert [record.service for record in file.details(DAY) if isinstance(record, MinuteRecord)] == [
        None,
        records[1].service,
    ]


def test_only_its_owner_reads_it_before_and_after_something_is_erased(
    tmp_path: Path, file: MinutesFile
) -> None:
    before = os.umask(0)
    try:
        file.append([counted(1), counted(2, profile="daughter")], 0.0)
        modes = [stat.S_IMODE(one.stat().st_mode) for one in tmp_path.rglob("*.*")]
        file.erase("son")
        modes += [stat.S_IMODE(one.stat().st_mode) for one in tmp_path.rglob("*.*")]
    finally:
        os.umask(before)
    assert modes == [0o600, 0o600]


def test_what_waits_for_the_disk_is_erased_too_and_still_counts(
    file: MinutesFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:40]))
    file.append([counted(1), counted(2)], 0.0)
    monkeypatch.setattr(os, "write", real)
    file.erase("son")
    file.append([counted(3)], 60.0)
    found = {one.minute: one.service for one in file.details(DAY) if isinstance(one, MinuteRecord)}
    assert found == {1: None, 2: None, 3: counted(3).service}


def test_a_full_disk_is_one_line_and_nothing_is_lost_meanwhile(
    file: MinutesFile, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    file.append([counted(1)], 0.0)
    real = os.write

    def full(descriptor: int, data: bytes) -> int:
        return real(descriptor, data[:40])  # the disk takes a piece, and then no more

    monkeypatch.setattr(os, "write", full)
    for minute in (2, 3, 4):
        file.append([counted(minute), moving(minute, 5)], 60.0 * minute)
    assert file.problems() == [
        f"Minutes cannot be written to {file._folder} (No space left on device): they count, "
        "but a restart would lose them."
    ]
    assert len([line for line in caplog.records if line.levelname == "ERROR"]) == 1
    monkeypatch.setattr(os, "write", real)
    file.append([counted(5)], 300.0)
    assert file.problems() == []
    found = {
        one.minute
        for one in file.details(DAY)
        if isinstance(one, MinuteRecord) and one.why & MinuteFlag.COUNTED
    }
    assert found == {1, 2, 3, 4, 5}


def test_a_folder_that_cannot_be_made_stops_nothing(tmp_path: Path, folded: Folded) -> None:
    (tmp_path / "minutes").write_text("in the way")
    file = MinutesFile(tmp_path / "minutes", folded)
    file.open(DAY)
    file.append([counted(1)], 0.0)
    assert len(file.problems()) == 1
    file.tidy(DAY)
    file.close()


def test_a_days_file_has_a_limit(file: MinutesFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minutes, "DAY_LIMIT", 4000)
    monkeypatch.setattr(minutes, "DETAILS_LIMIT", 3500)
    for minute in range(300):
        file.append([moving(minute, 9)], 0.0)
    (path,) = (tmp_path / "minutes").iterdir()
    assert path.stat().st_size < 3600
    assert file.problems() == []
    for minute in range(300):
        file.append([counted(minute)], 0.0)
    assert path.stat().st_size <= 4000
    assert "its limit" in file.problems()[0]


@pytest.mark.parametrize(
    ("sync_every", "synced"), [(OFTEN.sync_every, [0, 10, 20, 30]), (RARELY.sync_every, [50, 110])]
)
def test_what_was_written_is_synced_in_time(
    tmp_path: Path,
    folded: Folded,
    monkeypatch: pytest.MonkeyPatch,
    sync_every: float,
    synced: list[int],
) -> None:
    file = MinutesFile(tmp_path / "minutes", folded, sync_every=sync_every)
    file.open(DAY)
    calls: list[int] = []
    now = 0
    monkeypatch.setattr(os, "fdatasync", lambda descriptor: calls.append(now))
    for now in range(0, 40 if sync_every == 10 else 120, 10):
        file.append([moving(1, now)], float(now))
    assert calls == synced


def test_a_failed_sync_is_said(file: MinutesFile, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fdatasync", fails)
    file.append([counted(1)], 0.0)
    assert "Input/output error" in file.problems()[0]


_WRITER = """
import sys
from datetime import date
from pathlib import Path
from gateway.store.minutes_file import MinutesFile
from gateway.store.minutes_file import MinuteRecord
file = MinutesFile(Path(sys.argv[1]), lambda day, totals: None)
first = len(file.open(date(2026, 11, 24)))
for minute in range(first, 1_000_000):
    gate = f"service:{minute % 7}-with-a-name-of-some-length"
    file.append([MinuteRecord(minute, "son", "02:00:00:00:00:0a", gate, 1)], 0.0)
    sys.stdout.write(f"{minute}\\n")
    sys.stdout.flush()
"""


def test_kill_at_random_moments_loses_nothing_that_was_appended(tmp_path: Path, folded: Folded) -> None:
    told = -1
    for _ in range(8):
        argv = [sys.executable, "-c", _WRITER, str(tmp_path)]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            told = int(process.stdout.readline())
            time.sleep(0.05)
            process.send_signal(signal.SIGKILL)
            told = max([told, *map(int, process.stdout.read().split("\n")[:-1])])
        found: tuple[Record, ...] = MinutesFile(tmp_path, folded).open(DAY)
        assert [one.minute for one in found][: told + 1] == list(range(told + 1))
        assert len(found) <= told + 2


def test_minutes_by_kind_give_way_to_those_that_limits_go_by(
    file: MinutesFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.store.minutes_file.USES_LIMIT", 100)
    file.append([UseRecord(1, "son", "all")], 0.0)
    file.append([counted(2)], 0.0)
    file.append([UseRecord(3, "son", "all"), counted(3)], 0.0)
    assert file.details(DAY) == (UseRecord(1, "son", "all"), counted(2), counted(3))


def test_minutes_by_kind_that_wait_for_the_disk_are_let_go(
    file: MinutesFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:40]))
    file.append([counted(1), UseRecord(1, "son", "all")], 0.0)
    monkeypatch.setattr(os, "write", real)
    file.append([UseRecord(2, "son", "all")], 60.0)
    assert file.details(DAY) == (counted(1), UseRecord(2, "son", "all"))


def test_erased_with_a_person_are_its_minutes_by_kind(file: MinutesFile) -> None:
    found = [UseRecord(1, who, use) for who in ("son", "daughter") for use in ("all", "service:youtube")]
    file.append(found, 0.0)
    file.erase("son")
    assert file.details(DAY) == (found[0], *found[2:])
    file.erase("son", past=True)
    assert file.details(DAY) == tuple(found[2:])
