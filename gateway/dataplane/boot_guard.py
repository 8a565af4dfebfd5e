"""The boot guard's files, in the state folder: what refuses closed devices everything but help, from the
moment the LAN comes up until the daemon's own table is in place.

`guard.nft` is a whole table, which `nft -f` loads without us. `guard-names.conf` is for a dnsmasq beside it,
which knows the names of help alone; without one, help is reachable by its addresses. Who is closed is
written at once. That help has another address can wait: it has, several times a day.
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
from gateway.core.programs import find_program
from gateway.dataplane.help_resolver import configuration, spawn
from gateway.kernel.ruleset.table import guard, render
from gateway.kernel.snapshot import GUARD_DNS_PORT, Snapshot
from gateway.lan import interfaces as lan
from gateway.store.flash_wear import OFTEN, Wear

FILE, NAMES = "guard.nft", "guard-names.conf"
PID_FILE = "guard-names.pid"  # in the runtime folder, of the dnsmasq
LINK = Path("/var/run/qalqan-guard", FILE)
"""Where OpenWrt's guard script has the firewall include it (ruleset-post): gone, once our table stands."""
LINK_VARIABLE = "QALQAN_GUARD_LINK"  # of the environment: another path, for tests

SOON = 60.0  # seconds from the first address that help got in this run
_ADDRESS = re.compile(r"^address=/([^/\s]+)/([0-9a-f.:]+)$", re.MULTILINE)

Names = Mapping[str, frozenset[bytes]]
"""Of help, with their packed addresses."""

_log = logging.getLogger(__name__)


class Help(Protocol):
    @property
    def by_name(self) -> Names: ...

    def is_name(self, name: str) -> bool:
        """Whether it is help's."""


class GuardFile:
    """``keep`` what the table says now; ``taken_over`` once it stands.

    ``stays``: a clean stop leaves the guard behind, in the place of our table.
    """

    def __init__(
        self,
        loop: Loop,
        state: Path,
        runtime: Path,
        help_: Help,
        wear: Wear = OFTEN,
        *,
        stays: bool = False,
    ) -> None:
        self._loop = loop
        self._file, self._names_file = state / FILE, state / NAMES
        self._pid_file = runtime / PID_FILE
        self._link = Path(os.environ.get(LINK_VARIABLE, LINK))
        self._help = help_
        self._help_every = wear.guard_every
        self._stays = stays
        self._guard: Snapshot | None = None  # of the closed; None: there are none
        self._held = _read_names(self._names_file)  # as the files have it
        self._text = _read(self._file)
        self._timer: Timer | None = None
        self._next = 0.0
        self._trouble = ""

    def keep(self, snapshot: Snapshot) -> None:
        self._guard = guard(snapshot) if snapshot.closed else None
        if self.text(self._held) != self._text:
            self._write()
        elif self._guard is not None and self._names() != self._held and self._timer is None:
            delay = max(SOON, self._next - self._loop.now())
            self._timer = self._loop.call_later(delay, self._write)

    def text(self, names: Names | None = None) -> str:
        """The whole table; empty where nobody is closed."""
        if self._guard is None:
            return ""
        names = self._names() if names is None else names
        texts = sorted({lan.text(address) for known in names.values() for address in known})
        help4, help6 = ([one for one in texts if (":" in one) == six] for six in (False, True))
        return render(replace(self._guard, help4=tuple(help4), help6=tuple(help6)))

    def _names(self) -> Names:
        """Of a name that this run has not found yet, the addresses that an earlier one found."""
        found: dict[str, frozenset[bytes]] = {}
        for name, known in self._help.by_name.items():
            bare = name.removeprefix("=")  # of a name that stands for itself alone
            found[bare] = found.get(bare, frozenset()) | known
        before = {name: known for name, known in self._held.items() if self._help.is_name(name)}
        return {**before, **found}

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
                _log.error("%s: cannot be written (%s); the next change tries again", self._file, words)
            self._trouble = words
            return
        self._text, self._trouble = text, ""
        self._held = names if text else {}
        if self._help.by_name:
            self._next = self._loop.now() + self._help_every

    def _write_names(self, names: Names) -> None:
        assert self._guard is not None
        more = f"pid-file={self._pid_file}"
        text = configuration(names, self._guard.lan, GUARD_DNS_PORT, more)
        if text != _read(self._names_file):
            write_atomically(self._names_file, text.encode("ascii"))

    def taken_over(self) -> None:
        """Our own table stands: nothing lays the guard over it any more, and its resolver ends."""
        with contextlib.suppress(OSError):
            self._link.unlink(missing_ok=True)
        try:
            pid = int(self._pid_file.read_text())
            command = Path("/proc", str(pid), "cmdline").read_bytes()
            if str(self._names_file).encode() in command:
                os.kill(pid, signal.SIGTERM)
            self._pid_file.unlink(missing_ok=True)
        except (OSError, ValueError):
            return

    def left_behind(self) -> str:
        """What a clean stop puts in the place of our table; empty where it leaves nothing."""
        return self.text() if self._stays else ""

    def problems(self) -> list[str]:
        """Sentences for `status`; empty when all is well."""
        if not self._trouble:
            return []
        return [f"The boot guard cannot be written ({self._trouble}): after a power cut it is an older one."]

    def close(self) -> None:
        """What waits is written. A guard that stays gets its resolver."""
        if self._timer is not None:
            self._write()
        program = find_program("dnsmasq")
        if program is not None and self.left_behind() and self._names_file.exists():
            try:
                spawn([program, f"--conf-file={self._names_file}"])
            except OSError as error:
                _log.error("the guard's resolver does not start (%s): help by address alone", error)

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
