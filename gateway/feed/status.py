"""Stores the result of the last check of the signed feed."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gateway.core.files import write_atomically
from gateway.feed.data_set import FEED

STATUS = "status.json"
MAX_PROBLEM = 500  # characters; part of the text may come from the server


@dataclass(frozen=True, slots=True)
class FeedCheck:
    """The stored result of the feed's checks: time of the last one, last success, and last problem."""

    checked: datetime | None = None
    succeeded: datetime | None = None
    problem: str = ""


def read_check(state: Path) -> FeedCheck:
    """Return the stored result of the last check of the feed.

    It is an empty `FeedCheck` if none is stored, or it is damaged.
    """
    try:
        stored = json.loads((state / FEED / STATUS).read_bytes())
        return FeedCheck(_time(stored["checked"]), _time(stored["succeeded"]), str(stored["problem"]))
    except (OSError, ValueError, TypeError, KeyError):
        return FeedCheck()


def _time(text: str | None) -> datetime | None:
    at = None if text is None else datetime.fromisoformat(text)
    if at is not None and at.tzinfo is None:
        msg = "the stored time has no time zone"
        raise ValueError(msg)
    return at


def store_check(state: Path, now: datetime, problem: str) -> None:
    """Store the result of a check of the feed; an empty ``problem`` means success. Ignores write errors."""
    succeeded = read_check(state).succeeded if problem else now
    stored = {
        "checked": now.isoformat(timespec="seconds"),
        "succeeded": None if succeeded is None else succeeded.isoformat(timespec="seconds"),
        "problem": problem[:MAX_PROBLEM],
    }
    with suppress(OSError):
        (state / FEED).mkdir(exist_ok=True)
        write_atomically(state / FEED / STATUS, json.dumps(stored).encode())
