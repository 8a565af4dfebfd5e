"""The verb `home_automation`: sets up the connection to an MQTT broker, and returns whether it works.

The settings are `mqtt` in `qalqan.yaml`. Two secrets are in files next to it, which the process `qalqan mqtt`
can read: the broker's password, and an API token of the parent who set it up, which is the permission. The
service manager starts the process when there is a token file; the process reads changed settings without a
restart.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.control.contract.home_automation import (
    HOME_AUTOMATION,
    TOKEN_FILE,
    HomeAutomationRequest,
    HomeAutomationState,
)
from gateway.control.protocol import Call, ControlRequest
from gateway.control.router import Router
from gateway.control.token_verbs import held_to, issue_token
from gateway.core.errors import ControlError, GatewayError, PolicyError
from gateway.core.files import write_atomically, write_error_text
from gateway.core.optional_packages import MQTT, is_installed
from gateway.core.reason_codes import Code
from gateway.features.accounts.access import Access
from gateway.household.context import HomeContext
from gateway.household.editing import Author, HomeEditing
from gateway.policy.accounts.people import AccountRegister, AnnouncementKind, digest

if TYPE_CHECKING:
    from gateway.policy.config.mqtt import MqttSettings

TOKEN, PASSWORD = TOKEN_FILE, "mqtt.password"  # next to qalqan.yaml
MODE = 0o640  # also for the group: the pages' user, as which the process runs
SILENT_AFTER = 100.0  # seconds without a report, which comes every 30

Note = Callable[[ControlRequest, str, str, str, AnnouncementKind | None], None]
"""Records a change by a person in the audit log; with a kind of announcement, also announces it for a week.

Its arguments are those of `BackupVerbs._note`.
"""


class HomeAutomation:
    """Sets up the connection to an MQTT broker, and stores the state that its process reported last.

    ``note``: see `Note`.
    """

    def __init__(
        self, home: HomeContext, access: Access, editing: HomeEditing, people: AccountRegister, note: Note
    ) -> None:
        self._home = home
        self._access = access
        self._editing = editing
        self._people = people
        self._note = note
        self._reported = ""
        self._reported_at = 0.0

    def register(self, router: Router) -> None:
        router.serve(HOME_AUTOMATION, self.carry_out)

    def carry_out(self, call: Call[HomeAutomationRequest]) -> HomeAutomationState:
        """Set up the connection, end it, or store the process's report (``action``); return the state.

        `qalqan mqtt` sends the reports; any other request needs a guardian. Raises ControlError if the
        request is not valid, and PolicyError if a file cannot be written.
        """
        if call.args.action == "report":
            self._reported, self._reported_at = call.args.state or "", self._home.loop.now()
            return self._state()
        by = self._access.guardian(call)
        if call.args.action == "set":
            self._set(call, by)
        elif call.args.action == "off":
            self._switch({"mqtt": None}, by)
            self._end(_first_line(self._file(TOKEN)))
            for name in (TOKEN, PASSWORD):
                self._file(name).unlink(missing_ok=True)
            self._note(call, by, "home_automation", "off", None)
            self._reported = ""
        return self._state()

    def _set(self, call: Call[HomeAutomationRequest], by: str) -> None:
        """Store the settings, the password, and a new API token of this parent; end the previous token.

        The token file is written last: the service manager then starts the process. Raises ControlError or
        PolicyError.
        """
        args, settings = call.args, self._settings
        if by not in self._people.accounts():
            raise ControlError.of(Code.NO_GUARDIAN)
        user = args.user or ""
        if not user and args.password is not None:
            call.refuse("password", "needs a user")
        kept = "" if settings is None or settings.user != user else settings.password_file
        password = str(self._file(PASSWORD)) if args.password is not None else kept
        changes = {
            "address": call.text("address"),
            "port": args.port,
            "tls": args.tls or None,
            "user": user or None,
            "password_file": password or None,
            "token_file": str(self._file(TOKEN)),
            **({} if args.tls else {"ca": None}),
        }
        now, trusted = self._home.local_now(), self._home.clock_trusted
        before = _first_line(self._file(TOKEN))
        token, made = issue_token(
            self._people,
            by,
            call.text("label"),
            args.rights,
            now,
            clock_trusted=trusted,
            replaces=digest(before),
        )
        try:
            self._switch({f"mqtt/{key}": value for key, value in changes.items()}, by)
            if args.password is not None:
                self._write(PASSWORD, args.password)
            elif not password:
                self._file(PASSWORD).unlink(missing_ok=True)
            self._write(TOKEN, token)
        except GatewayError:
            self._people.tokens.end(by, made.id)
            raise
        self._end(before)
        self._note(call, by, "home_automation", f"{args.address} {args.rights}", AnnouncementKind.TOKEN)
        self._reported = ""

    def _switch(self, changes: dict[str, object], by: str) -> None:
        self._editing.switch(changes, Author(by, self._home.local_now()))

    def _end(self, word: str) -> None:
        """End the API token with this text (``word``), if it exists."""
        key = digest(word)
        for token in self._people.tokens.all():
            if token.key == key:
                self._people.tokens.end(token.name, token.id)

    def _write(self, name: str, secret: str) -> None:
        """Write a secret to a file that the daemon and the pages' user can read. Raises PolicyError.

        The file gets the group of `qalqan.yaml`.
        """
        path = self._file(name)
        try:
            write_atomically(path, f"{secret}\n".encode(), mode=MODE)
            with suppress(PermissionError):  # not every file system has owners
                os.chown(path, -1, self._home.rules.path.stat().st_gid)
        except OSError as error:
            where, fix = str(path), "make room, or fix its permissions"
            raise PolicyError(where, f"cannot be written ({write_error_text(error)})", fix) from error

    def _file(self, name: str) -> Path:
        return self._home.rules.path.with_name(name)

    @property
    def _settings(self) -> MqttSettings | None:
        return self._home.rules.household.config.mqtt

    def _state(self) -> HomeAutomationState:
        settings, now = self._settings, self._home.loop.now()
        return HomeAutomationState(
            on=settings is not None,
            address="" if settings is None else settings.address,
            port=0 if settings is None else settings.port,
            tls=settings is not None and settings.tls,
            user="" if settings is None else settings.user,
            has_password=settings is not None and bool(settings.password_file),
            rights=self._rights(settings),
            installed=is_installed(MQTT) and is_installed("paho"),
            state=self._reported if now - self._reported_at < SILENT_AFTER else "",
        )

    def _rights(self, settings: MqttSettings | None) -> str:
        """Return the rights of the connection's API token; empty without a valid one that can be read."""
        key = "" if settings is None else digest(_first_line(Path(settings.token_file)))
        token = next((token for token in self._people.tokens.all() if token.key == key), None)
        account = None if token is None else self._people.accounts().get(token.name)
        return "" if token is None or account is None else held_to(token, account).value


def _first_line(path: Path) -> str:
    """Return the first line of a file, the secret; empty if the file cannot be read."""
    try:
        return path.read_text("ascii").partition("\n")[0].strip()
    except (OSError, UnicodeDecodeError):
        return ""
