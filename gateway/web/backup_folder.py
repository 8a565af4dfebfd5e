"""Stores automatic backups in a folder of a mounted drive, and finds the drives of this machine."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

from gateway.core.errors import GatewayError
from gateway.core.files import sync_folder, write_atomically, write_error_text

NAME = re.compile(r"qalqan-auto-(\d{4}-\d{2}-\d{2})\.backup")
DRIVES = ("/mnt/", "/media/", "/run/media/", "/srv/")  # where drives are mounted
MOUNTS = Path("/proc/self/mounts")
MOST_DRIVES = 16
_ESCAPED = re.compile(r"\\([0-7]{3})")


class FolderError(GatewayError):
    """Raised if automatic backups cannot be stored in a folder. The message is one line."""


def check_mounted(folder: Path, state: Path) -> None:
    """Raise FolderError unless ``folder`` is on another drive than the system and the ``state`` directory.

    While the drive is not mounted, its folder is on the gateway's own storage.
    """
    try:
        device = folder.stat().st_dev
    except OSError:
        device = None
    if device in (None, Path("/").stat().st_dev, state.stat().st_dev) or not folder.is_dir():
        msg = f"no drive is mounted at {folder}. Plug in the USB stick, or choose another drive"
        raise FolderError(msg)


def stored(folder: Path) -> dict[date, Path]:
    """Return the files of automatic backups in a folder by date, the oldest first. Raises FolderError."""
    try:
        found = {match.group(1): path for path in folder.iterdir() if (match := NAME.fullmatch(path.name))}
    except OSError as error:
        raise _unusable(folder, error) from error
    return {day: found[text] for text in sorted(found) if (day := _day(text)) is not None}


def store(folder: Path, data: bytes, day: date, keep: int) -> int:
    """Store a backup file under its date, in place of one of that date; return how many files there are.

    Deletes the oldest others if there are more than ``keep``. The file is written completely or not
    at all. Raises FolderError.
    """
    path = folder / f"qalqan-auto-{day:%Y-%m-%d}.backup"
    try:
        write_atomically(path, data)
        sync_folder(folder)
        files = stored(folder)
        gone = [days for days in files if days != day][: max(0, len(files) - keep)]
        for old in gone:
            files[old].unlink()
    except OSError as error:
        raise _unusable(folder, error) from error
    return len(files) - len(gone)


def drives(mounts: Path = MOUNTS, places: Iterable[str] = DRIVES) -> tuple[str, ...]:
    """Return at most 16 folders below ``places`` on which writable drives are mounted.

    ``mounts``: the kernel's list of mounts. Empty if it cannot be read.
    """
    try:
        lines = mounts.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ()
    return tuple(dict.fromkeys(_drives(lines, tuple(places))))[:MOST_DRIVES]


def _drives(lines: Iterable[str], places: tuple[str, ...]) -> Iterator[str]:
    for line in lines:
        device, folder, _, options, *_ = (*line.split(" "), "", "", "")
        shown = _ESCAPED.sub(lambda match: chr(int(match.group(1), 8)), folder)
        if device.startswith("/dev/") and shown.startswith(places) and "rw" in options.split(","):
            yield shown


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _unusable(folder: Path, error: OSError) -> FolderError:
    what = os.fspath(error.filename) if isinstance(error.filename, str) else str(folder)
    return FolderError(
        f"{what} cannot be used ({write_error_text(error)}). Check the drive and its permissions"
    )
