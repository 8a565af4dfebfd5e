"""Collects the counters of `qalqan status`: packet queues, verdicts, flows, lists, database and memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

from gateway.control.contract.status import (
    CacheFigures,
    DaemonFigures,
    MemoryFigures,
    QueueFigures,
    RateFigures,
    StoreFigures,
    TableFigures,
)
from gateway.dataplane.kernel_table import KernelTable
from gateway.dataplane.packets import PacketPath
from gateway.features.activity.journal import DecisionLog
from gateway.household.claim import Claim
from gateway.household.rule_book import RuleBook
from gateway.kernel.queue import read_counters
from gateway.kernel.snapshot import Offload
from gateway.path.addresses import AddressBook
from gateway.path.dns import DnsPath
from gateway.path.flows import FlowPath

_ROWS = {"VmRSS": "resident", "RssAnon": "private", "RssFile": "files", "VmHWM": "peak"}


@dataclass(frozen=True, slots=True)
class FigureSources:
    """The parts of the daemon from which ``qalqan status`` gets its counters."""

    packets: PacketPath
    table: KernelTable
    decision_log: DecisionLog
    flows: FlowPath
    book: AddressBook
    dns: DnsPath
    rules: RuleBook
    store: Callable[[], Mapping[str, int]]  # counters of the database
    claim: Claim
    capacity: int  # packets a second that this machine judges


def figures(measured: FigureSources) -> DaemonFigures:
    bound, table = read_counters(), measured.rules.table.info
    return DaemonFigures(
        unclaimed=measured.claim.unclaimed,
        backend=measured.table.backend,
        offload=_kind(measured.table.snapshot.offload),
        queue={
            str(number): QueueFigures(
                packets=queue.packets,
                faults=queue.faults,
                waiting=bound[number].waiting,
                dropped=bound[number].queue_dropped + bound[number].user_dropped,
            )
            for number, queue in measured.packets.queues.items()
            if number in bound
        },
        rates=RateFigures(judged=measured.capacity, **asdict(measured.table.snapshot.rates)),
        verdicts=measured.decision_log.verdicts,
        flows=asdict(measured.flows.table.stats) | {"live": len(measured.flows.live)},
        cache=CacheFigures(addresses=len(measured.book), dns_malformed=measured.dns.malformed),
        table=TableFigures(
            names=table.count, bytes=table.size, built=_built(table.built), sources=len(table.sources)
        ),
        store=StoreFigures(**measured.store()),
        repairs=measured.table.repairs,
        memory=memory(),
    )


def _kind(offload: Offload | None) -> Literal["none", "software", "hardware"]:
    if offload is None:
        return "none"
    return "hardware" if offload.hardware else "software"


def _built(text: str) -> datetime | None:
    """Return the time in an ISO 8601 text; None if it is no time, or has no time zone."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if at.tzinfo is None else at


def memory() -> MemoryFigures:
    """Return the daemon's memory in bytes: resident, private, of files (category table), and the peak.

    The peak of getrusage is useless here: it starts with that of the program that started this one.
    """
    rows = dict.fromkeys(_ROWS.values(), 0)
    with open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            key, _, value = line.partition(":")
            if key in _ROWS:
                rows[_ROWS[key]] = int(value.split()[0]) * 1024
    return MemoryFigures(**rows)
