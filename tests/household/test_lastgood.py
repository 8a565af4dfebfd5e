"""What holds where a profile's file is broken while the daemon starts; real files."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import yaml

from gateway.core.errors import PolicyError
from gateway.core.loop import Loop
from gateway.household.calendars import CalendarReader
from gateway.household.config_file import VARIABLE
from gateway.household.editing import Author, Editing
from gateway.household.file_history import FileHistory
from gateway.household.rule_book import GOOD_PROFILES, RuleBook
from gateway.policy.judge.world import World
from gateway.policy.profile import profile
from gateway.policy.profile.bands import Bands
from gateway.policy.profile.household import Household
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rule_file import Vocabulary
from tests.household.household_files import DAUGHTER, MUM, SON, write

TABLET = "02:00:00:00:00:0a"
BROKEN = "name: Daughter\nband: 10-13\n"
SECONDLY = (
    "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20240101\nRRULE:FREQ=SECONDLY\n"
    "END:VEVENT\nEND:VCALENDAR\n"
)


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


@pytest.mark.parametrize("ending", ["yaml", "yml", "YML"])
def test_a_copy_of_a_profile_counts_whatever_its_ending(tmp_path: Path, ending: str) -> None:
    path = write(tmp_path, {"mum": MUM})
    profiles = path.parent / "profiles"
    (profiles / "mum.yaml").rename(profiles / f"mum.{ending}")
    rules = RuleBook(path)
    assert not rules.has_good_copies
    rules.keep_good()
    assert rules.has_good_copies


@pytest.mark.parametrize("when", ["start", "reload"])
def test_devices_of_a_broken_file_that_was_never_good_are_filtered_as_guests(config: Path, when: str) -> None:
    new, rules = "02:00:00:00:00:0d", RuleBook(config)
    assert rules.household.owner_of(new) is None
    file = config.parent / "profiles" / "third.yaml"
    file.write_text(f"name: Third\nband: 10-13\ndevices: [{new}]\n")
    if when == "reload":
        rules.reload()
    else:
        rules = RuleBook(config)
    assert rules.household.owner_of(new) is rules.household.guest
    assert rules.household.guest.filtered
    assert _owner(rules) == "daughter"
    (problem,) = rules.problems()
    assert problem.startswith(f"{file}:2: band: ")


def test_after_a_downgrade_the_rules_are_those_before_the_edit_that_only_the_newer_version_reads(
    config: Path,
) -> None:
    """Its last good copy has the newer rule as well; the history has the version before the edit."""
    rules, profiles, now = RuleBook(config), config.parent / "profiles", datetime.now(UTC)
    for change in ("block/first.example", "block/second.example"):
        Editing(rules, lambda _: None).edit("daughter", {change: True}, Author("Mum", now))
    rules.keep_good()
    newer = (profiles / "daughter.yaml").read_text() + "quieter_videos: true\n"
    history = FileHistory(profiles)
    before = (profiles / "daughter.yaml").read_bytes()
    files, found = {"daughter.yaml": newer.encode()}, {"daughter.yaml": before}
    history.put(files, found, by="Mum", at=now, by_hand=frozenset())
    (config.parent / "state" / GOOD_PROFILES / "daughter.yaml").write_text(newer)
    rules = RuleBook(config)
    blocked = {str(entry) for entry in rules.household.profiles["daughter"].rules.block}
    assert {"first.example", "second.example"} <= blocked
    (problem,) = rules.problems()
    line = newer.count("\n")
    assert problem.startswith(f"{profiles / 'daughter.yaml'}:{line}: quieter_videos: ")


def test_a_mended_file_holds_again_and_is_the_next_good_one(config: Path) -> None:
    file = config.parent / "profiles" / "daughter.yaml"
    file.write_text(BROKEN)
    rules = RuleBook(config)
    file.write_text(f'band: 6-9\ndevices: ["{TABLET}"]\n')
    rules.reload()
    assert not rules.problems()
    file.write_text(BROKEN)
    assert RuleBook(config).household.profiles["daughter"].band.value == "6-9"


def test_a_slip_in_the_router_s_settings_changes_nothing_that_holds(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uci = tmp_path / "uci"
    monkeypatch.setenv(VARIABLE, str(uci))
    uci.write_text("config qalqan main\n\tlist lan 'br-home'\n\tlist lan 'br-guest'\n")
    rules = RuleBook(config)
    assert rules.household.config.lan == ("br-home", "br-guest")
    uci.write_text("config qalqan main\n\tlist lan 'br home\n")
    with pytest.raises(PolicyError, match="uci:2: opens a quote that nothing closes"):
        rules.reload()
    assert rules.household.config.lan == ("br-home", "br-guest")
    assert _owner(rules) == "daughter"
    uci.write_text("config qalqan main\n\tlist lan 'br-new'\n")
    rules.reload()
    assert "br-new" in rules.household.config.lan


def test_what_of_a_brand_cannot_be_used_is_told_and_stops_nothing(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uci = tmp_path / "uci"
    monkeypatch.setenv(VARIABLE, str(uci))
    uci.write_text("config brand brand\n\toption name 'Alma Net'\n\toption colour '#ffff00'\n")
    rules = RuleBook(config)
    assert (rules.household.config.brand.name, rules.household.config.brand.colour) == ("Alma Net", "")
    (line,) = rules.problems()
    assert line.startswith(f"{uci}:3: brand.colour: #ffff00 has a contrast of ")


def test_a_device_that_moved_meanwhile_stays_where_it_is(config: Path) -> None:
    folder = config.parent / "profiles"
    (folder / "daughter.yaml").write_text(BROKEN)
    (folder / "son.yaml").write_text(f'band: 13-15\ndevices: ["{TABLET}"]\n')
    assert _owner(RuleBook(config)) == "son"


def test_a_profile_that_is_gone_leaves_no_copy(config: Path) -> None:
    (config.parent / "profiles" / "son.yaml").unlink()
    RuleBook(config).keep_good()
    copies = list((config.parent / "state" / GOOD_PROFILES).iterdir())
    assert sorted(one.name for one in copies) == ["daughter.yaml", "mum.yaml"]
    assert {one.stat().st_mode & 0o777 for one in copies} == {0o600}


def test_a_state_directory_that_takes_nothing_is_said_and_stops_nothing(
    config: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = config.parent / "state" / GOOD_PROFILES
    for one in folder.iterdir():
        one.unlink()
    folder.rmdir()
    folder.write_text("in the way")
    rules = RuleBook(config)
    rules.keep_good()
    assert "Storing the last good profiles failed" in caplog.text
    assert _owner(rules) == "daughter"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("<html>the school's site is being rebuilt</html>", "'school.ics' is no calendar"),
        (SECONDLY, "'school.ics' has an event that repeats more often than daily"),
    ],
    ids=["no calendar", "a hostile one"],
)
def test_a_calendar_that_is_gone_leaves_its_days_in_force(config: Path, text: str, says: str) -> None:
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
    school.write_text(text)
    rules.reload()  # in a running daemon
    line = (folder / "daughter.yaml").read_text().count("\n")
    for one in (rules, RuleBook(config)):  # and at a start
        daughter = one.household.profiles["daughter"]
        assert daughter.free_days == {date(year, 9, 7)}
        assert "service:tiktok" in map(str, daughter.rules.block)
        (problem,) = one.problems()
        assert problem.startswith(f"{folder / 'daughter.yaml'}:{line}: calendars[1]: {says}")


def test_a_broken_calendar_leaves_the_rules_of_its_child_in_force(config: Path) -> None:
    """Before, the child of a first start had no rules at all, and later no rule could be edited."""
    profiles = config.parent / "profiles"
    (profiles / "school.ics").write_text("<html>not found</html>")
    (profiles / "son.yaml").write_text(yaml.safe_dump({**SON, "calendars": ["school.ics"]}))
    rules = RuleBook(config)
    assert rules.household.owner_of("02:00:00:00:00:0b") is rules.household.profiles["son"]
    assert ["calendars[1]: 'school.ics' is no calendar" in line for line in rules.problems()] == [True]
    editing = Editing(rules, lambda _: None)
    editing.edit("son", {"strict": True}, Author("Mum", datetime.now(UTC)))
    assert rules.household.profiles["son"].rules.strict.value is True


def test_neither_a_start_nor_a_reload_waits_for_a_calendar(config: Path) -> None:
    """Until the file is parsed, the stored days apply: those of the last run."""
    profiles, year = config.parent / "profiles", datetime.now(UTC).year
    calendar = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:{}\nEND:VEVENT\nEND:VCALENDAR\n"
    (profiles / "school.ics").write_text(calendar.format(f"{year}0907"))
    (profiles / "son.yaml").write_text(yaml.safe_dump({**SON, "calendars": ["school.ics"]}))
    RuleBook(config).keep_good()
    (profiles / "school.ics").write_text(calendar.format(f"{year}0908"))
    loop = Loop()

    def read() -> None:
        assert rules.read_calendars()
        loop.stop()

    reader = CalendarReader(loop, read)
    rules = RuleBook(config, calendars=reader.days)
    rules.keep_good()
    son = rules.household.profiles["son"]
    assert (son.free_days, rules.problems()) == (frozenset({date(year, 9, 7)}), [])
    late = loop.call_later(30, loop.stop)
    loop.run()
    assert rules.household.profiles["son"].free_days == {date(year, 9, 8)}

    # While the daemon runs, the days before apply until the new file is parsed.
    (profiles / "school.ics").write_text(calendar.format(f"{year}0909"))
    rules.reload()
    assert rules.household.profiles["son"].free_days == {date(year, 9, 8)}
    loop.run()
    late.cancel()
    reader.close()
    loop.close()
    assert rules.household.profiles["son"].free_days == {date(year, 9, 9)}


def test_a_reload_parses_only_the_files_that_changed(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rules, parse = RuleBook(config), profile.parse_profile
    parsed: list[str] = []

    def noted(source: bytes, file: str, name: str, bands: Bands, words: Vocabulary) -> Profile:
        parsed.append(name)
        return parse(source, file, name, bands, words)

    monkeypatch.setattr(profile, "parse_profile", noted)
    before = dict(rules.household.profiles)
    rules.reload()
    assert parsed == []
    son = config.parent / "profiles" / "son.yaml"
    son.write_text(yaml.safe_dump({**SON, "strict": True}))
    rules.reload()
    assert parsed == ["son"]
    assert rules.household.profiles["daughter"] is before["daughter"]
    parsed.clear()
    for name in ("daughter", "mum"):
        file = config.parent / "profiles" / f"{name}.yaml"
        file.write_text(file.read_text() + "strict: maybe\n")
    assert [len(parsed) for _ in rules.steps_ahead()] == [1, 2], "one in each step"
    assert list(rules.steps_ahead()) == []
    rules.reload()
    assert sorted(parsed) == ["daughter", "mum"], "the errors are stored too"
    assert len(rules.problems()) == 2
    parsed.clear()
    config.write_text(config.read_text() + "services: {mine: {name: Mine, domains: [mine.example.org]}}\n")
    rules.reload()
    assert {"daughter", "son"} <= set(parsed), "own services may be named in any file"


def test_a_reload_frees_the_replaced_rules_without_garbage_collection(config: Path) -> None:
    """The daemon excludes them from it: a full collection takes longer than packets may wait."""
    rules = RuleBook(config)
    rules.reload()
    gc.collect()
    gc.disable()
    try:
        before = _rule_objects()
        for strict in (True, False):
            son = config.parent / "profiles" / "son.yaml"
            son.write_text(yaml.safe_dump({**SON, "strict": strict}))
            rules.reload()
        assert _rule_objects() == before
    finally:
        gc.enable()


def _rule_objects() -> Mapping[str, int]:
    kinds = Profile, Household, World
    return Counter(type(value).__name__ for value in gc.get_objects() if isinstance(value, kinds))


TV = "02:00:00:00:00:0e"


def _shared(folder: Path, *people: str, **settings: object) -> Path:
    return write(
        folder,
        {"daughter": DAUGHTER, "son": SON, "mum": MUM},
        shared={TV: {"people": list(people)}},
        **settings,
    )


@pytest.mark.parametrize(
    ("people", "gone", "owner"),
    [
        (("daughter", "son"), "daughter", "son"),
        (("daughter", "son"), "son", "daughter"),
        (("mum", "son"), "son", "guest"),
        (("mum", "son"), "mum", "son"),
    ],
)
def test_a_deleted_file_that_a_shared_device_names_is_told_and_stops_no_start(
    tmp_path: Path, people: tuple[str, ...], gone: str, owner: str
) -> None:
    path = _shared(tmp_path, *people)
    (tmp_path / "profiles" / f"{gone}.yaml").unlink()
    rules = RuleBook(path)
    found = rules.household.owner_of(TV)
    assert found is not None
    assert found.id == owner
    (line,) = rules.problems()
    where = f"shared.{TV}.people[{people.index(gone) + 1}]: there is no profile '{gone}', so the device has "
    assert f"{where}the rules of {owner}; put its file back, or take the name out" in line
    assert line.startswith(f"{path}:")
    assert str(rules.household.problem_of(TV)) == line


def test_who_has_no_file_stands_in_the_way_of_no_other_change(tmp_path: Path) -> None:
    path = _shared(tmp_path, "daughter", "son", unknown_devices="son")
    son = tmp_path / "profiles" / "son.yaml"
    kept = son.read_bytes()
    son.unlink()
    rules = RuleBook(path)
    assert len(rules.problems()) == 1, "one line a name"
    daughter = tmp_path / "profiles" / "daughter.yaml"
    rules.adopt(rules.with_files({daughter: daughter.read_bytes().replace(b"10-12", b"6-9")}))
    assert rules.household.profiles["daughter"].band.value == "6-9"
    rules.reload()
    assert len(rules.problems()) == 1
    son.write_bytes(kept)
    rules.reload()
    assert not rules.problems()


def test_while_it_runs_a_name_without_a_file_is_refused_and_the_old_rules_hold_on(tmp_path: Path) -> None:
    path = _shared(tmp_path, "daughter", "son")
    rules = RuleBook(path)
    son = tmp_path / "profiles" / "son.yaml"
    with pytest.raises(PolicyError, match="there is no profile 'son'; name a profile's id"):
        rules.with_files({son: None})
    son.unlink()
    with pytest.raises(PolicyError, match="there is no profile 'son'"):
        rules.reload()
    assert "son" in rules.household.profiles
