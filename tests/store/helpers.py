"""Decisions, a moment, and a look into the file from outside."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from gateway.policy.values import Decision, Proto, Reason, Verdict
from gateway.store.store import Store

NOW = datetime(2026, 11, 24, 19, 0, tzinfo=ZoneInfo("Asia/Almaty"))
HOUR = timedelta(hours=1)


def refused(reason: Reason = Reason.SERVICE) -> Decision:
    return Decision(Verdict.BLOCK, reason, "block: service:tiktok", "family")


def allowed(reason: Reason = Reason.OPEN) -> Decision:
    return Decision(Verdict.ALLOW, reason, "open", "band:10-12")


def record(
    store: Store,
    decision: Decision,
    host: str = "tiktok.com",
    *,
    level: int = 2,
    profile: str = "daughter",
    at: datetime = NOW,
    category: str = "service:tiktok",
) -> None:
    store.events.record(
        decision,
        host=host,
        proto=Proto.TLS,
        profile=profile,
        device="02:00:00:00:00:0a",
        level=level,
        category=category,
        at=at,
    )


def look(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """Read the file as any other program would."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()
