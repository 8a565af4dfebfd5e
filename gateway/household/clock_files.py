"""Stores what is known about the clock: in the runtime folder over a restart of the daemon, in the state
folder over a reboot. A file that is broken or cannot be written is ignored.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from gateway.core.files import write_atomically

LAST = "clock.last"  # in the state folder
RUN = "clock.run"  # in the runtime folder
STAMP = "clock.synced"  # in the runtime folder; written by the hotplug script of docs/families/clock.md
EARLIEST = datetime(2026, 1, 1, tzinfo=UTC)  # before this program was written

_MOST = 1000  # bytes of a file
_LATEST = 1e11  # Unix seconds, in the sixth millennium; all valid numbers are below
_log = logging.getLogger(__name__)
_Kept = TypeVar("_Kept", "LastTime", "ClockRun")


@dataclass(frozen=True, slots=True)
class LastTime:
    """The last known times, in Unix seconds."""

    at: float = EARLIEST.timestamp()  # from a time service; the right time is never earlier
    heard: float = EARLIEST.timestamp()  # from any source; a phone or root may be wrong
    rtc: bool = False  # the battery-backed clock agreed with it, at every boot since


@dataclass(frozen=True, slots=True)
class ClockRun:
    """The clock since this boot. ``wall`` and ``system`` are Unix times of the boot."""

    boot: str  # the kernel's boot id
    wall: float  # by the household's clock, without the virtual home's offset
    system: float  # by the system clock
    source: str  # a time_sources.Source
    by: str  # the guardian whose phone it was
    doubted: float  # seconds since boot; an older stamp is about another time


def read_last(state: Path) -> LastTime:
    return _read(state / LAST, LastTime) or LastTime()


def read_run(runtime: Path, boot: str) -> ClockRun | None:
    """Return the stored clock; None if it is not from this boot."""
    run = _read(runtime / RUN, ClockRun)
    return run if run is not None and run.boot == boot else None


def write(folder: Path, kept: LastTime | ClockRun) -> None:
    path = folder / (LAST if isinstance(kept, LastTime) else RUN)
    try:
        write_atomically(path, json.dumps(asdict(kept)).encode("ascii") + b"\n")
    except OSError as error:
        _log.warning("%s: cannot be written (%s)", path, error.strerror)


def read_stamp(runtime: Path, boot: str) -> float | None:
    """Return when a script said that the time is right, in seconds since this boot; None if it did not.

    The file has the kernel's boot id on its first line and /proc/uptime on its second.
    """
    words = _bytes(runtime / STAMP).split()
    if len(words) < 2 or words[0] != boot.encode("ascii"):
        return None
    try:
        return float(words[1])
    except ValueError:
        return None


def _read(path: Path, kind: type[_Kept]) -> _Kept | None:
    try:
        values: Any = json.loads(_bytes(path))
    except ValueError:
        return None
    if not isinstance(values, Mapping):
        return None
    found: dict[str, Any] = {field.name: values.get(field.name) for field in fields(kind)}
    fit = all(_fits(found[field.name], str(field.type)) for field in fields(kind))
    return kind(**found) if fit else None


def _fits(value: Any, kind: str) -> bool:
    if kind == "float":
        return isinstance(value, float) and abs(value) < _LATEST
    return isinstance(value, bool if kind == "bool" else str)


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MOST)
    except OSError:
        return b""
