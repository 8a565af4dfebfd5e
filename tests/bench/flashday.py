"""One day of a family as the state folder meets it, second by second, with the daemon's own writers.

python -m tests.bench.flashday FOLDER normal|poor DAY
"""

from __future__ import annotations

import random
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from gateway.household import clock_watch
from gateway.household.clock_watch import STORE
from gateway.policy.config.config import Flash
from gateway.policy.values import Decision, Proto, Reason, Verdict
from gateway.store.flash_wear import wear
from gateway.store.minutes_file import FOLDER, TICK, MinuteRecord, MinutesFile, UseRecord
from gateway.store.store import Store

CHILDREN, DEVICES = 8, 2
AWAKE = range(7, 22)  # hours
ACTIVE = 180  # minutes of a child a day that count
QUIET, BUSY = 1, 10  # decisions a minute of a device
NAMES = 400  # of a child, some of them again and again
DAY = 86_400
_ALLOWED = Decision(Verdict.ALLOW, Reason.OPEN, "open", "band:10-12")
_REFUSED = Decision(Verdict.BLOCK, Reason.SERVICE, "block: service:tiktok", "family")


class Family:
    def __init__(self, folder: Path, flash: Flash, day: int) -> None:
        self.random = random.Random(day)
        self.date = date(2026, 11, 24) + timedelta(days=day)
        self.began = datetime(2026, 11, 24, tzinfo=UTC) + timedelta(days=day)
        self.wear = wear(flash)
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.store = Store(folder / "qalqan.db", family_day=datetime.date, wear=self.wear)
        self.minutes = MinutesFile(folder / FOLDER, lambda *_: None, sync_every=self.wear.sync_every)
        self.minutes.open(self.date)
        whole = range(AWAKE.start * 60, AWAKE.stop * 60)
        self.active = [frozenset(self._sessions(whole)) for _ in range(CHILDREN)]

    def _sessions(self, whole: range) -> list[int]:
        """Of half an hour each."""
        starts = self.random.sample(range(whole.start, whole.stop, 30), ACTIVE // 30)
        return [minute for start in starts for minute in range(start, start + 30)]

    def pass_(self) -> None:
        for second in range(DAY):
            at = self.began + timedelta(seconds=second)
            if second % 60 == 0:
                self._minute(second // 60, at)
            if second % TICK == 0:
                self.minutes.append((), float(second))
            self.store.flush(float(second))
            if second % self.wear.notes_every == 0:
                self.store.flush_devices()
            if second % self.wear.purge_every == 0:
                self.store.purge(at)
            if second % STORE == 0:
                clock_watch.write_clock(self.folder, clock_watch.LastTime(at.timestamp(), at.timestamp()))
        self.minutes.close()
        self.store.close()

    def _minute(self, minute: int, at: datetime) -> None:
        awake = minute // 60 in AWAKE
        for child in range(CHILDREN):
            busy = minute in self.active[child]
            profile = f"child-{child}"
            for device in range(DEVICES if awake else 0):
                mac = f"02:00:00:00:{child:02x}:{device:02x}"
                self.store.devices.seen(mac, at, profile)
                for _ in range(BUSY if busy and not device else QUIET):
                    self._decide(profile, mac, at)
            if busy:
                mac = f"02:00:00:00:{child:02x}:00"
                moved = MinuteRecord(minute, profile, mac, "all", 3_000_000, "youtube")
                self.minutes.append([moved, UseRecord(minute, profile, "video")], minute * 60.0)
        if awake and minute % 60 == 30:  # a guardian sets something each hour
            self.store.pauses.pause("child-0", until=at + timedelta(minutes=5), by="Mum", at=at)
            self.store.pauses.resume("child-0", by="Mum", at=at)

    def _decide(self, profile: str, mac: str, at: datetime) -> None:
        number = int(self.random.paretovariate(0.8)) % NAMES
        decision = _REFUSED if number % 17 == 0 else _ALLOWED
        self.store.events.record(
            decision,
            host=f"name-{number}.example",
            proto=Proto.DNS,
            profile=profile,
            device=mac,
            level=3,
            category="video",
            at=at,
        )


if __name__ == "__main__":
    Family(Path(sys.argv[1]), Flash(sys.argv[2]), int(sys.argv[3])).pass_()
