"""Past days of a person: kinds for a month, names for a week, and what an end of it leaves."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from gateway.store.minutes_file import ClockRecord, MinuteFlag, MinuteRecord, MinutesFile, Record, spent
from gateway.store.store import Store
from gateway.store.tables.history import SAMPLE, Count, uses
from tests.store.helpers import HOUR, NOW, allowed, look, record, refused

DAY = NOW.date()
ONE = timedelta(days=1)
TABLET, PHONE = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
KINDS = {"youtube": ("video_sharing",), "roblox": ("games",), "twitch": ("games", "video_sharing")}


def minute(number: int, service: str | None, gate: str = "play", device: str = TABLET) -> MinuteRecord:
    return MinuteRecord(number, "son", device, gate, 300_000, service)


def test_a_minute_is_one_whatever_the_number_of_limits_devices_and_kinds() -> None:
    records: list[Record] = [
        ClockRecord(1, 0.0, 0, b"boot00"),
        minute(1, "youtube"), minute(1, "youtube", "internet"), minute(1, "youtube", device=PHONE),
        minute(2, "roblox"), minute(2, "twitch", device=PHONE), minute(3, None),
        MinuteRecord(4, "son", TABLET, "play", 1000, "youtube", MinuteFlag.OPEN),
    ]  # fmt: skip
    assert uses(records, lambda service: KINDS[service]) == {
        ("son", "all"): 3,
        ("son", "other"): 1,
        ("son", "service:youtube"): 1,
        ("son", "service:roblox"): 1,
        ("son", "service:twitch"): 1,
        ("son", "category:video_sharing"): 2,
        ("son", "category:games"): 1,
    }


def test_services_are_kept_for_a_week_and_kinds_for_a_month(store: Store) -> None:
    store.history.keep(DAY, {("son", "service:youtube"): 40, ("son", "category:video_sharing"): 40})
    assert store.history.of("son", DAY, DAY)[DAY] == {"service:youtube": 40, "category:video_sharing": 40}
    assert store.history.of("daughter", DAY, DAY) == {}
    assert store.history.of("son", DAY + ONE, DAY + 9 * ONE) == {}
    store.purge(NOW + 7 * ONE)
    assert store.history.of("son", DAY, DAY)[DAY]["service:youtube"] == 40
    store.purge(NOW + 8 * ONE)
    assert store.history.of("son", DAY, DAY) == {DAY: {"category:video_sharing": 40}}
    store.purge(NOW + 31 * ONE)
    assert store.history.of("son", DAY, DAY) == {}
    store.close()


def test_refusals_are_put_together_by_name_and_reason(store: Store) -> None:
    for hours, host in ((0, "tiktok.com"), (1, "tiktok.com"), (2, "bet.example")):
        record(store, refused(), host, at=NOW + hours * HOUR)
        store.flush(0.0, force=True)
    record(store, allowed(), "kk.wikipedia.org", level=3)
    store.flush(0.0, force=True)
    found = store.history.names("daughter", NOW - HOUR, NOW + ONE, refused=True)
    assert [(one.host, one.times, one.first, one.last) for one in found] == [
        ("bet.example", 1, NOW + 2 * HOUR, NOW + 2 * HOUR),
        ("tiktok.com", 2, NOW, NOW + HOUR),
    ]
    assert store.history.names("daughter", NOW - HOUR, NOW, refused=True) == []
    visited = store.history.names("daughter", NOW - HOUR, NOW + ONE, refused=False)
    assert [one.host for one in visited] == ["kk.wikipedia.org"]
    store.close()


def test_counts_tell_refused_from_open(store: Store) -> None:
    record(store, refused(), category="category:games")
    record(store, refused(), category="category:games")
    record(store, allowed(), category="category:games")
    record(store, allowed(), category="category:games", at=NOW - ONE, profile="son")
    store.flush(0.0, force=True)
    assert store.history.counts("daughter", DAY, DAY) == [Count(DAY, "category:games", 2, 0, 1)]
    assert store.history.counts("daughter", DAY - ONE, DAY - ONE) == []
    store.close()


def test_all_of_one_person_s_days_goes_and_nobody_else_s(store: Store, tmp_path: Path) -> None:
    for profile in ("son", "daughter"):
        record(store, refused(), f"marker-{profile}.example", profile=profile)
        store.minutes.keep(DAY - ONE, {("son", "play"): 5, ("daughter", "play"): 6})
        store.history.keep(DAY - ONE, {("son", "all"): 5, ("daughter", "all"): 6})
    store.flush(0.0, force=True)
    record(store, refused(), "marker-waits.example", profile="son")
    store.erase("son", counts=True)
    store.flush(0.0, force=True)
    store.close()
    for table in ("decisions", "counts", "minutes", "uses"):
        assert look(tmp_path / "qalqan.db", f"SELECT DISTINCT profile FROM {table}") == [("daughter",)]


def test_counted_minutes_of_the_running_day_stay_and_earlier_ones_do_not_come_back(tmp_path: Path) -> None:
    folded: dict[date, dict[tuple[str, str], int]] = {}
    file = MinutesFile(tmp_path, lambda day, records: folded.update({day: dict(spent(records))}))
    for day in (DAY - ONE, DAY):
        file.open(day)
        file.append([minute(1, "youtube"), MinuteRecord(2, "daughter", PHONE, "play", 1, None)], 0.0)
    file.erase("son", past=True)
    file.close()
    again = MinutesFile(tmp_path, lambda day, records: folded.update({day: dict(spent(records))}))
    (first, _) = again.open(DAY)
    assert isinstance(first, MinuteRecord)
    assert (first.profile, first.service, first.why) == ("son", None, MinuteFlag.COUNTED)
    again.tidy(DAY)
    assert folded == {DAY - ONE: {("daughter", "play"): 1}}


def test_made_up_days_are_known_as_such(store: Store) -> None:
    assert store.history.sample_until() is None
    store.audit.record(SAMPLE, "14 days", by="the virtual home", at=NOW)
    assert store.history.sample_until() == NOW
    store.close()
