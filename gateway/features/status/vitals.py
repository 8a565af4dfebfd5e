"""Collects the gateway's counters, a sample for each minute of the last hour, and the latest log lines."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import CLOCK_BOOTTIME, clock_gettime

from gateway.control.contract.health import (
    DiskFigures,
    HealthFigures,
    HealthSample,
    LogEntry,
    MachineFigures,
    SealedFigures,
)
from gateway.control.contract.status import DaemonFigures, HomeProblem
from gateway.core.logs import LastLines
from gateway.core.memory import machine_memory
from gateway.dataplane.internet import AnswerBook, Internet
from gateway.features.activity.journal import DecisionLog
from gateway.features.lists.sealed_lists import SealedListUpdates
from gateway.household.context import HomeContext

EVERY = 60.0  # seconds between two samples
KEPT = 60  # samples, an hour: 120 bytes each


@dataclass(frozen=True, slots=True)
class Sample:
    """The packet counters of one minute, and waiting packets and memory at its end."""

    at: datetime  # the end of the minute
    packets: int  # that the queues received
    dropped: int
    waiting: int  # at the end
    resident: int  # bytes, at the end


class Vitals:
    """Collects counters, samples and log lines for the verbs `health` and `support`.

    ``start`` begins the samples. ``counters``: returns those of queues, connections, tables and memory.
    ``problems``: returns the parts that do not work as configured.
    """

    def __init__(
        self,
        home: HomeContext,
        log: LastLines,
        decision_log: DecisionLog,
        addresses: AnswerBook,
        sealed_lists: SealedListUpdates,
        internet: Internet,
        counters: Callable[[], DaemonFigures],
        problems: Callable[[], list[HomeProblem]],
    ) -> None:
        self._home = home
        self._log = log
        self._decision_log = decision_log
        self._addresses = addresses
        self._sealing = sealed_lists
        self._internet = internet
        self._counters = counters
        self._problems = problems
        self._samples: deque[Sample] = deque(maxlen=KEPT)
        self._began = home.loop.now()
        self._before = (0, 0)

    def start(self) -> None:
        self._home.loop.call_later(EVERY, self._sample)

    def _sample(self) -> None:
        """Store a sample (packets, drops, waiting packets, memory) of the past minute; repeat in a minute."""
        now = self.figures()
        (packets, dropped), self._before = self._before, (now.packets, now.dropped)
        self._samples.append(
            Sample(
                self._home.now(),
                max(0, now.packets - packets),  # a queue that is bound again starts at 0
                max(0, now.dropped - dropped),
                now.waiting,
                now.memory.resident,
            )
        )
        self.start()

    def figures(self) -> HealthFigures:
        """Return the gateway's counters since its start, and its present sizes of memory, disk and tables.

        None of them is about a person, a device or a site.
        """
        known = self._counters()
        disk = os.statvfs(Path(self._home.rules.household.config.state))
        queues = known.queue.values()
        return HealthFigures(
            uptime=round(self._home.loop.now() - self._began),
            packets=sum(queue.packets for queue in queues),
            waiting=sum(queue.waiting for queue in queues),
            dropped=sum(queue.dropped for queue in queues),
            faults=sum(queue.faults for queue in queues),
            queues=len(queues),
            flows=known.flows["live"],
            packets_each=known.flows["tls_packets"] / max(1, known.flows["tls_flows"]),
            questions=self._decision_log.questions,
            answers=self._addresses.answers,
            malformed=known.cache.dns_malformed,
            backend=known.backend,
            repairs=known.repairs,
            memory=known.memory,
            database=known.store,
            lists=known.table,
            sealed=SealedFigures(**self._sealing.figures()),
            disk=DiskFigures(bytes=disk.f_frsize * disk.f_blocks, free=disk.f_frsize * disk.f_bavail),
            machine=machine(),
            clock=self._home.clock_trusted,
            internet=self._internet.state,
            problems=len(self._problems()),
        )

    def samples(self) -> tuple[HealthSample, ...]:
        """Return the packet and memory counters of each minute of the last hour, oldest first."""
        zone = self._home.rules.household.config.zone
        return tuple(
            HealthSample(
                at=sample.at.astimezone(zone),
                packets=sample.packets,
                dropped=sample.dropped,
                waiting=sample.waiting,
                resident=sample.resident,
            )
            for sample in self._samples
        )

    def log_lines(self, *, full: bool) -> tuple[LogEntry, ...]:
        """Return the last warnings and errors of the log, newest first; equal ones are one entry.

        Without ``full``, the texts are templates without arguments: they name no person, device or site.
        """
        zone = self._home.rules.household.config.zone
        return tuple(
            LogEntry(
                level=line.level,
                place=line.place,
                text=line.text if full else line.words,
                first=datetime.fromtimestamp(line.first, zone),
                last=datetime.fromtimestamp(line.last, zone),
                times=line.times,
            )
            for line in self._log.lines()
        )


def machine(proc: Path = Path("/proc")) -> MachineFigures:
    """Return uptime, load, number of cores and memory of the machine; times in seconds, sizes in bytes.

    ``proc``: the folder of the proc file system.
    """
    memory = machine_memory(proc)
    return MachineFigures(
        uptime=round(clock_gettime(CLOCK_BOOTTIME)),
        load=tuple(round(load, 2) for load in os.getloadavg()),
        cores=os.cpu_count() or 1,
        memory=memory.total,
        available=memory.available,
    )
