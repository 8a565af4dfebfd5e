"""Free days from real calendar files, parsed in the real child process with its limits."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from gateway.core.errors import PolicyError
from gateway.core.helper_process import HelperProcess
from gateway.core.loop import Loop
from gateway.household import calendars
from gateway.household.calendar_parser import NoCalendarError, days_of_events
from gateway.household.calendars import MAX_BYTES, CalendarReader, free_days
from gateway.household.loading import load_product, load_profile
from tests.policy.homes import refusal

FIRST, LAST = date(2024, 1, 1), date(2029, 12, 31)
YEAR = datetime.now(UTC).year


def calendar(*events: str) -> bytes:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//school//EN"]
    for number, event in enumerate(events):
        own = event.replace("; ", "\n").split("\n")
        uid = [] if any(line.startswith("UID") for line in own) else [f"UID:{number}@school.example"]
        lines += ["BEGIN:VEVENT", *uid, *own, "END:VEVENT"]
    return "\r\n".join([*lines, "END:VCALENDAR", ""]).encode()


def days(*events: str) -> list[str]:
    return sorted(str(day) for day in days_of_events(calendar(*events), FIRST, LAST))


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        (["DTSTART;VALUE=DATE:20261216"], ["2026-12-16"]),
        (["DTSTART;VALUE=DATE:20261216; DTEND;VALUE=DATE:20261218"], ["2026-12-16", "2026-12-17"]),
        (["DTSTART;VALUE=DATE:20261216; DTEND;VALUE=DATE:20261216"], ["2026-12-16"]),  # as some programs do
        (["DTSTART;VALUE=DATE:20261216; DURATION:P2D"], ["2026-12-16", "2026-12-17"]),
        (
            ["DTSTART;VALUE=DATE:20270501; RRULE:FREQ=YEARLY; EXDATE;VALUE=DATE:20280501"],
            ["2027-05-01", "2029-05-01"],
        ),
        (["DTSTART;VALUE=DATE:20270501; RDATE;VALUE=DATE:20270601"], ["2027-05-01", "2027-06-01"]),
        (["DTSTART;VALUE=DATE:20270104; RRULE:FREQ=WEEKLY;COUNT=2"], ["2027-01-04", "2027-01-11"]),
        # One of a series was moved, another was put off.
        (
            [
                "UID:a; DTSTART;VALUE=DATE:20270104; RRULE:FREQ=WEEKLY;COUNT=3",
                "UID:a; RECURRENCE-ID;VALUE=DATE:20270111; DTSTART;VALUE=DATE:20270112",
            ],
            ["2027-01-04", "2027-01-12", "2027-01-18"],
        ),
        (["DTSTART;VALUE=DATE:20261216; STATUS:CANCELLED"], []),
        (["DTSTART:20261216T090000; DTEND:20261216T100000"], []),  # a lesson
        (["DTSTART:20261216T090000Z; RRULE:FREQ=SECONDLY"], []),
        (["SUMMARY:nothing"], []),
        ([], []),
        (["DTSTART;VALUE=DATE:19500101; DTEND;VALUE=DATE:20240103"], ["2024-01-01", "2024-01-02"]),
        (["DTSTART;VALUE=DATE:20400101"], []),
    ],
)
def test_the_days_of_all_day_events(events: list[str], expected: list[str]) -> None:
    assert days(*events) == expected


def test_a_file_is_parsed_in_a_child_process_and_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "school.ics"
    file.write_bytes(calendar(f"DTSTART;VALUE=DATE:{YEAR}0907; DTEND;VALUE=DATE:{YEAR}0909"))
    modules = set(sys.modules)
    assert free_days(file) == {date(YEAR, 9, 7), date(YEAR, 9, 8)}
    assert not {one for one in set(sys.modules) - modules if one.startswith(("icalendar", "recurring"))}
    monkeypatch.setattr(calendars, "_parse", lambda *_: pytest.fail("the same file was parsed again"))
    assert len(free_days(file)) == 2


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "is no calendar"),
        (b"band: 10-12\n", "is no calendar"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "is no calendar"),
        (b"BEGIN:VCALENDAR\r\n" + b"\x00\xff" * 50, "is no calendar"),
        (calendar("DTSTART;VALUE=DATE:2026-12-16"), "has an event whose dates cannot be read"),
        (
            calendar("DTSTART;VALUE=DATE:20261216; RRULE:FREQ=OFTEN"),
            "has an event whose dates cannot be read",
        ),
        (calendar(*["DTSTART;VALUE=DATE:20261216"] * 2001), "has 2001 events, more than 2000"),
        (b"BEGIN:VCALENDAR\r\n" + bytes(MAX_BYTES), f"has more than {MAX_BYTES} bytes"),
    ],
)
def test_what_is_no_calendar_is_refused_in_one_line(tmp_path: Path, data: bytes, problem: str) -> None:
    file = tmp_path / "school.ics"
    file.write_bytes(data)
    said = refusal(lambda: free_days(file))
    assert f"{problem}; export the free days alone as iCalendar" in said
    assert "\n" not in said


DAILY = "DTSTART;VALUE=DATE:20240101; RRULE:FREQ=DAILY"


def limit(folder: Path, monkeypatch: pytest.MonkeyPatch, **limits: str) -> None:
    """Let the parser run with other limits."""
    code = "".join(f"calendar_parser.{name} = {value}\n" for name, value in limits.items())
    (folder / "limited.py").write_text(
        f"import sys\nfrom gateway.household import calendar_parser\n{code}"
        "sys.exit(calendar_parser.main(sys.argv[1:]))\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setattr(calendars, "PARSER", "limited")


@pytest.mark.parametrize(
    "rule",
    [
        "RRULE:FREQ=SECONDLY",  # 138 bytes that held up the filter for ten seconds, again at each reload
        "RRULE:FREQ=MINUTELY;INTERVAL=1",
        "RRULE:FREQ=hourly",
        "RRULE:FREQ=DAILY;BYSECOND=0,1,2,3",
        "RRULE:FREQ=DAILY;BYHOUR=1,2; RRULE:FREQ=DAILY",
        "RRULE:FREQ=DAILY; EXRULE:FREQ=SECONDLY",
    ],
)
def test_a_recurrence_below_daily_is_refused_in_one_sentence(tmp_path: Path, rule: str) -> None:
    file = tmp_path / "school.ics"
    file.write_bytes(calendar(f"DTSTART;VALUE=DATE:20240101; {rule}"))
    assert refusal(lambda: free_days(file)) == (
        f"{file}: has an event that repeats more often than daily; "
        "export the free days alone as iCalendar (.ics), or take the line out"
    )


def test_an_event_with_a_time_of_day_is_refused_too_if_it_belongs_to_an_all_day_event() -> None:
    with pytest.raises(NoCalendarError, match="more often than daily"):
        days(f"UID:a; {DAILY}", "UID:a; DTSTART:20240101T000000Z; RRULE:FREQ=SECONDLY")


@pytest.mark.parametrize(
    ("limits", "problem"),
    [
        ({"CPU_SECONDS": "0.2"}, "takes more than 2 s to read"),
        ({"CPU_SECONDS": "60"}, "needs more than 50 MB of memory to read"),
    ],
)
def test_a_calendar_that_takes_too_much_time_or_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: dict[str, str], problem: str
) -> None:
    limit(tmp_path, monkeypatch, **limits)
    file = tmp_path / "school.ics"
    file.write_bytes(calendar(*[f"{DAILY}; SUMMARY:{limits}"] * 1999))
    assert f"{problem}; export" in refusal(lambda: free_days(file))


class Reading:
    """The daemon's reader on a real loop; ``wait`` runs the loop until a result became known."""

    def __init__(self) -> None:
        self.loop = Loop()
        self.reader = CalendarReader(self.loop, self.loop.stop)

    def wait(self) -> None:
        late = self.loop.call_later(30, lambda: pytest.fail("no result"))
        self.loop.run()
        late.cancel()


