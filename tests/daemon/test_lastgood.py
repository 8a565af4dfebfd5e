"""What holds where a profile's file is broken while the daemon starts; real files."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from gateway.daemon.lastgood import FOLDER
from gateway.daemon.rules import RuleBook
from tests.daemon.household_files import DAUGHTER, MUM, SON, write

TABLET = "02:00:00:00:00:0a"
BROKEN = "name: Daughter\nband: 10-13\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A household whose files were all good at the last start."""
    path = write(tmp_path, {"daughter": DAUGHTER, "son": SON, "mum": MUM})
    RuleBook(path).keep_good()
    return path


def _owner(rules: RuleBook) -> str | None:
    owner = rules.household.owner_of(TABLET)
    return None if owner is None else owner.id


def test_a_start_with_a_broken_file_has_the_last_good_version(config: Path) -> None:
    (config.parent / "profiles" / "daughter.yaml").write_text(BROKEN)
    rules = RuleBook(config)
    assert _owner(rules) == "daughter"
    assert "service:tiktok" in map(str, rules.household.profiles["daughter"].rules.block)
    assert ["10-13" in line for line in rules.problems()] == [True]
    rules.keep_good()
    assert _owner(RuleBook(config)) == "daughter", "the broken file was kept as a good one"


def test_a_mended_file_holds_again_and_is_the_next_good_one(config: Path) -> None:
    file = config.parent / "profiles" / "daughter.yaml"
    file.write_text(BROKEN)
    rules = RuleBook(config)
    file.write_text(f'band: 6-9\ndevices: ["{TABLET}"]\n')
    rules.reload()
    assert not rules.problems()
    file.write_text(BROKEN)
    assert RuleBook(config).household.profiles["daughter"].band.value == "6-9"


def test_a_device_that_moved_meanwhile_stays_where_it_is(config: Path) -> None:
    folder = config.parent / "profiles"
    (folder / "daughter.yaml").write_text(BROKEN)
    (folder / "son.yaml").write_text(f'band: 13-15\ndevices: ["{TABLET}"]\n')
    assert _owner(RuleBook(config)) == "son"


def test_a_profile_that_is_gone_leaves_no_copy(config: Path) -> None:
    (config.parent / "profiles" / "son.yaml").unlink()
    RuleBook(config).keep_good()
    copies = list((config.parent / "state" / FOLDER).iterdir())
    assert sorted(one.name for one in copies) == ["daughter.yaml", "mum.yaml"]
    assert {one.stat().st_mode & 0o777 for one in copies} == {0o600}


def test_a_state_directory_that_takes_nothing_is_said_and_stops_nothing(
    config: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = config.parent / "state" / FOLDER
    for one in folder.iterdir():
        one.unlink()
    folder.rmdir()
    folder.write_text("in the way")
    rules = RuleBook(config)
    rules.keep_good()
    assert "cannot be kept" in caplog.text
    assert _owner(rules) == "daughter"


def test_a_calendar_that_is_gone_leaves_its_days_in_force(config: Path) -> None:
    folder = config.parent / "profiles"
    school = folder / "school.ics"
    year = datetime.now(UTC).year
    lines = (
        "BEGIN:VCALENDAR",
        "BEGIN:VEVENT",
        f"DTSTART;VALUE=DATE:{year}0907",
        "END:VEVENT",
        "END:VCALENDAR",
    )
    school.write_text("\r\n".join(lines))
    with (folder / "daughter.yaml").open("a") as file:
        file.write("\ncalendars: [school.ics]\n")
    rules = RuleBook(config)
    rules.keep_good()
    assert not rules.problems()
    school.write_text("<html>the school's site is being rebuilt</html>")
    rules.reload()  # in a running daemon
    for one in (rules, RuleBook(config)):  # and at a start
        assert one.household.profiles["daughter"].free_days == {date(year, 9, 7)}
        assert ["calendars[1]: 'school.ics' is no calendar" in line for line in one.problems()] == [True]
