"""The sample family, and fourteen days of its history, whose every line says that it is a sample."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import floor
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from gateway.policy.rule_text import SAMPLE_MARK
from gateway.policy.values import Decision, Proto, Reason, Verdict
from gateway.store.minutes_file import (
    DETAIL_DAYS,
    FOLDER,
    ClockRecord,
    MinuteRecord,
    MinutesFile,
    Record,
    spent,
)
from gateway.store.store import Store
from gateway.store.tables.history import SAMPLE, uses
from tests.lab import clients, names
from tests.lab.daemon import Daemon, afternoon_zone
from tests.lab.home import Home

DAYS = 14
GUARDIANS = ("Mum", "Dad")
PROFILES: Mapping[str, Mapping[str, Any]] = {
    "daughter": {
        "name": "Daughter",
        "band": "10-12",
        "devices": [names.TABLET.mac],
        "block": ["service:tiktok"],
        "homework": ["bilimland.kz"],
        "strict": True,
    },
    "son": {"name": "Son", "band": "13-15", "devices": [names.PHONE.mac]},
    "mum-and-dad": {"name": "Mum and Dad", "band": "adult", "devices": [names.PARENT.mac]},
}


@dataclass(frozen=True, slots=True)
class _Habit:
    """What a child asks for on most days."""

    host: str
    category: str
    times: tuple[int, int]  # the fewest and the most a day
    verdict: Verdict
    reason: Reason
    rule: str
    owner: str


def _open(host: str, category: str, times: tuple[int, int]) -> _Habit:
    return _Habit(host, category, times, Verdict.ALLOW, Reason.OPEN, "open", "product")


def _refused(host: str, category: str, times: tuple[int, int], rule: str, band: str | None) -> _Habit:
    reason = Reason.CATEGORY if band else Reason.FAMILY_BLOCK
    return _Habit(host, category, times, Verdict.BLOCK, reason, rule, f"band:{band}" if band else "family")


_HABITS: Mapping[str, tuple[int, tuple[_Habit, ...]]] = {
    "daughter": (
        2,
        (
            _open("www.khanacademy.org", "category:education", (4, 20)),
            _open("www.youtube.com", "category:video_sharing", (10, 60)),
            _open("www.roblox.com", "category:games", (0, 30)),
            _refused("www.tiktok.com", "category:social_networks", (1, 6), "block: service:tiktok", None),
            _refused(
                "www.instagram.com", "category:social_networks", (0, 3), "category:social_networks", "10-12"
            ),
            _refused("doubleclick.net", "category:ads_trackers", (20, 80), "category:ads_trackers", "10-12"),
        ),
    ),
    "son": (
        1,
        (
            _open("github.com", "category:education", (0, 15)),
            _open("store.steampowered.com", "category:games", (5, 40)),
            _open("www.youtube.com", "category:video_sharing", (10, 90)),
            _refused(
                "www.instagram.com", "category:social_networks", (0, 5), "category:social_networks", "13-15"
            ),
            _refused("doubleclick.net", "category:ads_trackers", (30, 120), "category:ads_trackers", "13-15"),
        ),
    ),
}


def move_in(home: Home) -> tuple[Daemon, int]:
    """The daemon of a home in which the family lives, not yet started, and the decisions of its history."""
    daemon = Daemon(home, PROFILES, web=True)
    daemon.state.mkdir(parents=True)
    now = datetime.now(UTC)
    return daemon, write_history(daemon.database, now.astimezone(ZoneInfo(afternoon_zone(now))))


def move_in_alone(home: Home) -> Daemon:
    """No family yet; the devices have been on the Wi-Fi for a while, as on a router that runs already."""
    for key in home.present:
        clients.curl(home.devices[key], f"http://{names.GATEWAY_IPV4}/", timeout=1.0)
    return Daemon(home, {}, web=True)


def write_history(database: Path, now: datetime) -> int:
    """Fill the database of a daemon that is not running, always alike; the number of decisions in it."""
    chance = random.Random(14)
    written = 0
    store = Store(database)
    try:
        for days_ago in range(DAYS, 0, -1):
            day = now - timedelta(days=days_ago)
            for profile, (level, habits) in _HABITS.items():
                for habit in habits:
                    written += _write_habit(store, chance, profile, level, habit, day)
            store.flush(0.0, force=True)
        _write_minutes(store, database.parent / FOLDER, now)
        store.audit.record(SAMPLE, f"{DAYS} days", by="the virtual home", at=now)
    finally:
        store.close()
    return written


def _write_minutes(store: Store, folder: Path, now: datetime) -> None:
    """The daughter's play: minute by minute for the last week, how much of what kind before. The audit's line
    says of all of it that it is a sample.
    """
    file, chance = MinutesFile(folder, lambda day, records: None), random.Random(7)
    kinds = {"youtube": ("video_sharing",), "roblox": ("games",)}
    try:
        for days_ago in range(DAYS, 0, -1):
            day = now - timedelta(days=days_ago)
            records = list(_played(chance, day))
            if days_ago <= DETAIL_DAYS:
                file.open(day.date())
                file.append(records, 0.0)
            store.minutes.keep(day.date(), spent(records))
            store.history.keep(day.date(), uses(records, lambda service: kinds[service]))
    finally:
        file.close()


def _played(chance: random.Random, day: datetime) -> Iterator[Record]:
    """Two or three spells between school and supper; more on days without school."""
    child, tablet = "daughter", names.TABLET.mac
    at = 15 * 60 + chance.randint(0, 40)
    for spell in range(3 if day.weekday() >= 5 else 2):
        length = chance.randint(18, 45)
        start = floor(day.replace(hour=at // 60, minute=at % 60, second=0).timestamp() / 60)
        yield ClockRecord(start, 0.0, start, bytes(6))
        service = "roblox" if spell == 1 else "youtube"
        for minute in range(start, start + length):
            yield MinuteRecord(minute, child, tablet, "play", chance.randint(300, 9_000) * 1000, service)
        at += length + chance.randint(20, 50)


def _write_habit(
    store: Store, chance: random.Random, profile: str, level: int, habit: _Habit, day: datetime
) -> int:
    decision = Decision(habit.verdict, habit.reason, SAMPLE_MARK + habit.rule, habit.owner)
    times = chance.randint(*habit.times)
    is_ads = habit.category == "category:ads_trackers"
    for _ in range(times):
        minute = chance.randint(15 * 60, 20 * 60)
        store.events.record(
            decision,
            host=habit.host,
            proto=Proto.TLS,
            profile=profile,
            device=str(PROFILES[profile]["devices"][0]),
            level=level,
            category=habit.category,
            at=day.replace(hour=minute // 60, minute=minute % 60),
            attempts=int(not is_ads),
            background=int(is_ads),
        )
    return times
