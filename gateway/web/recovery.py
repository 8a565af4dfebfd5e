"""Replaces a web process that cannot start by the one that serves the recovery page.

It uses the standard library only: a broken module of the project may be the reason.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

PAGE = "gateway.web.recovery_page"
FAILURES = "QALQAN_WEB_FAILURES"  # environment variable: failed starts in a row
STEADY = 60.0  # seconds after which an exit does not count as a failed start
SETTINGS = "last_settings.json"  # of the last start with a readable configuration, in the pages' folder
FOLDERS = ("/var/lib/qalqan/web", "/etc/qalqan/state/web")  # the pages' default folders: Debian, OpenWrt
MOST = 1 << 16  # bytes of a file that is read here
STATE = re.compile(  # YAML: state: PATH; UCI: option state 'PATH'
    rb"^(?:state:|[ \t]*o(?:ption)?[ \t]+[\"']?state[\"']?[ \t])[ \t]*"
    rb"[\"']?(/[^\"'#\r\n]*?)[\"']?[ \t]*(?:#.*)?$",
    re.MULTILINE,
)

CONFIG, STORAGE, PROGRAM = "config", "storage", "program"
"""Causes: a settings file or folder that cannot be used, or an error in the program."""

_STARTED = time.monotonic()


@dataclass(frozen=True, slots=True)
class Recovery:
    """Replaces this process by the one that serves the recovery page, and has what that page needs.

    The recovery page is shown while the pages of the family cannot start.
    """

    again: tuple[str, ...]  # the command line of the start
    watch: tuple[str, ...] = ()  # files; a change of one is a reason to try again
    settings: Mapping[str, Any] | None = None  # of the pages; None: not known

    def on_exception(self) -> None:
        """Make this process serve the recovery page after any uncaught exception, from now on.

        The traceback is printed before. Exits and signals are no such exceptions.
        """
        sys.excepthook = self._after

    def _after(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        sys.__excepthook__(kind, error, trace)
        if issubclass(kind, Exception):
            self.serve(PROGRAM)

    def serve(self, cause: str, where: str = "") -> NoReturn:
        """Replace this process by the one that serves the recovery page. Never returns.

        ``cause``: ``config``, ``storage`` or ``program``. ``where``: the file or folder that the page names.
        """
        before = int(os.environ.get(FAILURES, "0")) if time.monotonic() - _STARTED < STEADY else 0
        values = {
            "cause": cause,
            "where": where,
            "failures": before,
            "again": self.again,
            "watch": self.watch,
            "settings": dict(self.settings if self.settings is not None else _last_settings(self.watch)),
        }
        sys.stderr.flush()
        environment = {**os.environ, FAILURES: str(before + 1)}
        command = (sys.executable, "-m", PAGE, json.dumps(values))
        os.execve(sys.executable, command, environment)


def guard(options: Sequence[str]) -> None:
    """Make this process serve the recovery page after any uncaught exception, before it starts the pages.

    ``options``: those of `qalqan web`. Call it before the imports of other modules, one of which may be
    missing.
    """
    config = next((value for name, value in pairwise(options) if name == "--config"), "")
    Recovery(this_command(), watched(config)).on_exception()


def watched(config: str) -> tuple[str, ...]:
    """Return the files that the pages' settings are read from. ``config``: its path, or empty."""
    return config or "/etc/qalqan/qalqan.yaml", os.environ.get("QALQAN_UCI") or "/etc/config/qalqan"


def this_command() -> tuple[str, ...]:
    """Return the command line of this process, with which it can be started again."""
    return (sys.executable, *sys.orig_argv[1:])


def remember(folder: str, settings: str) -> None:
    """Store the settings (JSON text) of a start in ``folder``, if they have changed.

    A later recovery page uses them. An error is only printed.
    """
    path = Path(folder) / SETTINGS
    try:
        if path.exists() and path.read_text() == settings:
            return
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_text(settings)
        fresh.replace(path)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"qalqan: {path}: {error}; a recovery page would have the default settings\n")


def _last_settings(watch: tuple[str, ...]) -> dict[str, Any]:
    """Return the settings that the last good start of the pages stored; empty if none can be read.

    ``watch``: the configuration files, which may name the folder.
    """
    for folder in (*_named_folders(watch), *FOLDERS):
        try:
            found = json.loads((Path(folder) / SETTINGS).read_bytes()[:MOST])
        except (OSError, ValueError):
            continue
        if isinstance(found, dict):
            return found
    return {}


def _named_folders(watch: tuple[str, ...]) -> list[str]:
    """Return the pages' folders, from the lines of the configuration files that set ``state``.

    They are found even if a file has a mistake elsewhere.
    """
    found = []
    for file in reversed(watch):  # what the UCI file sets, applies
        try:
            with open(file, "rb", opener=lambda path, flags: os.open(path, flags | os.O_NONBLOCK)) as text:
                found += [match.group(1) for match in STATE.finditer(text.read(MOST))]
        except OSError:
            continue
    return [f"{os.fsdecode(state)}/web" for state in found]