@pytest.fixture
def reading() -> Iterator[Reading]:
    made = Reading()
    yield made
    made.reader.close()
    made.loop.close()


def test_the_daemon_does_not_wait_for_a_calendar(tmp_path: Path, reading: Reading) -> None:
    good, bad, late = (tmp_path / name for name in ("good.ics", "bad.ics", "late.ics"))
    good.write_bytes(calendar(*[f"DTSTART;VALUE=DATE:{YEAR}09{1 + day % 30:02d}" for day in range(1500)]))
    bad.write_bytes(calendar("DTSTART;VALUE=DATE:20240101; RRULE:FREQ=SECONDLY"))
    late.write_bytes(calendar(*[DAILY] * 1999))
    files = good, bad, late
    assert [reading.reader.days(file) for file in files] == [None] * 3
    assert [reading.reader.days(file) for file in files] == [None] * 3, "asked again while it is parsed"
    reading.wait()
    found = reading.reader.days(good)
    assert found is not None
    assert len(found) == 30
    assert "repeats more often than daily" in refusal(lambda: reading.reader.days(bad))
    assert "needs more than" in refusal(lambda: reading.reader.days(late))


def test_a_failure_is_kept_until_the_content_changes(
    tmp_path: Path, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "school.ics"
    file.write_bytes(calendar("DTSTART;VALUE=DATE:20240101; RRULE:FREQ=SECONDLY"))
    assert reading.reader.days(file) is None
    reading.wait()
    with monkeypatch.context() as patch:
        patch.setattr(HelperProcess, "start", lambda *_: pytest.fail("a known failure was parsed again"))
        file.touch()
        for _ in range(3):
            assert "more often than daily" in refusal(lambda: reading.reader.days(file))
    file.write_bytes(calendar(f"DTSTART;VALUE=DATE:{YEAR}0907"))
    assert reading.reader.days(file) is None
    reading.wait()
    assert reading.reader.days(file) == frozenset({date(YEAR, 9, 7)})


@pytest.mark.parametrize("known", [True, False], ids=["too much time", "another failure"])
def test_a_calendar_that_takes_too_much_time_is_not_tried_again(
    tmp_path: Path, reading: Reading, monkeypatch: pytest.MonkeyPatch, *, known: bool
) -> None:
    """A failure that the content may not explain is tried again."""
    monkeypatch.setattr(calendars, "RETRY", 0.0)
    if known:
        limit(tmp_path, monkeypatch, CPU_SECONDS="0.2")
    else:
        monkeypatch.setattr(sys, "executable", "/bin/false")
    file = tmp_path / "school.ics"
    file.write_bytes(calendar(*[f"{DAILY}; SUMMARY:{known}"] * 1999))
    assert reading.reader.days(file) is None
    reading.wait()
    reading.loop.run_once(0.0)
    if known:
        assert "takes more than 2 s to read" in refusal(lambda: reading.reader.days(file))
    else:
        assert reading.reader.days(file) is None


def test_a_calendar_is_read_again_after_a_failure_that_the_content_may_not_explain(
    tmp_path: Path, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "school.ics"
    file.write_bytes(calendar(f"DTSTART;VALUE=DATE:{YEAR}0907"))
    monkeypatch.setattr(calendars, "RETRY", 0.01)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", "/bin/false")
        assert reading.reader.days(file) is None
        reading.wait()
        assert "is a calendar that cannot be read" in refusal(lambda: reading.reader.days(file))
    reading.wait()  # the reader calls `changed`, which reads the rules, and so the calendars
    assert reading.reader.days(file) is None
    reading.wait()
    assert reading.reader.days(file) == frozenset({date(YEAR, 9, 7)})


def test_without_a_process_the_file_waits(
    tmp_path: Path, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "school.ics"
    file.write_bytes(calendar(f"DTSTART;VALUE=DATE:{YEAR}0907"))
    monkeypatch.setattr(calendars, "RETRY", 0.2)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", str(tmp_path / "none"))
        assert reading.reader.days(file) is None
        reading.loop.run_once(0.0)
    reading.wait()
    assert reading.reader.days(file) == frozenset({date(YEAR, 9, 7)})


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("school.ics", "'school.ics' does not exist; create it, or use another path"),
        (".", "'.' cannot be read (Is a directory)"),
        ("kid.yaml", "'kid.yaml' is no calendar"),
        ("/dev/zero", "'/dev/zero' is not a regular file; replace it with a file"),
    ],
)
def test_a_profile_says_which_line_names_it(tmp_path: Path, name: str, problem: str) -> None:
    file = tmp_path / "kid.yaml"
    file.write_text(f"band: 10-12\ncalendars:\n  - {name}\n")
    said = refusal(lambda: load_profile(file, load_product()))
    assert said.startswith(f"{file}:3: calendars[1]: {problem}")


def test_a_profile_has_the_days_of_its_calendars(tmp_path: Path) -> None:
    day = date(YEAR, 9, 7)
    (tmp_path / "a.ics").write_bytes(calendar(f"DTSTART;VALUE=DATE:{day:%Y%m%d}"))
    (tmp_path / "b.ics").write_bytes(
        b"\xef\xbb\xbf" + calendar(f"DTSTART;VALUE=DATE:{day + timedelta(1):%Y%m%d}")
    )
    file = tmp_path / "kid.yaml"
    file.write_text(f'band: 10-12\ncalendars: [a.ics, "{tmp_path}/b.ics"]\n')
    profile = load_profile(file, load_product())
    assert profile.free_days == {day, day + timedelta(1)}
    assert profile.rules.calendars == ("a.ics", f"{tmp_path}/b.ics")


def test_the_process_may_be_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    file = tmp_path / "school.ics"
    file.write_bytes(calendar("DTSTART;VALUE=DATE:20260101; SUMMARY:never read before"))
    with pytest.raises(PolicyError, match="is a calendar that cannot be read"):
        free_days(file)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))
    with pytest.raises(PolicyError, match="cannot be read"):
        free_days(file)


def test_without_the_library_the_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "recurring_ical_events", None)
    with pytest.raises(NoCalendarError, match="while the package recurring_ical_events is not installed"):
        days_of_events(calendar(), FIRST, LAST)
