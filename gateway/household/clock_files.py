"""What is kept of the clock: over a start of the daemon in the runtime folder, over a start of the machine in
the state folder. A file that is broken or cannot be written only costs what it would have told.
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
_LATEST = 1e11  # Unix seconds, in the sixth millennium; no number of ours is beyond
_log = logging.getLogger(__name__)
_Kept = TypeVar("_Kept", "Last", "Run")


@dataclass(frozen=True, slots=True)
class Last:
    """What was known last. Unix seconds."""

    at: float = EARLIEST.timestamp()  # as a time service said: no right clock shows less
    heard: float = EARLIEST.timestamp()  # as anybody said; a phone or root may be wrong
    rtc: bool = False  # the battery's clock agreed with that, and no start of the machine has broken it since


@dataclass(frozen=True, slots=True)
class Run:
    """The clock of this start of the machine. ``wall`` and ``system`` are Unix times of the boot."""

    boot: str  # the kernel's boot id
    wall: float  # as the family's clock had it, without the virtual home's offset
    system: float  # as the machine's clock had it
    source: str  # a timesource.Source
    by: str  # the guardian whose phone it was
    doubted: float  # seconds since boot; a stamp that is older tells of another time


def read_last(state: Path) -> Last:
    return _read(state / LAST, Last) or Last()


def read_run(runtime: Path, boot: str) -> Run | None:
    """None where there is none of this start of the machine."""
    run = _read(runtime / RUN, Run)
    return run if run is not None and run.boot == boot else None


def write(folder: Path, kept: Last | Run) -> None:
    path = folder / (LAST if isinstance(kept, Last) else RUN)
    try:
        write_atomically(path, json.dumps(asdict(kept)).encode("ascii") + b"\n")
    except OSError as error:
        _log.warning("%s: cannot be written (%s)", path, error.strerror)


def read_stamp(runtime: Path, boot: str) -> float | None:
    """When in this start of the machine, in seconds since boot, a script said that the time is right.

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
    found: dict[str, Any] = {one.name: values.get(one.name) for one in fields(kind)}
    fit = all(_fits(found[one.name], str(one.type)) for one in fields(kind))
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
