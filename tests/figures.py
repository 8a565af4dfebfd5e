"""An answer to `status`, and figures, for tests that have no daemon."""

from __future__ import annotations

from datetime import UTC, datetime

from gateway.control.contract.health import (
    DiskFigures,
    HealthFigures,
    MachineFigures,
    SealedFigures,
)
from gateway.control.contract.status import (
    CacheFigures,
    ClockState,
    DaemonFigures,
    MemoryFigures,
    QueueFigures,
    RateFigures,
    StoreFigures,
    TableFigures,
)
from gateway.control.schema import Json, values_of
from tests.webui.standin.places import NOW, TODAY

MEGABYTE = 1_000_000

FIGURES = DaemonFigures(
    unclaimed=False,
    backend="libnftables",
    offload="software",
    queue={"0": QueueFigures(packets=6000, faults=0, waiting=2, dropped=3)},
    rates=RateFigures(judged=33_000, tcp=4000, dns=2000, http=16_000),
    verdicts={"allow:default": 5},
    flows={"live": 3, "tls_flows": 4, "tls_packets": 5},
    cache=CacheFigures(addresses=8, dns_malformed=0),
    table=TableFigures(names=65_912, bytes=MEGABYTE, built=datetime(2026, 11, 24, tzinfo=UTC), sources=4),
    store=StoreFigures(pending=0, dropped=0, renewals=0, bytes=2_400_000),
    repairs=0,
    memory=MemoryFigures(
        resident=31 * MEGABYTE, private=24 * MEGABYTE, files=7 * MEGABYTE, peak=33 * MEGABYTE
    ),
)

HEALTH_FIGURES = HealthFigures(
    uptime=3 * 86400,
    packets=6000,
    waiting=2,
    dropped=3,
    faults=0,
    queues=4,
    flows=3,
    packets_each=1.25,
    questions=9100,
    answers=8800,
    malformed=0,
    backend=FIGURES.backend,
    repairs=FIGURES.repairs,
    memory=FIGURES.memory,
    database=FIGURES.store,
    lists=FIGURES.table,
    sealed=SealedFigures(sets=0, names=0, late=0, refused_today=0),
    disk=DiskFigures(bytes=7_000 * MEGABYTE, free=4_100 * MEGABYTE),
    machine=MachineFigures(
        uptime=40 * 86400,
        load=(0.31, 0.2, 0.1),
        cores=2,
        memory=512 * MEGABYTE,
        available=280 * MEGABYTE,
    ),
    clock=True,
    internet="works",
    problems=0,
)

CLOCK = ClockState(known=True, why="virtual home", sentence=None, aside=0, last=NOW)

CHILD: Json = {
    "state": "open", "until": None, "reason": None, "rule": None, "owner": None, "sentence": "Open.",
    "next_change": None, "left": None, "used": (), "landing": {"minutes": 0, "taken": None, "due": None},
    "closing": (), "in_use": (), "lesson": None, "devices": (),
}  # fmt: skip

PLAN: Json = {
    "interval": "daily", "running": False, "newest": NOW, "next": None, "waits_for": "", "failures": 0,
    "warning": "", "tier": "medium", "tier_chosen": False,
}  # fmt: skip

HOME: Json = {
    "version": "0.1.0", "uptime": 60, "now": NOW, "day": TODAY, "mode": "on", "off_until": None,
    "stopped_by_provider": False, "provider": None,
    "internet": "works", "internet_since": None, "country": "", "language": None, "new_devices": 0,
    "requests": 0, "questions": 0, "cards": 0, "undecided_devices": 0, "problems": (), "announced": (),
    "clock": CLOCK, "steps": (), "profiles": (), "lists": PLAN, **values_of(FIGURES),
}  # fmt: skip
