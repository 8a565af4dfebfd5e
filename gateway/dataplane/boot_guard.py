"""Writes the files of the boot guard to the state folder.

The boot guard filters from the moment the LAN comes up until the daemon's table is installed. It blocks
fail-closed devices, except for help lines.

- `guard.nft`: a complete table, which `nft -f` loads without the daemon.
- `guard-names.conf`: for a dnsmasq that resolves only the names of help lines. Without dnsmasq, help lines
  are reachable by address only.

A change of the fail-closed devices is written immediately. New addresses of help lines are written later, to
spare flash memory: there are several a day.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import signal
import socket
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from gateway.core.files import sync_folder, write_atomically, write_error_text
from gateway.core.loop import Loop, Timer
from gateway.dataplane.help_resolver import configuration
from gateway.kernel.ruleset.table import render
from gateway.kernel.snapshot import GUARD_DNS_PORT, Snapshot, boot_guard_snapshot
from gateway.lan import interfaces as lan
from gateway.store.flash_wear import OFTEN, Wear

FILE, NAMES = "guard.nft", "guard-names.conf"
PID_FILE = "guard-names.pid"  # in the runtime folder: process id of the guard's dnsmasq
LINK = Path("/var/run/qalqan-guard", FILE)
"""A checked copy of `guard.nft`, which OpenWrt's firewall includes (ruleset-post).

The service `qalqan-guard` makes it at boot. It is removed when the daemon's table is installed.
"""
LINK_VARIABLE = "QALQAN_GUARD_LINK"  # environment variable with another path, for tests

SOON = 60.0  # minimum seconds from a new address of a help line, or a failed write, to the write
_ADDRESS = re.compile(r"^address=/([^/\s]+)/([0-9a-f.:]+)$", re.MULTILINE)

Names = Mapping[str, frozenset[bytes]]
"""Name of a help line → its packed addresses."""

_log = logging.getLogger(__name__)


class HelpNames(Protocol):
    """The known addresses of help lines (`HelpAddresses`)."""

    @property
    def by_name(self) -> Names: ...

    def is_name(self, name: str) -> bool:
        """Return whether a name belongs to a help line."""


class GuardFile:
    """Writes the files of the boot guard: its nftables table, and the dnsmasq configuration for help lines.

    The boot guard blocks, before the daemon runs, the devices whose rules say so (fail-closed).
    Call `keep` after each change of the daemon's table, and `taken_over` after its installation.
    """

    def __init__(
        self,
        loop: Loop,
        state: Path,
        runtime: Path,
        help_: HelpNames,
        wear: Wear = OFTEN,
    ) -> None:
        self._loop = loop
        self._file, self._names_file = state / FILE, state / NAMES
        self._pid_file = runtime / PID_FILE
        self._link = Path(os.environ.get(LINK_VARIABLE, LINK))
        self._help = help_
        self._help_every = wear.guard_every
        self._guard: Snapshot | None = None  # for the fail-closed devices; None: there are none
        self._stored = _read_names(self._names_file)  # the content of the files
        self._earlier = self._stored  # names of an earlier run that are not known in this one
        self._text = _read(self._file)
        self._timer: Timer | None = None
        self._next = 0.0
        self._trouble = ""

    def keep(self, snapshot: Snapshot) -> None:
        """Write the boot guard's files for ``snapshot``, the present state of the daemon's table.

        Without a fail-closed device, delete them. If only addresses of help lines changed, write later.
        A failed write is logged and repeated after `SOON` seconds (`problems`).
        """
        self._guard = boot_guard_snapshot(snapshot) if snapshot.closed else None
        if self.text(self._stored) != self._text:
            self._write()
        elif self._guard is not None and self._names() != self._stored and self._timer is None:
            delay = max(SOON, self._next - self._loop.now())
            self._timer = self._loop.call_later(delay, self._write)

    def text(self, names: Names | None = None) -> str:
        """Return the guard's nftables table as text; empty if no device is fail-closed.

        ``names``: help lines and their addresses; by default the known ones.
        """
        if self._guard is None:
            return ""
        names = self._names() if names is None else names
        texts = sorted({lan.text(address) for known in names.values() for address in known})
        help4, help6 = ([text for text in texts if (":" in text) == six] for six in (False, True))
        return render(replace(self._guard, help4=tuple(help4), help6=tuple(help6)))

    def _names(self) -> Names:
        """Return the addresses of help lines by name; for a name without any, those of an earlier run."""
        found: dict[str, frozenset[bytes]] = {}
        for name, known in self._help.by_name.items():
            bare = name.removeprefix("=")  # marks an exact name, without subdomains
            found[bare] = found.get(bare, frozenset()) | known
        # A name that was known in this run has no address any more once it is missing.
        self._earlier = {
            name: known
            for name, known in self._earlier.items()
            if name not in found and self._help.is_name(name)
        }
        return {**self._earlier, **found}

    def _write(self) -> None:
        self._cancel()
        names = self._names()
        text = self.text(names)
        try:
            if text:
                self._write_names(names)
                if text != self._text:
                    write_atomically(self._file, text.encode("ascii"))
            else:
                self._file.unlink(missing_ok=True)
                self._names_file.unlink(missing_ok=True)
            sync_folder(self._file.parent)
        except OSError as error:
            words = write_error_text(error)
            if words != self._trouble:
                _log.error("Writing %s failed: %s. It is tried again.", self._file, words)
            self._trouble = words
            self._timer = self._loop.call_later(SOON, self._write)
            return
        self._text, self._trouble = text, ""
        self._stored = names if text else {}
        if self._help.by_name:
            self._next = self._loop.now() + self._help_every

    def _write_names(self, names: Names) -> None:
        assert self._guard is not None
        more = f"pid-file={self._pid_file}"
        text = configuration(names, self._guard.lan, GUARD_DNS_PORT, more)
        if text != _read(self._names_file):
            write_atomically(self._names_file, text.encode("ascii"))

    def taken_over(self) -> None:
        """Remove the guard's copy for the firewall and stop its resolver, after the table was installed."""
        with contextlib.suppress(OSError):
            self._link.unlink(missing_ok=True)
        with contextlib.suppress(OSError, ValueError):
            pid = int(self._pid_file.read_text())
            command = Path("/proc", str(pid), "cmdline").read_bytes()
            if str(self._names_file).encode() in command:
                os.kill(pid, signal.SIGTERM)
        with contextlib.suppress(OSError):  # the script that restarts a crashed resolver ends without it
            self._pid_file.unlink(missing_ok=True)

    def problems(self) -> list[str]:
        """Return a sentence for `status` if the guard's files cannot be written; otherwise an empty list."""
        if not self._trouble:
            return []
        what = f"The boot guard {self._file} cannot be written ({self._trouble})"
        return [f"{what}: after a power cut it is an older one."]

    def close(self) -> None:
        """Write now what was planned for a later write."""
        if self._timer is not None:
            self._write()

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii")
    except (OSError, ValueError):
        return ""


def _read_names(path: Path) -> Names:
    found: dict[str, set[bytes]] = {}
    for name, address in _ADDRESS.findall(_read(path)):
        with contextlib.suppress(OSError):
            packed = socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
            found.setdefault(name, set()).add(packed)
    return {name: frozenset(known) for name, known in found.items()}
