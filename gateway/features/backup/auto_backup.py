"""Makes automatic backups on a mounted drive, in another process: writing to a USB stick may take long.

The process is `qalqan backup --scheduled`. It gets the backup from the control socket, encrypts it with the
stored key, and deletes the oldest files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from gateway.control.contract.backup import AUTO_BACKUP, AutoBackupRequest, AutoBackupState
from gateway.control.protocol import Call, ControlRequest
from gateway.control.router import Router
from gateway.core.errors import ControlError, PolicyError
from gateway.core.files import write_atomically, write_error_text
from gateway.core.helper_process import HelperProcess
from gateway.core.loop import Timer
from gateway.core.reason_codes import Code
from gateway.features.accounts.access import Access
from gateway.features.backup.contents import files_left_out
from gateway.household.context import HomeContext
from gateway.household.editing import Author, HomeEditing
from gateway.household.rule_book import RulesRead
from gateway.policy.accounts.people import AnnouncementKind
from gateway.policy.config.auto_backup import KEPT, AutoBackup, BackupInterval
from gateway.web.backup_folder import drives

KEY = "backup.key"  # in the state directory; the passphrase is not in it
FIRST_LOOK = 120.0  # seconds after the start; a drive is mounted meanwhile
LOOK_EVERY = 3600.0  # seconds between two looks; the process stops early if no backup is due
SOON = 1.0  # seconds after a change of the settings
TIMEOUT = 600.0
NICE = 19
PROBLEM_LIMIT = 300  # characters

Note = Callable[[ControlRequest, str, str, str, AnnouncementKind | None], None]
"""Records a change by a person in the audit log; with a kind of announcement, also announces it for a week.

Its arguments are those of `BackupVerbs._note`.
"""


class AutoBackups:
    """Makes automatic backups: starts the backup process, and serves the verb ``auto_backup``.

    It stores the process's last result in memory. ``note``: see `Note`.
    """

    def __init__(self, home: HomeContext, access: Access, editing: HomeEditing, note: Note) -> None:
        self._home = home
        self._access = access
        self._editing = editing
        self._note = note
        self._process = HelperProcess(home.loop, self._found, self._done, TIMEOUT, NICE)
        self._timer: Timer | None = None
        self._problem = ""
        self._made: date | None = None
        self._files = 0
        self._asked = False  # for a backup now
        self._left_out: tuple[str, ...] = ()  # files that no backup can contain
        home.bus.subscribe(RulesRead, lambda _: self._rules_read())

    def start(self) -> None:
        self._rules_read(FIRST_LOOK)

    def _rules_read(self, look_in: float = SOON) -> None:
        if self._settings is not None:  # the search reads all calendars: only if backups are on
            self._find_left_out()
        self._look_in(look_in)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._process.close()

    def register(self, router: Router) -> None:
        router.serve(AUTO_BACKUP, self.carry_out)

    def problems(self) -> list[str]:
        """Return one line if automatic backups are on and the last try has failed, else an empty list."""
        return [f"Automatic backup: {self._problem}"] if self._problem and self._settings is not None else []

    def left_out_problems(self) -> list[str]:
        """Return one line about the files that automatic backups cannot contain, if there are any."""
        if not self._left_out or self._settings is None:
            return []
        return [Code.BACKUP_LEFT_OUT.sentence % {"names": ", ".join(self._left_out)}]

    # The verb.

    def carry_out(self, call: Call[AutoBackupRequest]) -> AutoBackupState:
        by = self._access.guardian(call)
        if call.args.action == "set":
            self._set(call, by)
        elif call.args.action == "off":
            self._switch({"backup": None}, by)
            self._key.unlink(missing_ok=True)
            self._note(call, by, "auto_backup", "off", None)
        elif call.args.action == "now":
            if self._settings is None:
                call.refuse("action", "needs a folder: set one first")
            self._asked = True
            self._look()
        return self._state()

    def _set(self, call: Call[AutoBackupRequest], by: str) -> None:
        """Store folder, interval and number of files in `qalqan.yaml`, and a new key if the request has one.

        Announces who did it. If the router's settings (UCI) set the backup, only the key is stored.
        Raises ControlError for a folder that is neither a drive's nor the present one, or without any
        key, and PolicyError if a file cannot be written.
        """
        folder, settings = call.text("folder"), self._settings
        if folder not in (*drives(), settings.folder if settings else ""):
            raise ControlError.of(Code.NO_DRIVE)
        if call.args.key is None and not self._key.exists():
            call.refuse("key", "is missing: type a passphrase")
        if not any(key.startswith("backup.") for key in self._home.rules.household.config.fixed):
            wanted = {"folder": folder, "every": call.args.every, "keep": str(call.args.keep)}
            self._switch({f"backup/{key}": value for key, value in wanted.items()}, by)
        if call.args.key is not None:
            self._write_key(call.args.key)
        self._note(call, by, "auto_backup", f"{call.args.every} {folder}", AnnouncementKind.BACKUP)
        self._problem, self._made, self._files = "", None, 0
        self._look_in(SOON)

    def _switch(self, changes: Mapping[str, object], by: str) -> None:
        self._editing.switch(changes, Author(by, self._home.local_now()))

    def _write_key(self, key: str) -> None:
        try:
            write_atomically(self._key, f"{key}\n".encode())
        except OSError as error:
            where, fix = str(self._key), "make room, or fix its permissions"
            raise PolicyError(where, f"cannot be written ({write_error_text(error)})", fix) from error

    def _state(self) -> AutoBackupState:
        self._find_left_out()
        settings = self._settings
        return AutoBackupState(
            on=settings is not None,
            folder="" if settings is None else settings.folder,
            every=BackupInterval.DAILY.value if settings is None else settings.every.value,
            keep=KEPT if settings is None else settings.keep,
            has_key=self._key.exists(),
            drives=drives(),
            running=self._process.running,
            made=self._made,
            files=self._files,
            problem=self._problem,
            left_out=self._left_out,
        )

    def _find_left_out(self) -> None:
        folder = Path(self._home.rules.household.config.profiles)
        try:
            self._left_out = tuple(files_left_out(folder))
        except (PolicyError, OSError):
            self._left_out = ()  # making a backup reports it

    # The process.

    @property
    def _settings(self) -> AutoBackup | None:
        return self._home.rules.household.config.backup

    @property
    def _key(self) -> Path:
        return Path(self._home.rules.household.config.state) / KEY

    def _look_in(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._home.loop.call_later(seconds, self._look)

    def _look(self) -> None:
        """Start the backup process if backups are on, none runs and the time is known; look again in an hour.

        The time must be known because files are named by the day.
        """
        self._look_in(LOOK_EVERY)
        if self._settings is None or self._process.running or not self._home.clock_trusted:
            return
        now, self._asked = ["--now"] * self._asked, False
        config = str(self._home.rules.path)
        try:
            self._process.start(["gateway", "backup", "--scheduled", *now, "--config", config])
        except OSError as error:
            self._problem = f"no program can be started: {error.strerror or error}"

    def _found(self, said: Mapping[str, Any]) -> None:
        try:
            self._made, self._files = date.fromisoformat(str(said["made"])), int(said["files"])
        except (KeyError, ValueError):
            return
        self._problem = ""

    def _done(self, status: int, words: str) -> None:
        if status:
            lines = [line.strip() for line in words.splitlines() if line.strip()]
            problem = lines[-1].removeprefix("qalqan: ") if lines else f"it ended with status {status}"
            self._problem = problem[:PROBLEM_LIMIT]
        if self._asked:
            self._look_in(SOON)
