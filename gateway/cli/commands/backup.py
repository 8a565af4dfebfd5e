"""`qalqan backup` and `qalqan restore`: one encrypted file with rules, grants and accounts."""

from __future__ import annotations

import getpass
import os
import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from gateway.cli import output
from gateway.cli.settings import daemon, when
from gateway.control.backups import fetch, send
from gateway.control.client import Client
from gateway.control.contract.backup import RESTORE, RESTORE_APPLY, RESTORE_LOOK, RestorePreview
from gateway.core.errors import ControlError
from gateway.core.files import read_bounded, write_atomically
from gateway.web.backup_encryption import (
    MOST_FILE,
    PASSWORD_MOST,
    BackupFileError,
    decrypt_backup,
    encrypt_backup,
)

YES = ("y", "yes")


def run(args: Namespace) -> int:
    client = daemon(args)
    if args.command == "backup":
        return _backup(args, client)
    if args.undo:
        client.ask(RESTORE, action="undo")
        print("The last restore is undone.")
        return 0
    if args.file is None:
        msg = "restore: name the file of a backup, or --undo"
        raise ControlError(msg)
    return _restore(args, client)


def _backup(args: Namespace, client: Client) -> int:
    password = _password(args.password_file, twice=True)
    text, left_out = fetch(client)
    write_atomically(args.file, encrypt_backup(text.encode("ascii"), password))
    for name in left_out:
        output.problem(f"{name} is not in the backup: its name or content is not plain text")
    print(f"{output.clean(args.file)}: rules, grants, accounts and names; only the password opens it")
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
    """Read the password from a file or the terminal. Other users could see an argument."""
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
