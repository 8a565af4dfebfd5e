"""API operations for backups of rules, grants and accounts in one file: create, inspect, restore, undo.

These operations need a browser session. A backup contains password hashes, and a restored one adds its
accounts. A stolen token could otherwise give itself permanent access.
"""

from __future__ import annotations

from typing import Annotated, Literal

from flask import Response

from gateway.control import backups as pieces
from gateway.control.contract.backup import (
    AUTO_BACKUP,
    RESTORE,
    RESTORE_APPLY,
    RESTORE_LAST,
    RESTORE_LOOK,
    AutoBackupState,
    BackupContent,
    LastRestore,
    RestoreApplied,
)
from gateway.control.schema import Text, Whole, record, values_of
from gateway.policy.config.auto_backup import KEPT, MOST_KEPT
from gateway.web.backup_encryption import MOST_FILE, PASSWORD_LEAST, PASSWORD_MOST
from webui.api.operations import Noun
from webui.api.who import Caller
from webui.daemon import daemon, source_address
from webui.upkeep import backup_process

noun = Noun("backup")

FILE = "application/octet-stream"
Password = Annotated[str, Text(PASSWORD_LEAST, PASSWORD_MOST)]


@record
class Seal:
    password: Password


@record
class SealedFile:
    file: bytes
    password: Annotated[str, Text(1, PASSWORD_MOST)]


@record
class AutomaticBackups:
    """The settings of automatic backups. Without a passphrase, the stored key stays."""

    folder: Annotated[str, Text(1, 200)]  # where a drive is mounted
    every: Literal["daily", "weekly"] = "daily"
    keep: Annotated[int, Whole(1, MOST_KEPT)] = KEPT
    password: Password | None = None


@record
class Opened:
    token: str  # of the opened backup, stored for ten minutes


@record
class BackupLook(BackupContent):
    children: tuple[str, ...]  # their names


@noun.declare("POST", "/backup", body=Seal, answer=bytes, media=FILE, by_session=True, proof=True)
def make(me: Caller, body: Seal) -> Response:
    """Create a backup file of rules, grants and accounts, encrypted with this password.

    `GET /backup/automatic` lists the files that it does not contain (`left_out`).
    """
    text, _ = pieces.fetch(daemon().client, by=me.name, session=me.session, origin=source_address())
    sealed = backup_process.encrypt_backup(text, body.password)
    name = f"qalqan-{daemon().home().now:%Y-%m-%d}.backup"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(sealed, mimetype=FILE, headers=headers)


@noun.declare(
    "POST", "/backup/opened", body=SealedFile, answer=Opened, status=201, upload=MOST_FILE, by_session=True
)
def read(me: Caller, body: SealedFile) -> object:
    """Decrypt a backup file and store it for ten minutes. Returns its token; nothing is restored yet."""
    text = backup_process.decrypt_backup(body.file, body.password)
    return Opened(pieces.send(daemon().client, text, by=me.name, origin=source_address()))


@noun.declare("GET", "/backup/opened/{session}", answer=BackupLook, by_session=True)
def look(me: Caller, session: str) -> object:
    """Return the content of a backup stored by `POST /backup/opened`, and what restoring it would change."""
    found = me.change(RESTORE_LOOK, action="look", token=session)
    return BackupLook(**values_of(found) | {"children": tuple(child.name for child in found.children)})


@noun.declare("POST", "/backup/opened/{session}/apply", answer=RestoreApplied, by_session=True, proof=True)
def apply(me: Caller, session: str) -> object:
    """Restore the stored backup of rules, grants and accounts, completely or not at all."""
    return me.change(RESTORE_APPLY, action="apply", token=session)


@noun.declare("DELETE", "/backup/opened", by_session=True)
def drop(me: Caller) -> object:
    """Discard the stored backup without restoring it."""
    return me.change(RESTORE, action="drop")


@noun.declare("GET", "/backup/last", answer=LastRestore, by_session=True)
def last(me: Caller) -> object:
    """Return when a backup was last restored, and whether that can be undone."""
    return me.change(RESTORE_LAST, action="last")


@noun.declare("POST", "/backup/undo", by_session=True, proof=True)
def undo(me: Caller) -> object:
    """Undo the last restore of a backup."""
    return me.change(RESTORE, action="undo")


@noun.declare("GET", "/backup/automatic", answer=AutoBackupState, by_session=True)
def automatic(me: Caller) -> object:
    """Return the settings of automatic backups, the last such backup, and the mounted drives."""
    return me.change(AUTO_BACKUP, action="show")


@noun.declare(
    "PUT",
    "/backup/automatic",
    body=AutomaticBackups,
    answer=AutoBackupState,
    by_session=True,
    proof=True,
)
def set_automatic(me: Caller, body: AutomaticBackups) -> object:
    """Set up automatic backups on a mounted drive. The passphrase is not stored, only a key made from it."""
    values = {"folder": body.folder, "every": body.every, "keep": body.keep}
    if body.password is not None:
        values["key"] = backup_process.derive_key(body.password)
    return me.change(AUTO_BACKUP, action="set", **values)


@noun.declare("DELETE", "/backup/automatic", by_session=True)
def no_automatic(me: Caller) -> object:
    """Turn automatic backups off, and delete their key. The files on the drive stay."""
    return me.change(AUTO_BACKUP, action="off")


@noun.declare("POST", "/backup/automatic/now", by_session=True)
def automatic_now(me: Caller) -> object:
    """Make an automatic backup now."""
    return me.change(AUTO_BACKUP, action="now")
