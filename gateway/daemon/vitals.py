"""How the gateway itself is: figures, a sample a minute of the last hour, the last lines of the log."""

from __future__ import annotations

import os
from collections import deque
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from time import CLOCK_BOOTTIME, clock_gettime
from typing import TYPE_CHECKING, Any

from gateway.logs import LastLines

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon

EVERY = 60.0  # seconds between two samples
KEPT = 60  # samples, an hour: 120 bytes each


@dataclass(frozen=True, slots=True)
class Sample:
    """Of the minute that ended with it."""

    at: datetime
    packets: int  # that were asked about
    dropped: int
    waiting: int  # at its end
    resident: int  # bytes, at its end


class Vitals:
    """It listens to the log from the first moment on; ``start`` begins the samples."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self.log = LastLines()
        self.close = self.log.close
        self.samples: deque[Sample] = deque(maxlen=KEPT)
        self._began = daemon.loop.now()
        self._before = (0, 0)

    def start(self) -> None:
        self._daemon.loop.call_later(EVERY, self._sample)

    def _sample(self) -> None:
        now = self.figures()
        (packets, dropped), self._before = self._before, (now["packets"], now["dropped"])
        self.samples.append(
            Sample(
                self._daemon.clock.now(),
                max(0, now["packets"] - packets),  # a queue that was bound anew counts from nothing
                max(0, now["dropped"] - dropped),
                now["waiting"],
                now["memory"]["resident"],
            )
        )
        self.start()

    def figures(self) -> dict[str, Any]:
        """Numbers alone, and words of ours: nothing here is about a person, a device or a site."""
        daemon = self._daemon
        known: dict[str, Any] = dict(daemon.figures())
        state = Path(daemon.rules.household.config.state)
        disk = os.statvfs(state)
        queues = known["queue"].values()
        return {
            "uptime": round(daemon.loop.now() - self._began),
            "packets": sum(one["packets"] for one in queues),
            "waiting": sum(one["waiting"] for one in queues),
            "dropped": sum(one["dropped"] for one in queues),
            "faults": sum(one["faults"] for one in queues),
            "queues": len(queues),
            "flows": known["flows"]["live"],
            "questions": daemon.journal.questions,
            "answers": daemon.book.answers,
            "malformed": known["cache"]["dns_malformed"],
            "backend": known["backend"],
            "mends": known["mends"],
            "memory": known["memory"],
            "database": known["store"],
            "lists": known["table"],
            "sealed": daemon.sealing.figures(),
            "disk": {"bytes": disk.f_frsize * disk.f_blocks, "free": disk.f_frsize * disk.f_bavail},
            "machine": machine(),
            "clock": daemon.watch.known,
            "internet": daemon.internet.state,
            "problems": len(daemon.problems()),
        }

    def told_samples(self) -> list[dict[str, object]]:
        """The oldest first."""
        zone = self._daemon.rules.household.config.zone
        return [{**asdict(one), "at": one.at.astimezone(zone)} for one in self.samples]

    def told_log(self, *, whole: bool) -> list[dict[str, object]]:
        """The latest first. Without ``whole`` nothing is filled into the words: they name nobody then."""
        zone = self._daemon.rules.household.config.zone
        return [
            {
                "level": one.level,
                "place": one.place,
                "text": one.text if whole else one.words,
                "first": datetime.fromtimestamp(one.first, zone),
                "last": datetime.fromtimestamp(one.last, zone),
                "times": one.times,
            }
            for one in self.log.lines()
        ]


def machine(proc: Path = Path("/proc")) -> dict[str, Any]:
    """The machine below: how long it runs, its load, its memory in bytes."""
    memory = {}
    for line in proc.joinpath("meminfo").read_text("ascii").splitlines():
        key, _, value = line.partition(":")
        if key in ("MemTotal", "MemAvailable"):
            memory[key] = int(value.split()[0]) * 1024
    return {
        "uptime": round(clock_gettime(CLOCK_BOOTTIME)),
        "load": [round(one, 2) for one in os.getloadavg()],
        "cores": os.cpu_count() or 1,
        "memory": memory.get("MemTotal", 0),
        "available": memory.get("MemAvailable", 0),
    }
