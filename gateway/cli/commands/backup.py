"""`qalqan backup` and `qalqan restore`: one encrypted file with rules, grants and accounts."""

from __future__ import annotations

import getpass
import os
import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gateway.cli import output
from gateway.cli.settings import daemon, when
from gateway.control.backups import fetch, send
from gateway.control.client import Client
from gateway.core.errors import ControlError
from gateway.core.files import read_bounded, write_atomically
from gateway.web.backup_seal import MOST_FILE, PASSWORD_MOST, SealError, seal, unseal

YES = ("y", "yes")


def run(args: Namespace) -> int:
    client = daemon(args)
    if args.command == "backup":
        return _backup(args, client)
    if args.undo:
        client.call("restore", action="undo")
        print("The last restore is undone.")
        return 0
    if args.file is None:
        msg = "restore: name the file of a backup, or --undo"
        raise ControlError(msg)
    return _restore(args, client)


def _backup(args: Namespace, client: Client) -> int:
    password = _password(args.password_file, twice=True)
    text, left_out = fetch(client)
    write_atomically(args.file, seal(text.encode("ascii"), password))
    for name in left_out:
        output.problem(f"{name} is not in the backup: its name or content is not plain text")
    print(f"{output.clean(args.file)}: rules, grants, accounts and names; only the password opens it")
    return 0


def _restore(args: Namespace, client: Client) -> int:
    data = read_bounded(args.file, MOST_FILE)
    text = unseal(data, _password(args.password_file)).decode("utf-8", "replace")
    token = send(client, text)
    preview = client.call("restore", action="look", token=token)
    for line in _lines(preview):
        print(output.clean(line))
    if preview["same"]:
        client.call("restore", action="drop")
        return 0
    if not args.yes and input("Restore it? [y/N] ").strip().lower() not in YES:
        client.call("restore", action="drop")
        print("Nothing was changed.")
        return 1
    problems = client.call("restore", action="apply", token=token)["problems"]
    for line in problems:
        output.problem(line)
    print("The backup is restored. To undo it: qalqan restore --undo")
    return 0


def _lines(preview: Mapping[str, Any]) -> Iterator[str]:
    names = ", ".join(child["name"] for child in preview["children"]) or "none"
    made, by = when(preview["made"]), preview["by"]
    yield f"Made {made} by {by} on {preview['gateway']}, Qalqan {preview['version']}"
    yield f"Children: {names}"
    if preview["same"]:
        yield "The backup equals the current state: there is nothing to change."
        return
    for key, words in (
        ("fresh", "Added"), ("changed", "Changed"), ("gone", "Removed"), ("added", "Gets an account"),
        ("problems", "Cannot be used"),
    ):  # fmt: skip
        for item in preview[key]:
            yield f"{words}: {item}"
    for key, words in (
        ("devices", "devices change"),
        ("pins", "PINs change"),
        ("self_set", "times that children set for themselves change"),
        ("grants", "pauses and extra times are added"),
        ("steps", "age transitions are postponed, as they were"),
    ):
        if preview[key]:
            yield f"{preview[key]} {words}"
    if preview["settings"]:
        yield "The household's settings or lists change."


def _password(file: Path | None, *, twice: bool = False) -> str:
    """Read the password from a file or the terminal. Other users could see an argument."""
    if file is not None:
        first = read_bounded(file, 4 * PASSWORD_MOST).partition(b"\n")[0]
        return first.decode("utf-8", "replace").rstrip("\r")
    if not sys.stdin.isatty() and not os.path.exists("/dev/tty"):
        msg = "there is no terminal to type a password; name a file with --password-file"
        raise SealError(msg)
    typed = getpass.getpass("Password of the backup: ")
    if twice and getpass.getpass("Once more: ") != typed:
        msg = "the two passwords differ; nothing was written"
        raise SealError(msg)
    return typed
