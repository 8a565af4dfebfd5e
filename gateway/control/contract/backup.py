"""Verbs that transfer a backup in pieces, show what restoring it would change, apply it, and undo that."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from gateway.control.schema import OneLine, Whole, record
from gateway.control.verbs import BY_GUARDIANS, Danger, Verb
from gateway.policy.config.auto_backup import KEPT, MOST_KEPT

CONTENT_LIMIT = 1 << 20  # characters of a backup's plain text; gateway/web/backup_encryption.py takes as many


@record
class BackupRequest:
    from_: Annotated[int, Whole(0, CONTENT_LIMIT)] = 0  # 0 makes a new backup
    automatic: bool = False  # for root: one of the automatic backups, which are announced when they begin


@record
class AutoBackupRequest:
    """Request to show, set up or turn off automatic backups, or to make one now.

    ``set`` needs the folder; without a new ``key`` the stored one is used.
    """

    action: Literal["show", "set", "off", "now"] = "show"
    folder: OneLine | None = None
    every: Literal["daily", "weekly"] = "daily"
    keep: Annotated[int, Whole(1, MOST_KEPT)] = KEPT
    key: OneLine | None = None  # derived from the passphrase, see gateway/web/backup_encryption.py


@record
class AutoBackupState:
    """The settings of the automatic backups, the last one, and why the last try failed."""

    on: bool
    folder: str
    every: str  # daily, weekly
    keep: int
    has_key: bool  # a passphrase was typed
    drives: tuple[str, ...]  # folders where drives are mounted
    running: bool
    made: date | None  # the day of the last one on the drive; None: none, or not known
    files: int  # on the drive
    problem: str  # English; empty: none
    left_out: tuple[str, ...] = ()  # files that no backup can contain, as they are now


@record
class BackupPiece:
    """A piece of a backup's plain text, with its offset ``from`` and the size of the whole text.

    Both are in characters.
    """

    from_: int
    text: str
    size: int
    left_out: tuple[str, ...]  # files that are not in the backup; in the first piece only


@record
class RestoreRequest:
    """Request for one step of restoring a backup: transfer (``begin``, ``piece``), ``look``, ``apply`` …

    ``begin`` needs the size, ``piece`` token and text, ``look`` (a preview) and ``apply`` the token.
    """

    action: Literal["begin", "piece", "look", "apply", "drop", "last", "undo"]
    size: Annotated[int, Whole(1, CONTENT_LIMIT)] | None = None
    token: OneLine | None = None
    text: str | None = None


@record
class RestoreResponse:
    """Base class of the answers to a `RestoreRequest`. Each action has its own subclass, or no values."""


@record
class RestoreBegun(RestoreResponse):
    token: str  # of this transfer
    piece: int  # maximum characters of a piece


@record
class RestorePiece(RestoreResponse):
    have: int  # characters so far


@record
class ChildInBackup:
    id: str
    name: str
    band: str


@record
class BackupContent(RestoreResponse):
    """The part of the answer to ``look`` without the children: a backup's content, and what it would change.

    ``fresh``, ``changed`` and ``gone``: profiles that restoring it would add, change and remove. The
    numbers and ``added`` also are of what it would change.
    """

    made: datetime
    by: str
    gateway: str  # its host name
    version: str
    people: tuple[str, ...]  # all accounts in the backup
    same: bool  # restoring changes nothing
    fresh: tuple[str, ...]  # names of people, or of files without a readable one
    changed: tuple[str, ...]
    gone: tuple[str, ...]
    settings: bool
    devices: int
    pins: int
    self_set: int  # settings that children made for themselves
    added: tuple[str, ...]  # accounts
    grants: int  # extra time and pauses
    steps: int  # postponed transitions to the next age group
    problems: tuple[str, ...]  # of files that cannot be used


@record
class RestorePreview(BackupContent):
    children: tuple[ChildInBackup, ...]


@record
class RestoreApplied(RestoreResponse):
    problems: tuple[str, ...]  # of files that cannot be used


@record
class RestoredBackup:
    by: str  # who restored it
    at: datetime
    made: datetime
    undo: bool


@record
class LastRestore(RestoreResponse):
    last: RestoredBackup | None


BACKUP = Verb(
    "backup",
    BackupRequest,
    BackupPiece,
    senders=BY_GUARDIANS,
    danger=Danger("making a backup", lambda _: True, by_tokens=False),
)
AUTO_BACKUP = Verb(
    "auto_backup",
    AutoBackupRequest,
    AutoBackupState,
    senders=BY_GUARDIANS,
    danger=Danger("setting up automatic backups", lambda args: args.action == "set", by_tokens=False),
)

# One verb. Its answer depends on `action`.
RESTORE = Verb(
    "restore",
    RestoreRequest,
    RestoreResponse,
    senders=BY_GUARDIANS,
    danger=Danger(
        "restoring a backup, and undoing that",
        lambda args: args.action in {"apply", "undo"},
        by_tokens=False,
    ),
)
RESTORE_BEGIN = RESTORE.returning(RestoreBegun)
RESTORE_LOOK = RESTORE.returning(RestorePreview)
RESTORE_APPLY = RESTORE.returning(RestoreApplied)
RESTORE_LAST = RESTORE.returning(LastRestore)
