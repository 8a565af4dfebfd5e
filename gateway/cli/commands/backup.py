"""`qalqan backup` and `qalqan restore`: one encrypted file with rules, grants and accounts."""

from __future__ import annotations

import getpass
import json
import os
import sys
from argparse import Namespace
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from gateway.cli import output
from gateway.cli.settings import config_path, daemon, read_config, when
from gateway.control.backups import fetch, send
from gateway.control.client import Client
from gateway.control.contract.backup import (
    AUTO_BACKUP,
    RESTORE,
    RESTORE_APPLY,
    RESTORE_LOOK,
    RestorePreview,
)
from gateway.core.errors import ControlError
from gateway.core.files import read_bounded, write_atomically
from gateway.core.reason_codes import Code
from gateway.web.backup_encryption import (
    MOST_FILE,
    PASSWORD_MOST,
    BackupFileError,
    decrypt_backup,
    derive_key,
    encrypt_backup,
    encrypt_with_key,
)
from gateway.web.backup_folder import check_mounted, store, stored

YES = ("y", "yes")
KEY = "backup.key"  # of automatic backups, in the state directory
MOST_KEY = 256  # bytes


def run(args: Namespace) -> int:
    client = daemon(args)
    if args.command == "backup":
        if args.scheduled:
            return _scheduled(args, client)
        return _set_up(args, client) if args.automatic else _backup(args, client)
    if args.undo:
        client.ask(RESTORE, action="undo")
        print("The last restore is undone.")
        return 0
    if args.file is None:
        msg = "restore: name the file of a backup, or --undo"
        raise ControlError(msg)
    return _restore(args, client)


def _set_up(args: Namespace, client: Client) -> int:
    """Turn on automatic backups to the folder ``args.file``. Return 0.

    The daemon gets a key that is derived from the password. It stores the key and makes the backups.
    """
    key = derive_key(b"", _password(args.password_file, twice=True)).decode("ascii")
    asked = {"every": args.every, "keep": args.keep}
    client.ask(AUTO_BACKUP, action="set", folder=str(_file(args)), key=key, **asked)
    print(f"{output.clean(args.file)}: a backup is stored there {args.every}, the last {args.keep} stay")
    return 0


def _scheduled(args: Namespace, client: Client) -> int:
    """Store an automatic backup if one is due, or with ``--now`` in any case. Return 0.

    Print the date of the last backup and the number of stored backups as JSON; nothing while automatic
    backups are off. The daemon runs this command in another process.
    """
    config = read_config(config_path(args))
    settings, state = config.backup, Path(config.state)
    if settings is None:
        return 0
    folder, today = Path(settings.folder), datetime.now(config.zone).date()
    check_mounted(folder, state)
    days = list(stored(folder))
    # A backup with a date in the future does not count: the clock was wrong when it was made.
    recent = [day for day in days if timedelta(0) <= today - day < timedelta(settings.every.days)]
    count, made = len(days), max(recent, default=None)
    if args.now or made is None:
        key = read_bounded(state / KEY, MOST_KEY).decode("ascii", "replace").strip()
        text, _ = fetch(client, automatic=True)  # the daemon reports files that are not in it
        count, made = store(folder, encrypt_with_key(text.encode("ascii"), key), today, settings.keep), today
    print(json.dumps({"made": made.isoformat(), "files": count}), flush=True)
    return 0


def _file(args: Namespace) -> Path:
    if args.file is None:
        msg = "backup: name a file, or with --automatic a folder"
        raise ControlError(msg)
    found: Path = args.file
    return found


def _backup(args: Namespace, client: Client) -> int:
    file = _file(args)
    password = _password(args.password_file, twice=True)
    text, left_out = fetch(client)
    write_atomically(file, encrypt_backup(text.encode("ascii"), password))
    if left_out:
        output.problem(Code.BACKUP_LEFT_OUT.sentence % {"names": ", ".join(left_out)})
    print(f"{output.clean(file)}: rules, grants, accounts and names; only the password opens it")
    return 0


def _restore(args: Namespace, client: Client) -> int:
    data = read_bounded(args.file, MOST_FILE)
    text = decrypt_backup(data, _password(args.password_file)).decode("utf-8", "replace")
    token = send(client, text)
    preview = client.ask(RESTORE_LOOK, action="look", token=token)
    for line in _lines(preview):
        print(output.clean(line))
    if preview.same:
        client.ask(RESTORE, action="drop")
        return 0
    if not args.yes and input("Restore it? [y/N] ").strip().lower() not in YES:
        client.ask(RESTORE, action="drop")
        print("Nothing was changed.")
        return 1
    for line in client.ask(RESTORE_APPLY, action="apply", token=token).problems:
        output.problem(line)
    print("The backup is restored. To undo it: qalqan restore --undo")
    return 0


def _lines(preview: RestorePreview) -> Iterator[str]:
    names = ", ".join(child.name for child in preview.children) or "none"
    made = when(preview.made.isoformat())
    yield f"Made {made} by {preview.by} on {preview.gateway}, Qalqan {preview.version}"
    yield f"Children: {names}"
    if preview.same:
        yield "The backup equals the current state: there is nothing to change."
        return
    for items, words in (
        (preview.fresh, "Added"),
        (preview.changed, "Changed"),
        (preview.gone, "Removed"),
        (preview.added, "Gets an account"),
        (preview.problems, "Cannot be used"),
    ):
        for item in items:
            yield f"{words}: {item}"
    for number, words in (
        (preview.devices, "devices change"),
        (preview.pins, "PINs change"),
        (preview.self_set, "times that children set for themselves change"),
        (preview.grants, "pauses and extra times are added"),
        (preview.steps, "age transitions are postponed, as they were"),
    ):
        if number:
            yield f"{number} {words}"
    if preview.settings:
        yield "The household's settings or lists change."


def _password(file: Path | None, *, twice: bool = False) -> str:
    """Return the password from the first line of a file, or read it from the terminal (``twice``: twice).

    It is not a command-line argument, which other users could see. Raises BackupFileError without a
    terminal or if the two differ, PolicyError if the file cannot be read.
    """
    if file is not None:
        first = read_bounded(file, 4 * PASSWORD_MOST).partition(b"\n")[0]
        return first.decode("utf-8", "replace").rstrip("\r")
    if not sys.stdin.isatty() and not os.path.exists("/dev/tty"):
        msg = "there is no terminal to type a password; name a file with --password-file"
        raise BackupFileError(msg)
    typed = getpass.getpass("Password of the backup: ")
    if twice and getpass.getpass("Once more: ") != typed:
        msg = "the two passwords differ; nothing was written"
        raise BackupFileError(msg)
    return typed
