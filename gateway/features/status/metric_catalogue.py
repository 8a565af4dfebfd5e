"""The declared metrics, and their text in the formats of OpenMetrics 1.0 and Prometheus 0.0.4. Pure.

Each metric is declared once: name, type, help, unit and source. The text, the table of
docs/providers/metrics.md and the check of dashboard and alert rules are made from it. None of them is about a
person, a device, a site or a profile.

The text is made here because the library prometheus_client (0.21) takes 4.3 MB of the daemon's memory, and
stores values that the daemon has anyway. The daemon imports this module at the first request: most homes do
without it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from operator import attrgetter
from typing import NamedTuple

from gateway.control.contract.health import HealthFigures
from gateway.control.contract.lists import UpdatePlan
from gateway.control.contract.status import DaemonFigures
from gateway.policy.values import Reason, Verdict

PREFIX = "qalqan_"
PROTOCOLS = ("tls", "http", "quic")
RULES = "rules"  # in place of each reason that follows from the family's rules or from a list
# Reasons that only depend on what a packet or query is.
TECHNICAL = frozenset(
    {
        Reason.DEVICE_NEEDS, Reason.NO_NAME, Reason.BAD_NAME, Reason.ECH, Reason.MALFORMED, Reason.FRAGMENT,
        Reason.OVERFLOW, Reason.UNANSWERED, Reason.PROTOCOL, Reason.UNRESOLVED, Reason.RESOLVER_SIGNAL,
        Reason.GATEWAY, Reason.OPEN,
    }
)  # fmt: skip

Values = Mapping[tuple[str, ...], float]  # label values → value


@dataclass(frozen=True, slots=True)
class Measured:
    """The values from which all metrics are made; each property is the value of one metric."""

    version: str
    python: str
    cpu: float  # seconds of the daemon since its start
    figures: HealthFigures
    daemon: DaemonFigures
    lists: UpdatePlan
    decisions: Mapping[tuple[Verdict, Reason], int]  # about children with a log level that shows the present

    @property
    def build(self) -> Values:
        return {(self.version, self.python, self.figures.backend): 1}

    @property
    def claimed(self) -> bool:
        return not self.daemon.unclaimed

    @property
    def internet_up(self) -> int | None:
        return {"works": 1, "down": 0}.get(self.figures.internet)

    @property
    def packet_cost(self) -> float | None:
        return 1 / self.daemon.rates.judged if self.daemon.rates.judged else None

    @property
    def load(self) -> float:
        return self.figures.machine.load[0]

    @property
    def decided(self) -> Values:
        return {(name,): self.daemon.flows.get(f"{name}_flows", 0) for name in PROTOCOLS}

    @property
    def decided_packets(self) -> Values:
        return {(name,): self.daemon.flows.get(f"{name}_packets", 0) for name in PROTOCOLS}

    @property
    def verdicts(self) -> Values:
        found = Counter[tuple[str, ...]]()
        for (verdict, reason), times in self.decisions.items():
            found[verdict.value, reason.value if reason in TECHNICAL else RULES] += times
        return found

    @property
    def feed_version(self) -> int | None:
        return None if self.lists.feed is None else self.lists.feed.version

    @property
    def feed_checked(self) -> datetime | None:
        return None if self.lists.feed is None else self.lists.feed.checked


class MetricKind(StrEnum):
    """The type of a metric. ``INFO`` has labels only, and its value is 1."""

    COUNTER = "counter"
    GAUGE = "gauge"
    INFO = "info"


COUNTER, GAUGE, INFO = MetricKind
_SUFFIX = {COUNTER: "_total", INFO: "_info"}


class Metric(NamedTuple):
    """One declared metric. It is left out while its source has no value (None)."""

    name: str  # of the metric family: without the prefix, `_total` and `_info`
    kind: MetricKind
    help: str  # one line; neither quotes nor backslashes
    source: str  # an attribute of `Measured`
    unit: str = ""  # the last word of the name, if that is a base unit
    labels: tuple[str, ...] = ()

    @property
    def sample(self) -> str:
        """The name of its samples in the text and in queries: prefix, name, and ``_total`` or ``_info``."""
        return f"{PREFIX}{self.name}{_SUFFIX.get(self.kind, '')}"

    def values(self, measured: Measured) -> Values:
        found = attrgetter(self.source)(measured)
        if isinstance(found, Mapping):
            return found
        if found is None:
            return {}
        return {(): found.timestamp() if isinstance(found, datetime) else found}


S, B = "seconds", "bytes"
CATALOGUE = (
    Metric("build", INFO, "Version of Qalqan and of Python, and how the daemon reaches nftables.", "build",
           labels=("version", "python", "backend")),
    Metric("uptime_seconds", GAUGE, "Time since the daemon started.", "figures.uptime", S),
    Metric("cpu_seconds", COUNTER, "CPU time that the daemon used.", "cpu", S),
    Metric("claimed", GAUGE, "1 if a family has set up the gateway, else 0.", "claimed"),
    Metric("problems", GAUGE, "Parts of the gateway that do not work as configured.", "figures.problems"),
    Metric("clock_trusted", GAUGE, "1 if the gateway knows the time, else 0.", "figures.clock"),
    Metric("internet_up", GAUGE, "1 if the internet works, 0 if not; missing if unknown.", "internet_up"),
    Metric("table_repairs", COUNTER, "Repairs of the kernel's table after a change by another program.",
           "figures.repairs"),
    # Packets and decisions.
    Metric("queue_packets", COUNTER, "Packets that the kernel passed to the daemon.", "figures.packets"),
    Metric("queue_dropped_packets", COUNTER, "Packets that the kernel dropped because a queue was full.",
           "figures.dropped"),
    Metric("queue_failed_packets", COUNTER, "Packets that a fault of the program left without a judgement.",
           "figures.faults"),
    Metric("queue_waiting_packets", GAUGE, "Packets that wait for a verdict now.", "figures.waiting"),
    Metric("packet_cost_seconds", GAUGE, "Time to judge one packet, measured at the daemon's start.",
           "packet_cost", S),
    Metric("connections", GAUGE, "Connections that the daemon follows now.", "figures.flows"),
    Metric("decided_connections", COUNTER, "Connections that were allowed or blocked.", "decided",
           labels=("protocol",)),
    Metric("decided_connection_packets", COUNTER, "Packets of these connections that the daemon read.",
           "decided_packets", labels=("protocol",)),
    Metric("verdicts", COUNTER, "Decisions for children whose parents see blocked sites.", "verdicts",
           labels=("verdict", "reason")),
    Metric("dns_questions", COUNTER, "DNS questions that were judged.", "figures.questions"),
    Metric("dns_answers", COUNTER, "DNS answers that were read.", "figures.answers"),
    Metric("dns_malformed_messages", COUNTER, "DNS messages that could not be read.", "figures.malformed"),
    # Lists.
    Metric("list_names", GAUGE, "Names in the category table.", "figures.lists.names"),
    Metric("list_sources", GAUGE, "Lists in the category table.", "figures.lists.sources"),
    Metric("list_table_bytes", GAUGE, "Size of the category table.", "figures.lists.bytes", B),
    Metric("list_table_built_timestamp_seconds", GAUGE, "Unix time when the category table was built.",
           "figures.lists.built", S),
    Metric("list_newest_timestamp_seconds", GAUGE, "Unix time of the last download of a list.",
           "lists.newest", S),
    Metric("list_update_failures", GAUGE, "Failed list updates since the last success.", "lists.failures"),
    Metric("sealed_lists", GAUGE, "Sealed lists in use.", "figures.sealed.sets"),
    Metric("sealed_lists_late", GAUGE, "Sealed lists that have expired; they still apply.",
           "figures.sealed.late"),
    Metric("feed_version", GAUGE, "Version of the data in use, YYYYMMDDnn; missing without a data feed.",
           "feed_version"),
    Metric("feed_checked_timestamp_seconds", GAUGE,
           "Unix time of the last successful check of the data feed.", "feed_checked", S),
    # Memory and storage.
    Metric("resident_memory_bytes", GAUGE, "Memory of the daemon.", "figures.memory.resident", B),
    Metric("private_memory_bytes", GAUGE, "Memory of the daemon without files.", "figures.memory.private", B),
    Metric("peak_memory_bytes", GAUGE, "Most memory of the daemon so far.", "figures.memory.peak", B),
    Metric("database_bytes", GAUGE, "Size of the database.", "figures.database.bytes", B),
    Metric("database_pending_decisions", GAUGE, "Decisions that are not written yet.",
           "figures.database.pending"),
    Metric("database_dropped_decisions", COUNTER, "Decisions that were lost before they were written.",
           "figures.database.dropped"),
    Metric("database_replacements", COUNTER, "Replacements of a damaged database.",
           "figures.database.renewals"),
    Metric("disk_bytes", GAUGE, "Size of the file system that has the database.", "figures.disk.bytes", B),
    Metric("disk_free_bytes", GAUGE, "Free space in that file system.", "figures.disk.free", B),
    Metric("machine_memory_bytes", GAUGE, "Memory of the machine.", "figures.machine.memory", B),
    Metric("machine_available_memory_bytes", GAUGE, "Memory of the machine that programs can still get.",
           "figures.machine.available", B),
    Metric("machine_load", GAUGE, "Processes that run or wait, average of a minute.", "load"),
)  # fmt: skip


def openmetrics(measured: Measured) -> str:
    """Return the metrics in the text format of OpenMetrics 1.0."""
    return "".join(_lines(measured, openmetrics=True)) + "# EOF\n"


def prometheus(measured: Measured) -> str:
    """Return the metrics in the text format 0.0.4 of Prometheus, which node exporters read from files."""
    return "".join(_lines(measured, openmetrics=False))


def _lines(measured: Measured, *, openmetrics: bool) -> Iterator[str]:
    for metric in CATALOGUE:
        values = metric.values(measured)
        if not values:
            continue
        family, kind = metric.sample, metric.kind
        if openmetrics:
            family = PREFIX + metric.name
        elif kind is INFO:
            kind = GAUGE
        yield f"# HELP {family} {metric.help}\n# TYPE {family} {kind}\n"
        if openmetrics and metric.unit:
            yield f"# UNIT {family} {metric.unit}\n"
        for labels, value in sorted(values.items()):
            yield f"{metric.sample}{_labelled(metric.labels, labels)} {_number(value)}\n"


def _labelled(names: tuple[str, ...], values: tuple[str, ...]) -> str:
    if not names:
        return ""
    pairs = (f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True))
    return f"{{{','.join(pairs)}}}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
