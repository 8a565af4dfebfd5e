"""The gateway's health: checks, figures, log.

Support sees the same without children, devices, names or sites.
"""

from __future__ import annotations

from datetime import datetime

from gateway.control.schema import record
from gateway.policy.accounts.people import PersonRole
from webui.api.operations import GUARDIAN, SUPPORT, Noun
from webui.api.who import Caller

noun = Noun("health")


@record
class Finding:
    level: str  # ok, note, warning, error
    about: str
    text: str  # English; empty for support if it may name a person
    mend: str


@record
class Checks:
    running: bool
    ended: datetime | None
    problem: str  # why the last run failed
    findings: tuple[Finding, ...]


@record
class MemoryFigures:
    resident: int  # bytes
    peak: int


@record
class DatabaseFigures:
    bytes: int


@record
class ListFigures:
    names: int
    bytes: int
    built: datetime | None


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
    questions: int
    answers: int
    malformed: int
    backend: str
    mends: int
    memory: MemoryFigures
    database: DatabaseFigures
    lists: ListFigures | None
    disk: DiskFigures
    machine: MachineFigures
    clock: bool  # whether the time is known
    internet: str
    problems: int


@record
class HealthSample:
    at: datetime
    packets: int  # of the minute that ends then, like `dropped`
    dropped: int
    waiting: int
    resident: int


@record
class HealthLine:
    level: str
    place: str
    text: str
    first: datetime | None
    last: datetime | None
    times: int


@record
class HealthNow:
    now: datetime
    version: str
    check: Checks
    figures: HealthFigures
    samples: tuple[HealthSample, ...]
    log: tuple[HealthLine, ...]


@record
class SupportFile:
    format: int
    made: datetime
    version: str
    python: str
    kernel: str
    machine: str
    platform: str
    findings: tuple[Finding, ...]
    figures: HealthFigures
    samples: tuple[HealthSample, ...]
    log: tuple[HealthLine, ...]


@noun.declare("GET", "/health", GUARDIAN, SUPPORT, answer=HealthNow)
def now(me: Caller) -> object:
    """Return check results, figures, one sample a minute for the last hour, and the last lines of the log."""
    if me.role == PersonRole.GUARDIAN:
        return me.ask("health")
    support_data = me.ask("support")
    return {
        **support_data,
        "now": support_data["made"],
        "check": {**support_data["check"], "findings": support_data["findings"]},
    }


@noun.declare("POST", "/health/check", answer=Checks)
def again(me: Caller) -> object:
    """Run the checks again, unless they have just run. The event `health` reports their end."""
    return me.ask("health", again=True)["check"]


@noun.declare("GET", "/health/support", GUARDIAN, SUPPORT, answer=SupportFile)
def support(me: Caller) -> object:
    """Return the file for support, which has no personal data."""
    return me.ask("support")
