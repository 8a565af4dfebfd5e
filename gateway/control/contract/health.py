"""Verbs that report the gateway's health: `health`, and without personal data `support` and `metrics`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from gateway.control.contract.status import MemoryFigures, StoreFigures, TableFigures
from gateway.control.schema import OneLine, Whole, record
from gateway.control.verbs import BY_GUARDIANS, BY_PAGES, NoValues, Verb

MAX_SUPPORT = 7 * 24 * 60  # minutes of one approval
COUNTER_DAYS = 30  # of one approval that the provider reads the counters


@record
class FindingEntry:
    """The result of one health check of the gateway: level, subject, problem and fix.

    The provider's support gets no text that may name a person, and no ``fix``.
    """

    level: str  # ok, note, warning, error
    about: str
    text: str = ""  # English, as in `qalqan check`
    fix: str = ""  # how to fix the problem
    code: str = ""  # of a finding that is not ok; the pages word it with ``values``
    values: Mapping[str, str] | None = None


@record
class HealthCheckState:
    running: bool
    ended: datetime | None


@record
class CheckResult(HealthCheckState):
    findings: tuple[FindingEntry, ...]
    problem: str  # why the last check failed


@record
class SealedFigures:
    sets: int
    names: int
    late: int
    refused_today: int


@record
class DiskFigures:
    bytes: int
    free: int


@record
class MachineFigures:
    uptime: int  # seconds
    load: tuple[float, ...]
    cores: int
    memory: int  # bytes
    available: int


@record
class HealthFigures:
    uptime: int  # seconds
    packets: int
    waiting: int
    dropped: int
    faults: int
    queues: int
    flows: int
    packets_each: float  # that the daemon read of a TLS connection, on average; 0: none was judged
    questions: int
    answers: int
    malformed: int
    backend: str
    repairs: int
    memory: MemoryFigures
    database: StoreFigures
    lists: TableFigures
    sealed: SealedFigures
    disk: DiskFigures
    machine: MachineFigures
    clock: bool  # whether the time is known
    internet: str  # works, down, unknown
    problems: int


@record
class HealthSample:
    at: datetime
    packets: int  # of the minute that ends then, like `dropped`
    dropped: int
    waiting: int
    resident: int  # bytes


@record
class LogEntry:
    """A warning or error of the daemon's log, with how often and when it occurred.

    For the provider's support, ``text`` is the template without arguments.
    """

    level: str
    place: str
    text: str
    first: datetime
    last: datetime
    times: int


@record
class HealthRequest:
    again: bool = False  # check again, unless a check has just run


@record
class SupportAccess:
    """Until when, and by which guardian, the internet provider's support may fetch the support report."""

    until: datetime | None  # null: not approved
    by: str  # the guardian; empty: not approved


@record
class SupportAccessRequest:
    """Let the provider's support fetch the support report for some minutes; without ``minutes``, end that."""

    minutes: Annotated[int, Whole(1, MAX_SUPPORT)] | None = None


@record
class MetricsAccess:
    """Until when, and by which guardian, the internet provider may read this gateway's counters."""

    until: datetime | None  # null: not approved
    by: str  # the guardian; empty: not approved


@record
class MetricsAccessRequest:
    """Let the internet provider read the counters for 30 days from now (``allowed``), or end that."""

    allowed: bool


@record
class Health:
    now: datetime
    version: str
    check: CheckResult
    figures: HealthFigures
    samples: tuple[HealthSample, ...]  # of the last hour, oldest first
    log: tuple[LogEntry, ...]  # newest first
    access: SupportAccess
    metrics: bool = False  # a provider or another program can read the metrics
    metrics_access: MetricsAccess | None = None  # null: no way for the provider to read counters is set


@record
class SupportFile:
    format: int
    made: datetime
    version: str
    python: str
    kernel: str
    machine: str
    platform: str
    findings: tuple[FindingEntry, ...]
    check: HealthCheckState
    figures: HealthFigures
    samples: tuple[HealthSample, ...]
    log: tuple[LogEntry, ...]


@record
class SupportReport:
    """The support report for the internet provider, which exists only while a guardian approves it."""

    code: str  # the support code
    until: datetime  # when the approval ends
    file: SupportFile


class MetricsFormat(StrEnum):
    OPENMETRICS = "openmetrics"
    PROMETHEUS = "prometheus"  # its text format 0.0.4


@record
class MetricsRequest:
    """Request for the counters for monitoring, with an API token or the token of the metrics settings.

    If that token comes from the router's settings, a guardian must approve it (`MetricsAccess`).
    """

    token: OneLine
    format: MetricsFormat = MetricsFormat.OPENMETRICS


@record
class MetricsText:
    text: str


HEALTH = Verb("health", HealthRequest, Health, senders=BY_PAGES)
SUPPORT = Verb("support", NoValues, SupportFile, senders=BY_PAGES)
SUPPORT_ACCESS = Verb("support_access", SupportAccessRequest, SupportAccess, senders=BY_GUARDIANS)
SUPPORT_REPORT = Verb("support_report", NoValues, SupportReport)
METRICS = Verb("metrics", MetricsRequest, MetricsText, senders=BY_PAGES)
METRICS_ACCESS = Verb("metrics_access", MetricsAccessRequest, MetricsAccess, senders=BY_GUARDIANS)
